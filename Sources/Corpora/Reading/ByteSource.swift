// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The bytes of a file, unpacked while they are read: plain, gzip (one or several members, with
/// zeros between and after them as tapes leave them) or Zstandard (one or several frames). Memory:
/// two blocks, and the window of the packing.
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

/// A file's bytes without their packing.
protocol UnpackedStream: AnyObject {
  /// Bytes of the file read so far.
  var packedCount: Int { get }
  /// Fills the front of `buffer`; 0 at the end only.
  /// - Parameter position: bytes read before, for messages.
  func read(into buffer: UnsafeMutableRawBufferPointer, _ position: Int) throws -> Int
}

/// A file as it lies on the disk, a block at a time.
final class PackedBlocks {
  let path: String
  /// The block that is being unpacked.
  private(set) var block: [UInt8] = []
  /// How much of it is done.
  var consumed = 0
  /// Bytes of the file read so far.
  private(set) var count = 0
  private let descriptor: Int32

  private static let blockSize = 1 << 17

  init(path: String) throws {
    self.path = path
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw CorpusError.unreadable(path, reason: String(cString: strerror(errno)))
    }
  }

  deinit { close(descriptor) }

  /// Bytes of the block that are still to be unpacked.
  var left: Int { block.count - consumed }

  /// The place in the file of the next byte to be unpacked.
  var position: Int { count - left }

  /// Reads on where the block is done. False at the end of the file.
  func hasMore() throws -> Bool {
    if left > 0 { return true }
    block.removeAll(keepingCapacity: true)
    consumed = 0
    return try read()
  }

  /// Reads on until `size` bytes are left to be unpacked, or all that the file has.
  func gather(_ size: Int) throws {
    while left < size {
      block.removeFirst(consumed)
      consumed = 0
      guard try read() else { return }
    }
  }

  private func read() throws -> Bool {
    let before = block.count
    block += [UInt8](repeating: 0, count: Self.blockSize)
    let found = block.withUnsafeMutableBytes { buffer in
      let free = UnsafeMutableRawBufferPointer(rebasing: buffer[before...])
      // Safety: the system writes at most as many bytes as it is told.
      var found: Int
      repeat {
        found = Foundation.read(descriptor, free.baseAddress, free.count)
      } while found < 0
        && errno == EINTR
      return found
    }
    let code = errno
    block.removeLast(Self.blockSize - max(0, found))
    guard found >= 0 else {
      throw CorpusError.unreadable(path, reason: String(cString: strerror(code)))
    }
    count += found
    return found > 0
  }
}
