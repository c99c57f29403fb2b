// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Trains a tokenizer of the kind that a recipe or a command names: a ``BPETrainer`` or a
/// ``UnigramTrainer`` under the words of the formats.
///
/// What is `nil` is as the trainer of that kind has it.
public struct TokenizerTrainer: Equatable, Sendable {
  /// The kind of model, as tokenizer.json has it in `model.type`.
  public enum Kind: String, CaseIterable, Sendable {
    case bpe, unigram
  }

  /// `type`.
  public var kind: Kind
  /// `vocab_size`: how many tokens in all; training may end with fewer.
  public var vocabularySize: Int
  /// `byte_fallback`: whether characters without a token are written as bytes. A BPE without it is
  /// made of bytes; a Unigram without it has an unknown token for such characters. `nil`: yes for
  /// Unigram, no for BPE.
  public var fallsBackToBytes: Bool?
  /// `special_tokens`: those that follow the ones every such tokenizer has.
  public var specialTokens: [String] = []
  /// `min_frequency`: what is seen fewer times becomes no token.
  public var minimumFrequency: Int?
  /// `max_token_length`, in bytes for a BPE of bytes, else in characters.
  public var maximumTokenLength: Int?
  /// `character_coverage`: the share of the text whose characters get tokens.
  public var coverage: Double?
  /// `limit_alphabet`: how many characters get tokens at most.
  public var characterLimit: Int?

  /// `pattern`: how a BPE of bytes cuts text into words: the name of a ``SplitPattern``, or a
  /// regular expression. A text of letters, digits, `.`, `-` and `_` is a name.
  public var pattern: String?

  public init(_ kind: Kind = .bpe, vocabularySize: Int) {
    self.kind = kind
    self.vocabularySize = vocabularySize
  }

  /// Whether tokens are made of bytes, so that there is no alphabet to choose.
  public var isByteLevel: Bool { kind == .bpe && fallsBackToBytes != true }

  /// The keys of settings that are set and that such a tokenizer has no use for: of characters where
  /// tokens are made of bytes, and the other way round.
  public var unusedKeys: [String] {
    guard isByteLevel else { return pattern == nil ? [] : ["pattern"] }
    return (coverage == nil ? [] : ["character_coverage"])
      + (characterLimit == nil ? [] : ["limit_alphabet"])
  }

  /// Trains on texts; see ``BPETrainer/train(_:progress:)`` and ``UnigramTrainer/train(_:progress:)``.
  ///
  /// - Throws: `trainingSetting` with the key of what cannot be met, `emptyCorpus` without text.
  public func train(
    _ texts: some Sequence<String>, progress: ((TokenizerTrainingProgress) -> Void)? = nil
  ) throws(TokenizationError) -> Tokenizer {
    do {
      switch kind {
      case .bpe: return try bpe().train(texts, progress: progress)
      case .unigram: return try unigram.train(texts, progress: progress)
      }
    } catch .trainingSetting(let name, let value, let expected) {
      throw .trainingSetting(name: Self.keys[name] ?? name, value: value, expected: expected)
    }
  }

  /// What the trainers call the settings, and the keys.
  private static let keys = [
    "vocabularySize": "vocab_size", "specialTokens": "special_tokens",
    "minimumFrequency": "min_frequency", "maximumTokenLength": "max_token_length",
    "coverage": "character_coverage", "limit": "limit_alphabet",
    "characterLimit": "limit_alphabet",
  ]

  private func bpe() throws(TokenizationError) -> BPETrainer {
    var trainer =
      isByteLevel
      ? BPETrainer(vocabularySize: vocabularySize)
      : .byteFallback(vocabularySize: vocabularySize)
    if case .characters(let usual, let limit) = trainer.alphabet {
      trainer.alphabet = .characters(
        coverage: coverage ?? usual, limit: characterLimit ?? limit)
    }
    trainer.specialTokens += specialTokens
    if let minimumFrequency { trainer.minimumFrequency = minimumFrequency }
    if let maximumTokenLength { trainer.maximumTokenLength = maximumTokenLength }
    if let pattern, isByteLevel {
      if let known = SplitPattern(name: pattern) {
        trainer.pattern = known
      } else {
        let isName = pattern.utf8.allSatisfy {
          switch $0 {
          case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
            UInt8(ascii: "_"):
            true
          default: false
          }
        }
        guard !isName else {
          throw .trainingSetting(
            name: "pattern", value: "`\(pattern)`",
            expected: SplitPattern.allCases.map { "`\($0.name)`" }.joined(separator: ", ")
              + " or a regular expression")
        }
        trainer.expression = pattern
      }
    }
    return trainer
  }

  private var unigram: UnigramTrainer {
    var trainer = UnigramTrainer(vocabularySize: vocabularySize)
    trainer.specialTokens += specialTokens
    if let fallsBackToBytes { trainer.fallsBackToBytes = fallsBackToBytes }
    if let coverage { trainer.coverage = coverage }
    if let characterLimit { trainer.characterLimit = characterLimit }
    if let minimumFrequency { trainer.minimumFrequency = minimumFrequency }
    if let maximumTokenLength { trainer.maximumTokenLength = maximumTokenLength }
    return trainer
  }
}
