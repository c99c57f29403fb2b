// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora
import Foundation
import Testing

@Suite struct TextSamplerTests {
  let folder: TestFolder
  init() throws { folder = try TestFolder() }

  private func texts(_ count: Int, _ mark: String, length: Int = 5) -> [String] {
    (0..<count).map { i in String(repeating: mark, count: 1 + (i * 7) % length) + "\(i)" }
  }

  private func sampler(
    _ sources: [(String, TokenShard, Double)], length: Int, seed: UInt64 = 5, lanes: Int = 4
  ) throws -> TextSampler {
    try TextSampler(
      sources.map { TextSource(name: $0.0, shard: $0.1, share: $0.2) }, windowLength: length,
      seed: seed, laneCount: lanes)
  }

  @Test func `one lane reads every document whole once an epoch`() throws {
    let texts = texts(40, "a")
    let shard = try shard(texts, "a", in: folder)
    var sampler = try sampler([("a", shard, 1)], length: 16, lanes: 1)
    var stream: [Int32] = []
    // Two epochs, and a window to close the last document.
    while stream.count < 2 * shard.tokenCount {
      let window = sampler.next()
      #expect(window.tokens.count == 17 && window.segments.count == 17)
      #expect(window.weights == [Float](repeating: 1, count: 16))
      #expect(stream.isEmpty ? window.tokens[0] == 256 : window.tokens[0] == stream.last)
      stream += window.tokens.dropFirst()
    }
    let documents = stream.split(separator: 256, omittingEmptySubsequences: false)
      .map { String(decoding: $0.map { UInt8($0) }, as: UTF8.self) }
    #expect(Set(documents.prefix(40)) == Set(texts))
    #expect(Set(documents[40..<80]) == Set(texts))
    #expect(Array(documents.prefix(40)) != Array(documents[40..<80]))
    #expect(Array(documents.prefix(40)) != texts)
  }

  @Test func `segments count from zero and change at the end of a document`() throws {
    let shard = try shard(["ab", "cde", "f", "ghij"], "a", in: folder)
    var sampler = try sampler([("a", shard, 1)], length: 12, lanes: 1)
    for _ in 0..<20 {
      let window = sampler.next()
      #expect(window.segments[0] == 0)
      for i in 1...12 {
        // As an input, the end of a document opens the next one; at the window's edge nobody knows
        // yet whether it does, and nothing is predicted from it.
        let opens = window.tokens[i] == 256 && i < 12
        #expect(window.segments[i] - window.segments[i - 1] == (opens ? 1 : 0))
      }
    }
  }

  @Test func `shares hold in tokens to within a passage at every moment`() throws {
    let big = try shard(texts(300, "a", length: 40), "a", in: folder)
    let small = try shard(texts(20, "b", length: 9), "b", in: folder)
    var sampler = try sampler([("big", big, 0.95), ("small", small, 0.05)], length: 32)
    for k in 1...400 {
      _ = sampler.next()
      let tokens = sampler.statistics.map(\.tokens)
      let total = Double(tokens[0] + tokens[1])
      #expect(abs(Double(tokens[1]) - 0.05 * total) <= 50, "after window \(k): \(tokens)")
    }
    let statistics = sampler.statistics
    #expect(statistics.map(\.name) == ["big", "small"])
    let smallTokens = Double(statistics[1].tokens) / Double(small.tokenCount)
    #expect(statistics[1].epochs > 1 && abs(statistics[1].epochs - smallTokens) < 0.2)
  }

  @Test func `a saved state continues bit for bit`() throws {
    let a = try shard(texts(50, "a", length: 90), "a", in: folder)
    let b = try shard(texts(7, "b", length: 400), "b", in: folder)
    let make = { try self.sampler([("a", a, 3), ("b", b, 1)], length: 24, lanes: 3) }
    var whole = try make()
    let windows = (0..<120).map { _ in whole.next() }
    for k in [0, 1, 2, 17, 64] {
      var first = try make()
      for _ in 0..<k { _ = first.next() }
      let saved = try JSONEncoder().encode(first.state)
      var second = try make()
      _ = second.next()
      try second.restore(try JSONDecoder().decode(SamplerState.self, from: saved))
      #expect((k..<120).map { _ in second.next() } == Array(windows[k...]))
      #expect(second.state == whole.state)
    }
  }

