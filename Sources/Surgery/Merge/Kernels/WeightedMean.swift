// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Tensors

/// Σ wₖ·xₖ / Σ wₖ with weights that are not negative and not all 0.
///
/// In `Double`, sources in order, rounded once; so sources that are equal come out as they are.
struct WeightedMean: Sendable {
  private let weights: [Double]
  private let total: Double

  init(_ weights: [Double]) {
    self.weights = weights
    total = weights.reduce(0, +)
  }

  /// The mean of element `i`.
  @inline(__always)
  func value(_ chunk: MergeChunk, _ i: Int) -> Float {
    var sum = 0.0
    for k in weights.indices { sum += weights[k] * Double(chunk.sources[k][i]) }
    return Float(sum / total)
  }

  func callAsFunction(_ chunk: MergeChunk, into out: MutableFloatChunk) {
    withDoubles(out.count) { sums in
      for (k, weight) in weights.enumerated() {
        let source = chunk.source(k)
        for i in out.indices { sums[i] += weight * Double(source[i]) }
      }
      for i in out.indices { out[i] = Float(sums[i] / total) }
    }
  }
}

/// Lends `count` zeroed doubles.
func withDoubles(_ count: Int, _ body: (UnsafeMutableBufferPointer<Double>) -> Void) {
  var values = [Double](repeating: 0, count: count)
  // Safety: the array is this function's own and outlives the call.
  values.withUnsafeMutableBufferPointer { body($0) }
}
