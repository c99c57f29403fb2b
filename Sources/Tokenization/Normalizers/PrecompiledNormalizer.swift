// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// `Precompiled`: SentencePiece's table of replacements, a double-array trie over UTF-8.
///
/// Grapheme clusters of fewer than six bytes are looked up whole, then each scalar by itself; that is
/// what Hugging Face tokenizers does. The sentencepiece library takes the longest entry at each
/// place instead, which differs where an entry crosses a cluster's boundary; a `.model` file is
/// read that way.
struct PrecompiledNormalizer: Normalizer {
  static let typeName = "Precompiled"

  /// The table as the files have it.
  let table: [UInt8]
  private let map: CharacterMap
  /// As the sentencepiece library does; tokenizer.json cannot say it.
  let takesLongest: Bool

  /// - Parameter table: a `precompiled_charsmap`.
  init(
    table: [UInt8], takesLongest: Bool, path: String, origin: String
  ) throws(TokenizationError) {
    guard let map = CharacterMap(table) else {
      throw .wrongValue(
        path: path, expected: "a table of replacements (a size, a trie, texts)",
        found: "\(table.count) bytes that are none", origin: origin)
    }
    self.table = table
    self.map = map
    self.takesLongest = takesLongest
  }

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    var reader = try ComponentReader(json, path: path, origin: origin)
    let text = try reader.requiredString("precompiled_charsmap")
    let place = "\(path).precompiled_charsmap"
    guard let data = Data(base64Encoded: text) else {
      throw .wrongValue(path: place, expected: "base64", found: "other text", origin: origin)
    }
    try reader.finish()
    try self.init(table: Array(data), takesLongest: false, path: place, origin: origin)
  }

  var json: JSON {
    [
      "type": .string(Self.typeName),
      "precompiled_charsmap": .string(Data(table).base64EncodedString()),
    ]
  }

  func normalize(_ text: String) -> String {
    var result: [UInt8] = []
    result.reserveCapacity(text.utf8.count)
    if takesLongest {
      replaceLongest(Array(text.utf8), &result)
    } else {
      for character in text {
        let bytes = Array(character.utf8)
        if bytes.count < 6, let replacement = map.replacement(of: bytes[...]) {
          result += replacement
          continue
        }
        for scalar in character.unicodeScalars {
          let bytes = Array(String(scalar).utf8)
          result += map.replacement(of: bytes[...]) ?? bytes[...]
        }
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  private func replaceLongest(_ bytes: [UInt8], _ result: inout [UInt8]) {
    var position = 0
    while position < bytes.count {
      if let (replacement, length) = map.longest(in: bytes[position...]) {
        result += replacement
        position += length
      } else {
        let length = decodeScalar(bytes, at: position).length
        result += bytes[position..<position + length]
        position += length
      }
    }
  }
}

/// The table: a 32-bit size, a trie of so many bytes in the layout of the Darts-clone library, and
/// replacements that each end in a zero byte.
///
/// The trie's units are read as the library writes them; a damaged one can send a walk anywhere
/// inside it, never outside, and a walk is at most as long as its text or ``longestKey``.
struct CharacterMap: Sendable {
  /// In bytes; those of published tables are below 30. A trie that leads back into itself would
  /// else be walked to the text's end at every place.
  private static let longestKey = 1000

  private let units: [UInt32]
  private let replacements: [UInt8]

  init?(_ table: [UInt8]) {
    guard table.count > 4 else { return nil }
    func word(_ place: Int) -> UInt32 {
      UInt32(table[place]) | UInt32(table[place + 1]) << 8 | UInt32(table[place + 2]) << 16
        | UInt32(table[place + 3]) << 24
    }
    let size = Int(word(0))
    guard size > 0, size.isMultiple(of: 4), size < table.count - 3 else { return nil }
    units = stride(from: 4, to: 4 + size, by: 4).map(word)
    replacements = Array(table[(4 + size)...])
    guard replacements.isEmpty || replacements.last == 0,
      String(validating: replacements, as: UTF8.self) != nil
    else { return nil }
  }

  /// Calls `body` with the value and the length of every key that the text begins with, shortest
  /// first, until it returns `false`.
  private func prefixes(of text: ArraySlice<UInt8>, _ body: (_ value: Int, _ length: Int) -> Bool) {
    var place = offset(units[0])
    for index in text.indices.prefix(Self.longestKey) {
      let byte = UInt32(text[index])
      // A zero byte ends keys in this layout, so none has one inside.
      guard byte != 0 else { return }
      place ^= Int(byte)
      guard place < units.count else { return }
      let unit = units[place]
      guard unit & (1 << 31 | 0xFF) == byte else { return }
      place ^= offset(unit)
      guard place < units.count else { return }
      if unit >> 8 & 1 == 1 {
        let value = Int(units[place] & 0x7FFF_FFFF)
        guard body(value, index - text.startIndex + 1) else { return }
      }
    }
  }

  private func offset(_ unit: UInt32) -> Int {
    Int(unit >> 10) << Int((unit & (1 << 9)) >> 6)
  }

  private func text(at start: Int) -> ArraySlice<UInt8>? {
    guard start < replacements.count else { return nil }
    return replacements[start...].prefix { $0 != 0 }
  }

  /// What stands for a text in Hugging Face tokenizers: the value of its shortest prefix that is a
  /// key, whatever follows.
  func replacement(of text: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    var first: Int?
    prefixes(of: text) { value, _ in
      first = value
      return false
    }
    return first.flatMap(self.text)
  }

  /// What stands for the longest key that the text begins with, and the key's length.
  func longest(in text: ArraySlice<UInt8>) -> (replacement: ArraySlice<UInt8>, length: Int)? {
    var best: (value: Int, length: Int)?
    prefixes(of: text) { value, length in
      best = (value, length)
      return true
    }
    return best.flatMap { best in self.text(at: best.value).map { ($0, best.length) } }
  }
}
