// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// Trains a Unigram vocabulary: many candidates, of which those are dropped, a quarter at a time,
/// that the text's probability needs least.
///
/// The candidates are the maximal repeats of the words (``SeedFinder``); the probabilities are those
/// that expectation maximisation finds, two rounds before each cut, with the digamma function in
/// place of the logarithm (a Dirichlet prior that favours few tokens). Ids: special tokens in their
/// order, the 256 bytes where the model falls back to them, then pieces, the most probable first.
/// The result depends on nothing but the texts and settings; neither the order of the texts nor the
/// number of threads matters. The last bits of scores depend on the C library's `exp` and `log`.
///
/// **Source**: Kudo 2018, arXiv:1804.10959, section 3.2, with the constants of SentencePiece (Kudo
/// and Richardson 2018, arXiv:1808.06226). **Departs**: candidates are counted in the whole corpus
/// rather than once a distinct word, and only maximal repeats are candidates; all characters keep
/// their tokens throughout; words are cut as ``BPETrainer`` cuts them over characters.
///
/// - Cost: one pass over the text, on all cores, to count words; sorting their suffixes; then about
///   forty passes over the distinct words. Memory: some tens of bytes for each character of the
///   distinct words, and 128 bytes a candidate.
public struct UnigramTrainer: Sendable {
  /// How many tokens in all, special ones, bytes and characters included; training may end with
  /// fewer.
  public var vocabularySize: Int
  /// Special tokens; they take the first ids.
  public var specialTokens: [String]
  /// Which special tokens begin, end and pad texts; `unk` is needed without byte fallback.
  public var roles: Tokenizer.Roles
  /// Whether characters without a token are written as bytes.
  public var fallsBackToBytes: Bool
  /// The share of the text whose characters get tokens, above 0, at most 1.
  public var coverage: Double
  /// How many characters get tokens at most; `nil` for up to 65,000.
  public var characterLimit: Int?
  /// A piece seen fewer times than this is no candidate.
  public var minimumFrequency: Int
  /// The longest piece in characters, at most 64.
  public var maximumTokenLength: Int
  /// How many candidates there are at first.
  public var seedCount: Int

  /// `<unk>`, `<s>`, `</s>` and `<pad>`, pieces of at most 16 characters, byte fallback.
  public init(
    vocabularySize: Int, specialTokens: [String] = ["<unk>", "<s>", "</s>", "<pad>"],
    roles: Tokenizer.Roles = Tokenizer.Roles(bos: "<s>", eos: "</s>", pad: "<pad>", unk: "<unk>"),
    fallsBackToBytes: Bool = true, coverage: Double = 0.9995, characterLimit: Int? = nil,
    minimumFrequency: Int = 2, maximumTokenLength: Int = 16, seedCount: Int = 1_000_000
  ) {
    self.vocabularySize = vocabularySize
    self.specialTokens = specialTokens
    self.roles = roles
    self.fallsBackToBytes = fallsBackToBytes
    self.coverage = coverage
    self.characterLimit = characterLimit
    self.minimumFrequency = minimumFrequency
    self.maximumTokenLength = maximumTokenLength
    self.seedCount = seedCount
  }

