// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A sentence and its translation with the words that translate each other.
public struct AlignedPair: Equatable, Sendable {
  /// In the first language.
  public var source: String
  /// In the second.
  public var target: String
  /// Pairs of word numbers (from 0, words separated by spaces), by source word; words without a
  /// partner (articles) are left out.
  public var alignment: [AlignedWords]

  /// Two words that translate each other.
  public struct AlignedWords: Equatable, Sendable {
    /// Which word of the source.
    public var source: Int
    /// Which word of the target.
    public var target: Int
    /// Whether they carry meaning rather than hold the sentence together.
    public var isContent: Bool
  }
}

/// A sentence with its names marked.
public struct EntityRow: Equatable, Sendable {
  /// A name in the text.
  public struct Span: Equatable, Sendable {
    /// The first Unicode scalar, from 0.
    public var start: Int
    /// The scalar after the last.
    public var end: Int
    /// `PER` or `LOC`.
    public var type: String
  }

  /// The row's name.
  public var id: String
  /// The sentence.
  public var text: String
  /// The names, from left to right.
  public var entities: [Span]
}

/// An entry of a bilingual word list.
public struct LexiconEntry: Equatable, Sendable {
  /// A stem of the first language.
  public var source: String
  /// The stem of the second language with the same meaning.
  public var target: String
  /// `cognate` (both inherited), `loanword`, `name`, or `replaced` (unrelated).
  public var kind: String
}

/// The parts of a task's data.
public enum TaskSplit: String, CaseIterable, Sendable { case train, dev, test }

/// A family of invented languages, made from settings and a seed: with the truth about every word.
///
/// Making a world is cheap; text is made when asked for. No sentence of the task's rows occurs in any
/// text, pair or entity row of the same language.
public struct LabWorld: Sendable {
  /// What it was made from.
  public let settings: LabSettings
  /// The meanings and their proto-words.
  public let lexicon: LabLexicon
  /// The daughters, in the order of the settings.
  public let languages: [LabLanguage]
  private let rows: [TaskSplit: [LabMeaning]]
  private let reserved: [String: Set<ContentHash>]  // the task's sentences by language

  /// Makes a world. Throws ``CorpusError/setting(_:expected:found:)``.
  public init(_ settings: LabSettings) throws {
    try settings.validate()
    self.settings = settings
    let lexicon = LabLexicon(settings)
    self.lexicon = lexicon
    let languages = settings.languages.map {
      LabLanguage($0, lexicon: lexicon, seed: UInt64(settings.seed))
    }
    self.languages = languages
    rows = try Self.rows(settings, lexicon: lexicon, languages: languages)
    var reserved: [String: Set<ContentHash>] = [:]
    for language in languages {
      reserved[language.code] = Set(
        rows.values.joined().map { ContentHash(language.text(language.tokens($0)).utf8) })
    }
    self.reserved = reserved
  }

  /// The language with this code. Throws when the world has none.
  public func language(_ code: String) throws -> LabLanguage {
    guard let language = languages.first(where: { $0.code == code }) else {
      throw CorpusError.setting(
        "language", expected: languages.map(\.code).joined(separator: " or "), found: code)
    }
    return language
  }

  /// The task's labels: the source language's words for the topics.
  public var labels: [String] { lexicon.labels.map { languages[0].words[$0].stem } }

  /// Documents of at least `byteCount` bytes in all, each on one topic; some end with its name.
  ///
  /// Languages do not say the same things: their texts are not translations of each other.
  public func documents(in code: String, byteCount: Int) throws -> [Document] {
    let language = try language(code)
    var speaker = LabSpeaker(settings, lexicon: lexicon, name: "text \(code)")
    let share = settings.languages.first { $0.code == code }?.categoryShare ?? 0
    var documents: [Document] = []
    var total = 0
    while total < byteCount {
      let plan = speaker.beginDocument(categoryShare: share)
      var segments: [String] = []
      for _ in 0..<plan.sentences {
        segments.append(sentence(in: [language], topic: plan.topic, by: &speaker).texts[0])
      }
      if plan.namesTopic { segments.append(language.words[lexicon.labels[plan.topic]].stem) }
      let document = Document(segments: segments)
      total += document.byteCount + 2
      documents.append(document)
    }
    return documents
  }

  /// The rows of a split. Row i says the same in all languages and has the same id; topics take
  /// turns, so classes are equal to within one row before the rows are shuffled.
  public func taskRows(_ split: TaskSplit, in code: String) throws -> [TaskRow] {
    let language = try language(code)
    let labels = labels
    return (rows[split] ?? []).enumerated().map { i, meaning in
      TaskRow(
        id: "\(split.rawValue)-\(i)", label: labels[meaning.topic],
        text: language.text(language.tokens(meaning)))
    }
  }

  /// Sentences in both languages, with their true word alignment.
  public func parallelPairs(_ a: String, _ b: String, count: Int) throws -> [AlignedPair] {
    let pair = [try language(a), try language(b)]
    var speaker = LabSpeaker(settings, lexicon: lexicon, name: "parallel \(a) \(b)")
    return (0..<count).map { i in
      let (meaning, texts) = sentence(in: pair, topic: i % settings.topics, by: &speaker)
      let target = pair[1].tokens(meaning)
      var alignment: [AlignedPair.AlignedWords] = []
      for (k, token) in pair[0].tokens(meaning).enumerated() where token.concept >= 0 {
        if let partner = target.firstIndex(where: { $0.slot == token.slot && $0.concept >= 0 }) {
          alignment.append(
            AlignedPair.AlignedWords(
              source: k, target: partner,
              isContent: lexicon.concepts[token.concept].partOfSpeech.isContent))
        }
      }
      return AlignedPair(source: texts[0], target: texts[1], alignment: alignment)
    }
  }

