// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The words to train on as numbers, one after the other.
struct TrainingWords: Sendable {
  private(set) var symbols: [Int32] = []
  /// Where each word starts in `symbols`, and the end of the last.
  private(set) var starts: [Int] = [0]
  /// How often each word occurs.
  private(set) var counts: [Int] = []

  var count: Int { counts.count }

  /// Words of bytes.
  init(_ words: WordCounts, byteIDs: [Int32]) {
    symbols.reserveCapacity(words.byteCount)
    for index in 0..<words.wordCount {
      let (bytes, count) = words[index]
      for byte in bytes { symbols.append(byteIDs[Int(byte)]) }
      close(count: count)
    }
  }

  /// Words of characters; one outside the alphabet cuts its word in two, as no token can hold it.
  ///
  /// - Parameters:
  ///   - order: the indices of the words in the order they are to have.
  ///   - firstID: the number of the alphabet's first character.
  init(_ words: WordCounts, order: some Sequence<Int>, alphabet: CharacterAlphabet, firstID: Int32)
  {
    let ids = alphabet.ids(from: firstID)
    for index in order {
      let (bytes, count) = words[index]
      CharacterAlphabet.forEachScalar(of: bytes) { value in
        let id = ids[Int(value)]
        if id >= 0 { symbols.append(id) } else { close(count: count) }
      }
      close(count: count)
    }
  }

  private mutating func close(count: Int) {
    guard symbols.count > starts[starts.count - 1] else { return }
    starts.append(symbols.count)
    counts.append(count)
  }
}

/// The characters that get a token of their own, by how much of the text they make up.
struct CharacterAlphabet: Sendable {
  /// In the order of their code points.
  let scalars: [Unicode.Scalar]

  /// A space is written so in tokens.
  static let space: UInt32 = 0x2581

  /// The most frequent characters that together are `coverage` of the text, at most `limit`; among
  /// equally frequent ones those with the smaller code points.
  init(_ words: WordCounts, coverage: Double, limit: Int) {
    var counts = [Int](repeating: 0, count: 0x110000)
    for index in 0..<words.wordCount {
      let (bytes, count) = words[index]
      Self.forEachScalar(of: bytes) { counts[Int($0)] += count }
    }
    let total = counts.reduce(0, +)
    let ordered = counts.indices.filter { counts[$0] > 0 }
      .sorted { (counts[$1], $0) < (counts[$0], $1) }
    var kept: [UInt32] = []
    var covered = 0
    for value in ordered.prefix(limit) {
      guard Double(covered) < coverage * Double(total) else { break }
      covered += counts[value]
      kept.append(UInt32(value))
    }
    scalars = kept.sorted().compactMap(Unicode.Scalar.init)
  }

  /// The number of each scalar value, or -1.
  func ids(from first: Int32) -> [Int32] {
    var ids = [Int32](repeating: -1, count: 0x110000)
    for (index, scalar) in scalars.enumerated() {
      ids[Int(scalar.value)] = first + Int32(index)
    }
    return ids
  }

  /// The scalars of a word's UTF-8, spaces as tokens write them.
  static func forEachScalar(of bytes: ArraySlice<UInt8>, _ body: (UInt32) -> Void) {
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
      body(scalar.value == 0x20 ? space : scalar.value)
    }
  }
}
