// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Corpora

/// MinHash, its bands and clusters; texts for measuring.
struct DeduplicationTests {
  private static func words(_ range: some Sequence<Int>) -> String {
    range.map { "w\(SeededRandom.mix(UInt64($0)) % 100_000)" }.joined(separator: " ")
  }

  private static func near(_ change: (inout DeduplicationSettings.Near) -> Void = { _ in })
    -> DeduplicationSettings.Near
  {
    var near = DeduplicationSettings.Near()
    change(&near)
    return near
  }

  // MARK: Signatures

  @Test func `the estimate is within four standard errors of the share of shingles`() throws {
    let hash = MinHash(Self.near { $0.permutations = 256 })
    for shared in [50, 100, 150, 190] {
      for trial in 0..<8 {
        let start = 10_000 * trial + 1000 * shared
        let a = Self.words(start..<start + 200)
        let b = Self.words(
          Array(start..<start + shared) + Array(start + 500..<start + 700 - shared))
        let (x, y) = (hash.shingles(of: a), hash.shingles(of: b))
        let truth = Double(x.intersection(y).count) / Double(x.union(y).count)
        let estimate = MinHash.similarity(
          try #require(hash.signature(of: a)), try #require(hash.signature(of: b)))
        #expect(abs(estimate - truth) < 4 * (truth * (1 - truth) / 256).squareRoot() + 0.005)
      }
    }
  }

  @Test func `estimates are right on average`() throws {
    // Linear functions are no random permutations; over many texts this must not show.
    let hash = MinHash(Self.near())
    var (sum, truth) = (0.0, 0.0)
    for trial in 0..<200 {
      let start = 1000 * trial
      let a = Self.words(start..<start + 60)
      let b = Self.words(start + 20..<start + 80)
      let (x, y) = (hash.shingles(of: a), hash.shingles(of: b))
      truth += Double(x.intersection(y).count) / Double(x.union(y).count)
      sum += MinHash.similarity(
        try #require(hash.signature(of: a)), try #require(hash.signature(of: b)))
    }
    #expect(abs(sum - truth) / 200 < 0.01)
  }

  @Test func `case and white space do not count, and short texts are one shingle`() {
    let hash = MinHash(Self.near())
    #expect(hash.signature(of: "Ein  TVEY\ntrý") == hash.signature(of: "ein tvey trý"))
    #expect(hash.signature(of: "ein tvey") != hash.signature(of: "tvey ein"))
    #expect(hash.shingles(of: "ein tvey").count == 1)
    #expect(hash.signature(of: " \n") == nil)
    let characters = MinHash(Self.near { ($0.unit, $0.ngram) = (.character, 3) })
    #expect(characters.shingles(of: "ab cab c").count == 4)  // "ab ", "b c", " ca", "cab"
  }

  // MARK: Bands

  @Test func `bands find what is above the threshold`() {
    for threshold in [0.5, 0.7, 0.8, 0.9] {
      let bands = SignatureBands(threshold: threshold, permutations: 128)
      #expect(bands.bandCount * bands.rowCount <= 128)
      func found(_ s: Double) -> Double {
        var row = 1.0
        for _ in 0..<bands.rowCount { row *= s }
        var none = 1.0
        for _ in 0..<bands.bandCount { none *= 1 - row }
        return 1 - none
      }
      #expect(found(threshold) > 0.8)
      #expect(found(min(1, threshold + 0.1)) > 0.98)
      #expect(found(threshold - 0.4) < 0.25)
    }
    #expect(SignatureBands(threshold: 1, permutations: 8).rowCount == 8)
  }

  // MARK: Clusters

  @Test func `a chain of near texts is one cluster that its first stands for`() throws {
    var settings = Self.near()
    settings.threshold = 0.7
    let hash = MinHash(settings)
    var index = NearDuplicateIndex(settings)
    // Each text has 8 words in 100 other than the one before it; the ends share too little.
    let chain = (0..<5).map { Self.words(8 * $0..<8 * $0 + 100) }
    let (first, last) = (hash.shingles(of: chain[0]), hash.shingles(of: chain[4]))
    #expect(Double(first.intersection(last).count) / Double(first.union(last).count) < 0.6)
    for text in [chain[0], Self.words(900..<1000), chain[4], chain[3], chain[1], chain[2]] {
      index.insert(try #require(hash.signature(of: text)))
    }
    #expect((0..<6).map { index.representative(of: $0) } == [0, 1, 0, 0, 0, 0])
  }

  @Test func `thousands of copies cost no square of their number`() throws {
    let settings = Self.near()
    let hash = MinHash(settings)
    var index = NearDuplicateIndex(settings)
    let same = try #require(hash.signature(of: Self.words(0..<50)))
    for _ in 0..<20_000 { index.insert(same) }
    // Templates: another word in a long text.
    for k in 0..<2000 {
      let text = Self.words(Array(0..<30) + [10_000 + k] + Array(31..<200))
      index.insert(try #require(hash.signature(of: text)))
    }
    #expect(index.representative(of: 19_999) == 0)
    #expect(index.representative(of: 21_999) == 20_000)
  }

  @Test func `recall and precision against all pairs`() throws {
    let settings = Self.near { $0.threshold = 0.7 }
    let hash = MinHash(settings)
    var texts: [String] = []
    for k in 0..<40 {
      let start = 1000 * k
      texts.append(Self.words(start..<start + 80))
      // 2 … 41 words at the end are others.
      texts.append(Self.words(Array(start..<start + 78 - k) + Array(start + 500..<start + 502 + k)))
    }
    var index = NearDuplicateIndex(settings)
    for text in texts { index.insert(try #require(hash.signature(of: text))) }
    for k in 0..<40 {
      let (x, y) = (hash.shingles(of: texts[2 * k]), hash.shingles(of: texts[2 * k + 1]))
      let truth = Double(x.intersection(y).count) / Double(x.union(y).count)
      let isJoined = index.representative(of: 2 * k + 1) == 2 * k
      // Three standard errors on both sides.
      if truth > 0.83 { #expect(isJoined) }
      if truth < 0.57 { #expect(!isJoined) }
    }
    #expect(index.count == 80)
  }

  // MARK: Decontamination

  @Test func `thirteen words in a row are found whatever their case and punctuation`() {
    var held = Decontamination(wordCount: 13)
    let test = (0..<20).map { "orð\($0)" }
    held.add(test.joined(separator: " "))
    let run = test[3..<16].map { $0.uppercased() + "," }.joined(separator: "\n")
    #expect(held.firstMatch(in: "fyri " + run + " eftir") == 1)
    #expect(held.firstMatch(in: test[3..<15].joined(separator: " ")) == nil)
    #expect(held.firstMatch(in: "") == nil)
  }

  @Test func `short texts for measuring are looked for whole, very short ones not at all`() {
    var held = Decontamination(wordCount: 13)
    held.add("ein tvey trý fýra fimm seks sjey átta níggju")
    held.add("ja nei")
    #expect(held.skippedCount == 1)
    #expect(held.firstMatch(in: "so: ein tvey trý fýra fimm seks sjey átta níggju!") == 1)
    #expect(held.firstMatch(in: "ein tvey trý fýra fimm seks sjey átta") == nil)
    #expect(held.firstMatch(in: "ja nei ja nei ja nei ja nei ja nei ja nei ja nei") == nil)
    var few = Decontamination(wordCount: 2)
    few.add("ja nei")
    #expect(few.skippedCount == 0)
    #expect(few.firstMatch(in: "á ja nei") == 1)
  }
}
