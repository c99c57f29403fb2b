// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Numbers as small integers: runs of weights share a scale and a bias, w ≈ scale · q + bias.
///
/// The integers of a run follow each other without gaps, the first in the lowest bits of the first
/// 32-bit word: the form that MLX calls affine. A run is a whole number of words.
/// - Source: MLX's `quantize`; scales, biases and integers equal those of MLX 0.32.4 to the bit.
public struct AffineGroups: Sendable, Hashable {
  /// Bits of an integer.
  public let bits: Int
  /// How many weights share a scale.
  public let size: Int

  /// The numbers of bits there are.
  public static let allBits = [2, 3, 4, 5, 6, 8]
  /// The sizes of runs there are.
  public static let allSizes = [32, 64, 128]

  /// `nil` for a number of bits or a size that is none of ``allBits`` and ``allSizes``.
  public init?(bits: Int, size: Int) {
    guard Self.allBits.contains(bits), Self.allSizes.contains(size) else { return nil }
    self.bits = bits
    self.size = size
  }

  /// The 32-bit words of a run.
  public var wordCount: Int { size * bits / 32 }

  private var byteCount: Int { size * bits / 8 }
  private var mask: UInt64 { (1 << UInt64(bits)) - 1 }

  /// The scale and the bias of a run of finite weights, before they are rounded for storing.
  ///
  /// The extreme that is farther from zero becomes exact, and so does zero where the run reaches
  /// over it.
  public func parameters(of run: FloatChunk) -> (scale: Float, bias: Float) {
    precondition(run.count == size, "a run of \(run.count) weights, not \(size)")
    var (low, high) = (run.vector(at: 0), run.vector(at: 0))
    for index in stride(from: 8, to: size, by: 8) {
      let next = run.vector(at: index)
      low = pointwiseMin(low, next)
      high = pointwiseMax(high, next)
    }
    let (least, greatest) = (low.min(), high.max())
    let isLowFarther = abs(least) > abs(greatest)
    // As large as in MLX; a run of one value would divide by zero.
    let step = max((greatest - least) / Float(mask), 1e-7)
    let scale = isLowFarther ? step : -step
    let edge = isLowFarther ? least : greatest
    let zero = (edge / scale).rounded(.toNearestOrEven)
    return zero == 0 ? (scale, 0) : (edge / zero, edge)
  }

  /// Writes the integers of a run to `words` from byte `offset` on, with the ``parameters(of:)``
  /// that are given, not rounded.
  public func quantize(
    _ run: FloatChunk, scale: Float, bias: Float, into words: inout MutableRawSpan, at offset: Int
  ) {
    precondition(run.count == size, "a run of \(run.count) weights, not \(size)")
    precondition(
      offset >= 0 && offset + byteCount <= words.byteCount, "a run outside the words")
    let (scales, biases) = (SIMD8(repeating: scale), SIMD8(repeating: bias))
    let (none, most) = (SIMD8<Float>.zero, SIMD8(repeating: Float(mask)))
    var position = offset
    for index in stride(from: 0, to: size, by: 8) {
      let exact = (run.vector(at: index) - biases) / scales
      let nearest = exact.rounded(.toNearestOrEven).clamped(lowerBound: none, upperBound: most)
      let integers = SIMD8<UInt32>(truncatingIfNeeded: SIMD8<Int32>(nearest))
      var packed: UInt64 = 0
      for lane in 0..<8 { packed |= UInt64(integers[lane]) << UInt64(lane * bits) }
      for byte in 0..<bits {
        // Safety: eight integers take `bits` bytes, inside the run as checked above.
        unsafe words.storeBytes(
          of: UInt8(truncatingIfNeeded: packed >> UInt64(8 * byte)),
          toUncheckedByteOffset: position + byte, as: UInt8.self)
      }
      position += bits
    }
  }

  /// The weights of the run that `words` hold from byte `offset` on: scale · q, plus bias, each
  /// rounded to a float.
  public func dequantize(
    _ words: RawSpan, at offset: Int, scale: Float, bias: Float, into run: MutableFloatChunk
  ) {
    precondition(run.count == size, "a run of \(run.count) weights, not \(size)")
    precondition(
      offset >= 0 && offset + byteCount <= words.byteCount, "a run outside the words")
    let shifts = SIMD8<UInt64>(0, 1, 2, 3, 4, 5, 6, 7) &* UInt64(bits)
    let (scales, biases) = (SIMD8(repeating: scale), SIMD8(repeating: bias))
    var position = offset
    for index in stride(from: 0, to: size, by: 8) {
      var packed: UInt64 = 0
      if position + 8 <= words.byteCount {
        // Safety: eight bytes that lie in the span; those of the next integers are masked off.
        packed = unsafe words.unsafeLoadUnaligned(
          fromUncheckedByteOffset: position, as: UInt64.self)
      } else {
        for byte in 0..<bits {
          // Safety: inside the run, as checked above.
          let part = unsafe words.unsafeLoad(
            fromUncheckedByteOffset: position + byte, as: UInt8.self)
          packed |= UInt64(part) << UInt64(8 * byte)
        }
      }
      let integers = (SIMD8(repeating: packed) &>> shifts) & mask
      let values = SIMD8<Float>(SIMD8<Int32>(truncatingIfNeeded: integers)) * scales + biases
      for lane in 0..<8 { run[index + lane] = values[lane] }
      position += bits
    }
  }
}
