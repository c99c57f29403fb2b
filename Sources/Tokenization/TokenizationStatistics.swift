// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// How well a tokenizer fits a language: tokens against bytes and words.
public struct TokenizationStatistics: Equatable, Sendable {
  /// Tokens of all texts.
  public private(set) var tokenCount = 0
  /// UTF-8 bytes of all texts as given.
  public private(set) var byteCount = 0
  /// Words of all texts: runs of scalars other than white space.
  public private(set) var wordCount = 0
  /// How many texts.
  public private(set) var textCount = 0
  /// Unknown tokens.
  public private(set) var unknownCount = 0
  /// Tokens that are bytes, or parts of characters, because the vocabulary lacks the characters:
  /// `<0xE1>`, and in byte-level vocabularies every token that is no text by itself.
  public private(set) var byteTokenCount = 0
  /// How often each id occurs; shorter than the vocabulary where the last ids do not.
  private var idCounts: [Int] = []

  /// Counts nothing yet.
  public init() {}

  /// Counts all texts with `tokenizer`, on all cores.
  public init(_ tokenizer: Tokenizer, texts: some Sequence<String>) {
    add(Array(texts), TokenizerProfile(tokenizer))
  }

  /// Counts one more text.
  public mutating func add(_ text: String, _ tokenizer: Tokenizer) {
    add(text, TokenizerProfile(tokenizer))
  }

  /// Counts more texts, on all cores.
  ///
  /// - Parameter profile: of the tokenizer, made once for all calls.
  public mutating func add(_ texts: [String], _ profile: TokenizerProfile) {
    let runs = Concurrently.runs(of: texts.count, parts: max(1, texts.count / 64))
    let parts = Concurrently.map(texts.isEmpty ? 0 : runs.count) { run in
      var part = TokenizationStatistics()
      for text in texts[runs[run]] { part.add(text, profile) }
      return part
    }
    for part in parts { add(part) }
  }

  private mutating func add(_ text: String, _ profile: TokenizerProfile) {
    textCount += 1
    byteCount += text.utf8.count
    for id in profile.tokenizer.encode(text) {
      tokenCount += 1
      let index = Int(id)
      if index >= idCounts.count {
        idCounts += [Int](repeating: 0, count: index + 1 - idCounts.count)
      }
      idCounts[index] += 1
      switch profile.kinds[index] {
      case .text: break
      case .unknown: unknownCount += 1
      case .byte: byteTokenCount += 1
      }
    }
    var isInWord = false
    for scalar in text.unicodeScalars {
      let isSpace = UnicodeClasses.table[scalar.value].contains(.space)
      if !isSpace, !isInWord { wordCount += 1 }
      isInWord = !isSpace
    }
  }

  private mutating func add(_ other: TokenizationStatistics) {
    tokenCount += other.tokenCount
    byteCount += other.byteCount
    wordCount += other.wordCount
    textCount += other.textCount
    unknownCount += other.unknownCount
    byteTokenCount += other.byteTokenCount
    if idCounts.count < other.idCounts.count {
      idCounts += [Int](repeating: 0, count: other.idCounts.count - idCounts.count)
    }
    for (id, count) in other.idCounts.enumerated() { idCounts[id] += count }
  }

  /// Tokens a word ("fertility"), at least 1 in practice, lower is better; `nil` without words.
  public var tokensPerWord: Double? {
    wordCount == 0 ? nil : Double(tokenCount) / Double(wordCount)
  }

  /// Bytes a token, higher is better; `nil` without tokens.
  public var bytesPerToken: Double? {
    tokenCount == 0 ? nil : Double(byteCount) / Double(tokenCount)
  }

  /// The share of tokens that are unknown, 0 to 1; `nil` without tokens.
  public var unknownShare: Double? {
    tokenCount == 0 ? nil : Double(unknownCount) / Double(tokenCount)
  }

  /// The share of tokens that are bytes or parts of characters, 0 to 1; `nil` without tokens.
  public var byteTokenShare: Double? {
    tokenCount == 0 ? nil : Double(byteTokenCount) / Double(tokenCount)
  }

  /// How many different tokens occur.
  public var usedTokenCount: Int { idCounts.lazy.filter { $0 > 0 }.count }
}

/// A tokenizer and what its tokens are: made once, used for many texts.
public struct TokenizerProfile: Sendable {
  enum Kind: Sendable { case text, unknown, byte }

  /// The tokenizer.
  public let tokenizer: Tokenizer
  /// What each token is.
  let kinds: [Kind]
  /// Each token for people: `▁` for a space before it, `<E1>` for a byte that is no character.
  let spellings: [String]

  /// - Cost: one look at every token.
  public init(_ tokenizer: Tokenizer) {
    self.tokenizer = tokenizer
    let isByteLevel = Self.names(tokenizer.decoder?.json, "ByteLevel")
    let unknown = tokenizer.unkID
    var kinds: [Kind] = []
    var spellings: [String] = []
    for (id, token) in tokenizer.tokens.enumerated() {
      let bytes: [UInt8]
      var isByte = false
      if let byte = ByteTokens.byte(of: token) {
        bytes = [byte]
        isByte = true
      } else if isByteLevel, let mapped = ByteAlphabet.bytes(of: token) {
        bytes = mapped
        isByte = String(validating: mapped, as: UTF8.self) == nil
      } else {
        bytes = Array(token.utf8)
      }
      kinds.append(unknown == Int32(id) ? .unknown : isByte ? .byte : .text)
      spellings.append(Self.spelling(of: bytes, isByte: isByte))
    }
    self.kinds = kinds
    self.spellings = spellings
  }

  /// Whether a decoder is of a kind, or has one of the kind.
  private static func names(_ json: JSON?, _ name: String) -> Bool {
    guard let json else { return false }
    if json["type"]?.string == name { return true }
    return json["decoders"]?.array?.contains { names($0, name) } ?? false
  }

  private static func spelling(of bytes: [UInt8], isByte: Bool) -> String {
    func hexadecimal(_ byte: UInt8) -> String {
      "<" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true) + ">"
    }
    if isByte { return bytes.map(hexadecimal).joined() }
    var result = ""
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
      switch scalar.value {
      case 0x20: result += "▁"
      case 0..<0x20, 0x7F: result += hexadecimal(UInt8(scalar.value))
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// The token for people.
  public func spelling(of id: Int32) -> String { spellings[Int(id)] }
}
