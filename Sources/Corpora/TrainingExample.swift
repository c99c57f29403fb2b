// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A prompt and the answer to learn, as token ids.
public struct TrainingExample: Equatable, Sendable {
  /// Read, not trained; may be empty.
  public var prompt: [Int32]
  /// Trained.
  public var answer: [Int32]

  /// Makes an example of ids.
  public init(prompt: [Int32], answer: [Int32]) {
    self.prompt = prompt
    self.answer = answer
  }

  /// Encodes a rendered row the way lm-evaluation-harness will ask for it: the prompt by itself, and
  /// as the answer what the whole text has beyond that many tokens.
  ///
  /// White space at the prompt's end moves to the answer's start first.
  public init(_ text: RenderedRow, encode: (String) -> [Int32]) {
    let trailing = text.prompt.reversed().prefix(while: \.isWhitespace).count
    let prompt = String(text.prompt.dropLast(trailing))
    let answer = String(text.prompt.suffix(trailing)) + text.answer
    let context = encode(prompt)
    self.prompt = context
    self.answer = Array(encode(prompt + answer).dropFirst(context.count))
  }
}
