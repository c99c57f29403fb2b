// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// The first stage: text to text, before it is cut into words.
public protocol Normalizer: TokenizerComponent {
  /// Reads the settings; `path` and `origin` are for messages.
  init(json: JSON, path: String, origin: String) throws(TokenizationError)
  /// The normalised text.
  func normalize(_ text: String) -> String
  /// Whether the first character of the normalised text comes from further right than the first
  /// of `text`: then the text is no longer held to begin there.
  func dropsStart(of text: String) -> Bool
  /// How many times as long as a text its replacements can make it, roughly.
  var growth: Double { get }
}

extension Normalizer {
  public func dropsStart(of text: String) -> Bool { false }
  public var growth: Double { 1 }
}

/// The normalizers this version can do.
public enum Normalizers {
  /// All of them; `read` and the error for an unknown one follow from this list.
  static let all: [any Normalizer.Type] = [
    BertNormalizer.self, ByteLevelNormalizer.self, LowercaseNormalizer.self, NFCNormalizer.self,
    NFDNormalizer.self, NFKCNormalizer.self, NFKDNormalizer.self, NmtNormalizer.self,
    PrecompiledNormalizer.self, PrependNormalizer.self, ReplaceNormalizer.self,
    NormalizerSequence.self, StripNormalizer.self, StripAccentsNormalizer.self,
  ]

  /// The normalizer that a part of tokenizer.json describes.
  static func read(
    _ json: JSON, path: String, origin: String
  ) throws(TokenizationError) -> any Normalizer {
    let name = try ComponentReader(json, path: path, origin: origin).type()
    let type = try componentType(
      named: name, in: all.map { ($0.typeName, $0) }, path: path, origin: origin)
    return try type.init(json: json, path: path, origin: origin)
  }
}
