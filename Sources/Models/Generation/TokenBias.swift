// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Adds a number to the score of every token: a mask (−∞), a penalty, or a prior.
///
/// What the numbers mean is decided by whoever makes them, such as the language control of the room
/// Generation.
public struct TokenBias: LogitsProcessor {
  private let biases: [Float]

  /// - Parameter biases: one for each id from 0; finite or −∞. Tokens beyond the list, as the
  ///   padding rows of an embedding, are left as they are.
  public init(_ biases: [Float]) {
    precondition(biases.allSatisfy { $0 < .infinity }, "biases are finite or −∞")
    self.biases = biases
  }

  public func process(_ scores: inout [Float], after history: TokenHistory) {
    for index in 0..<min(scores.count, biases.count) { scores[index] += biases[index] }
  }
}
