// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// `BertNormalizer`: the cleaning of BERT's own tokenizer.
///
/// **Source**: Devlin et al. 2019, `tokenization.py`, in the Rust of Hugging Face tokenizers.
/// **Departs**: nothing.
struct BertNormalizer: Normalizer {
  static let typeName = "BertNormalizer"
  /// Control characters go, white space becomes a space.
  let cleansText: Bool
  /// Ideographs stand alone.
  let separatesIdeographs: Bool
  /// `nil`: as `lowercases`.
  let stripsAccents: Bool?
  let lowercases: Bool

  init(
    cleansText: Bool = true, separatesIdeographs: Bool = true, stripsAccents: Bool? = nil,
    lowercases: Bool
  ) {
    self.cleansText = cleansText
    self.separatesIdeographs = separatesIdeographs
    self.stripsAccents = stripsAccents
    self.lowercases = lowercases
  }

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    var reader = try ComponentReader(json, path: path, origin: origin)
    cleansText = try reader.bool("clean_text", default: true)
    separatesIdeographs = try reader.bool("handle_chinese_chars", default: true)
    stripsAccents =
      reader.value("strip_accents") == nil
      ? nil : try reader.bool("strip_accents", default: false)
    lowercases = try reader.bool("lowercase", default: true)
    try reader.finish()
  }

  var json: JSON {
    [
      "type": .string(Self.typeName), "clean_text": .bool(cleansText),
      "handle_chinese_chars": .bool(separatesIdeographs),
      "strip_accents": stripsAccents.map { .bool($0) } ?? .null, "lowercase": .bool(lowercases),
    ]
  }

  private func isDropped(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x9, 0xA, 0xD: false
    case 0, 0xFFFD: true
    default: ScalarSets.isOther(scalar.value)
    }
  }

  private func isIdeograph(_ value: UInt32) -> Bool {
    switch value {
    // As in the reference, which leaves out what lies between 0x2B820 and 0x2B91F.
    case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F,
      0x2B740...0x2B81F, 0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
      true
    default: false
    }
  }

  func normalize(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      var scalar = scalar
      if cleansText {
        if isDropped(scalar) { continue }
        if ScalarSets.isWhiteSpace(scalar.value) { scalar = " " }
      }
      if separatesIdeographs, isIdeograph(scalar.value) {
        result.append(contentsOf: [" ", scalar, " "])
      } else {
        result.append(scalar)
      }
    }
    var text = String(result)
    if stripsAccents ?? lowercases {
      text = CanonicalComposition.shared.normalize(text, compatibly: false, composes: false)
      var view = text.unicodeScalars
      view.removeAll { ScalarSets.isNonspacingMark($0.value) }
      text = String(view)
    }
    return lowercases ? LowercaseNormalizer().normalize(text) : text
  }

  func dropsStart(of text: String) -> Bool {
    guard let first = text.unicodeScalars.first else { return false }
    if cleansText, isDropped(first) { return true }
    return (stripsAccents ?? lowercases) && ScalarSets.isNonspacingMark(first.value)
  }
}