  @Test func `seeds and lanes change the order`() throws {
    let a = try shard(texts(50, "a"), "a", in: folder)
    var samplers = [
      try sampler([("a", a, 1)], length: 24, seed: 1),
      try sampler([("a", a, 1)], length: 24, seed: 2),
      try sampler([("a", a, 1)], length: 24, seed: 1, lanes: 5),
    ]
    let streams = samplers.indices.map { i in (0..<10).map { _ in samplers[i].next() } }
    #expect(streams[0] != streams[1] && streams[0] != streams[2])
  }

  @Test func `a long document is read in passages and each token trained once an epoch`() throws {
    // One document of 26 · 40 + 1 tokens, passages of 8 · 10.
    let text = String((0..<1040).map { Character(Unicode.Scalar(UInt8(97 + $0 / 40))) })
    let shard = try shard([text], "a", in: folder)
    var sampler = try sampler([("a", shard, 1)], length: 10, lanes: 1)
    var trained = [Int](repeating: 0, count: 257)
    var openings = 0
    for _ in 0..<1000 where sampler.statistics[0].epochs <= 1 {
      let window = sampler.next()
      guard sampler.statistics[0].epochs <= 1 else { break }
      for i in 0..<10 {
        if window.weights[i] == 1 {
          trained[Int(window.tokens[i + 1])] += 1
        } else {
          openings += 1
          // Context for a passage from inside the document: a segment of its own begins.
          #expect(window.segments[i + 1] == window.segments[i] + 1)
        }
      }
    }
    // The window in which the epoch ended is not counted: at most ten targets are missing.
    let total = trained.reduce(0, +)
    #expect((1041 - 10...1041).contains(total))
    #expect(trained[97...122].allSatisfy { $0 <= 40 } && trained[256] <= 1)
    #expect(openings > 5)
  }

  @Test func `windows of different lanes come from different documents`() throws {
    let shard = try shard(
      ["a", "b", "c", "d"].map { String(repeating: $0, count: 150) }, "a", in: folder)
    var sampler = try sampler([("a", shard, 1)], length: 20, lanes: 4)
    let batch = (0..<4).map { _ in sampler.next() }
    #expect(Set(batch.map { $0.tokens[1] }).count == 4)
  }

  @Test func `a state of other data is refused`() throws {
    let a = try shard(texts(50, "a"), "a", in: folder)
    let b = try shard(texts(50, "b"), "b", in: folder)
    let saved = try sampler([("x", a, 1)], length: 8).state
    var other = try sampler([("x", b, 1)], length: 8)
    let message = lines { try other.restore(saved) }
    #expect(message.hasPrefix("The saved position belongs to other data: "))
    #expect(message.contains("\ntext sampler\n"))
    var seeded = try sampler([("x", a, 1)], length: 8, seed: 6)
    #expect(throws: CorpusError.self) { try seeded.restore(saved) }
  }

  @Test func `settings out of range are refused`() throws {
    let a = try shard(["x"], "a", in: folder)
    #expect(lines { _ = try sampler([], length: 8) }.contains("`sources` should be at least one"))
    #expect(lines { _ = try sampler([("a", a, 0)], length: 8) }.contains("`share of a`"))
    #expect(
      lines { _ = try sampler([("a", a, 1), ("a", a, 1)], length: 8) }.contains("different names"))
    #expect(
      lines { _ = try sampler([("a", a, 1)], length: 0) }.contains("`window_length and lanes`"))
    let other = try TokenShard.build(
      [Document(segments: ["x"])],
      header: TokenShardHeader(vocabularySize: 300, endOfText: 256, tokenizerHash: "other"),
      to: folder.path("b"), encode: byteIDs)
    #expect(
      lines { _ = try sampler([("a", a, 1), ("b", other, 1)], length: 8) }.hasPrefix(
        "The token file's tokenizer should be that of \(a.path)"))
  }
}