  /// Trains on texts; a word never crosses from one text into the next.
  ///
  /// - Parameters:
  ///   - texts: read once, in batches of 16 MB; texts of moderate size, such as lines or documents,
  ///     are counted on all cores.
  ///   - progress: called now and then, on the caller's thread.
  /// - Throws: `trainingSetting` for settings that cannot be met, `emptyCorpus` without text.
  public func train(
    _ texts: some Sequence<String>, progress: ((TokenizerTrainingProgress) -> Void)? = nil
  ) throws(TokenizationError) -> Tokenizer {
    try checkSettings()
    let counts = try WordCounts(texts, cut: .pieces, progress: progress)
    let alphabet = CharacterAlphabet(
      counts, coverage: coverage, limit: min(characterLimit ?? .max, 65_000))
    let reserved = specialTokens.count + (fallsBackToBytes ? 256 : 0)
    try TrainedTokenizer.check(
      size: vocabularySize, least: reserved + alphabet.scalars.count,
      needs: "the special tokens\(fallsBackToBytes ? ", the 256 bytes" : "") and "
        + "\(alphabet.scalars.count) characters")
    let words = TrainingWords(
      counts, order: counts.sortedIndices(), alphabet: alphabet, firstID: 0)
    guard words.symbols.count < Int(Int32.max) else {
      throw .trainingSetting(
        name: "texts", value: "\(words.symbols.count) characters of different words",
        expected: "fewer than 2147483647")
    }
    progress?(TokenizerTrainingProgress(phase: .seeding, done: 0, total: nil))
    var fit = UnigramFit(
      words, characterCount: alphabet.scalars.count, seedCount: seedCount,
      minimumFrequency: minimumFrequency, maximumLength: maximumTokenLength)
    let wanted = vocabularySize - reserved
    // A tenth too many, of which the last step takes the most probable.
    let nearlyWanted = wanted + wanted / 10
    while true {
      progress?(
        TokenizerTrainingProgress(
          phase: .fitting, done: reserved + fit.pieceCount, total: vocabularySize))
      for _ in 0..<2 { fit.maximize() }
      guard fit.pieceCount > nearlyWanted else { break }
      fit.prune(to: max(nearlyWanted, fit.pieceCount / 4 * 3))
    }
    return try assemble(fit.finish(count: wanted, alphabet))
  }

  private func checkSettings() throws(TokenizationError) {
    try TrainedTokenizer.check(specialTokens: specialTokens, roles: roles)
    try TrainedTokenizer.check(coverage: coverage)
    guard roles.unk != nil else {
      throw .trainingSetting(
        name: "roles", value: "no unknown token", expected: "one, which the format asks for")
    }
    for (name, value, range) in [
      ("maximumTokenLength", maximumTokenLength, 1...64),
      ("seedCount", seedCount, 1...100_000_000),
      ("characterLimit", characterLimit ?? 1, 1...Int.max),
    ] where !range.contains(value) {
      throw .trainingSetting(
        name: name, value: "\(value)",
        expected: "from \(range.lowerBound)"
          + (range.upperBound < .max ? " to \(range.upperBound)" : ""))
    }
    for token in specialTokens
    where token.unicodeScalars.count == 1 || TrainedTokenizer.byteTokens.contains(token) {
      throw .trainingSetting(
        name: "specialTokens", value: "`\(token)`",
        expected: "longer than a character and none of the tokens of bytes")
    }
  }

  private func assemble(
    _ pieces: [(text: String, score: Double)]
  ) throws(TokenizationError) -> Tokenizer {
    // Special tokens and bytes stand in the model's list like pieces, so their score must not let
    // text that spells them become them.
    let never: JSON = .number(JSONNumber(-1000))
    var entries: [JSON] = specialTokens.map { [.string($0), .number(JSONNumber(0))] }
    if fallsBackToBytes {
      entries += TrainedTokenizer.byteTokens.map { [.string($0), never] }
    }
    entries += pieces.map { [.string($0.text), JSON($0.score)] }
    let unknown = roles.unk.flatMap { specialTokens.firstIndex(of: $0) } ?? 0
    return try TrainedTokenizer.assemble(
      model: [
        "type": "Unigram", "unk_id": JSON(unknown), "vocab": .array(entries),
        "byte_fallback": .bool(fallsBackToBytes),
      ],
      normalizer: TrainedTokenizer.metaspaceNormalizer(replacesSpaces: false),
      preTokenizer: [
        "type": "Metaspace", "replacement": "\u{2581}", "prepend_scheme": "never", "split": true,
      ],
      decoder: TrainedTokenizer.metaspaceDecoder, specialTokens: specialTokens, roles: roles)
  }
}
