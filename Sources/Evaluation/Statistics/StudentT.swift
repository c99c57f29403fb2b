// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Student's t distribution with ν ≥ 1 degrees of freedom, which need not be whole.
///
/// For few repetitions the normal quantile 1.96 is far too small: with three seeds (2 degrees of
/// freedom) it is 4.30, with two 12.7.
enum StudentT {
  /// P(|T| ≥ |t|), with an absolute error below 10⁻⁹ for |t| ≤ 100 and below 10⁻⁵ for any; not for
  /// tails smaller than that.
  ///
  /// With t = √ν · tan θ the density becomes c · cos^(ν−1) θ, c = Γ((ν + 1)/2) ÷ (√π · Γ(ν/2)): a
  /// smooth function on a bounded stretch, which Simpson's rule sums up.
  static func twoSidedP(_ t: Double, degrees: Double) -> Double {
    precondition(degrees >= 1)
    guard !t.isNaN else { return .nan }
    // Beyond 40 there is less than 10⁻²⁸ for ν ≥ 30, and the sum's nodes would pass over the peak.
    let end = degrees >= 30 ? min(abs(t), 40) : abs(t)
    let angle = atan(end / degrees.squareRoot())
    let scale = exp(lgamma((degrees + 1) / 2) - lgamma(degrees / 2)) / Double.pi.squareRoot()
    let pieces = 2000
    let width = angle / Double(pieces)
    var sum = 0.0
    for node in 0...pieces {
      let weight = node == 0 || node == pieces ? 1.0 : node.isMultiple(of: 2) ? 2.0 : 4.0
      sum += weight * pow(cos(Double(node) * width), degrees - 1)
    }
    return min(1, max(0, 1 - 2 * scale * sum * width / 3))
  }

  /// The t ≥ 0 with P(|T| ≤ t) = confidence, by bisection to a relative 10⁻¹².
  static func quantile(confidence: Double, degrees: Double) -> Double {
    precondition(confidence > 0 && confidence < 1)
    var (low, high) = (0.0, 1.0)
    while twoSidedP(high, degrees: degrees) > 1 - confidence { (low, high) = (high, 2 * high) }
    while high - low > 1e-12 * high {
      let middle = low + (high - low) / 2
      if twoSidedP(middle, degrees: degrees) > 1 - confidence {
        low = middle
      } else {
        high = middle
      }
    }
    return high
  }
}
