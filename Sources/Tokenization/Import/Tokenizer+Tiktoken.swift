// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

extension Tokenizer {
  /// How the rank files of a family of models are read: they hold tokens only.
  public struct TiktokenFamily: Equatable, Sendable {
    /// The name of the encoding.
    public let name: String
    /// How text is cut into words.
    public let pattern: SplitPattern
    /// Special tokens beside the ranks.
    public let specialTokens: [String: Int]
    /// Parts of file names, and numbers of ranks, that tell the family.
    let fileNames: [String]
    let counts: [Int]

    /// The families this version knows.
    public static let all = [
      TiktokenFamily(
        name: "cl100k_base", pattern: .cl100k,
        specialTokens: [
          "<|endoftext|>": 100257, "<|fim_prefix|>": 100258, "<|fim_middle|>": 100259,
          "<|fim_suffix|>": 100260, "<|endofprompt|>": 100276,
        ], fileNames: ["cl100k"], counts: [100256]),
      TiktokenFamily(
        name: "o200k_base", pattern: .o200k,
        specialTokens: ["<|endoftext|>": 199999, "<|endofprompt|>": 200018],
        fileNames: ["o200k"], counts: [199998]),
      TiktokenFamily(
        name: "r50k_base", pattern: .gpt2, specialTokens: ["<|endoftext|>": 50256],
        fileNames: ["r50k", "gpt2.tiktoken"], counts: [50256]),
      TiktokenFamily(
        name: "whisper", pattern: .gpt2, specialTokens: [:], fileNames: ["multilingual"],
        counts: [50257]),
      TiktokenFamily(
        name: "llama3", pattern: .numberTriples, specialTokens: [:], fileNames: ["llama"],
        counts: [128000]),
      TiktokenFamily(
        name: "qwen", pattern: .singleDigits, specialTokens: [:], fileNames: ["qwen"],
        counts: [151643]),
    ]
  }

  /// Reads a file of tiktoken: a token in base64 and its rank a line.
  ///
  /// Ids are the ranks. A word that is a token is taken whole; else neighbours whose join has the
  /// lowest rank are joined first.
  ///
  /// What is written is a tokenizer.json with the same ids, but where several ways to make the same
  /// token overlap: tiktoken takes the leftmost, and the file gives each a rank of its own.
  ///
  /// - Parameter family: `nil` takes the one that the file's name or the number of ranks tells.
  /// - Throws: an error naming file and line for what is damaged, and for an unknown family.
  public static func loadTiktoken(
    ranks path: String, family: TiktokenFamily? = nil, roles: Roles = Roles()
  ) throws(TokenizationError) -> Tokenizer {
    try tiktoken(contents(path), origin: path, family: family, roles: roles)
  }

  /// The tokenizer that the contents of a rank file describe.
  static func tiktoken(
    _ bytes: [UInt8], origin: String, family: TiktokenFamily? = nil, roles: Roles = Roles(),
    configuration: JSONObject = JSONObject(), moreTokens: [(id: Int32, token: AddedToken)] = []
  ) throws(TokenizationError) -> Tokenizer {
    let tokens = try tiktokenRanks(bytes, origin: origin)
    let name = origin.split(separator: "/" as Character).last.map { $0.lowercased() } ?? ""
    let named =
      family == nil
      ? TiktokenFamily.all.first { $0.fileNames.contains { name.contains($0) } } : nil
    let known =
      family ?? named ?? TiktokenFamily.all.first { $0.counts.contains(tokens.count) }
    guard let family = known else {
      throw .unsupported(
        path: "the rank file", found: "of an unknown family (\(tokens.count) ranks)",
        supported: TiktokenFamily.all.map {
          "`\($0.name)` (\($0.fileNames.joined(separator: ", ")), \($0.counts[0]) ranks)"
        }, origin: origin)
    }
    // A file that is cut between two lines looks whole.
    if named == family, let count = family.counts.min(), tokens.count < count {
      throw .malformed(
        file: origin, place: "rank \(tokens.count)",
        reason: "there are \(tokens.count) ranks, and `\(family.name)` has \(count)")
    }
    // Tokens of byte strings, in the characters that stand for bytes.
    var entries = tokens.enumerated().map {
      (token: ByteAlphabet.token(of: $0.element), id: $0.offset)
    }
    let special = family.specialTokens.sorted { $0.value < $1.value }.filter { entry in
      entry.value >= tokens.count && !moreTokens.contains { $0.token.content == entry.key }
    }
    // In the model's vocabulary they keep their ids whatever stands between.
    entries += special.map { ($0.key, $0.value) }
    let vocabulary = try wholeVocabulary(entries, moreTokens, origin)
    let (merges, ranks) = splits(of: vocabulary, tokens: tokens)
    var options = BPEModel.Options()
    options.ignoresMerges = true
    let model = try BPEModel(
      vocabulary: vocabulary, merges: merges, options: options, ranks: ranks, origin: origin)
    let preTokenizer: any PreTokenizer =
      family.pattern == .gpt2
      ? ByteLevelPreTokenizer(usesRegex: true)
      : PreTokenizerSequence([
        SplitPreTokenizer(family.pattern), ByteLevelPreTokenizer(usesRegex: false),
      ])
    var roles = roles
    if vocabulary.id(of: "<|endoftext|>") != nil {
      roles.bos = roles.bos ?? "<|endoftext|>"
      roles.eos = roles.eos ?? "<|endoftext|>"
    }
    return try Tokenizer(
      normalizer: nil, preTokenizer: preTokenizer, model: model,
      postProcessor: ByteLevelPostProcessor(), decoder: ByteLevelDecoder(),
      addedTokens: merged(
        special.map { (Int32($0.value), AddedToken(special: $0.key)) }, moreTokens),
      roles: roles, configuration: configuration,
      modelMaxLength: configuration["model_max_length"]?.int, origin: origin)
  }

