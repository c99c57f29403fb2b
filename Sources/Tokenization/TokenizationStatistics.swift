// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

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

  /// Counts nothing yet.
  public init() {}

  /// Counts all texts with `tokenizer`.
  public init(_ tokenizer: Tokenizer, texts: some Sequence<String>) {
    for text in texts { add(text, tokenizer) }
  }

  /// Counts one more text.
  public mutating func add(_ text: String, _ tokenizer: Tokenizer) {
    textCount += 1
    tokenCount += tokenizer.encode(text).count
    byteCount += text.utf8.count
    var isInWord = false
    for scalar in text.unicodeScalars {
      let isSpace = UnicodeClasses.table[scalar.value].contains(.space)
      if !isSpace, !isInWord { wordCount += 1 }
      isInWord = !isSpace
    }
  }

  /// Tokens a word ("fertility"), at least 1 in practice, lower is better; `nil` without words.
  public var tokensPerWord: Double? {
    wordCount == 0 ? nil : Double(tokenCount) / Double(wordCount)
  }

  /// Bytes a token, higher is better; `nil` without tokens.
  public var bytesPerToken: Double? {
    tokenCount == 0 ? nil : Double(byteCount) / Double(tokenCount)
  }
}
