// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A token of a text, with where it stands.
public struct TokenPiece: Equatable, Sendable {
  /// The token's id.
  public var id: Int32
  /// The token as tokenizer.json spells it.
  public var token: String
  /// The UTF-8 bytes of the *normalised* text that it covers. A token may end inside a character.
  /// Where a model replaced characters by its unknown token, every token of the word has the
  /// word's range.
  public var byteRange: Range<Int>
}

extension Tokenizer {
  /// The ids of a text; nothing is added before or after it.
  ///
  /// Added tokens that stand in the text, `<|endoftext|>` for one, become their ids, as in Hugging
  /// Face tokenizers. The empty text has no ids.
  ///
  /// - Cost: one pass over the text; a word met before costs one hash.
  public func encode(_ text: String) -> [Int32] {
    guard let chunkPlan else { return encodePlainly(text) }
    var ids: [Int32] = []
    ids.reserveCapacity(text.utf8.count / 3)
    caches.withCache { encodeChunks(of: text, chunkPlan, &$0, into: &ids) }
    return ids
  }

  /// The ids of a text in which the spelling of a special token is text like any other, as for
  /// text that strangers wrote; added tokens that are not special are found. The model passes
  /// special tokens over too, as Unigram vocabularies hold them among their pieces.
  public func encodeOrdinary(_ text: String) -> [Int32] {
    // Not in chunks: what is remembered of those has special tokens in it.
    encodePlainly(text, ordinaryMatchers, ordinaryCaches)
  }

  /// The ids of a text that goes through the stages as a whole: what ``encode(_:)`` must give.
  func encodePlainly(_ text: String) -> [Int32] { encodePlainly(text, matchers, caches) }

  private typealias Matchers = (raw: AddedTokenMatcher, normalized: AddedTokenMatcher)

  private func encodePlainly(
    _ text: String, _ matchers: Matchers, _ caches: WordCachePool
  ) -> [Int32] {
    var ids: [Int32] = []
    ids.reserveCapacity(text.utf8.count / 3)
    caches.withCache { cache in
      forEachSegment(of: text, matchers) { append($0, &cache, into: &ids) }
    }
    return ids
  }

  /// Appends the ids of a text without added tokens that are found before normalising.
  func appendNormalized(
    _ raw: [UInt8], _ text: String, _ cache: inout WordCache, into ids: inout [Int32]
  ) {
    forEachNormalizedSegment(raw, text, matchers, startsText: true, false) {
      append($0, &cache, into: &ids)
    }
  }

  private func append(_ segment: Segment, _ cache: inout WordCache, into ids: inout [Int32]) {
    switch segment {
    case .added(let id, _): ids.append(id)
    case .words(let text):
      for word in text.words {
        cache.encode(text.bytes[word], with: model, into: &ids)
      }
    }
  }

  /// The ids of a text with the special tokens that the tokenizer's post-processor puts around it.
  public func encodeWithSpecialTokens(_ text: String) -> [Int32] {
    let ids = encode(text)
    return postProcessor?.process(ids, nil) ?? ids
  }

  /// The ids of two texts with the special tokens that the tokenizer's post-processor puts around
  /// and between them; without a post-processor, one after the other.
  public func encodeWithSpecialTokens(_ first: String, _ second: String) -> [Int32] {
    let (first, second) = (encode(first), encode(second))
    return postProcessor?.process(first, second) ?? first + second
  }

  /// The tokens of a text with their places, and the normalised text that the places refer to.
  public func pieces(of text: String) -> (normalizedText: String, pieces: [TokenPiece]) {
    var normalized: [UInt8] = []
    var pieces: [TokenPiece] = []
    caches.withCache { cache in
      forEachSegment(of: text, matchers, tracksSources: true) { segment in
        let base = normalized.count
        switch segment {
        case .added(let id, let bytes):
          normalized += bytes
          pieces.append(piece(id, base..<normalized.count))
        case .words(let text):
          for word in text.words {
            var ids: [Int32] = []
            cache.encode(text.bytes[word], with: model, into: &ids)
            appendPieces(ids, word, text, base: base, to: &pieces)
          }
          normalized += text.original
        }
      }
    }
    return (String(decoding: normalized, as: UTF8.self), pieces)
  }

  /// How many tokens a text has.
  public func count(_ text: String) -> Int { encode(text).count }

