// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Who does what where, in no language yet: the same meaning said in two languages is a translation.
struct LabMeaning: Equatable, Sendable {
  struct Phrase: Equatable, Sendable {
    var noun: Int  // a concept, also a name
    var adjective: Int?
    var isPlural = false
    var isDefinite = false
  }

  struct Clause: Equatable, Sendable {
    var adverb: Int?
    var subject: Phrase
    var verb: Int
    var isPast: Bool
    var object: Phrase?
    var adposition: Int?
    var place: Phrase?
  }

  var topic: Int
  var clauses: [Clause]
  var conjunction: Int

  /// Words in a language without articles.
  var wordCount: Int {
    clauses.reduce(clauses.count - 1) { total, clause in
      let phrases = [clause.subject, clause.object, clause.place].compactMap { $0 }
      let nouns = phrases.reduce(0) { $0 + ($1.adjective == nil ? 1 : 2) }
      return total + nouns + 1 + (clause.adverb == nil ? 0 : 1) + (clause.adposition == nil ? 0 : 1)
    }
  }
}

/// A word in a sentence.
struct LabToken: Equatable, Sendable {
  /// What it means; −1 is the article.
  var concept: Int
  /// Which form of the word.
  var form: Int
  /// Its place in the meaning: words of two languages with the same slot are translations.
  var slot: Int
}

extension LabLanguage {
  /// The words of a meaning in this language's order.
  func tokens(_ meaning: LabMeaning) -> [LabToken] {
    var tokens: [LabToken] = []
    for (i, clause) in meaning.clauses.enumerated() {
      let slot = 16 * i
      func word(_ concept: Int, _ place: Int, form: Int = 0) {
        tokens.append(LabToken(concept: concept, form: form, slot: slot + place))
      }
      func phrase(_ phrase: LabMeaning.Phrase, _ place: Int, isObject: Bool) {
        if phrase.isDefinite && grammar.hasArticle { word(-1, place) }
        if let adjective = phrase.adjective, grammar.hasAdjectiveFirst {
          word(adjective, place + 1)
        }
        let number = phrase.isPlural ? 1 : 0
        let isInflected = forms[phrase.noun].count == 4
        word(phrase.noun, place + 2, form: isInflected ? number + (isObject ? 2 : 0) : 0)
        if let adjective = phrase.adjective, !grammar.hasAdjectiveFirst {
          word(adjective, place + 1)
        }
      }
      func subject() { phrase(clause.subject, 1, isObject: false) }
      func verb() { word(clause.verb, 4, form: clause.isPast ? 1 : 0) }
      func object() { if let object = clause.object { phrase(object, 5, isObject: true) } }

      if i > 0 { word(meaning.conjunction, 15) }
      if let adverb = clause.adverb, grammar.hasAdverbFirst { word(adverb, 0) }
      switch grammar.order {
      case .svo:
        subject()
        verb()
        object()
      case .sov:
        subject()
        object()
        verb()
      case .vso:
        verb()
        subject()
        object()
      }
      if let place = clause.place, let adposition = clause.adposition {
        if grammar.hasPrepositions { word(adposition, 8) }
        phrase(place, 9, isObject: false)
        if !grammar.hasPrepositions { word(adposition, 8) }
      }
      if let adverb = clause.adverb, !grammar.hasAdverbFirst { word(adverb, 0) }
    }
    return tokens
  }

  /// The words as they are written: separated by spaces, a full stop at the end, no capitals but
  /// those of names.
  func text(_ tokens: [LabToken]) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(8 * tokens.count)
    for token in tokens {
      if !bytes.isEmpty { bytes.append(32) }
      bytes += self.bytes(of: token)
    }
    bytes.append(46)
    return String(decoding: bytes, as: UTF8.self)
  }

  func bytes(of token: LabToken) -> [UInt8] {
    token.concept < 0 ? articleForm : forms[token.concept][token.form]
  }
}

/// Thinks of meanings.
struct LabSpeaker {
  private let settings: LabSettings
  private var random: SeededRandom
  private let nouns: WordChoice
  private let verbs: WordChoice
  private let adjectives: WordChoice
  private let persons: WordChoice
  private let places: WordChoice
  private let adpositions: [Int]
  private let adverbs: [Int]
  private let conjunction: Int

  /// Names that the text is about; half of its names are of these.
  private var companions: [Int] = []

