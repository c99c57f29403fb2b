// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import CZlib
import CZstd
import Documents
import Foundation

/// Writes documents as JSONL, one `{"text": …}` a line; packed where the name ends in `.gz` or
/// `.zst`. The file is there whole or not at all.
public enum DocumentWriter {
  /// Writes what `body` hands on. Throws ``CorpusError/outputExists(_:)`` for a file that is there
  /// and not to be replaced.
  public static func write<Result>(
    to path: String, replacing: Bool, _ body: ((Document) throws -> Void) throws -> Result
  ) throws -> Result {
    guard CorpusFormat(path: path) == .jsonl else {
      throw CorpusError.unknownFormat(path, known: [".jsonl", ".jsonl.gz", ".jsonl.zst"])
    }
    var result: Result?
    try AtomicOutput.file(at: path, replacing: replacing) { sink in
      let packer = try Packer(path: path)
      var buffer: [UInt8] = []
      result = try body { document in
        buffer += (["text": .string(document.text)] as JSON).serialized().utf8
        buffer.append(10)
        if buffer.count >= 1 << 18 {
          try sink.write(packer.packed(buffer, isLast: false))
          buffer.removeAll(keepingCapacity: true)
        }
      }
      try sink.write(packer.packed(buffer, isLast: true))
    }
    guard let result else { preconditionFailure("the body ran, or its error was thrown") }
    return result
  }
}

/// Packs bytes as they come, in the way a name's ending says.
private final class Packer {
  private enum Kind {
    case none
    case gzip(UnsafeMutablePointer<z_stream>)
    case zstd(OpaquePointer)
  }

  private let kind: Kind
  private let path: String
  private var room = [UInt8](repeating: 0, count: 1 << 17)

  init(path: String) throws {
    self.path = path
    if path.hasSuffix(".zst") {
      guard let context = ZSTD_createCCtx() else {
        throw CorpusError.cannotWrite(path, reason: "no memory to pack it")
      }
      ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
      kind = .zstd(context)
    } else if path.hasSuffix(".gz") {
      let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
      stream.initialize(to: z_stream())
      // 16: gzip's head and checksum instead of zlib's.
      guard
        deflateInit2_(
          stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY,
          ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
      else {
        stream.deallocate()
        throw CorpusError.cannotWrite(path, reason: "no memory to pack it")
      }
      kind = .gzip(stream)
    } else {
      kind = .none
    }
  }

  deinit {
    switch kind {
    case .none: break
    case .gzip(let stream):
      deflateEnd(stream)
      stream.deallocate()
    case .zstd(let context): ZSTD_freeCCtx(context)
    }
  }

  func packed(_ bytes: [UInt8], isLast: Bool) throws -> [UInt8] {
    switch kind {
    case .none: return bytes
    case .gzip(let stream): return gzipped(bytes, stream, isLast)
    case .zstd(let context): return try zstd(bytes, context, isLast)
    }
  }

  private func gzipped(
    _ bytes: [UInt8], _ stream: UnsafeMutablePointer<z_stream>, _ isLast: Bool
  ) -> [UInt8] {
    var input = bytes
    var packed: [UInt8] = []
    // Safety: zlib reads and writes within the buffers, whose sizes it is told.
    input.withUnsafeMutableBufferPointer { source in
      room.withUnsafeMutableBufferPointer { room in
        stream.pointee.next_in = source.baseAddress
        stream.pointee.avail_in = UInt32(source.count)
        repeat {
          stream.pointee.next_out = room.baseAddress
          stream.pointee.avail_out = UInt32(room.count)
          deflate(stream, isLast ? Z_FINISH : Z_NO_FLUSH)
          packed += room[..<(room.count - Int(stream.pointee.avail_out))]
        } while stream.pointee.avail_out == 0
      }
    }
    return packed
  }

  private func zstd(_ bytes: [UInt8], _ context: OpaquePointer, _ isLast: Bool) throws -> [UInt8] {
    var packed: [UInt8] = []
    var consumed = 0
    while true {
      // Safety: as above.
      let (left, filled) = bytes.withUnsafeBytes { bytes in
        room.withUnsafeMutableBytes { room in
          var source = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: consumed)
          var target = ZSTD_outBuffer(dst: room.baseAddress, size: room.count, pos: 0)
          let left = ZSTD_compressStream2(
            context, &target, &source, isLast ? ZSTD_e_end : ZSTD_e_continue)
          consumed = source.pos
          return (left, target.pos)
        }
      }
      guard ZSTD_isError(left) == 0 else {
        throw CorpusError.cannotWrite(path, reason: String(cString: ZSTD_getErrorName(left)))
      }
      packed += room[..<filled]
      if isLast ? left == 0 : consumed == bytes.count { return packed }
    }
  }
}
