// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// `Metaspace`: writes every space as a visible character (`▁`), puts one before the text, and cuts
/// before each.
///
/// **Source**: Kudo and Richardson 2018, arXiv:1808.06226 (SentencePiece); the settings as in
/// Hugging Face tokenizers, whose older `add_prefix_space` is read too.
struct MetaspacePreTokenizer: PreTokenizer {
  static let typeName = "Metaspace"

  /// Where the character is put before a part that does not begin with it.
  enum Scheme: String, CaseIterable {
    /// Before every part.
    case always
    /// Before the beginning of the text only.
    case first
    /// Nowhere.
    case never
  }

  let replacement: Unicode.Scalar
  let scheme: Scheme
  let splits: Bool

  init(replacement: Unicode.Scalar = "\u{2581}", scheme: Scheme, splits: Bool) {
    self.replacement = replacement
    self.scheme = scheme
    self.splits = splits
  }

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    var reader = try ComponentReader(json, path: path, origin: origin)
    replacement = try reader.scalar("replacement")
    splits = try reader.bool("split", default: true)
    scheme = try Self.scheme(&reader)
    _ = try reader.string("str_rep")
    try reader.finish()
  }

  /// `prepend_scheme`, or the older `add_prefix_space`.
  static func scheme(_ reader: inout ComponentReader) throws(TokenizationError) -> Scheme {
    let addsSpace = reader.value("add_prefix_space")
    var scheme: Scheme?
    if let written = try reader.string("prepend_scheme") {
      guard let known = Scheme(rawValue: written) else {
        throw reader.unsupported(
          "prepend_scheme", found: "`\(written)`",
          supported: Scheme.allCases.map { "`\($0.rawValue)`" })
      }
      scheme = known
    }
    guard let addsSpace else { return scheme ?? .always }
    guard let flag = addsSpace.bool else {
      throw reader.wrong("add_prefix_space", "true or false", addsSpace)
    }
    if flag { return scheme ?? .always }
    // Hugging Face refuses a file that says both; `always` is also what no scheme means there.
    guard scheme == .never else {
      throw reader.unsupported(
        "add_prefix_space", found: "false with prepend_scheme `\((scheme ?? .always).rawValue)`",
        supported: ["false with prepend_scheme `never`", "true"])
    }
    return .never
  }

  var json: JSON {
    [
      "type": .string(Self.typeName), "replacement": .string(String(replacement)),
      "prepend_scheme": .string(scheme.rawValue), "split": .bool(splits),
    ]
  }

  var dependsOnStart: Bool { scheme == .first }

  func apply(to text: inout PreTokenizedText) {
    let mark = Array(String(replacement).utf8)
    let startsText = text.startsText
    text.rewrite { word, index, output in
      let beginsWithMark = word.first == 0x20 || word.starts(with: mark)
      if !beginsWithMark, scheme == .always || (scheme == .first && index == 0 && startsText) {
        output.append(mark, from: word.startIndex)
      }
      for index in word.indices {
        if word[index] == 0x20 {
          output.append(mark, from: index)
        } else {
          output.append(word[index], from: index)
        }
      }
    }
    guard splits, let lead = mark.first else { return }
    text.cut { bytes, word, keep in
      var start = word.lowerBound
      for position in word where bytes[position] == lead && position > start {
        guard bytes[position..<word.upperBound].starts(with: mark) else { continue }
        keep(start..<position)
        start = position
      }
      keep(start..<word.upperBound)
    }
  }
}
