// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// `FixedLength`: words of so many scalars.
struct FixedLengthPreTokenizer: PreTokenizer {
  static let typeName = "FixedLength"
  let length: Int

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    var reader = try ComponentReader(json, path: path, origin: origin)
    length = try reader.count("length", default: 5)
    guard length > 0 else {
      throw .wrongValue(
        path: "\(path).length", expected: "a whole number from 1", found: "0", origin: origin)
    }
    try reader.finish()
  }

  var json: JSON { ["type": .string(Self.typeName), "length": JSON(length)] }

  func apply(to text: inout PreTokenizedText) {
    text.cut { bytes, word, keep in
      var start = word.lowerBound
      var count = 0
      for position in word where bytes[position] & 0xC0 != 0x80 {
        if count == length {
          keep(start..<position)
          start = position
          count = 0
        }
        count += 1
      }
      keep(start..<word.upperBound)
    }
  }
}
