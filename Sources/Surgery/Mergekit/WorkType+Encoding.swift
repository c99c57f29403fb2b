// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

// From stored elements to numbers of a work type and back, with PyTorch's casts: `float64` goes
// through `float32` to the 16-bit types.

extension WorkArithmetic where Number == Float {
  static func read(
    _ reader: any TensorReader, _ range: Range<Int>
  ) throws(CheckpointError) -> [Float] {
    let work = type.elementType
    var values = [Float](repeating: 0, count: range.count)
    try values.withMutableChunk { (whole) throws(CheckpointError) in
      let parts = chunkRanges(count: range.count)
      try Parallel.forEach(count: parts.count) { (index) throws(CheckpointError) in
        let part = whole[parts[index]]
        try reader.read(from: range.lowerBound + parts[index].lowerBound, into: part)
        Conversion.round(part, to: work)
      }
    }
    return values
  }

  static func encode(_ values: [Float], as type: ElementType) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: values.count * type.byteCount)
    values.withChunk { chunk in
      var span = bytes.mutableSpan
      // Safety: any bytes are valid bytes.
      var target = unsafe span.mutableBytes
      Conversion.encode(chunk, as: type, into: &target)
    }
    return bytes
  }
}

extension Float64Work {
  static func read(
    _ reader: any TensorReader, _ range: Range<Int>
  ) throws(CheckpointError) -> [Double] {
    var values = [Double](repeating: 0, count: range.count)
    for part in chunkRanges(count: range.count) {
      let first = range.lowerBound + part.lowerBound
      let bytes = try reader.bytes(first..<(first + part.count), as: .float64)
      for i in 0..<part.count {
        let bits = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[8 * i + $1]) << (8 * $1) }
        values[part.lowerBound + i] = Double(bitPattern: bits)
      }
    }
    return values
  }

  static func encode(_ values: [Double], as type: ElementType) -> [UInt8] {
    guard type == .float64 else { return Float32Work.encode(values.map { Float($0) }, as: type) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count * 8)
    for value in values {
      for byte in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> (8 * byte))) }
    }
    return bytes
  }
}
