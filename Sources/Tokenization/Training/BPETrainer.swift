// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// Trains BPE: the most frequent pair of neighbours within words becomes a token, again and again,
/// until the vocabulary is full.
///
/// Ids: special tokens in their order, then the 256 bytes, then (over characters) the characters in
/// the order of their code points, then the pairs in the order learned. Among pairs of equal count
/// the one with the smaller left id wins, then the smaller right id. The result depends on nothing
/// but the texts and settings; neither the order of the texts nor the number of threads matters.
///
/// **Source**: Sennrich et al. 2016, arXiv:1508.07909, over bytes as in Radford et al. 2019, or over
/// characters as in Kudo and Richardson 2018, arXiv:1808.06226, with the tie rule and the
/// bookkeeping of Hugging Face's `BpeTrainer`: `Tests/Golden/tokenization` compares vocabularies and
/// merges of both on the same texts.
/// **Departs**: a character outside the alphabet separates its neighbours, which `BpeTrainer` joins;
/// `maximumTokenLength` includes its value, `max_token_length` there does not.
///
/// - Cost: one pass over the text, on all cores, to count words; then time in proportion to the
///   places where merged pairs stand. Memory: the distinct words, four bytes a symbol, and where
///   each pair is.
public struct BPETrainer: Sendable {
  /// What tokens are made of.
  public enum Alphabet: Equatable, Sendable {
    /// Bytes, written as printable characters: the kind of GPT-2.
    case bytes
    /// Characters, a space as `▁`, with a token for each byte to write all others: the kind of
    /// Llama 2 and Mistral.
    ///
    /// The most frequent characters that make up `coverage` of the text (above 0, at most 1), and no
    /// more than `limit`, get tokens.
    case characters(coverage: Double = 0.9995, limit: Int? = nil)
  }

  /// How many tokens in all, special ones and bytes included; training may end with fewer.
  public var vocabularySize: Int
  /// Special tokens; they take the first ids.
  public var specialTokens: [String]
  /// A pair seen fewer times than this is never merged.
  public var minimumFrequency: Int
  /// The longest token in bytes, or in characters where those are the alphabet; `nil` for any.
  public var maximumTokenLength: Int?
  /// Which special tokens begin, end and pad texts.
  public var roles: Tokenizer.Roles
  /// What tokens are made of.
  public var alphabet: Alphabet
  /// How text is cut into words where bytes are the alphabet. Over characters, words are letters
  /// with the space before them, single digits, or symbols.
  public var pattern: SplitPattern
  /// A regular expression in place of `pattern`: words are what it matches, and what lies between
  /// two matches. Written to tokenizer.json as it is.
  public var expression: String?

  /// The usual tokenizer of this project: `<|endoftext|>` begins and ends texts, `<|pad|>` pads,
  /// marks belong to words (see ``SplitPattern``), text is put into NFC.
  public init(
    vocabularySize: Int, specialTokens: [String] = ["<|endoftext|>", "<|pad|>"],
    minimumFrequency: Int = 2, maximumTokenLength: Int? = nil,
    roles: Tokenizer.Roles = Tokenizer.Roles(
      bos: "<|endoftext|>", eos: "<|endoftext|>", pad: "<|pad|>"),
    alphabet: Alphabet = .bytes, pattern: SplitPattern = .marksAsLetters
  ) {
    self.vocabularySize = vocabularySize
    self.specialTokens = specialTokens
    self.minimumFrequency = minimumFrequency
    self.maximumTokenLength = maximumTokenLength
    self.roles = roles
    self.alphabet = alphabet
    self.pattern = pattern
  }

  /// The settings that SentencePiece trains BPE with byte fallback with: `<unk>`, `<s>`, `</s>` and
  /// `<pad>`, tokens of at most 16 characters.
  public static func byteFallback(vocabularySize: Int) -> BPETrainer {
    BPETrainer(
      vocabularySize: vocabularySize, specialTokens: ["<unk>", "<s>", "</s>", "<pad>"],
      maximumTokenLength: 16,
      roles: Tokenizer.Roles(bos: "<s>", eos: "</s>", pad: "<pad>", unk: "<unk>"),
      alphabet: .characters())
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
    switch alphabet {
    case .bytes:
      let cut: TrainingCut =
        expression == nil ? .pattern(pattern) : .split(try split())
      let counts = try WordCounts(texts, cut: cut, progress: progress)
      var vocabulary = GrowingVocabulary(specialTokens: specialTokens)
      let words = TrainingWords(counts, byteIDs: vocabulary.byteIDs)
      return try assemble(vocabulary: &vocabulary, merges: merge(words, &vocabulary, progress))
    case .characters(let coverage, let limit):
      let counts = try WordCounts(texts, cut: .pieces, progress: progress)
      let alphabet = CharacterAlphabet(counts, coverage: coverage, limit: limit ?? .max)
      let first = specialTokens.count + 256
      try TrainedTokenizer.check(
        size: vocabularySize, least: first + alphabet.scalars.count,
        needs: "the special tokens, the 256 bytes and \(alphabet.scalars.count) characters")
      var vocabulary = GrowingVocabulary(
        tokens: specialTokens + TrainedTokenizer.byteTokens + alphabet.scalars.map { String($0) })
      let words = TrainingWords(
        counts, order: 0..<counts.wordCount, alphabet: alphabet, firstID: Int32(first))
      return try assemble(vocabulary: &vocabulary, merges: merge(words, &vocabulary, progress))
    }
  }

