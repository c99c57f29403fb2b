// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// What a word of the laboratory languages can be.
public enum LabPartOfSpeech: String, Sendable {
  case noun, verb, adjective, adverb, adposition, conjunction
  /// A name of a person: never inflected.
  case person
  /// A name of a place: never inflected.
  case place

  /// Nouns, verbs, adjectives and names carry the meaning; the others hold sentences together.
  public var isContent: Bool {
    switch self {
    case .adverb, .adposition, .conjunction: false
    default: true
    }
  }

  /// Persons and places.
  public var isName: Bool { self == .person || self == .place }
}

/// A meaning that every language has one word for.
public struct LabConcept: Equatable, Sendable {
  /// Its place in ``LabLexicon/concepts``.
  public let id: Int
  /// What kind of word.
  public let partOfSpeech: LabPartOfSpeech
  /// Its topic, or `nil` for a neutral word.
  public let topic: Int?
  /// The proto-language's stem.
  public let proto: String
  /// Names and loanwords: the same stem in all languages.
  public let isShared: Bool
}

/// The proto-language's words.
public struct LabLexicon: Sendable {
  /// All meanings.
  public let concepts: [LabConcept]
  /// The meaning of each topic's own name. It ends documents and is in no sentence, so no row
  /// of the task holds its own answer.
  public let labels: [Int]
  /// The proto-language's endings.
  let affixes: LabAffixes

  /// The meanings of a kind: of one topic, or the neutral ones.
  func concepts(_ kind: LabPartOfSpeech, topic: Int?) -> [Int] {
    concepts.filter { $0.partOfSpeech == kind && $0.topic == topic && !labels.contains($0.id) }
      .map(\.id)
  }

  init(_ settings: LabSettings) {
    var coiner = Coiner(seed: UInt64(settings.seed), name: "lab proto-language")
    var concepts: [LabConcept] = []
    func add(_ kind: LabPartOfSpeech, topic: Int?, shared: Bool = false) {
      let shape: Coiner.Shape =
        switch kind {
        case .person, .place: .name
        case .adposition, .conjunction: .particle
        default: .stem
        }
      concepts.append(
        LabConcept(
          id: concepts.count, partOfSpeech: kind, topic: topic, proto: coiner.coin(shape),
          isShared: shared || kind.isName))
    }
    for topic in 0..<settings.topics { add(.noun, topic: topic, shared: settings.sharedLabels) }
    labels = Array(0..<settings.topics)
    let topics = (0..<settings.topics).map(Optional.some) + [nil]
    for topic in topics {
      let isNeutral = topic == nil
      let loanwords = Int((Double(settings.topicNouns) * settings.loanwordShare).rounded())
      for i in 0..<(isNeutral ? settings.neutralNouns : settings.topicNouns) {
        // Spread over the ranks, so that some loanwords are frequent and some are not.
        let shared =
          !isNeutral
          && (i + 1) * loanwords / settings.topicNouns > i * loanwords / settings.topicNouns
        add(.noun, topic: topic, shared: shared)
      }
      for _ in 0..<(isNeutral ? settings.neutralVerbs : settings.topicVerbs) {
        add(.verb, topic: topic)
      }
      for _ in 0..<(isNeutral ? settings.neutralAdjectives : settings.topicAdjectives) {
        add(.adjective, topic: topic)
      }
      for i in 0..<(isNeutral ? settings.neutralNames : settings.topicNames) {
        add(i % 2 == 0 ? .person : .place, topic: topic)
      }
    }
    for _ in 0..<4 { add(.adposition, topic: nil) }
    for _ in 0..<4 { add(.adverb, topic: nil) }
    add(.conjunction, topic: nil)
    self.concepts = concepts
    affixes = LabAffixes(
      plural: coiner.coin(.suffix), accusative: coiner.coin(.suffix), past: coiner.coin(.suffix),
      article: coiner.coin(.particle))
  }
}

/// A language's endings and its article.
public struct LabAffixes: Equatable, Sendable {
  /// After nouns: more than one.
  public var plural: String
  /// After nouns, after the plural: the object.
  public var accusative: String
  /// After verbs; the present has no ending.
  public var past: String
  /// Before definite nouns, in languages that have it.
  public var article: String
}

/// Makes pronounceable words, each only once.
struct Coiner {
  enum Shape { case stem, name, particle, suffix, language }

  private var random: SeededRandom
  private var used: Set<String> = []

  init(seed: UInt64, name: String) { random = SeededRandom(seed: seed, name: name) }

  /// A stem loses its last vowel before an ending, so words must differ without it.
  static func key(_ word: String) -> String {
    guard let last = word.last, SoundLaw.isVowel(last), word.count > 2 else { return word }
    return String(word.dropLast())
  }

  /// Takes a word; false when another one would be confused with it.
  mutating func reserve(_ word: String) -> Bool { used.insert(Self.key(word)).inserted }

  mutating func coin(_ shape: Shape) -> String {
    while true {
      let word = attempt(shape)
      if reserve(word) { return word }
    }
  }

  /// A word that may have been used already.
  mutating func attempt(_ shape: Shape) -> String {
    let patterns: [String] =
      switch shape {
      case .stem: ["CVCV", "CVCVF", "CVKCV", "CVKCVF"]
      case .name: ["CVCVCV", "CVKCVF", "CVCVCVF"]
      case .particle: ["CV", "VF", "CVF"]
      case .suffix: ["VF"]
      case .language: ["CVCVCV", "CVKCVCV"]
      }
    var word = ""
    for place in patterns[random.below(patterns.count)] {
      let letters: [Character] =
        switch place {
        case "V": Array("aeiou")
        case "K": Array("nlrsk")  // closes a syllable inside the word
        case "F": Array("nlrstkm")  // closes the word
        default: Array("ptkbdgmnslrvfhj")
        }
      var letter = letters[random.below(letters.count)]
      while letter == word.last { letter = letters[random.below(letters.count)] }
      word.append(letter)
    }
    switch shape {
    case .name, .language: return word.prefix(1).uppercased() + word.dropFirst()
    default: return word
    }
  }
}
