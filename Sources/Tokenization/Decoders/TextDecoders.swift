// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// `Fuse`: all texts so far are one.
struct FuseDecoder: TokenDecoder {
  static let typeName = "Fuse"

  init() {}

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    try ComponentReader(json, path: path, origin: origin).finish()
  }

  var json: JSON { ["type": .string(Self.typeName)] }

  func texts(of tokens: [String]) -> [String] { [tokens.joined()] }
}

/// `Replace`: every match of a pattern in a token is written otherwise.
struct ReplaceDecoder: TokenDecoder {
  static let typeName = "Replace"
  private let replacement: ReplaceNormalizer

  init(_ text: String, with content: String) {
    replacement = ReplaceNormalizer(text, with: content)
  }

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    replacement = try ReplaceNormalizer(json: json, path: path, origin: origin)
  }

  var json: JSON { replacement.json }

  var growth: Double { replacement.growth }

  func texts(of tokens: [String]) -> [String] { tokens.map(replacement.normalize) }
}

/// `Strip`: takes a character away from the ends of every text, so many times at most.
struct StripDecoder: TokenDecoder {
  static let typeName = "Strip"
  let content: Unicode.Scalar
  let start: Int
  let stop: Int

  init(content: Unicode.Scalar, start: Int, stop: Int) {
    self.content = content
    self.start = start
    self.stop = stop
  }

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    var reader = try ComponentReader(json, path: path, origin: origin)
    content = try reader.scalar("content")
    start = try reader.count("start", default: nil)
    stop = try reader.count("stop", default: nil)
    try reader.finish()
  }

  var json: JSON {
    [
      "type": .string(Self.typeName), "content": .string(String(content)), "start": JSON(start),
      "stop": JSON(stop),
    ]
  }

  func texts(of tokens: [String]) -> [String] {
    tokens.map { token in
      let scalars = Array(token.unicodeScalars)
      let left = scalars.prefix(start).prefix { $0 == content }.count
      let right = scalars.suffix(stop).reversed().prefix { $0 == content }.count
      guard left + right <= scalars.count else { return "" }
      var view = String.UnicodeScalarView()
      view.append(contentsOf: scalars[left..<scalars.count - right])
      return String(view)
    }
  }
}

/// `Metaspace`: the visible character becomes a space again; in the first token it disappears,
/// unless none was put before the text.
struct MetaspaceDecoder: TokenDecoder {
  static let typeName = "Metaspace"
  private let metaspace: MetaspacePreTokenizer

  init(_ metaspace: MetaspacePreTokenizer) { self.metaspace = metaspace }

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    metaspace = try MetaspacePreTokenizer(json: json, path: path, origin: origin)
  }

  var json: JSON { metaspace.json }

  func texts(of tokens: [String]) -> [String] {
    tokens.enumerated().map { index, token in
      var view = String.UnicodeScalarView()
      for scalar in token.unicodeScalars {
        if scalar != metaspace.replacement {
          view.append(scalar)
        } else if index > 0 || metaspace.scheme == .never {
          view.append(" ")
        }
      }
      return String(view)
    }
  }
}

/// `BPEDecoder`: the mark at a word's end becomes a space, in the last token nothing.
struct BPEDecoder: TokenDecoder {
  static let typeName = "BPEDecoder"
  let suffix: String

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    var reader = try ComponentReader(json, path: path, origin: origin)
    suffix = try reader.requiredString("suffix")
    guard !suffix.isEmpty else {
      throw reader.unsupported("suffix", found: "empty", supported: ["a text that is not empty"])
    }
    try reader.finish()
  }

  var json: JSON { ["type": .string(Self.typeName), "suffix": .string(suffix)] }

  func texts(of tokens: [String]) -> [String] {
    let pattern = Pattern(text: suffix)
    return tokens.enumerated().map { index, token in
      pattern.replacing(token, with: index == tokens.count - 1 ? "" : " ")
    }
  }
}
