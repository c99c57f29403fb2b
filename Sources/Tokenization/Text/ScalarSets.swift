// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Sets of scalars as the parts of Hugging Face tokenizers know them, each with its own version of
/// Unicode; a golden test compares every scalar.
enum ScalarSets {
  /// The property White_Space, as Rust's `char::is_whitespace`.
  static func isWhiteSpace(_ value: UInt32) -> Bool {
    UnicodeClasses.table[value].contains(.space)
  }

  /// The categories Nd, Nl and No, as Rust's `char::is_numeric`.
  static func isNumeric(_ value: UInt32) -> Bool { properties[value].contains(.numeric) }

  /// ASCII punctuation and symbols, and the punctuation of Unicode 8.
  static func isPunctuation(_ value: UInt32) -> Bool { properties[value].contains(.punctuation) }

  /// `\w` of Unicode's regular expression recommendations (UTS 18, annex C).
  static func isWord(_ value: UInt32) -> Bool { properties[value].contains(.word) }

  /// The categories Cc, Cf and Co of Unicode 8.
  static func isOther(_ value: UInt32) -> Bool { properties[value].contains(.other) }

  /// The category Mn of Unicode 8.
  static func isNonspacingMark(_ value: UInt32) -> Bool {
    properties[value].contains(.nonspacingMark)
  }

  /// The categories Mn, Mc and Me of Unicode 9.
  static func isMark(_ value: UInt32) -> Bool { properties[value].contains(.mark) }

  private struct Properties: OptionSet, Hashable, Sendable {
    let rawValue: UInt8
    static let numeric = Properties(rawValue: 1)
    static let punctuation = Properties(rawValue: 2)
    static let word = Properties(rawValue: 4)
    static let other = Properties(rawValue: 8)
    static let nonspacingMark = Properties(rawValue: 16)
    static let mark = Properties(rawValue: 32)
  }

  private static let properties = ScalarTable<Properties> { value in
    Unicode.Scalar(value).map(classify) ?? []
  }

  private static func classify(_ scalar: Unicode.Scalar) -> Properties {
    let properties = scalar.properties
    guard let age = properties.age else {
      return properties.generalCategory == .privateUse ? .other : []
    }
    var result: Properties = []
    let isOld = age.major <= 8
    switch properties.generalCategory {
    case .decimalNumber, .letterNumber, .otherNumber: result.insert(.numeric)
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
      .initialPunctuation, .finalPunctuation, .otherPunctuation:
      if isOld { result.insert(.punctuation) }
    case .control, .format, .privateUse: if isOld { result.insert(.other) }
    case .nonspacingMark:
      if isOld { result.insert(.nonspacingMark) }
      if age.major <= 9 { result.insert(.mark) }
    case .spacingMark, .enclosingMark: if age.major <= 9 { result.insert(.mark) }
    default: break
    }
    if scalar.isASCII, scalar.value > 0x20, scalar.value < 0x7F, !properties.isAlphabetic,
      properties.numericType == nil
    {
      result.insert(.punctuation)
    }
    if age.major <= 16 {
      switch properties.generalCategory {
      case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation:
        result.insert(.word)
      default: if properties.isAlphabetic || properties.isJoinControl { result.insert(.word) }
      }
    }
    return earlier(scalar.value, result)
  }

  /// The properties with the categories that a few scalars had before later versions changed them.
  private static func earlier(_ value: UInt32, _ properties: Properties) -> Properties {
    switch value {
    case 0x166D: properties.union(.punctuation)
    case 0x111C9: properties.union(.punctuation).subtracting([.nonspacingMark, .mark])
    case 0x1734, 0x1171E: properties.union(.nonspacingMark)
    case 0x1885, 0x1886, 0xA9BD: properties.subtracting(.nonspacingMark)
    case 0x1CF2, 0x1CF3: properties.union(.mark)
    default: properties
    }
  }
}
