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
    var ids: [Int32] = []
    ids.reserveCapacity(text.utf8.count / 3)
    caches.withCache { cache in
      forEachSegment(of: text) { segment in
        switch segment {
        case .added(let id, _): ids.append(id)
        case .words(let text):
          for word in text.words {
            cache.encode(text.bytes[word.range], with: model, into: &ids)
          }
        }
      }
    }
    return ids
  }

  /// The tokens of a text with their places, and the normalised text that the places refer to.
  public func pieces(of text: String) -> (normalizedText: String, pieces: [TokenPiece]) {
    var normalized: [UInt8] = []
    var pieces: [TokenPiece] = []
    caches.withCache { cache in
      forEachSegment(of: text) { segment in
        let base = normalized.count
        switch segment {
        case .added(let id, let bytes):
          normalized += bytes
          pieces.append(piece(id, base..<normalized.count))
        case .words(let text):
          for word in text.words {
            var ids: [Int32] = []
            cache.encode(text.bytes[word.range], with: model, into: &ids)
            let range = base + word.source.lowerBound..<base + word.source.upperBound
            appendPieces(ids, range, isByteLevel: text.isByteLevel, to: &pieces)
          }
          normalized += text.isByteLevel ? sourceBytes(text) : text.bytes
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

  private func forEachSegment(of text: String, _ body: (Segment) -> Void) {
    let raw = Array(text.utf8)
    guard !rawMatcher.isEmpty else {
      forEachNormalizedSegment(raw, text, body)
      return
    }
    for piece in rawMatcher.pieces(of: raw) {
      if let id = piece.id {
        body(.added(id, raw[piece.range]))
      } else {
        forEachNormalizedSegment(
          Array(raw[piece.range]), String(decoding: raw[piece.range], as: UTF8.self), body)
      }
    }
  }

  private func forEachNormalizedSegment(
    _ raw: [UInt8], _ text: String, _ body: (Segment) -> Void
  ) {
    let bytes = normalizer.map { Array($0.normalize(text).utf8) } ?? raw
    guard !normalizedMatcher.isEmpty else {
      body(.words(words(of: bytes)))
      return
    }
    for piece in normalizedMatcher.pieces(of: bytes) {
      if let id = piece.id {
        body(.added(id, bytes[piece.range]))
      } else {
        body(.words(words(of: Array(bytes[piece.range]))))
      }
    }
  }

  private func words(of bytes: [UInt8]) -> PreTokenizedText {
    var text = PreTokenizedText(bytes)
    preTokenizer?.apply(to: &text)
    return text
  }

  private func piece(_ id: Int32, _ range: Range<Int>) -> TokenPiece {
    TokenPiece(id: id, token: vocabulary.tokens[Int(id)], byteRange: range)
  }

  private func appendPieces(
    _ ids: [Int32], _ range: Range<Int>, isByteLevel: Bool, to pieces: inout [TokenPiece]
  ) {
    let lengths = ids.map { id in
      let token = vocabulary.tokens[Int(id)]
      return isByteLevel ? token.unicodeScalars.count : token.utf8.count
    }
    guard lengths.reduce(0, +) == range.count else {
      for id in ids { pieces.append(piece(id, range)) }
      return
    }
    var start = range.lowerBound
    for (id, length) in zip(ids, lengths) {
      pieces.append(piece(id, start..<start + length))
      start += length
    }
  }

  private func sourceBytes(_ text: PreTokenizedText) -> [UInt8] {
    ByteAlphabet.bytes(of: String(decoding: text.bytes, as: UTF8.self)) ?? text.bytes
  }

  /// The text of ids.
  ///
  /// - Parameters:
  ///   - ids: ids outside the vocabulary, as the padding rows of an embedding have, stand for no
  ///     text; ``validate(_:)`` finds them.
  ///   - skipSpecialTokens: leaves special tokens out.
  /// - Returns: the text; ids that end inside a character give U+FFFD there.
  public func decode(_ ids: [Int32], skipSpecialTokens: Bool = true) -> String {
    var tokens: [String] = []
    tokens.reserveCapacity(ids.count)
    for id in ids where vocabulary.tokens.indices.contains(Int(id)) {
      if skipSpecialTokens, isSpecial(id) { continue }
      tokens.append(vocabulary.tokens[Int(id)])
    }
    return decoder?.decode(tokens) ?? tokens.joined(separator: " ")
  }
}
