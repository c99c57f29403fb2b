// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

extension Tokenizer {
  /// Reads a SentencePiece model (`tokenizer.model`, `spiece.model`) of the type BPE or Unigram.
  ///
  /// Ids are those of the sentencepiece library, except where the text holds the spelling of a
  /// control symbol (`<s>`): that is found as a special token, as transformers does, unless
  /// ``encodeOrdinary(_:)`` is asked. A text that is nothing but one user-defined symbol gets no
  /// space before it.
  ///
  /// What is written is a tokenizer.json with the same ids, but for two things that its format
  /// cannot say. Where two merges have the same score the library takes the leftmost, and the file
  /// gives each a rank of its own. And the table of replacements is applied cluster by cluster, not
  /// at its longest entry.
  ///
  /// - Throws: an error naming file and place for what is damaged, and for what this version
  ///   cannot do exactly.
  public static func loadSentencePiece(
    model path: String, roles: Roles = Roles()
  ) throws(TokenizationError) -> Tokenizer {
    try sentencePiece(contents(path), origin: path, roles: roles)
  }

  /// The tokenizer that the contents of a `.model` file describe.
  static func sentencePiece(
    _ bytes: [UInt8], origin: String, roles: Roles = Roles(),
    configuration: JSONObject = JSONObject(), moreTokens: [(id: Int32, token: AddedToken)] = []
  ) throws(TokenizationError) -> Tokenizer {
    let file = try SentencePieceModel(bytes, file: origin)
    try refuse(file, origin: origin)
    let vocabulary = try wholeVocabulary(
      file.pieces.enumerated().map { ($0.element.text, $0.offset) }, moreTokens, origin)
    let model = try model(file, vocabulary, origin: origin)
    let normalizer = try normalizer(file, origin: origin)
    let mark: Unicode.Scalar = file.escapesSpaces ? "\u{2581}" : " "
    var decoders: [any TokenDecoder] = [
      ReplaceDecoder(String(mark), with: " "), ByteFallbackDecoder(), FuseDecoder(),
    ]
    if file.addsPrefix || file.removesExtraSpaces {
      // Where spaces at the ends were taken away, a text cannot begin with any.
      let count = file.removesExtraSpaces ? Int(UInt16.max) : 1
      decoders.append(StripDecoder(content: " ", start: count, stop: 0))
    }
    var added: [(id: Int32, token: AddedToken)] = []
    for (id, piece) in file.pieces.enumerated() {
      switch piece.kind {
      case .control, .unknown: added.append((Int32(id), AddedToken(special: piece.text)))
      case .userDefined:
        var token = AddedToken(special: piece.text)
        token.isSpecial = false
        token.isNormalized = true
        added.append((Int32(id), token))
      case .normal, .byte, .unused: break
      }
    }
    func piece(_ text: String) -> String? { vocabulary.id(of: text) == nil ? nil : text }
    let roles = Roles(
      bos: roles.bos ?? piece(file.begin), eos: roles.eos ?? piece(file.end),
      pad: roles.pad ?? piece(file.pad), unk: roles.unk ?? piece(file.unknown))
    return try Tokenizer(
      normalizer: normalizer, preTokenizer: nil, model: model, postProcessor: nil,
      decoder: DecoderSequence(decoders), addedTokens: merged(added, moreTokens), roles: roles,
      configuration: configuration, modelMaxLength: configuration["model_max_length"]?.int,
      origin: origin)
  }

  private static func refuse(
    _ file: SentencePieceModel, origin: String
  ) throws(TokenizationError) {
    guard file.type == .bpe || file.type == .unigram else {
      throw .unsupported(
        path: "trainer_spec.model_type", found: "`\(file.type)`",
        supported: ["`bpe`", "`unigram`"],
        origin: origin)
    }
    if file.putsSpaceAfter {
      throw .unsupported(
        path: "trainer_spec.treat_whitespace_as_suffix", found: "true", supported: ["false"],
        origin: origin)
    }
    if file.denormalizes {
      throw .unsupported(
        path: "denormalizer_spec", found: "a table of replacements", supported: ["none"],
        origin: origin)
    }
    if let unused = file.pieces.first(where: { $0.kind == .unused }) {
      throw .unsupported(
        path: "the piece `\(unused.text)`", found: "of the type unused",
        supported: ["normal", "unknown", "control", "user-defined", "byte"], origin: origin)
    }
  }