  /// The tokens in the order of their ranks, which must run from 0 without gaps.
  private static func tiktokenRanks(
    _ bytes: [UInt8], origin: String
  ) throws(TokenizationError) -> [[UInt8]] {
    var byRank: [Int: [UInt8]] = [:]
    var seen = ByteTable()
    for (index, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated()
    {
      func damaged(_ reason: String) -> TokenizationError {
        .malformed(file: origin, place: "line \(index + 1)", reason: reason)
      }
      let line = line.last == 0x0D ? line.dropLast() : line
      guard !line.isEmpty else { continue }
      let parts = line.split(separator: 0x20)
      guard parts.count == 2, let rank = Int(String(decoding: parts[1], as: UTF8.self)), rank >= 0
      else { throw damaged("a line is a token in base64, a space, and a rank") }
      // Whisper's ranks have an empty token, written as padding alone.
      let data = parts[0].elementsEqual([0x3D]) ? Data() : Data(base64Encoded: Data(parts[0]))
      guard let data else { throw damaged("the token is not base64") }
      let token = Array(data)
      if let other = byRank[rank] {
        throw .duplicateID(
          rank, first: ByteAlphabet.token(of: other), second: ByteAlphabet.token(of: token),
          origin: origin)
      }
      let (number, isNew) = seen.intern(token[...])
      guard isNew else {
        throw damaged(
          "the token `\(ByteAlphabet.token(of: token))` is the same as number \(number)")
      }
      byRank[rank] = token
    }
    var result: [[UInt8]] = []
    for rank in 0..<byRank.count {
      guard let token = byRank[rank] else {
        throw .malformed(
          file: origin, place: "rank \(rank)",
          reason: "no line has it, though there are larger ones")
      }
      result.append(token)
    }
    for byte in UInt8.min...UInt8.max where seen.find([byte]) == nil {
      throw .malformed(
        file: origin, place: "its \(result.count) ranks", reason: "the byte \(byte) is no token")
    }
    return result
  }

  private static func splits(
    of vocabulary: Vocabulary, tokens: [[UInt8]]
  ) -> (merges: [(left: Int32, right: Int32)], ranks: [Int32]) {
    var table = ByteTable(minimumCapacity: tokens.count)
    for token in tokens { _ = table.intern(token[...]) }
    let lengths = TokenLengths(tokens.lazy.map(\.count))
    var merges: [(left: Int32, right: Int32)] = []
    var ranks: [Int32] = []
    for (rank, token) in tokens.enumerated() where token.count > 1 {
      var found: [(left: Int, right: Int)] = []
      for cut in 1..<token.count where lengths.allowCut(of: token.count, at: cut) {
        if let left = table.find(token[..<cut]), let right = table.find(token[cut...]) {
          found.append((left, right))
        }
      }
      for pair in found.sorted(by: <) {
        merges.append((Int32(pair.left), Int32(pair.right)))
        ranks.append(Int32(rank))
      }
    }
    return (merges, ranks)
  }
}