  private enum Segment {
    case added(Int32, ArraySlice<UInt8>)
    case words(PreTokenizedText)
  }

  private func forEachSegment(
    of text: String, _ matchers: Matchers, tracksSources: Bool = false, _ body: (Segment) -> Void
  ) {
    let raw = Array(text.utf8)
    guard !matchers.raw.isEmpty else {
      forEachNormalizedSegment(raw, text, matchers, startsText: true, tracksSources, body)
      return
    }
    for piece in matchers.raw.pieces(of: raw) {
      if let id = piece.id {
        body(.added(id, raw[piece.range]))
      } else {
        forEachNormalizedSegment(
          Array(raw[piece.range]), String(decoding: raw[piece.range], as: UTF8.self),
          matchers, startsText: piece.range.lowerBound == 0, tracksSources, body)
      }
    }
  }

  private func forEachNormalizedSegment(
    _ raw: [UInt8], _ text: String, _ matchers: Matchers, startsText: Bool,
    _ tracksSources: Bool, _ body: (Segment) -> Void
  ) {
    let bytes = normalizer.map { Array($0.normalize(text).utf8) } ?? raw
    let startsText =
      startsText && preTokenizer?.dependsOnStart ?? false
      && !(normalizer?.dropsStart(of: text) ?? false)
    func words(_ bytes: [UInt8], _ startsText: Bool) -> Segment {
      var text = PreTokenizedText(bytes, startsText: startsText, tracksSources: tracksSources)
      preTokenizer?.apply(to: &text)
      return .words(text)
    }
    guard !matchers.normalized.isEmpty else {
      body(words(bytes, startsText))
      return
    }
    for piece in matchers.normalized.pieces(of: bytes) {
      if let id = piece.id {
        body(.added(id, bytes[piece.range]))
      } else {
        body(words(Array(bytes[piece.range]), startsText && piece.range.lowerBound == 0))
      }
    }
  }

  private func piece(_ id: Int32, _ range: Range<Int>) -> TokenPiece {
    TokenPiece(id: id, token: vocabulary.tokens[Int(id)], byteRange: range)
  }

  private func appendPieces(
    _ ids: [Int32], _ word: Range<Int>, _ text: PreTokenizedText, base: Int,
    to pieces: inout [TokenPiece]
  ) {
    var lengths: [Int] = []
    for (index, id) in ids.enumerated() {
      // A single token covers the whole word, known or not.
      let length = ids.count == 1 ? word.count : model.byteCount(of: id, isFirst: index == 0)
      if let length { lengths.append(length) }
    }
    guard lengths.count == ids.count, lengths.reduce(0, +) == word.count else {
      let source = text.source(of: word)
      for id in ids {
        pieces.append(piece(id, base + source.lowerBound..<base + source.upperBound))
      }
      return
    }
    var start = word.lowerBound
    for (id, length) in zip(ids, lengths) {
      let source = text.source(of: start..<start + length)
      pieces.append(piece(id, base + source.lowerBound..<base + source.upperBound))
      start += length
    }
  }

  /// The text of ids.
  ///
  /// - Parameters:
  ///   - ids: ids outside the vocabulary, as the padding rows of an embedding have, stand for no
  ///     text; ``validate(_:)`` finds them.
  ///   - skipSpecialTokens: leaves special tokens out.
  /// - Returns: the text; ids that end inside a character give U+FFFD there. Where
  ///   tokenizer_config.json says `clean_up_tokenization_spaces`, and the model is not BPE, spaces
  ///   before English punctuation and contractions are taken away, as transformers does.
  public func decode(_ ids: [Int32], skipSpecialTokens: Bool = true) -> String {
    var tokens: [String] = []
    tokens.reserveCapacity(ids.count)
    for id in ids where vocabulary.contains(id) {
      // As Hugging Face has it, an added token that normalising changes is decoded in its
      // normalised spelling, under which it is not known as special.
      if let spelling = normalizedSpellings[id] {
        tokens.append(spelling)
        continue
      }
      if skipSpecialTokens, isSpecial(id) { continue }
      tokens.append(vocabulary.tokens[Int(id)])
    }
    let text = decoder?.decode(tokens) ?? tokens.joined(separator: " ")
    return cleansUpSpaces ? SpaceCleanup.apply(text, contractsNegation: false) : text
  }
}
