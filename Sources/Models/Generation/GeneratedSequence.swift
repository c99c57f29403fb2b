// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Why an answer ends.
public enum FinishReason: String, Sendable {
  /// A stop id or stop text, or the caller had enough.
  case stop
  /// The most new tokens that were asked for.
  case length
  /// The model's positions are used up.
  case context
  /// Cancelled from outside.
  case cancelled
  /// A line in the wrong language, however often it was tried.
  case language
}

/// A token and how likely it was.
public struct TokenProbability: Equatable, Sendable {
  public var id: Int32
  /// ln p under the model's own distribution: at temperature 1, before any processor.
  public var logProbability: Double

  public init(id: Int32, logProbability: Double) {
    self.id = id
    self.logProbability = logProbability
  }
}

/// A token of an answer.
public struct GeneratedToken: Equatable, Sendable {
  public var id: Int32
  /// ln p of the token under the model's own distribution; `nil` if not asked for.
  public var logProbability: Double?
  /// The likeliest tokens, best first.
  public var likeliest: [TokenProbability]
}

/// An answer in tokens.
public struct GeneratedSequence: Equatable, Sendable {
  /// Without the prompt and without a stop id.
  public var tokens: [GeneratedToken] = []
  /// `nil` while it goes on.
  public var finish: FinishReason?

  public var ids: [Int32] { tokens.map(\.id) }
}
