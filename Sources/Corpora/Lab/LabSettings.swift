// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// The knobs of the laboratory languages. Every number has a default; equal settings give equal bytes
/// on every machine.
public struct LabSettings: Equatable, Sendable {
  /// One daughter language. The distance knobs are nested: raising one keeps all changes that the
  /// lower value made.
  public struct Language: Equatable, Sendable {
    /// A code from ISO 639's private-use range qaa–qtz.
    public var code: String
    /// The share of inherited words that an unrelated word replaced, in 0 ... 1.
    public var replacedShare: Double
    /// Regular sound changes since the proto-language.
    public var soundChanges: Int
    /// Traits of the proto-language's grammar that changed (of 5, see ``LabGrammar``).
    public var grammarChanges: Int
    /// Monolingual text to write, in bytes, to within one document; 0 writes none.
    public var textBytes: Int
    /// The chance of a document to end with a line that holds just the word for its topic, as
    /// newspapers file their articles, in 0 ... 1.
    public var categoryShare: Double

    /// Makes a daughter language.
    public init(
      code: String, replacedShare: Double, soundChanges: Int, grammarChanges: Int,
      textBytes: Int, categoryShare: Double = 0
    ) {
      self.code = code
      self.replacedShare = replacedShare
      self.soundChanges = soundChanges
      self.grammarChanges = grammarChanges
      self.textBytes = textBytes
      self.categoryShare = categoryShare
    }
  }

  /// Everything follows from it.
  public var seed = 1
  /// Topics, each with its own words; also the classes of the task.
  public var topics = 5
  /// Nouns of each topic.
  public var topicNouns = 16
  /// Verbs of each topic.
  public var topicVerbs = 6
  /// Adjectives of each topic.
  public var topicAdjectives = 4
  /// Nouns of no topic.
  public var neutralNouns = 24
  /// Verbs of no topic.
  public var neutralVerbs = 12
  /// Adjectives of no topic.
  public var neutralAdjectives = 8
  /// Names of persons and places of each topic, spelt alike in all languages.
  public var topicNames = 6
  /// Names of no topic.
  public var neutralNames = 12
  /// The share of topic nouns that all languages share as a loanword.
  public var loanwordShare = 0.2
  /// Whether the words for the topics themselves are loanwords that all languages share.
  public var sharedLabels = true
  /// The chance of a content word to be of the text's own topic.
  public var topicalShare = 0.5
  /// The chance of a content word to be of some other topic: evidence that misleads.
  public var strayShare = 0.12
  /// The chance of a noun phrase to be a name.
  public var nameShare = 0.2
  /// The fewest words of a sentence.
  public var minimumWords = 5
  /// The most words of a sentence, articles not counted.
  public var maximumWords = 12
  /// The fewest sentences of a document.
  public var minimumSentences = 4
  /// The most sentences of a document.
  public var maximumSentences = 10
  /// Rows to train the task on.
  public var trainRows = 700
  /// Rows to choose settings by.
  public var devRows = 100
  /// Rows to measure on.
  public var testRows = 400
  /// Sentence pairs for each two languages.
  public var parallelPairs = 2000
  /// Sentences with marked names for each language.
  public var entityRows = 500
  /// The daughters; the first is the source language, whose words are the task's labels. Its texts
  /// name their topics, as what large models learn from does; the others' never do, so that nothing
  /// but the task's rows joins a label to their words.
  public var languages = [
    Language(
      code: "qaa", replacedShare: 0.05, soundChanges: 3, grammarChanges: 0, textBytes: 4_000_000,
      categoryShare: 0.5),
    Language(
      code: "qab", replacedShare: 0.2, soundChanges: 8, grammarChanges: 1, textBytes: 1_500_000),
    Language(
      code: "qac", replacedShare: 0.1, soundChanges: 4, grammarChanges: 1, textBytes: 500_000),
  ]

  /// The defaults.
  public init() {}

