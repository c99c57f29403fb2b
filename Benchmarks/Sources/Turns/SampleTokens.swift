// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Tokens that mean nothing, the same on every machine; `Benchmarks/peers/peer.py` makes the same.
///
/// The upper half of Knuth's linear congruential generator (MMIX), modulo the vocabulary.
package struct SampleTokens {
  private let vocabulary: UInt64
  private var state: UInt64 = 1

  package init(below vocabulary: Int) { self.vocabulary = UInt64(vocabulary) }

  /// The next text of that many tokens.
  package mutating func text(_ length: Int) -> [Int32] {
    (0..<length).map { _ in
      state = (state &* 6_364_136_223_846_793_005) &+ 1_442_695_040_888_963_407
      return Int32((state >> 33) % vocabulary)
    }
  }
}
