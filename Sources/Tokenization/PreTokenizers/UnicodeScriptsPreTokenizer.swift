// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// `UnicodeScripts`: cuts where the script changes.
///
/// Hiragana, Katakana and the prolonged sound mark count as Han; spaces belong to any script. What
/// stands before the first character with a script is dropped, as Hugging Face tokenizers does.
struct UnicodeScriptsPreTokenizer: PreTokenizer {
  static let typeName = "UnicodeScripts"

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    try ComponentReader(json, path: path, origin: origin).finish()
  }

  var json: JSON { ["type": .string(Self.typeName)] }

  func apply(to text: inout PreTokenizedText) {
    text.cut { bytes, word, keep in
      var start: Int?
      var last: UInt8?
      var position = word.lowerBound
      while position < word.upperBound {
        let (value, length) = decodeScalar(bytes, at: position)
        let script = UnicodeScriptTable.script(of: value)
        if script != UnicodeScriptTable.any {
          if script != last {
            if let start { keep(start..<position) }
            start = position
          }
          last = script
        }
        position += length
      }
      if let start { keep(start..<word.upperBound) }
    }
  }
}
