// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Finds added tokens in a text: leftmost, then longest, without overlap.
struct AddedTokenMatcher: Sendable {
  /// A stretch of the text: an added token or text between two of them.
  struct Piece: Equatable {
    var range: Range<Int>
    /// The token's id, or `nil` for text.
    var id: Int32?
  }

  /// The numbers of `tokens` by what is searched for.
  private var trie = ByteTrie()
  private var isFirstByte = [Bool](repeating: false, count: 256)
  private var tokens: [(id: Int32, token: AddedToken)] = []

  /// - Parameter searched: with the text to search for, which for normalised tokens is their
  ///   normalised content; one that is empty is never found.
  init(_ searched: [(id: Int32, token: AddedToken, pattern: String)]) {
    for entry in searched where !entry.pattern.isEmpty {
      let pattern = Array(entry.pattern.utf8)
      isFirstByte[Int(pattern[0])] = true
      // The first of two tokens with one pattern wins.
      if trie.longest(in: pattern[...], at: 0)?.end == pattern.count { continue }
      trie.insert(pattern, value: Int32(tokens.count))
      tokens.append((entry.id, entry.token))
    }
  }

  /// Whether there is nothing to find.
  var isEmpty: Bool { tokens.isEmpty }

  /// Cuts valid UTF-8 at its added tokens.
  func pieces(of text: [UInt8]) -> [Piece] {
    var result: [Piece] = []
    var covered = 0
    var position = 0
    while position < text.count {
      guard isFirstByte[Int(text[position])],
        let match = trie.longest(in: text[...], at: position)
      else {
        position += 1
        continue
      }
      let (id, token) = tokens[Int(match.value)]
      var range = position..<match.end
      position = match.end
      if token.isSingleWord, touchesWord(text, range) { continue }
      if token.stripsLeft {
        // A token before may have swallowed the same white space already.
        let start = max(spaceStart(text, before: range.lowerBound), covered)
        range = min(start, range.upperBound)..<range.upperBound
      }
      if token.stripsRight {
        range = range.lowerBound..<spaceEnd(text, after: range.upperBound)
      }
      if covered < range.lowerBound { result.append(Piece(range: covered..<range.lowerBound)) }
      result.append(Piece(range: range, id: id))
      covered = range.upperBound
    }
    if covered < text.count { result.append(Piece(range: covered..<text.count)) }
    return result
  }

  private func touchesWord(_ text: [UInt8], _ range: Range<Int>) -> Bool {
    if let before = scalar(text, before: range.lowerBound), ScalarSets.isWord(before.value) {
      return true
    }
    guard range.upperBound < text.count else { return false }
    return ScalarSets.isWord(decodeScalar(text, at: range.upperBound).value)
  }

  private func spaceStart(_ text: [UInt8], before end: Int) -> Int {
    var position = end
    while let previous = scalar(text, before: position),
      UnicodeClasses.table[previous.value].contains(.space)
    { position = previous.start }
    return position
  }

  private func spaceEnd(_ text: [UInt8], after start: Int) -> Int {
    var position = start
    while position < text.count {
      let (value, length) = decodeScalar(text, at: position)
      guard UnicodeClasses.table[value].contains(.space) else { break }
      position += length
    }
    return position
  }

  private func scalar(_ text: [UInt8], before end: Int) -> (value: UInt32, start: Int)? {
    guard end > 0 else { return nil }
    var start = end - 1
    while start > 0, text[start] & 0xC0 == 0x80 { start -= 1 }
    return (decodeScalar(text, at: start).value, start)
  }
}
