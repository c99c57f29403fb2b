// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Sums whose value does not depend on how the work was divided.
///
/// Goals in order: (1) the same bits for every thread count and chunk size; (2) accuracy: floats
/// are summed in `Double`, where a product of two floats is exact; (3) speed by eight lanes. A
/// running sum fails (1), for its rounding depends on where each part begins.
///
/// The elements of a tensor are cut into blocks of ``blockLength`` by their index. A block is summed
/// in eight lanes (element i in lane i mod 8), the lanes pairwise, and the blocks by a binary tree
/// over their numbers (``combineInTree(_:_:)``). Chunks are therefore whole numbers of blocks.
public enum Summation {
  /// Elements per block; chunk lengths are multiples of it.
  public static let blockLength = 4096

  /// Σ aᵢ·bᵢ of one block; traps if the lengths differ.
  public static func dot(_ a: FloatChunk, _ b: FloatChunk) -> Double {
    precondition(a.count == b.count, "a dot product of \(a.count) and \(b.count) numbers")
    return vectors(count: a.count) {
      wide(a, $0) * wide(b, $0)
    } rest: {
      Double(a[$0]) * Double(b[$0])
    }
  }

  /// Σ aᵢ² of one block.
  public static func squares(_ a: FloatChunk) -> Double {
    vectors(count: a.count) {
      let numbers = wide(a, $0)
      return numbers * numbers
    } rest: {
      Double(a[$0]) * Double(a[$0])
    }
  }

  /// Σ |aᵢ| of one block.
  public static func magnitudes(_ a: FloatChunk) -> Double {
    vectors(count: a.count) {
      // A −0 stays one, which no sum that begins with 0 can tell.
      let numbers = wide(a, $0)
      return numbers.replacing(with: -numbers, where: numbers .< 0)
    } rest: {
      Double(a[$0].magnitude)
    }
  }

  @inline(__always) private static func wide(_ a: FloatChunk, _ i: Int) -> SIMD8<Double> {
    SIMD8<Double>(a.vector(at: i))
  }

  /// ``lanes(count:_:)`` with eight terms at a time, and one at a time for the `rest`.
  @inline(__always) private static func vectors(
    count: Int, _ terms: (Int) -> SIMD8<Double>, rest: (Int) -> Double
  ) -> Double {
    var sums = SIMD8<Double>()
    let whole = count & ~7
    var i = 0
    while i < whole {
      sums += terms(i)
      i += 8
    }
    while i < count {
      sums[i - whole] += rest(i)
      i += 1
    }
    return fold(sums)
  }

  @inlinable @inline(__always) static func fold(_ sums: SIMD8<Double>) -> Double {
    let four = sums.lowHalf + sums.highHalf
    let two = four.lowHalf + four.highHalf
    return two[0] + two[1]
  }

  /// Σ term(i) for i in `0 ..< count`, in eight lanes.
  @inlinable @inline(__always)
  public static func lanes(count: Int, _ term: (Int) -> Double) -> Double {
    var sums = SIMD8<Double>()
    let whole = count & ~7
    var i = 0
    while i < whole {
      sums += SIMD8(
        term(i), term(i + 1), term(i + 2), term(i + 3), term(i + 4), term(i + 5), term(i + 6),
        term(i + 7))
      i += 8
    }
    while i < count {
      sums[i - whole] += term(i)
      i += 1
    }
    return fold(sums)
  }

  /// Combines the results of all blocks of a tensor, in block order, by a fixed binary tree: the
  /// left half holds the largest power of two below the count. `nil` for no block.
  public static func combineInTree<T>(_ parts: [T], _ combine: (T, T) -> T) -> T? {
    if parts.isEmpty { return nil }
    func fold(_ range: Range<Int>) -> T {
      if range.count == 1 { return parts[range.lowerBound] }
      let half = 1 << (Int.bitWidth - 1 - (range.count - 1).leadingZeroBitCount)
      let middle = range.lowerBound + half
      return combine(fold(range.lowerBound..<middle), fold(middle..<range.upperBound))
    }
    return fold(parts.indices)
  }

  /// Σ of block sums by the fixed tree; 0 for none.
  public static func total(_ blocks: [Double]) -> Double { combineInTree(blocks, +) ?? 0 }
}