  private func merge(
    _ words: TrainingWords, _ vocabulary: inout GrowingVocabulary,
    _ progress: ((TokenizerTrainingProgress) -> Void)?
  ) -> [(left: Int32, right: Int32)] {
    var merger = PairMerger(
      words, symbolCount: vocabulary.count, maximumLength: maximumTokenLength)
    var merges: [(left: Int32, right: Int32)] = []
    while vocabulary.count < vocabularySize, let pair = merger.best(atLeast: minimumFrequency) {
      merger.mergeBest(into: vocabulary.join(pair.left, pair.right))
      merges.append(pair)
      if merges.count.isMultiple(of: 64) || vocabulary.count == vocabularySize {
        progress?(
          TokenizerTrainingProgress(
            phase: .merging, done: vocabulary.count, total: vocabularySize))
      }
    }
    return merges
  }

  /// What cuts text into words before its bytes are written as characters.
  private func split() throws(TokenizationError) -> SplitPreTokenizer {
    if let expression { return try SplitPreTokenizer(expression: expression) }
    return SplitPreTokenizer(pattern)
  }

  private func checkSettings() throws(TokenizationError) {
    try TrainedTokenizer.check(specialTokens: specialTokens, roles: roles)
    if let maximumTokenLength, maximumTokenLength < 1 {
      throw .trainingSetting(
        name: "maximumTokenLength", value: "\(maximumTokenLength)", expected: "at least 1")
    }
    switch alphabet {
    case .bytes:
      // A special token spelled like a byte would take that byte's place in the alphabet.
      for token in specialTokens
      where token.unicodeScalars.count == 1 && ByteAlphabet.bytes(of: token) != nil {
        throw .trainingSetting(
          name: "specialTokens", value: "`\(token)`", expected: "longer than one byte's character")
      }
      try TrainedTokenizer.check(
        size: vocabularySize, least: 256 + specialTokens.count,
        needs: "the 256 bytes and the special tokens")
    case .characters(let coverage, let limit):
      try TrainedTokenizer.check(coverage: coverage)
      if let limit, limit < 1 {
        throw .trainingSetting(name: "limit", value: "\(limit)", expected: "at least 1")
      }
      for token in specialTokens
      where token.unicodeScalars.count == 1 || TrainedTokenizer.byteTokens.contains(token) {
        throw .trainingSetting(
          name: "specialTokens", value: "`\(token)`",
          expected: "longer than a character and none of the tokens of bytes")
      }
    }
  }

  private func assemble(
    vocabulary: inout GrowingVocabulary, merges: [(left: Int32, right: Int32)]
  ) throws(TokenizationError) -> Tokenizer {
    let tokens = vocabulary.tokens
    var ids = JSONObject()
    for (id, token) in tokens.enumerated() { ids[token] = JSON(id) }
    let isByteLevel = alphabet == .bytes
    let model: JSON = [
      "type": "BPE", "dropout": .null,
      "unk_token": isByteLevel ? .null : roles.unk.map { .string($0) } ?? .null,
      "continuing_subword_prefix": .null, "end_of_word_suffix": .null,
      "fuse_unk": .bool(!isByteLevel), "byte_fallback": .bool(!isByteLevel),
      "ignore_merges": false, "vocab": .object(ids),
      "merges": .array(
        merges.map { [.string(tokens[Int($0.left)]), .string(tokens[Int($0.right)])] }),
    ]
    guard isByteLevel else {
      return try TrainedTokenizer.assemble(
        model: model, normalizer: TrainedTokenizer.metaspaceNormalizer(replacesSpaces: true),
        preTokenizer: .null, decoder: TrainedTokenizer.metaspaceDecoder,
        specialTokens: specialTokens, roles: roles)
    }
    // GPT-2's pattern is a part of ByteLevel.
    let isPlain = expression == nil && pattern == .gpt2
    let bytes = ByteLevelPreTokenizer(usesRegex: isPlain).json
    let split = try split().json
    return try TrainedTokenizer.assemble(
      model: model, normalizer: NFCNormalizer().json,
      preTokenizer: isPlain
        ? bytes : ["type": "Sequence", "pretokenizers": [split, bytes]],
      decoder: ByteLevelDecoder().json, specialTokens: specialTokens, roles: roles)
  }
}

/// The vocabulary while it grows.
struct GrowingVocabulary {
  private(set) var tokens: [String]
  /// The id of each byte in a byte-level vocabulary.
  let byteIDs: [Int32]
  private var table = ByteTable()

  /// Special tokens and the bytes in the order of their characters.
  init(specialTokens: [String]) {
    let ordered = ByteAlphabet.scalars.enumerated().sorted { $0.element < $1.element }
    var byteIDs = [Int32](repeating: 0, count: 256)
    for (index, entry) in ordered.enumerated() {
      byteIDs[entry.offset] = Int32(specialTokens.count + index)
    }
    self.init(tokens: specialTokens + ordered.map { String($0.element) }, byteIDs: byteIDs)
  }

  init(tokens: [String], byteIDs: [Int32] = []) {
    self.tokens = tokens
    self.byteIDs = byteIDs
    for token in tokens { _ = table.intern(Array(token.utf8)[...]) }
  }

  var count: Int { tokens.count }

  /// The id of two tokens joined; two pairs may join to the same token.
  mutating func join(_ left: Int32, _ right: Int32) -> Int32 {
    let token = tokens[Int(left)] + tokens[Int(right)]
    let (id, isNew) = table.intern(Array(token.utf8)[...])
    if isNew { tokens.append(token) }
    return Int32(id)
  }
}
