// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// How much a document repeats itself; see ``RepetitionLimits``.
struct Repetition {
  private let limits: RepetitionLimits
  /// Kept between documents, so that no table is made anew.
  private var table = CountTable()

  init(_ limits: RepetitionLimits) { self.limits = limits }

  /// The first limit that a document exceeds, with what was measured; `nil` where it exceeds none.
  mutating func excess(of document: Document) -> (reason: String, share: Double, limit: Double)? {
    // Lines.
    var seen: Set<ContentHash> = []
    var (lines, repeatedLines, scalars, repeatedScalars) = (0, 0, 0, 0)
    for segment in document.segments where !segment.isEmpty {
      let length = segment.unicodeScalars.count
      lines += 1
      scalars += length
      if !seen.insert(ContentHash(segment.utf8)).inserted {
        repeatedLines += 1
        repeatedScalars += length
      }
    }
    guard lines > 0 else { return nil }
    for (reason, part, whole, limit) in [
      ("repetition.duplicate_lines", repeatedLines, lines, limits.duplicateLines),
      (
        "repetition.duplicate_line_characters", repeatedScalars, scalars,
        limits.duplicateLineCharacters
      ),
    ] {
      let share = Double(part) / Double(max(1, whole))
      if share > limit { return (reason, share, limit) }
    }
    return ngramExcess(document)
  }

  /// Only n-grams whose first n − 1 words repeat can repeat, so each round looks at fewer places.
  private mutating func ngramExcess(
    _ document: Document
  ) -> (reason: String, share: Double, limit: Double)? {
    let words = document.segments.flatMap(Self.words)
    let total = words.reduce(0) { $0 + $1.length }
    guard total > 0, words.count > 1 else { return nil }
    /// ends[i]: scalars of the words before word i.
    var ends = [0]
    for word in words { ends.append(ends[ends.count - 1] + word.length) }
    var hashes = words.map(\.hash)
    var places = Array(words.indices)
    let longest = max(
      limits.topNgrams.keys.max() ?? 0, limits.duplicateNgrams.keys.max() ?? 0)
    for n in 2...max(2, longest) {
      places = places.filter { $0 + n <= words.count }
      guard places.count > 1, n <= longest else { return nil }
      table.clear(for: places.count)
      var top = (count: 1, length: 0)
      for place in places {
        hashes[place] = SeededRandom.mix(hashes[place] &+ words[place + n - 1].hash &* 3)
        let count = table.add(hashes[place])
        guard count > 1 else { continue }
        let length = ends[place + n] - ends[place]
        if (count, length) > (top.count, top.length) { top = (count, length) }
      }
      if top.count == 1 { return nil }
      if let limit = limits.topNgrams[n] {
        let share = min(1, Double(top.count * top.length) / Double(total))
        if share > limit { return ("repetition.top_\(n)gram", share, limit) }
      }
      if let limit = limits.duplicateNgrams[n] {
        let share = Double(repeatedScalars(places, hashes, n, ends)) / Double(total)
        if share > limit { return ("repetition.duplicate_\(n)gram", share, limit) }
      }
      places = places.filter { table.count(of: hashes[$0]) > 1 }
    }
    return nil
  }

  /// Scalars in n-grams that occurred earlier in the document; each scalar counts once.
  private func repeatedScalars(
    _ places: [Int], _ hashes: [UInt64], _ n: Int, _ ends: [Int]
  ) -> Int {
    var seen: Set<UInt64> = []
    var (covered, reached) = (0, 0)
    for place in places where table.count(of: hashes[place]) > 1 {
      guard !seen.insert(hashes[place]).inserted else { continue }
      let first = max(place, reached)
      if place + n > first { covered += ends[place + n] - ends[first] }
      reached = max(reached, place + n)
    }
    return covered
  }

  private static func words(_ line: String) -> [(hash: UInt64, length: Int)] {
    var words: [(hash: UInt64, length: Int)] = []
    var (hash, length): (UInt64, Int) = (0, 0)
    for scalar in line.unicodeScalars {
      if isSpace(scalar) {
        if length > 0 { words.append((SeededRandom.mix(hash), length)) }
        (hash, length) = (0, 0)
      } else {
        hash = (hash ^ UInt64(scalar.value)) &* 0x100_0000_01B3 &+ 0x9E37_79B9
        length += 1
      }
    }
    if length > 0 { words.append((SeededRandom.mix(hash), length)) }
    return words
  }
}

/// Counts of hashes, in a table that is used again and again.
private struct CountTable {
  private var keys: [UInt64] = []
  private var counts: [Int32] = []
  private var mask = 0

  mutating func clear(for count: Int) {
    var size = 64
    while size < 2 * count { size *= 2 }
    if keys.count < size {
      keys = [UInt64](repeating: 0, count: size)
      counts = [Int32](repeating: 0, count: size)
    } else {
      for k in 0..<size { counts[k] = 0 }
    }
    mask = size - 1
  }

  private func place(of key: UInt64) -> Int {
    var place = Int(truncatingIfNeeded: key) & mask
    while counts[place] != 0, keys[place] != key { place = (place + 1) & mask }
    return place
  }

  /// Adds one; the count then.
  mutating func add(_ key: UInt64) -> Int {
    let place = place(of: key)
    keys[place] = key
    counts[place] += 1
    return Int(counts[place])
  }

  func count(of key: UInt64) -> Int { Int(counts[place(of: key)]) }
}
