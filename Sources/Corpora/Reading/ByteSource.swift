// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import CZlib
import CZstd
import Foundation

/// The bytes of a file, unpacked while they are read: plain, gzip (one or several members) or
/// Zstandard (one or several frames). Memory: two blocks, and the window of the packing.
final class ByteSource {
  /// The file, for messages.
  let path: String
  /// Bytes unpacked so far.
  private(set) var unpackedCount = 0
  private let stream: any UnpackedStream

  /// Opens `path`. A name ending in `.gz` or `.zst` must hold that; plain names that hold gzip are
  /// unpacked, too. Throws ``CorpusError``.
  init(path: String) throws {
    self.path = path
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      throw CorpusError.missingFile(path)
    }
    guard !isDirectory.boolValue else {
      throw CorpusError.unreadable(path, reason: "it is a folder")
    }
    stream = path.hasSuffix(".zst") ? try ZstdStream(path: path) : try GzipStream(path: path)
  }

  /// Bytes of the file read so far, as it lies on disk; may run ahead of what was unpacked.
  var packedCount: Int { stream.packedCount }

  /// Fills the front of `block`. Returns how many bytes it has now; 0 at the end only.
  func read(into block: inout [UInt8]) throws -> Int {
    let count = try block.withUnsafeMutableBytes { try stream.read(into: $0, unpackedCount) }
    unpackedCount += count
    return count
  }
}

private protocol UnpackedStream: AnyObject {
  var packedCount: Int { get }
  /// - Parameter position: bytes read before, for messages.
  func read(into buffer: UnsafeMutableRawBufferPointer, _ position: Int) throws -> Int
}

/// Plain and gzip, by zlib, which tells them apart by the first bytes.
private final class GzipStream: UnpackedStream {
  private let path: String
  private let file: gzFile

  init(path: String) throws {
    self.path = path
    errno = 0
    guard let file = gzopen(path, "rb") else {
      throw CorpusError.unreadable(path, reason: String(cString: strerror(errno)))
    }
    self.file = file
    gzbuffer(file, 1 << 17)
    // Looks at the first bytes.
    if path.hasSuffix(".gz"), gzdirect(file) != 0 {
      gzclose(file)
      throw CorpusError.notGzip(path)
    }
  }

  deinit { gzclose(file) }

  var packedCount: Int { max(0, Int(gzoffset(file))) }

  func read(into buffer: UnsafeMutableRawBufferPointer, _ position: Int) throws -> Int {
    // Safety: zlib writes at most the buffer's size.
    let count = gzread(file, buffer.baseAddress, UInt32(min(buffer.count, 1 << 30)))
    var code: Int32 = 0
    let message = gzerror(file, &code).map { String(cString: $0) } ?? ""
    if count < 0 || code == Z_BUF_ERROR {
      if code == Z_ERRNO {
        throw CorpusError.unreadable(path, reason: String(cString: strerror(errno)))
      }
      // zlib puts the path before its reason, as "path: reason".
      let reason =
        message.range(of: ": ", options: .backwards).map { String(message[$0.upperBound...]) }
        ?? message
      throw CorpusError.damagedGzip(
        path, byte: position + max(0, Int(count)),
        reason: code == Z_BUF_ERROR ? "it ends too early" : reason)
    }
    return Int(count)
  }
}

private final class ZstdStream: UnpackedStream {
  private let path: String
  private let descriptor: Int32
  private let context: OpaquePointer
  private var input: [UInt8] = []
  private var consumed = 0
  private(set) var packedCount = 0
  /// Whether the last call ended at the end of a frame.
  private var isBetweenFrames = true

  init(path: String) throws {
    self.path = path
    descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else {
      throw CorpusError.unreadable(path, reason: String(cString: strerror(errno)))
    }
    guard let context = ZSTD_createDCtx() else {
      close(descriptor)
      throw CorpusError.unreadable(path, reason: "no memory to unpack it")
    }
    self.context = context
    // The most that `zstd` itself unpacks without being asked to: 128 MiB.
    ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 27)
  }

  deinit {
    ZSTD_freeDCtx(context)
    close(descriptor)
  }

  func read(into buffer: UnsafeMutableRawBufferPointer, _ position: Int) throws -> Int {
    var output = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
    while output.pos == 0 {
      if consumed == input.count, try !fill() {
        guard isBetweenFrames else {
          throw CorpusError.damagedZstd(path, byte: position, reason: "it ends too early")
        }
        // An empty file is no frame at all.
        if packedCount == 0 { throw CorpusError.notZstd(path) }
        return 0
      }
      // Safety: zstd reads within the input and writes within the buffer, whose sizes it is told.
      let (status, used) = input.withUnsafeBytes { bytes in
        var source = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: consumed)
        return (ZSTD_decompressStream(context, &output, &source), source.pos)
      }
      guard ZSTD_isError(status) == 0 else {
        if position == 0, ZSTD_getErrorCode(status) == ZSTD_error_prefix_unknown {
          throw CorpusError.notZstd(path)
        }
        throw CorpusError.damagedZstd(
          path, byte: position + output.pos, reason: String(cString: ZSTD_getErrorName(status)))
      }
      consumed = used
      isBetweenFrames = status == 0
    }
    return output.pos
  }

  private func fill() throws -> Bool {
    if input.isEmpty { input = [UInt8](repeating: 0, count: 1 << 17) }
    if input.count < 1 << 17 { input += [UInt8](repeating: 0, count: (1 << 17) - input.count) }
    let count = input.withUnsafeMutableBytes { buffer in
      var count: Int
      repeat {
        count = Foundation.read(descriptor, buffer.baseAddress, buffer.count)
      } while count
        < 0 && errno == EINTR
      return count
    }
    guard count >= 0 else {
      throw CorpusError.unreadable(path, reason: String(cString: strerror(errno)))
    }
    input.removeLast(input.count - count)
    consumed = 0
    packedCount += count
    return count > 0
  }
}
