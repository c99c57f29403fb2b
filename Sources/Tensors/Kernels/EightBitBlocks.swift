// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Weights as GGML's `Q8_0`: blocks of 32 signed bytes under a scale in half precision, w ≈ scale · q.
///
/// A block takes 34 bytes, the scale first.
/// - Source: GGML's reference quantiser; blocks equal those of `gguf` 0.19 to the bit.
public enum EightBitBlocks {
  /// Weights of a block.
  public static let size = 32
  /// Bytes of a block.
  public static let byteCount = 34

  /// Writes finite weights, whole blocks of them, to `bytes` from byte `offset` on.
  public static func encode(
    _ weights: FloatChunk, into bytes: inout MutableRawSpan, at offset: Int
  ) {
    precondition(
      weights.count.isMultiple(of: size), "\(weights.count) weights in blocks of \(size)")
    let count = weights.count / size
    precondition(
      offset >= 0 && offset + count * byteCount <= bytes.byteCount, "too little room to encode")
    for block in 0..<count {
      let first = block * size
      var largest = SIMD8<Float>.zero
      for index in stride(from: first, to: first + size, by: 8) {
        let next = weights.vector(at: index)
        largest = pointwiseMax(largest, pointwiseMax(next, -next))
      }
      let scale = largest.max() / 127
      let inverse = scale == 0 ? 0 : 1 / scale
      let place = offset + block * byteCount
      // Safety, here and below: inside the block's bytes, which lie in the span as checked above.
      unsafe bytes.storeBytes(
        of: Rounding.float16(scale), toUncheckedByteOffset: place, as: UInt16.self)
      for index in 0..<size {
        // The reference rounds halves away from zero.
        let value = (weights[first + index] * inverse).rounded(.toNearestOrAwayFromZero)
        unsafe bytes.storeBytes(
          of: Int8(clamping: Int32(value)), toUncheckedByteOffset: place + 2 + index, as: Int8.self)
      }
    }
  }
}
