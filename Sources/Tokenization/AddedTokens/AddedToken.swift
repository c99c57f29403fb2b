// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// A token that is found in the text before anything else happens to it.
public struct AddedToken: Equatable, Sendable {
  /// The text to find.
  public var content: String
  /// Found only where no word character touches it.
  public var isSingleWord: Bool
  /// Swallows white space before it.
  public var stripsLeft: Bool
  /// Swallows white space after it.
  public var stripsRight: Bool
  /// Searched in normalised text, else in the text as given.
  public var isNormalized: Bool
  /// Left out when decoding without special tokens.
  public var isSpecial: Bool

  /// A special token with no other settings.
  public init(special content: String) {
    self.content = content
    isSingleWord = false
    stripsLeft = false
    stripsRight = false
    isNormalized = false
    isSpecial = true
  }

  init(_ reader: inout ComponentReader) throws(TokenizationError) {
    guard let content = try reader.string("content"), !content.isEmpty else {
      throw .wrongValue(
        path: "\(reader.path).content", expected: "a text that is not empty", found: "nothing",
        origin: reader.origin)
    }
    self.content = content
    isSingleWord = try reader.bool("single_word", default: false)
    stripsLeft = try reader.bool("lstrip", default: false)
    stripsRight = try reader.bool("rstrip", default: false)
    let isSpecial = try reader.bool("special", default: false)
    isNormalized = try reader.bool("normalized", default: !isSpecial)
    self.isSpecial = isSpecial
  }

  func json(id: Int) -> JSON {
    [
      "id": JSON(id), "content": .string(content), "single_word": .bool(isSingleWord),
      "lstrip": .bool(stripsLeft), "rstrip": .bool(stripsRight),
      "normalized": .bool(isNormalized), "special": .bool(isSpecial),
    ]
  }
}
