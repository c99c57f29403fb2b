// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Tensors

/// Where a tensor's encoded elements lie, row-major and without gaps.
package struct StoredPlace: Sendable {
  package let file: MappedFile
  /// Byte offset from the start of the file.
  package let offset: Int
  /// Bytes per element.
  let elementByteCount: Int

  /// Whether the first element's address is a multiple of its size, and 16 bytes of the file
  /// precede it: formats promise neither.
  package var isAligned: Bool {
    offset >= 16 && Int(bitPattern: file.address(at: offset)).isMultiple(of: elementByteCount)
  }
}

extension Checkpoint {
  /// Where a tensor lies in a mapped file; `nil` for one that is computed, or made in memory.
  package func place(_ name: String) throws(CheckpointError) -> StoredPlace? {
    guard let reader = try source(name).prepare() as? StoredReader,
      case .file(let file, let offset) = reader.storage
    else { return nil }
    return StoredPlace(
      file: file, offset: offset, elementByteCount: reader.info.elementType.byteCount)
  }

  /// All elements of a tensor in their own encoding, row-major.
  ///
  /// A lazy tensor is computed now, and rounded to its type as a written checkpoint would be.
  /// - Parameter threads: how many may compute; `nil` for one per processor. The bytes do not
  ///   depend on it.
  package func encoded(_ name: String, threads: Int? = nil) throws(CheckpointError) -> [UInt8] {
    let source = try source(name)
    let reader = try source.prepare()
    let type = source.info.elementType
    let count = source.info.shape.elementCount
    let ranges = chunkRanges(count: count)
    // As many chunks at a time as threads compute; they are put together in order.
    var bytes: [UInt8] = []
    bytes.reserveCapacity(source.info.byteCount)
    let parts = try Parallel.map(count: ranges.count, threads: threads) {
      (index) throws(CheckpointError) in try reader.bytes(ranges[index], as: type)
    }
    for part in parts { bytes += part }
    return bytes
  }
}
