// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Tokenization

/// Finds the tokens that cover parts of a text.
enum SpanMarker {
  /// Ranges of Unicode scalars as ranges of UTF-8 bytes.
  static func byteRanges(of ranges: [Range<Int>], in text: String) -> [Range<Int>] {
    guard !ranges.isEmpty else { return [] }
    var offsets = [0]
    offsets.reserveCapacity(text.utf8.count + 1)
    for scalar in text.unicodeScalars {
      offsets.append(offsets[offsets.count - 1] + UTF8.width(scalar))
    }
    let last = offsets.count - 1
    return ranges.map { offsets[min($0.lowerBound, last)]..<offsets[min($0.upperBound, last)] }
  }

  /// The ids of a text, tokenized in one piece, and which of them cover a byte of a range.
  ///
  /// Where the tokenizer's normaliser leaves the text as it is, the tokens' own places decide. Where
  /// it does not, they are places in another text; then the tokens before a border are those that the
  /// text up to it begins with too, and a token across it counts as covering the range.
  ///
  /// - Complexity: one encoding, or one for each border.
  static func mark(
    _ text: String, _ ranges: [Range<Int>], _ tokenizer: Tokenizer
  ) -> (ids: [Int32], marks: [Bool]) {
    let ids = tokenizer.encode(text)
    var marks = [Bool](repeating: false, count: ids.count)
    let (normalized, pieces) = tokenizer.pieces(of: text)
    if normalized.utf8.elementsEqual(text.utf8), pieces.map(\.id) == ids {
      for (index, piece) in pieces.enumerated() {
        marks[index] = ranges.contains { $0.overlaps(piece.byteRange) }
      }
      return (ids, marks)
    }
    let bytes = Array(text.utf8)
    for range in ranges where !range.isEmpty {
      let before = tokenizer.encode(String(decoding: bytes[..<range.lowerBound], as: UTF8.self))
      let through = tokenizer.encode(String(decoding: bytes[..<range.upperBound], as: UTF8.self))
      let start = zip(before, ids).prefix { $0 == $1 }.count
      let common = zip(through, ids).prefix { $0 == $1 }.count
      // Tokens of the part alone that the whole does not have: one of the whole crosses the border.
      let end = min(ids.count, common + (through.count > common ? 1 : 0))
      for index in start..<max(start, end) { marks[index] = true }
    }
    return (ids, marks)
  }
}
