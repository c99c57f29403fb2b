// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Changes the scores from which the next token of one text is chosen.
///
/// Processors are values in a list, applied in order; each sees what the one before it left. A
/// token is excluded by the score −∞, which no processor may raise again.
public protocol LogitsProcessor: Sendable {
  /// - Parameters:
  ///   - scores: (V), logits; finite or −∞.
  ///   - history: the text so far.
  func process(_ scores: inout [Float], after history: TokenHistory)
}

/// The tokens before the one to be chosen.
public struct TokenHistory: Sendable {
  /// Prompt and answer.
  public var ids: [Int32]
  /// How many of them are the prompt.
  public let promptCount: Int

  public init(prompt: [Int32], generated: [Int32] = []) {
    ids = prompt + generated
    promptCount = prompt.count
  }

  /// The answer so far.
  public var generated: ArraySlice<Int32> { ids[promptCount...] }
}
