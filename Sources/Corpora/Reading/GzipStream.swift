// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import CZlib

/// Plain bytes and gzip, told apart by the first two.
///
/// Members follow one another, with zeros between and after them, which tapes and block devices
/// leave. Anything else behind a member is refused: it may be the rest of the text, damaged.
final class GzipStream: UnpackedStream {
  private enum Place {
    case plain
    case inMember
    case betweenMembers
  }

  private let input: PackedBlocks
  private var place = Place.plain
  /// At one address for its life: zlib's state points back to it.
  private let stream: UnsafeMutablePointer<z_stream>

  /// - Throws: ``CorpusError`` for a name that ends in `.gz` over other bytes.
  init(path: String) throws {
    input = try PackedBlocks(path: path)
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    // 16: gzip and nothing else, with its checksum.
    let status = inflateInit2_(
      stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else {
      throw CorpusError.unreadable(path, reason: "no memory to unpack it")
    }
    if try beginsMember() {
      place = .inMember
    } else if path.hasSuffix(".gz") {
      throw CorpusError.notGzip(path)
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deinitialize(count: 1)
    stream.deallocate()
  }

  var packedCount: Int { input.count }

  func read(into buffer: UnsafeMutableRawBufferPointer, _ position: Int) throws -> Int {
    while true {
      switch place {
      case .plain: return try input.hasMore() ? copy(to: buffer) : 0
      case .betweenMembers:
        guard try skipZeros() else { return 0 }
        guard try beginsMember() else {
          throw CorpusError.trailingBytes(input.path, byte: input.position)
        }
        inflateReset(stream)
        place = .inMember
      case .inMember:
        guard try input.hasMore() else {
          throw CorpusError.damagedGzip(input.path, byte: position, reason: "it ends too early")
        }
        let count = try unpack(into: buffer, position)
        if count > 0 { return count }
      }
    }
  }

  private func beginsMember() throws -> Bool {
    try input.gather(2)
    return input.block[input.consumed...].starts(with: [0x1F, 0x8B])
  }

  /// Passes over zeros. False at the end of the file.
  private func skipZeros() throws -> Bool {
    while try input.hasMore() {
      let rest = input.block[input.consumed...]
      input.consumed = rest.firstIndex { $0 != 0 } ?? input.block.endIndex
      if input.left > 0 { return true }
    }
    return false
  }

  private func copy(to buffer: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(buffer.count, input.left)
    buffer.copyBytes(from: input.block[input.consumed..<input.consumed + count])
    input.consumed += count
    return count
  }

  private func unpack(
    into buffer: UnsafeMutableRawBufferPointer, _ position: Int
  ) throws -> Int {
    let room = min(buffer.count, 1 << 30)
    stream.pointee.next_out = buffer.bindMemory(to: UInt8.self).baseAddress
    stream.pointee.avail_out = UInt32(room)
    let status = input.block.withUnsafeBufferPointer { bytes in
      // Safety: zlib reads within the block, which it never writes to, and writes within the
      // buffer, whose sizes it is told; it uses neither pointer after the call.
      stream.pointee.next_in = bytes.baseAddress.map {
        UnsafeMutablePointer(mutating: $0 + input.consumed)
      }
      stream.pointee.avail_in = UInt32(input.left)
      return inflate(stream, Z_NO_FLUSH)
    }
    input.consumed = input.block.count - Int(stream.pointee.avail_in)
    let count = room - Int(stream.pointee.avail_out)
    switch status {
    case Z_STREAM_END: place = .betweenMembers
    // Z_BUF_ERROR: it wants the next block.
    case Z_OK, Z_BUF_ERROR: break
    default:
      throw CorpusError.damagedGzip(
        input.path, byte: position + count,
        reason: stream.pointee.msg.map { String(cString: $0) } ?? "no gzip")
    }
    return count
  }
}
