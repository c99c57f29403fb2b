// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// `Lowercase`: every scalar by itself, as Rust's `char::to_lowercase`; so a final sigma is no other.
struct LowercaseNormalizer: Normalizer {
  static let typeName = "Lowercase"

  init() {}

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    try ComponentReader(json, path: path, origin: origin).finish()
  }

  var json: JSON { ["type": .string(Self.typeName)] }

  func normalize(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if scalar.isASCII {
        let isUpper = (0x41...0x5A).contains(scalar.value)
        result.append(isUpper ? Unicode.Scalar(UInt8(scalar.value) | 0x20) : scalar)
      } else {
        result.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
      }
    }
    return String(result)
  }
}

/// `StripAccents`: drops all marks (Mn, Mc, Me); text in form D loses its accents.
struct StripAccentsNormalizer: Normalizer {
  static let typeName = "StripAccents"

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    try ComponentReader(json, path: path, origin: origin).finish()
  }

  var json: JSON { ["type": .string(Self.typeName)] }

  func normalize(_ text: String) -> String {
    var view = text.unicodeScalars
    view.removeAll { ScalarSets.isMark($0.value) }
    return String(view)
  }

  func dropsStart(of text: String) -> Bool {
    text.unicodeScalars.first.map { ScalarSets.isMark($0.value) } ?? false
  }
}

/// `Nmt`: control characters go, and what sentencepiece takes for white space becomes a space.
struct NmtNormalizer: Normalizer {
  static let typeName = "Nmt"

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    try ComponentReader(json, path: path, origin: origin).finish()
  }

  var json: JSON { ["type": .string(Self.typeName)] }

  private func isDropped(_ value: UInt32) -> Bool {
    switch value {
    case 0x1...0x8, 0xB, 0xE...0x1F, 0x7F, 0x8F, 0x9F: true
    default: false
    }
  }

  func normalize(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars where !isDropped(scalar.value) {
      switch scalar.value {
      case 0x9, 0xA, 0xC, 0xD, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD:
        result.append(" ")
      default: result.append(scalar)
      }
    }
    return String(result)
  }

  func dropsStart(of text: String) -> Bool {
    text.unicodeScalars.first.map { isDropped($0.value) } ?? false
  }
}

/// `ByteLevel`: every byte as its printable character, see ``ByteAlphabet``.
struct ByteLevelNormalizer: Normalizer {
  static let typeName = "ByteLevel"

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    try ComponentReader(json, path: path, origin: origin).finish()
  }

  var json: JSON { ["type": .string(Self.typeName)] }

  func normalize(_ text: String) -> String { ByteAlphabet.token(of: text.utf8) }
}
