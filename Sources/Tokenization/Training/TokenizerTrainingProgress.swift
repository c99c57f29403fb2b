// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// How far a tokenizer's training is.
public struct TokenizerTrainingProgress: Equatable, Sendable {
  /// What is being done.
  public enum Phase: Sendable {
    /// Texts are cut into words; `done` counts texts, `total` is not known.
    case counting
    /// BPE: pairs are merged; `done` counts tokens, `total` is the vocabulary size asked for.
    case merging
    /// Unigram: frequent pieces are searched; `done` is 0, `total` is not known.
    case seeding
    /// Unigram: pieces are weighed and dropped; `done` counts the pieces that are left, more than
    /// `total`, the vocabulary size asked for, until the end.
    case fitting
  }

  /// What is being done.
  public var phase: Phase
  /// Texts or tokens so far.
  public var done: Int
  /// Tokens in the end.
  public var total: Int?
}
