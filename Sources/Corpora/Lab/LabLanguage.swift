// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// How a language orders words. The proto-language: subject–verb–object, adjective first,
/// prepositions, no article, adverb first. A language changes some of these five traits.
public struct LabGrammar: Equatable, Sendable {
  /// The order of subject, verb and object.
  public enum Order: String, Sendable, CaseIterable { case svo, sov, vso }

  static let traitCount = 5

  /// Subject, verb, object.
  public var order = Order.svo
  /// Adjectives stand before their noun.
  public var hasAdjectiveFirst = true
  /// Adpositions stand before their phrase.
  public var hasPrepositions = true
  /// Definite nouns have an article.
  public var hasArticle = false
  /// Adverbs open the clause instead of closing it.
  public var hasAdverbFirst = true
}

/// Where a word of a language comes from.
public enum LabOrigin: String, Sendable {
  /// From the proto-language, by the sound laws.
  case inherited
  /// Coined anew.
  case replaced
  /// Borrowed by all languages alike.
  case loanword
  /// A name, alike in all languages.
  case name
}

/// A word of a language.
public struct LabWord: Equatable, Sendable {
  /// The stem, which is also the uninflected form.
  public let stem: String
  /// Where it comes from.
  public let origin: LabOrigin
}

/// A daughter language: words, endings, sound laws, word order.
public struct LabLanguage: Sendable {
  /// The code of ``LabSettings/Language``.
  public let code: String
  /// An invented name.
  public let name: String
  /// What happened to the inherited words, in this order.
  public let laws: [SoundLaw]
  /// Word order.
  public let grammar: LabGrammar
  /// Endings.
  public let affixes: LabAffixes
  /// The word for each concept, by its id. No two are alike, also without their last vowel: an
  /// inherited word that would be is replaced.
  public let words: [LabWord]
  /// The forms of each concept's word as bytes (see `forms(of:_:_:)`).
  let forms: [[[UInt8]]]
  let articleForm: [UInt8]

  /// The inherited form of a proto-word.
  public func inherited(_ proto: String) -> String { laws.reduce(proto) { $1.apply(to: $0) } }

  /// A stem with an ending: a stem that ends in a vowel loses it.
  public static func inflected(_ stem: String, _ suffix: String) -> String {
    guard let last = stem.last, SoundLaw.isVowel(last) else { return stem + suffix }
    return stem.dropLast() + suffix
  }

  init(_ settings: LabSettings.Language, lexicon: LabLexicon, seed: UInt64) {
    code = settings.code
    var lawRandom = SeededRandom(seed: seed, name: "lab laws \(settings.code)")
    var pool = SoundLaw.pool
    lawRandom.shuffle(&pool)
    let laws = Array(pool.prefix(settings.soundChanges))
    self.laws = laws
    grammar = Self.grammar(settings, seed: seed)
    var coiner = Coiner(seed: seed, name: "lab words \(settings.code)")
    name = coiner.coin(.language)

    let evolve = { (proto: String) in laws.reduce(proto) { $1.apply(to: $0) } }
    func isReplaced(_ id: Int) -> Bool {
      var random = SeededRandom(seed: seed, name: "lab replaced \(settings.code) \(id)")
      return random.chance(settings.replacedShare)
    }
    func coined(_ shape: Coiner.Shape) -> String {
      while true {
        // New words follow the language's sounds too.
        let word = evolve(coiner.attempt(shape))
        if coiner.reserve(word) { return word }
      }
    }
    var words = [LabWord?](repeating: nil, count: lexicon.concepts.count)
    for concept in lexicon.concepts where concept.isShared {
      _ = coiner.reserve(concept.proto)
      words[concept.id] = LabWord(
        stem: concept.proto, origin: concept.partOfSpeech.isName ? .name : .loanword)
    }
    for concept in lexicon.concepts where !concept.isShared && !isReplaced(concept.id) {
      let stem = evolve(concept.proto)
      if coiner.reserve(stem) {
        words[concept.id] = LabWord(stem: stem, origin: .inherited)
      }
    }
    self.words = zip(lexicon.concepts, words).map { concept, word in
      if let word { return word }
      let isParticle = concept.partOfSpeech == .adposition || concept.partOfSpeech == .conjunction
      return LabWord(stem: coined(isParticle ? .particle : .stem), origin: .replaced)
    }
    func affix(_ proto: String, _ id: Int, _ shape: Coiner.Shape) -> String {
      let form = evolve(proto)
      return !isReplaced(id) && coiner.reserve(form) ? form : coined(shape)
    }
    affixes = LabAffixes(
      plural: affix(lexicon.affixes.plural, -1, .suffix),
      accusative: affix(lexicon.affixes.accusative, -2, .suffix),
      past: affix(lexicon.affixes.past, -3, .suffix),
      article: affix(lexicon.affixes.article, -4, .particle))
    forms = zip(lexicon.concepts, self.words).map { [affixes] concept, word in
      Self.forms(of: word.stem, concept.partOfSpeech, affixes).map { Array($0.utf8) }
    }
    articleForm = Array(affixes.article.utf8)
  }

  /// The forms of a stem: nouns by number (1) and case (2) added up, verbs by tense, others one.
  private static func forms(
    of stem: String, _ kind: LabPartOfSpeech, _ affixes: LabAffixes
  ) -> [String] {
    switch kind {
    case .noun:
      let plural = inflected(stem, affixes.plural)
      return [
        stem, plural, inflected(stem, affixes.accusative), inflected(plural, affixes.accusative),
      ]
    case .verb: return [stem, inflected(stem, affixes.past)]
    default: return [stem]
    }
  }

  private static func grammar(_ settings: LabSettings.Language, seed: UInt64) -> LabGrammar {
    var random = SeededRandom(seed: seed, name: "lab grammar \(settings.code)")
    var traits = Array(0..<LabGrammar.traitCount)
    random.shuffle(&traits)
    let order: LabGrammar.Order = random.chance(0.5) ? .sov : .vso
    var grammar = LabGrammar()
    for trait in traits.prefix(settings.grammarChanges) {
      switch trait {
      case 0: grammar.order = order
      case 1: grammar.hasAdjectiveFirst.toggle()
      case 2: grammar.hasPrepositions.toggle()
      case 3: grammar.hasArticle.toggle()
      default: grammar.hasAdverbFirst.toggle()
      }
    }
    return grammar
  }
}