  private static func normalizer(
    _ file: SentencePieceModel, origin: String
  ) throws(TokenizationError) -> (any Normalizer)? {
    var normalizers: [any Normalizer] = []
    if !file.characterMap.isEmpty {
      normalizers.append(
        try PrecompiledNormalizer(
          table: file.characterMap, takesLongest: true,
          path: "normalizer_spec.precompiled_charsmap", origin: origin))
    }
    let mark = file.escapesSpaces ? "\u{2581}" : " "
    if file.removesExtraSpaces {
      normalizers.append(try ReplaceNormalizer(regex: " {2,}", with: " "))
      // The look-behind keeps the search from beginning again at every place of a long run.
      normalizers.append(
        try ReplaceNormalizer(regex: #"\A +|(?<![ \#(mark)])[ \#(mark)]+\z"#, with: ""))
    }
    if file.addsPrefix {
      let symbols = file.pieces.filter { $0.kind == .userDefined }.map(\.text)
      normalizers += try prefix(mark, unless: symbols)
    }
    if file.escapesSpaces { normalizers.append(ReplaceNormalizer(" ", with: mark)) }
    let normalizer: (any Normalizer)? =
      normalizers.count > 1 ? NormalizerSequence(normalizers) : normalizers.first
    return normalizer
  }

  /// What puts `mark` before a text that is not just one of `symbols`.
  ///
  /// User-defined symbols are searched in the normalised text, whose prefix is put there once. The
  /// exception keeps the symbols themselves unchanged when they are normalised for the search.
  private static func prefix(
    _ mark: String, unless symbols: [String]
  ) throws(TokenizationError) -> [any Normalizer] {
    guard !symbols.isEmpty else { return [PrependNormalizer(mark)] }
    var parts: [[String]] = [[]]
    var byteCount = 0
    for symbol in symbols.map(escaped) {
      // PCRE2 takes expressions of some ten thousand bytes, and models have thousands of symbols.
      if byteCount > 8_000 {
        parts.append([])
        byteCount = 0
      }
      parts[parts.count - 1].append(symbol)
      byteCount += symbol.utf8.count
    }
    let choices = parts.map { "(?:\($0.joined(separator: "|")))" }
    if choices.count == 1 {
      return [try ReplaceNormalizer(regex: #"\A(?!\z)(?!\#(choices[0])\z)"#, with: mark)]
    }
    var result: [any Normalizer] = [PrependNormalizer(mark)]
    for choice in choices {
      result.append(
        try ReplaceNormalizer(regex: #"\A\#(escaped(mark))(?=\#(choice)\z)"#, with: ""))
    }
    return result
  }

  /// An expression for the text itself.
  private static func escaped(_ symbol: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in symbol.unicodeScalars {
      let isPlain =
        !scalar.isASCII || scalar.properties.isAlphabetic || scalar.value < 0x20
        || scalar.properties.numericType != nil
      if !isPlain { result.append("\\") }
      result.append(scalar)
    }
    return String(result)
  }

  private static func model(
    _ file: SentencePieceModel, _ vocabulary: Vocabulary, origin: String
  ) throws(TokenizationError) -> any TokenModel {
    let unknown = Int32(file.pieces.firstIndex { $0.kind == .unknown } ?? 0)
    let unmatched = file.pieces.indices.filter { file.pieces[$0].kind != .normal }
    guard file.type == .bpe else {
      return UnigramModel(
        scores: file.pieces.map { Double($0.score) }, unknownID: unknown,
        fallsBackToBytes: file.fallsBackToBytes, vocabulary: vocabulary,
        unmatched: Set(unmatched.map { Int32($0) }), usesSinglePrecision: true)
    }
    // A piece of a higher score is joined earlier, whatever its halves are.
    var ranks = [Int32](repeating: -1, count: file.pieces.count)
    let ordered = file.pieces.indices.filter { file.pieces[$0].kind == .normal }
      .sorted { (file.pieces[$1].score, $0) < (file.pieces[$0].score, $1) }
    var rank: Int32 = 0
    for (place, id) in ordered.enumerated() {
      if place > 0, file.pieces[id].score != file.pieces[ordered[place - 1]].score { rank += 1 }
      ranks[id] = rank
    }
    let (merges, mergeRanks) = splits(of: vocabulary, ranks: ranks)
    var options = BPEModel.Options()
    options.unknownToken = file.pieces[Int(unknown)].text
    options.fusesUnknown = true
    options.fallsBackToBytes = file.fallsBackToBytes
    return try BPEModel(
      vocabulary: vocabulary, merges: merges, options: options, ranks: mergeRanks, origin: origin)
  }

  /// Every way to make a token of two others, in the order of the tokens' ranks; among equal ranks
  /// the longer left half first, as transformers has it.
  ///
  /// - Parameter ranks: by id; tokens with a negative one take no part.
  static func splits(
    of vocabulary: Vocabulary, ranks: [Int32]
  ) -> (merges: [(left: Int32, right: Int32)], ranks: [Int32]) {
    var found: [(rank: Int32, leftCount: Int, left: Int32, right: Int32)] = []
    let lengths = TokenLengths(
      ranks.indices.lazy.filter { ranks[$0] >= 0 }.map { vocabulary.tokens[$0].utf8.count })
    for id in ranks.indices where ranks[id] >= 0 {
      let token = Array(vocabulary.tokens[id].utf8)
      for cut in token.indices.dropFirst()
      where token[cut] & 0xC0 != 0x80 && lengths.allowCut(of: token.count, at: cut) {
        guard let left = vocabulary.ownID(of: token[..<cut]), ranks.indices.contains(Int(left)),
          ranks[Int(left)] >= 0, let right = vocabulary.ownID(of: token[cut...]),
          ranks.indices.contains(Int(right)), ranks[Int(right)] >= 0
        else { continue }
        found.append((ranks[id], cut, left, right))
      }
    }
    found.sort { a, b in
      (a.rank, -a.leftCount, a.left, a.right) < (b.rank, -b.leftCount, b.left, b.right)
    }
    return (found.map { ($0.left, $0.right) }, found.map(\.rank))
  }
}
