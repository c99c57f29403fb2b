// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// How far a tokenizer's training is.
public struct TokenizerTrainingProgress: Equatable, Sendable {
  /// What is being done.
  public enum Phase: Sendable {
    /// Texts are cut into words; `done` counts texts, `total` is not known.
    case counting
    /// Pairs are merged; `done` counts tokens, `total` is the vocabulary size asked for.
    case merging
  }

  /// What is being done.
  public var phase: Phase
  /// Texts or tokens so far.
  public var done: Int
  /// Tokens in the end.
  public var total: Int?
}

/// Trains byte-level BPE: the most frequent pair of neighbours within words becomes a token, again
/// and again, until the vocabulary is full.
///
/// Ids: special tokens in their order, the 256 bytes in the order of their characters, then the
/// pairs in the order learned. Among pairs of equal count the one with the smaller left id wins,
/// then the smaller right id. The result depends on nothing but the texts and settings; the order
/// of the texts does not matter.
///
/// **Source**: Sennrich et al. 2016, arXiv:1508.07909, over bytes as in Radford et al. 2019, with
/// the tie rule and the bookkeeping of Hugging Face's `BpeTrainer`: `Tests/Golden/tokenization`
/// compares vocabularies and merges of both on the same texts.
/// **Departs**: nothing that the comparison shows.
///
/// - Cost: one pass over the text to count words; then time in proportion to the places where
///   merged pairs stand. Memory: the distinct words, four bytes a symbol, and where each pair is.
public struct BPETrainer: Sendable {
  /// How many tokens in all, special ones and bytes included; training may end with fewer.
  public var vocabularySize: Int
  /// Special tokens; they take the first ids.
  public var specialTokens: [String]
  /// A pair seen fewer times than this is never merged.
  public var minimumFrequency: Int
  /// Which special tokens begin, end and pad texts.
  public var roles: Tokenizer.Roles
  /// How text is cut into words.
  public var pattern: SplitPattern

  /// The usual tokenizer of this project: `<|endoftext|>` begins and ends texts, `<|pad|>` pads,
  /// marks belong to words (see ``SplitPattern``), text is put into NFC.
  public init(
    vocabularySize: Int, specialTokens: [String] = ["<|endoftext|>", "<|pad|>"],
    minimumFrequency: Int = 2,
    roles: Tokenizer.Roles = Tokenizer.Roles(
      bos: "<|endoftext|>", eos: "<|endoftext|>", pad: "<|pad|>"),
    pattern: SplitPattern = .marksAsLetters
  ) {
    self.vocabularySize = vocabularySize
    self.specialTokens = specialTokens
    self.minimumFrequency = minimumFrequency
    self.roles = roles
    self.pattern = pattern
  }

  /// Trains on texts; a word never crosses from one text into the next.
  ///
  /// - Parameter progress: called now and then, on the caller's thread.
  /// - Throws: `trainingSetting` for settings that cannot be met, `emptyCorpus` without text.
  public func train(
    _ texts: some Sequence<String>, progress: ((TokenizerTrainingProgress) -> Void)? = nil
  ) throws(TokenizationError) -> Tokenizer {
    try checkSettings()
    var counts = WordCounts(pattern: pattern)
    var textCount = 0
    for text in texts {
      counts.add(text)
      textCount += 1
      if textCount.isMultiple(of: 1024) {
        progress?(TokenizerTrainingProgress(phase: .counting, done: textCount, total: nil))
      }
    }
    guard counts.wordCount > 0 else { throw .emptyCorpus(textCount: textCount) }
    var vocabulary = GrowingVocabulary(specialTokens: specialTokens)
    var merger = PairMerger(counts, byteIDs: vocabulary.byteIDs)
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
    return try assemble(vocabulary.tokens, merges)
  }

  private func checkSettings() throws(TokenizationError) {
    var seen = ByteTable()
    for token in specialTokens {
      guard !token.isEmpty, seen.intern(Array(token.utf8)[...]).isNew else {
        throw .trainingSetting(
          name: "specialTokens", value: "\(specialTokens)",
          expected: "different texts that are not empty")
      }
      // A special token spelled like a byte would take that byte's place in the alphabet.
      guard token.unicodeScalars.count > 1 || ByteAlphabet.bytes(of: token) == nil else {
        throw .trainingSetting(
          name: "specialTokens", value: "`\(token)`", expected: "longer than one byte's character")
      }
    }
    let least = 256 + specialTokens.count
    guard vocabularySize >= least, vocabularySize <= Int(Int32.max) else {
      throw .trainingSetting(
        name: "vocabularySize", value: "\(vocabularySize)",
        expected: "at least \(least), the 256 bytes and the special tokens")
    }
    for role in [roles.bos, roles.eos, roles.pad, roles.unk] {
      if let role, seen.find(role) == nil {
        throw .trainingSetting(
          name: "roles", value: "`\(role)`", expected: "one of the special tokens")
      }
    }
  }

  private func assemble(
    _ tokens: [String], _ merges: [(left: Int32, right: Int32)]
  ) throws(TokenizationError) -> Tokenizer {
    let origin = "the trained tokenizer"
    let vocabulary = try Vocabulary(
      tokens.enumerated().map { ($0.element, $0.offset) }, origin: origin)
    let model = try BPEModel(vocabulary: vocabulary, merges: merges, origin: origin)
    let preTokenizer: any PreTokenizer =
      pattern == .gpt2
      ? ByteLevelPreTokenizer(usesRegex: true)
      : PreTokenizerSequence([SplitPreTokenizer(pattern), ByteLevelPreTokenizer(usesRegex: false)])
    return try Tokenizer(
      normalizer: NFCNormalizer(), preTokenizer: preTokenizer, model: model,
      postProcessor: nil, decoder: ByteLevelDecoder(),
      addedTokens: specialTokens.enumerated().map {
        (Int32($0.offset), AddedToken(special: $0.element))
      },
      roles: roles, origin: origin)
  }
}

/// The vocabulary while it grows.
struct GrowingVocabulary {
  private(set) var tokens: [String]
  /// The id of each byte.
  let byteIDs: [Int32]
  private var table = ByteTable()

  init(specialTokens: [String]) {
    tokens = specialTokens
    var byteIDs = [Int32](repeating: 0, count: 256)
    let ordered = ByteAlphabet.scalars.enumerated().sorted { $0.element < $1.element }
    for (byte, scalar) in ordered {
      byteIDs[byte] = Int32(tokens.count)
      tokens.append(String(scalar))
    }
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