  init(_ settings: LabSettings, lexicon: LabLexicon, name: String) {
    self.settings = settings
    random = SeededRandom(seed: UInt64(settings.seed), name: "lab speaker \(name)")
    func choice(_ kind: LabPartOfSpeech) -> WordChoice {
      WordChoice(
        topics: (0..<settings.topics).map { lexicon.concepts(kind, topic: $0) },
        neutral: lexicon.concepts(kind, topic: nil))
    }
    nouns = choice(.noun)
    verbs = choice(.verb)
    adjectives = choice(.adjective)
    persons = choice(.person)
    places = choice(.place)
    adpositions = lexicon.concepts(.adposition, topic: nil)
    adverbs = lexicon.concepts(.adverb, topic: nil)
    conjunction = lexicon.concepts(.conjunction, topic: nil)[0]
  }

  /// The plan of a text: its topic, how many sentences, whether it names its topic.
  mutating func beginDocument(
    categoryShare: Double
  ) -> (topic: Int, sentences: Int, namesTopic: Bool) {
    let topic = random.below(settings.topics)
    companions = [persons, places].map { $0.draw(topic, settings, &random) }
    let span = settings.maximumSentences - settings.minimumSentences + 1
    return (topic, settings.minimumSentences + random.below(span), random.chance(categoryShare))
  }

  /// A meaning of the allowed length.
  mutating func meaning(topic: Int) -> LabMeaning {
    while true {
      var meaning = LabMeaning(topic: topic, clauses: [clause(topic)], conjunction: conjunction)
      if random.chance(0.3) { meaning.clauses.append(clause(topic)) }
      if (settings.minimumWords...settings.maximumWords).contains(meaning.wordCount) {
        return meaning
      }
    }
  }

  private mutating func clause(_ topic: Int) -> LabMeaning.Clause {
    var clause = LabMeaning.Clause(
      adverb: random.chance(0.25) ? random.pick(adverbs) : nil,
      subject: phrase(topic, names: persons), verb: verbs.draw(topic, settings, &random),
      isPast: random.chance(0.5))
    if random.chance(0.75) { clause.object = phrase(topic, names: persons) }
    if random.chance(0.4) {
      clause.adposition = random.pick(adpositions)
      clause.place = phrase(topic, names: places)
    }
    return clause
  }

  private mutating func phrase(_ topic: Int, names: WordChoice) -> LabMeaning.Phrase {
    if random.chance(settings.nameShare) {
      let known = companions.filter { names.contains($0) }
      if !known.isEmpty, random.chance(0.5) { return LabMeaning.Phrase(noun: random.pick(known)) }
      return LabMeaning.Phrase(noun: names.draw(topic, settings, &random))
    }
    return LabMeaning.Phrase(
      noun: nouns.draw(topic, settings, &random),
      adjective: random.chance(0.35) ? adjectives.draw(topic, settings, &random) : nil,
      isPlural: random.chance(0.3), isDefinite: random.chance(0.5))
  }
}

/// Draws words: by chance of the topic, of another one, or neutral; within each list the r-th word has
/// weight 1 / (r + 3), a flat form of Zipf's law.
struct WordChoice: Sendable {
  private let topics: [[Int]]
  private let neutral: [Int]
  private let members: Set<Int>

  init(topics: [[Int]], neutral: [Int]) {
    self.topics = topics
    self.neutral = neutral
    members = Set(topics.joined()).union(neutral)
  }

  func contains(_ concept: Int) -> Bool { members.contains(concept) }

  func draw(_ topic: Int, _ settings: LabSettings, _ random: inout SeededRandom) -> Int {
    let kind = random.unit()
    if kind < settings.topicalShare { return ranked(topics[topic], &random) }
    if kind < settings.topicalShare + settings.strayShare {
      let other = (topic + 1 + random.below(topics.count - 1)) % topics.count
      return ranked(topics[other], &random)
    }
    return ranked(neutral, &random)
  }

  private func ranked(_ words: [Int], _ random: inout SeededRandom) -> Int {
    var total = 0.0
    for rank in words.indices { total += 1 / Double(rank + 3) }
    var rest = random.unit() * total
    for rank in words.indices {
      rest -= 1 / Double(rank + 3)
      if rest < 0 { return words[rank] }
    }
    return words[words.count - 1]
  }
}
