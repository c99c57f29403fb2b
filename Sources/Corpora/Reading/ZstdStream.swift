// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import CZstd

/// Frames of Zstandard, one after the other.
final class ZstdStream: UnpackedStream {
  private let input: PackedBlocks
  private let context: OpaquePointer
  /// Whether the last call ended at the end of a frame.
  private var isBetweenFrames = true

  init(path: String) throws {
    input = try PackedBlocks(path: path)
    guard let context = ZSTD_createDCtx() else {
      throw CorpusError.unreadable(path, reason: "no memory to unpack it")
    }
    self.context = context
    // The most that `zstd` itself unpacks without being asked to: 128 MiB.
    ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 27)
  }

  deinit { ZSTD_freeDCtx(context) }

  var packedCount: Int { input.count }

  func read(into buffer: UnsafeMutableRawBufferPointer, _ position: Int) throws -> Int {
    var output = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
    while output.pos == 0 {
      guard try input.hasMore() else {
        guard isBetweenFrames else {
          throw CorpusError.damagedZstd(input.path, byte: position, reason: "it ends too early")
        }
        // An empty file is no frame at all.
        if packedCount == 0 { throw CorpusError.notZstd(input.path) }
        return 0
      }
      // Safety: zstd reads within the block and writes within the buffer, whose sizes it is told.
      let (status, used) = input.block.withUnsafeBytes { bytes in
        var source = ZSTD_inBuffer(
          src: bytes.baseAddress, size: bytes.count, pos: input.consumed)
        return (ZSTD_decompressStream(context, &output, &source), source.pos)
      }
      guard ZSTD_isError(status) == 0 else {
        if position == 0, ZSTD_getErrorCode(status) == ZSTD_error_prefix_unknown {
          throw CorpusError.notZstd(input.path)
        }
        throw CorpusError.damagedZstd(
          input.path, byte: position + output.pos,
          reason: String(cString: ZSTD_getErrorName(status)))
      }
      input.consumed = used
      isBetweenFrames = status == 0
    }
    return output.pos
  }
}