  /// All words of two languages, by meaning.
  public func lexiconEntries(_ a: String, _ b: String) throws -> [LexiconEntry] {
    zip(try language(a).words, try language(b).words).map { a, b in
      let kind =
        switch (a.origin, b.origin) {
        case (.inherited, .inherited): "cognate"
        case (.loanword, _): "loanword"
        case (.name, _): "name"
        default: "replaced"
        }
      return LexiconEntry(source: a.stem, target: b.stem, kind: kind)
    }
  }

  /// Sentences with at least one name, and where the names are.
  public func entityRows(in code: String, count: Int) throws -> [EntityRow] {
    let language = try language(code)
    guard settings.nameShare > 0 else { return [] }
    var speaker = LabSpeaker(settings, lexicon: lexicon, name: "entities \(code)")
    var rows: [EntityRow] = []
    while rows.count < count {
      let (meaning, texts) = sentence(
        in: [language], topic: rows.count % settings.topics, by: &speaker)
      var spans: [EntityRow.Span] = []
      var position = 0
      for token in language.tokens(meaning) {
        let word = String(decoding: language.bytes(of: token), as: UTF8.self)
        let end = position + word.unicodeScalars.count
        if token.concept >= 0, lexicon.concepts[token.concept].partOfSpeech.isName {
          let isPerson = lexicon.concepts[token.concept].partOfSpeech == .person
          spans.append(.init(start: position, end: end, type: isPerson ? "PER" : "LOC"))
        }
        position = end + 1
      }
      if !spans.isEmpty {
        rows.append(EntityRow(id: "\(rows.count)", text: texts[0], entities: spans))
      }
    }
    return rows
  }

  /// How alike two languages' words are: over all content words but names, the mean of
  /// 1 − edit distance / length of the longer stem. 1 is identical.
  public func similarity(_ a: String, _ b: String) throws -> Double {
    let (first, second) = (try language(a), try language(b))
    let concepts = lexicon.concepts.filter {
      $0.partOfSpeech.isContent && !$0.partOfSpeech.isName
    }
    let total = concepts.reduce(0.0) { sum, concept in
      let x = Array(first.words[concept.id].stem)
      let y = Array(second.words[concept.id].stem)
      return sum + 1 - Double(editDistance(x, y)) / Double(max(x.count, y.count))
    }
    return total / Double(concepts.count)
  }

  /// A sentence that is not in the task, in each of the languages.
  private func sentence(
    in languages: [LabLanguage], topic: Int, by speaker: inout LabSpeaker
  ) -> (meaning: LabMeaning, texts: [String]) {
    while true {
      let meaning = speaker.meaning(topic: topic)
      let texts = languages.map { $0.text($0.tokens(meaning)) }
      let isNew = zip(languages, texts).allSatisfy { language, text in
        reserved[language.code].map { !$0.contains(ContentHash(text.utf8)) } ?? true
      }
      if isNew { return (meaning, texts) }
    }
  }

  /// The meanings of the task, each with at least one word or name of its topic, no two alike in any
  /// language.
  private static func rows(
    _ settings: LabSettings, lexicon: LabLexicon, languages: [LabLanguage]
  ) throws -> [TaskSplit: [LabMeaning]] {
    var speaker = LabSpeaker(settings, lexicon: lexicon, name: "task")
    var random = SeededRandom(seed: UInt64(settings.seed), name: "lab task order")
    var seen = [Set<ContentHash>](repeating: [], count: languages.count)
    var rows: [TaskSplit: [LabMeaning]] = [:]
    let counts = [
      (TaskSplit.train, settings.trainRows), (.dev, settings.devRows), (.test, settings.testRows),
    ]
    for (split, count) in counts {
      var meanings: [LabMeaning] = []
      var rejected = 0
      while meanings.count < count {
        let meaning = speaker.meaning(topic: meanings.count % settings.topics)
        let hashes = languages.map { ContentHash($0.text($0.tokens(meaning)).utf8) }
        let isTopical = languages[0].tokens(meaning).contains {
          $0.concept >= 0 && lexicon.concepts[$0.concept].topic == meaning.topic
        }
        if isTopical, !zip(seen, hashes).contains(where: { $0.contains($1) }) {
          for i in hashes.indices { seen[i].insert(hashes[i]) }
          meanings.append(meaning)
        } else {
          rejected += 1
          guard rejected < 1000 * (count + 1) else {
            throw CorpusError.setting(
              "\(split.rawValue)_rows", expected: "fewer rows or more words and topical_share",
              found: "\(count)")
          }
        }
      }
      random.shuffle(&meanings)
      rows[split] = meanings
    }
    return rows
  }
}

/// Insertions, deletions and substitutions between two words.
func editDistance(_ a: [Character], _ b: [Character]) -> Int {
  var row = Array(0...b.count)
  for i in a.indices {
    var diagonal = row[0]
    row[0] = i + 1
    for j in b.indices {
      let substituted = diagonal + (a[i] == b[j] ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(substituted, row[j + 1] + 1, row[j] + 1)
    }
  }
  return row[b.count]
}
