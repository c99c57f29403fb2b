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
}