  /// Throws ``CorpusError/setting(_:expected:found:)`` for the first value outside its range.
  public func validate() throws {
    for (key, path, range) in Self.integers where !range.contains(self[keyPath: path]) {
      throw CorpusError.setting(
        key, expected: "\(range.lowerBound) to \(range.upperBound)",
        found: "\(self[keyPath: path])")
    }
    for (key, path) in Self.shares where !(0...1).contains(self[keyPath: path]) {
      throw CorpusError.setting(key, expected: "0 to 1", found: "\(self[keyPath: path])")
    }
    guard topicalShare + strayShare <= 1 else {
      throw CorpusError.setting(
        "topical_share + stray_share", expected: "at most 1", found: "\(topicalShare + strayShare)")
    }
    guard minimumWords <= maximumWords else {
      throw CorpusError.setting(
        "minimum_words", expected: "at most maximum_words, \(maximumWords)",
        found: "\(minimumWords)")
    }
    guard minimumSentences <= maximumSentences else {
      throw CorpusError.setting(
        "minimum_sentences", expected: "at most maximum_sentences, \(maximumSentences)",
        found: "\(minimumSentences)")
    }
    guard !languages.isEmpty else {
      throw CorpusError.setting("languages", expected: "at least one", found: "none")
    }
    guard Set(languages.map(\.code)).count == languages.count else {
      throw CorpusError.setting(
        "languages", expected: "different codes",
        found: languages.map(\.code).joined(separator: ", "))
    }
    for language in languages { try language.validate() }
  }

  typealias IntPath = WritableKeyPath<LabSettings, Int> & Sendable
  typealias SharePath = WritableKeyPath<LabSettings, Double> & Sendable

  static let integers: [(key: String, path: any IntPath, range: ClosedRange<Int>)] = [
    ("seed", \.seed, 0...Int.max),
    ("topics", \.topics, 2...50),
    ("topic_nouns", \.topicNouns, 1...1000),
    ("topic_verbs", \.topicVerbs, 1...1000),
    ("topic_adjectives", \.topicAdjectives, 1...1000),
    ("neutral_nouns", \.neutralNouns, 1...1000),
    ("neutral_verbs", \.neutralVerbs, 1...1000),
    ("neutral_adjectives", \.neutralAdjectives, 1...1000),
    ("topic_names", \.topicNames, 2...1000),
    ("neutral_names", \.neutralNames, 2...1000),
    ("minimum_words", \.minimumWords, 2...8),
    ("maximum_words", \.maximumWords, 5...16),
    ("minimum_sentences", \.minimumSentences, 1...1000),
    ("maximum_sentences", \.maximumSentences, 1...1000),
    ("train_rows", \.trainRows, 0...100_000),
    ("dev_rows", \.devRows, 0...100_000),
    ("test_rows", \.testRows, 0...100_000),
    ("parallel_pairs", \.parallelPairs, 0...1_000_000),
    ("entity_rows", \.entityRows, 0...1_000_000),
  ]

  static let shares: [(key: String, path: any SharePath)] = [
    ("loanword_share", \.loanwordShare),
    ("topical_share", \.topicalShare),
    ("stray_share", \.strayShare),
    ("name_share", \.nameShare),
  ]
}

extension LabSettings.Language {
  func validate() throws {
    let scalars = Array(code.unicodeScalars)
    guard scalars.count == 3, scalars[0] == "q", ("a"..."t").contains(scalars[1]),
      ("a"..."z").contains(scalars[2])
    else {
      throw CorpusError.setting("code", expected: "a code from qaa to qtz", found: code)
    }
    guard (0...1).contains(replacedShare) else {
      throw CorpusError.setting(
        "replaced_share of \(code)", expected: "0 to 1", found: "\(replacedShare)")
    }
    guard (0...SoundLaw.pool.count).contains(soundChanges) else {
      throw CorpusError.setting(
        "sound_changes of \(code)", expected: "0 to \(SoundLaw.pool.count)",
        found: "\(soundChanges)")
    }
    guard (0...LabGrammar.traitCount).contains(grammarChanges) else {
      throw CorpusError.setting(
        "grammar_changes of \(code)", expected: "0 to \(LabGrammar.traitCount)",
        found: "\(grammarChanges)")
    }
    guard (0...1).contains(categoryShare) else {
      throw CorpusError.setting(
        "category_share of \(code)", expected: "0 to 1", found: "\(categoryShare)")
    }
    guard (0...1_000_000_000).contains(textBytes) else {
      throw CorpusError.setting(
        "text_bytes of \(code)", expected: "0 to 1000000000", found: "\(textBytes)")
    }
  }
}
