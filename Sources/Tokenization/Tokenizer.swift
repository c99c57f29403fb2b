// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// Text to token ids and back, with the stages and the file format of Hugging Face tokenizers.
///
///     text → added tokens cut out → normalizer → pre-tokenizer → model → ids
///     ids → token strings → decoder → text
///
/// A value: encoding on several threads at once is safe. What a file asks for and this version
/// cannot do exactly is an error on reading, so ids are those of Hugging Face or there are none.
///
///     let tokenizer = try Tokenizer.load(directory: "model")
///     let ids = tokenizer.encode("Góðan dag")
public struct Tokenizer: Sendable {
  /// The special tokens that have a role, by their text.
  public struct Roles: Equatable, Sendable {
    /// Begins a text.
    public var bos: String?
    /// Ends a text.
    public var eos: String?
    /// Fills a batch; never trained on.
    public var pad: String?
    /// Stands for what the vocabulary cannot write.
    public var unk: String?

    /// Roles that are absent are `nil`.
    public init(
      bos: String? = nil, eos: String? = nil, pad: String? = nil, unk: String? = nil
    ) {
      self.bos = bos
      self.eos = eos
      self.pad = pad
      self.unk = unk
    }
  }

  let normalizer: (any Normalizer)?
  let preTokenizer: (any PreTokenizer)?
  let model: any TokenModel
  var postProcessor: (any PostProcessor)?
  let decoder: (any TokenDecoder)?
  /// Added tokens in the order of tokenizer.json.
  let addedTokens: [(id: Int32, token: AddedToken)]
  /// `truncation` and `padding` of tokenizer.json, kept for writing; encoding does neither.
  let batchSettings: (truncation: JSON, padding: JSON)
  /// tokenizer_config.json as read, kept for writing.
  var configuration: JSONObject

  /// Whether decoding takes spaces before English punctuation away; see
  /// ``Tokenizer/decode(_:skipSpecialTokens:)``.
  var cleansUpSpaces: Bool {
    configuration["clean_up_tokenization_spaces"]?.bool == true && !(model is BPEModel)
  }

  /// The special tokens that have a role.
  public let roles: Roles
  /// How many tokens the model can see at once, if the tokenizer says so.
  public var modelMaxLength: Int?

  let vocabulary: Vocabulary
  /// Finds added tokens in the text as given and in the normalised text.
  let matchers: (raw: AddedTokenMatcher, normalized: AddedTokenMatcher)
  /// The same without special tokens.
  let ordinaryMatchers: (raw: AddedTokenMatcher, normalized: AddedTokenMatcher)
  private let specialIDs: Set<Int32>
  /// The normalised text of added tokens that normalising changes: what they decode as.
  let normalizedSpellings: [Int32: String]
  /// How texts may be cut; `nil` where they are encoded whole.
  let chunkPlan: ChunkPlan?
  let caches = WordCachePool()
  /// For texts that never become special tokens.
  let ordinaryCaches: WordCachePool

  init(
    normalizer: (any Normalizer)?, preTokenizer: (any PreTokenizer)?, model: any TokenModel,
    postProcessor: (any PostProcessor)?, decoder: (any TokenDecoder)?,
    addedTokens: [(id: Int32, token: AddedToken)], roles: Roles,
    batchSettings: (truncation: JSON, padding: JSON) = (.null, .null),
    configuration: JSONObject = JSONObject(), modelMaxLength: Int? = nil, origin: String
  ) throws(TokenizationError) {
    for (role, token) in [
      ("bos_token", roles.bos), ("eos_token", roles.eos), ("pad_token", roles.pad),
      ("unk_token", roles.unk),
    ] {
      if let token, model.vocabulary.id(of: token) == nil {
        throw .unknownSpecialToken(role: role, token: token, origin: origin)
      }
    }
    for id in postProcessor?.addedIDs ?? [] where !model.vocabulary.contains(id) {
      throw .wrongValue(
        path: "post_processor", expected: "one that adds tokens of the vocabulary",
        found: "the id \(id)", origin: origin)
    }
    self.normalizer = normalizer
    self.preTokenizer = preTokenizer
    self.model = model
    self.postProcessor = postProcessor
    self.decoder = decoder
    self.addedTokens = addedTokens
    self.roles = roles
    self.batchSettings = batchSettings
    self.configuration = configuration
    self.modelMaxLength = modelMaxLength
    vocabulary = model.vocabulary
    // Special tokens come first, so they win where two tokens have the same text to search for.
    let searched =
      addedTokens.filter(\.token.isSpecial) + addedTokens.filter { !$0.token.isSpecial }
    func matchers(
      _ tokens: [(id: Int32, token: AddedToken)]
    ) -> (raw: AddedTokenMatcher, normalized: AddedTokenMatcher) {
      let raw = tokens.filter { !$0.token.isNormalized }.map { ($0.id, $0.token, $0.token.content) }
      let normalized = tokens.filter(\.token.isNormalized).map { entry in
        (entry.id, entry.token, normalizer?.normalize(entry.token.content) ?? entry.token.content)
      }
      return (AddedTokenMatcher(raw), AddedTokenMatcher(normalized))
    }
    self.matchers = matchers(searched)
    ordinaryMatchers = matchers(searched.filter { !$0.token.isSpecial })
    // Where the place in the text matters, chunks would lose it.
    chunkPlan =
      preTokenizer?.dependsOnStart ?? false
      ? nil
      : ChunkPlan(
        normalizer: normalizer, preTokenizer: preTokenizer, model: model,
        normalizedTokens: searched.filter(\.token.isNormalized).map {
          ($0.token, normalizer?.normalize($0.token.content) ?? $0.token.content)
        })
    specialIDs = Set(addedTokens.filter(\.token.isSpecial).map(\.id))
    ordinaryCaches = WordCachePool(excluding: specialIDs)
    var spellings: [Int32: String] = [:]
    for (id, token) in addedTokens where token.isNormalized {
      let text = normalizer?.normalize(token.content) ?? token.content
      if Array(text.utf8) != Array(token.content.utf8) { spellings[id] = text }
    }
    normalizedSpellings = spellings
  }

  /// One more than the largest id.
  public var vocabularySize: Int { vocabulary.count }

  /// The token of each id as tokenizer.json spells it: in byte-level tokenizers `Ġ` is a space;
  /// empty where no token has the id.
  public var tokens: [String] { vocabulary.tokens }

  /// The id of a token as tokenizer.json spells it.
  public func id(of token: String) -> Int32? { vocabulary.id(of: token) }

  /// The id of the token that begins a text.
  public var bosID: Int32? { roles.bos.flatMap(id(of:)) }
  /// The id of the token that ends a text.
  public var eosID: Int32? { roles.eos.flatMap(id(of:)) }
  /// The id of the token that fills a batch.
  public var padID: Int32? { roles.pad.flatMap(id(of:)) }
  /// The id of the unknown token.
  public var unkID: Int32? { roles.unk.flatMap(id(of:)) }

  /// Whether an id is a special token, which decoding leaves out by default.
  public func isSpecial(_ id: Int32) -> Bool { specialIDs.contains(id) }

  /// Checks that every id is one of this vocabulary.
  /// - Throws: `idOutOfRange` with the first that is not.
  public func validate(_ ids: some Sequence<Int32>) throws(TokenizationError) {
    var position = 0
    for id in ids {
      guard vocabulary.contains(id) else {
        throw .idOutOfRange(Int(id), position: position, vocabularySize: vocabularySize)
      }
      position += 1
    }
  }
}
