// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Models

/// How to continue texts: which tokens, where to stop, in which language.
public struct TextOptions: Sendable {
  /// How tokens are chosen.
  public var generation: GenerationOptions
  /// The answer ends before the first of these; they may begin and end inside tokens.
  public var stopTexts: [String]
  /// What keeps the answer in a language.
  public var language: LanguageControl
  /// So many prompts are worked on at a time.
  public var batchSize: Int

  public init(
    generation: GenerationOptions = GenerationOptions(), stopTexts: [String] = [],
    language: LanguageControl = LanguageControl(), batchSize: Int = 16
  ) {
    self.generation = generation
    self.stopTexts = stopTexts
    self.language = language
    self.batchSize = batchSize
  }
}

/// Text that an answer has grown by.
public struct TextPiece: Equatable, Sendable {
  /// The index of the prompt.
  public var row: Int
  /// Whole characters; empty only in the last piece.
  public var text: String
  /// In the last piece of an answer.
  public var finish: FinishReason?
}

/// An answer.
public struct GeneratedText: Equatable, Sendable {
  /// Without the stop text.
  public var text: String
  /// The tokens behind it, to the end of a stop text if there was one.
  public var tokens: [GeneratedToken]
  public var finish: FinishReason
  public var promptTokenCount: Int
  /// How often a line was written anew because it was in another language.
  public var retryCount: Int
}
