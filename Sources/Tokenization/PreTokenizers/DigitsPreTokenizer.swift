// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// `Digits`: numbers are words of their own, or every digit is.
struct DigitsPreTokenizer: PreTokenizer {
  static let typeName = "Digits"
  let separatesDigits: Bool

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    var reader = try ComponentReader(json, path: path, origin: origin)
    separatesDigits = try reader.bool("individual_digits", default: false)
    try reader.finish()
  }

  var json: JSON {
    ["type": .string(Self.typeName), "individual_digits": .bool(separatesDigits)]
  }

  func apply(to text: inout PreTokenizedText) {
    text.split(separatesDigits ? .isolated : .contiguous, where: ScalarSets.isNumeric)
  }
}
