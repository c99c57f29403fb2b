// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora
import Documents
import Foundation
import Testing

@Suite struct MixtureTests {
  let folder: TestFolder
  init() throws { folder = try TestFolder() }

  private func settings(_ yaml: String) throws -> MixSettings {
    var settings = try Settings(YAML.parse(yaml, origin: "mix.yaml"), origin: "mix.yaml")
    let mix = try MixSettings(&settings)
    try settings.finish()
    return mix
  }

  private let sources = [
    MixtureSource(name: "eng", tokenCount: 1000, byteCount: 4000),
    MixtureSource(name: "fao", tokenCount: 100, byteCount: 200),
    MixtureSource(name: "isl", tokenCount: 10, byteCount: 30),
  ]

  private func shares(_ yaml: String, budget: Int = 100) throws -> [Double] {
    try settings(yaml).mixture(of: sources, budget: budget).shares(at: 0)
  }

  private func near(_ a: [Double], _ b: [Double]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) < 1e-11 }
  }

  // MARK: Rules

  @Test func `weights are shares of tokens at any scale`() throws {
    #expect(near(try shares("weights: {eng: 2, fao: 6}"), [0.25, 0.75]))
    #expect(
      try settings("weights: {isl: 1, eng: 1}").mixture(of: sources, budget: 9).names
        == ["eng", "isl"])
  }

  @Test func `a temperature flattens sizes by its root`() throws {
    #expect(near(try shares("temperature: 1"), [1000.0 / 1110, 100.0 / 1110, 10.0 / 1110]))
    let roots = [1000.0, 100, 10].map { pow($0, 0.5) }
    #expect(near(try shares("temperature: 2"), roots.map { $0 / roots.reduce(0, +) }))
    #expect(
      near(try shares("{temperature: 1, sources: [eng, fao]}"), [1000.0 / 1100, 100.0 / 1100]))
  }

  @Test func `bytes as the unit turn into tokens by each source's mean`() throws {
    // A byte of eng is 1/4 token, of fao 1/2: equal bytes are tokens 1 to 2.
    #expect(near(try shares("{unit: bytes, weights: {eng: 1, fao: 1}}"), [1.0 / 3, 2.0 / 3]))
    #expect(
      near(
        try shares("{unit: bytes, temperature: 1}"), [1000.0 / 1110, 100.0 / 1110, 10.0 / 1110]))
  }

  @Test func `UniMax fills by size and gives what caps leave to the others`() throws {
    // Budget 600, cap 2: isl 20 of 200, fao 200 of 290, eng the remaining 380.
    #expect(
      near(
        try shares("unimax: {max_epochs: 2}", budget: 600), [380.0 / 600, 200.0 / 600, 20.0 / 600]))
    #expect(near(try shares("unimax: {max_epochs: 100}", budget: 30), [1.0 / 3, 1.0 / 3, 1.0 / 3]))
  }

  @Test func `a cap on epochs holds with weights and temperatures too`() throws {
    // fao may give 200 tokens of 1000; eng takes over the rest.
    #expect(
      near(
        try shares("{weights: {eng: 1, fao: 1}, max_epochs: {fao: 2}}", budget: 1000), [0.8, 0.2]))
    #expect(
      near(
        try shares("{weights: {eng: 1, fao: 1}, max_epochs: 1}", budget: 1000), [0.9, 0.1]))
  }

  @Test func `replay has its share of the whole and the rule divides the rest`() throws {
    #expect(
      near(
        try shares("{weights: {fao: 3, isl: 1}, replay: {eng: 0.2}}"), [0.2, 0.6, 0.2]))
    #expect(
      near(
        try shares("{unimax: {max_epochs: 9}, replay: {eng: 0.5}}", budget: 40), [0.5, 0.25, 0.25]))
  }

  @Test func `a schedule goes in straight lines and may jump`() throws {
    let mixture = try settings(
      """
      schedule:
        - {at: 0, weights: {eng: 9, fao: 1}}
        - {at: 0.5, weights: {eng: 1, fao: 1}}
        - {at: 0.5, weights: {fao: 1}}
        - {at_tokens: 800, weights: {eng: 1, fao: 4}}
      """
    ).mixture(of: sources, budget: 1000)
    #expect(near(mixture.shares(at: 0), [0.9, 0.1]))
    #expect(near(mixture.shares(at: 250), [0.7, 0.3]))
    #expect(near(mixture.shares(at: 500), [0, 1]))
    #expect(near(mixture.shares(at: 650), [0.1, 0.9]))
    #expect(near(mixture.shares(at: 5000), [0.2, 0.8]))
    // ∫ of 0.9 → 0.5 over 500 tokens, then 0 → 0.2 over 300, then 0.2.
    #expect(abs(mixture.target(0, at: 1000) - (350 + 30 + 40)) < 1e-6)
    #expect(abs(mixture.target(0, at: 1000) + mixture.target(1, at: 1000) - 1000) < 1e-6)
  }

  // MARK: Drawing

  @Test(arguments: [1, 20, 700]) func `an epoch is all text once, however little there is`(
    documents: Int
  ) throws {
    // Every number stands in the text once.
    let text = (0..<documents).map { n in (0..<150).map { "\(n * 150 + $0) " }.joined() }
    let shard = try CorporaTests.shard(text, "only", in: folder)
    let length = 64
    let windows = shard.tokenCount / length
    var sampler = try MixedSampler(
      MixSettings(), texts: [("only", shard)], examples: [], windowLength: length,
      windowCount: windows, endOfText: shard.header.endOfText, seed: 3)
    var numbers: [Substring: Int] = [:]
    for _ in 0..<windows {
      let bytes = sampler.next().tokens.filter { $0 < 256 }.map { UInt8($0) }
      let words = String(decoding: bytes, as: UTF8.self).split(separator: " ")
      for word in words.dropFirst().dropLast() { numbers[word, default: 0] += 1 }
    }
    let statistics = sampler.statistics[0]
    #expect(abs(statistics.tokens - windows * length) <= windows)
    #expect(statistics.epochs > 0.8 && statistics.epochs <= 1)
    let twice = numbers.values.count { $0 > 1 }
    #expect(Double(twice) <= 0.04 * Double(numbers.count), "\(twice) of \(numbers.count)")
  }

  private func shard(_ name: String, lengths: [Int]) throws -> TokenShard {
    try CorporaTests.shard(
      lengths.map { String(repeating: name.first ?? "x", count: $0 - 1) }, name, in: folder)
  }

  /// A sampler over sources with documents of 2 to 40 tokens, and their names.
  private func sampler(_ mixture: Mixture, seed: UInt64 = 1, laneCount: Int = 3) throws
    -> TextSampler
  {
    var random = SeededRandom(seed: 4, name: "lengths")
    let texts = try mixture.names.map { name in
      let lengths = (0..<60).map { _ in 2 + random.below(39) }
      return (name: name, shard: try shard(name, lengths: lengths))
    }
    return try TextSampler(
      texts, mixture: mixture, windowLength: 16, seed: seed, laneCount: laneCount)
  }

  @Test(arguments: 0..<6) func `shares hold at every moment to within one passage, however many`(
    seed: Int
  ) throws {
    var random = SeededRandom(seed: UInt64(seed), name: "shares")
    let count = 2 + random.below(11)
    let names = (0..<count).map { "\(UnicodeScalar(UInt8(97 + $0)))" }
    func weights() -> [Double] { names.map { _ in random.chance(0.2) ? 0 : random.unit() } + [] }
    let points = (0..<3).map {
      var shares = weights()
      shares[0] += 0.1
      return Mixture.Point(tokens: Double($0) * 3000, shares: shares)
    }
    let mixture = try Mixture(names: names, points: seed % 2 == 0 ? [points[0]] : points)
    var sampler = try sampler(mixture)
    var worst = 0.0
    for _ in 0..<500 {
      _ = sampler.next()
      let drawn = sampler.handedOut.map { Double($0) }
      let now = drawn.reduce(0, +)
      for i in names.indices { worst = max(worst, abs(drawn[i] - mixture.target(i, at: now))) }
    }
    #expect(worst <= 40, "\(worst) with \(count) sources")
  }

  @Test func `a source that has reached its cap is left out`() throws {
    let mixture = try Mixture(
      names: ["a", "b"], points: [Mixture.Point(tokens: 0, shares: [0.5, 0.5])],
      maxEpochs: [1, 100])
    var sampler = try sampler(mixture)
    for _ in 0..<400 { _ = sampler.next() }
    #expect(sampler.statistics[0].epochs == 1)
    #expect(sampler.statistics[1].epochs > 3)
  }

  @Test func `a source without a share for now is not drawn from`() throws {
    let mixture = try Mixture(
      names: ["a", "b"],
      points: [
        Mixture.Point(tokens: 0, shares: [1, 0]), Mixture.Point(tokens: 2000, shares: [1, 0]),
        Mixture.Point(tokens: 2000, shares: [0, 1]),
      ])
    var sampler = try sampler(mixture)
    while sampler.handedOut[0] < 1900 {
      _ = sampler.next()
      if sampler.handedOut[0] < 1900 { #expect(sampler.statistics[1].tokens == 0) }
    }
    for _ in 0..<300 { _ = sampler.next() }
    #expect(sampler.statistics[0].tokens <= 2040)
  }

  @Test func `a schedule resumes bit for bit from any window`() throws {
    let mixture = try Mixture(
      names: ["a", "b", "c"],
      points: [
        Mixture.Point(tokens: 100, shares: [8, 1, 1]),
        Mixture.Point(tokens: 1500, shares: [1, 1, 8]),
      ], maxEpochs: [2, .infinity, .infinity])
    var whole = try sampler(mixture)
    var windows: [Window] = []
    var states: [SamplerState] = []
    for _ in 0..<200 {
      states.append(whole.state)
      windows.append(whole.next())
    }
    for start in [1, 50, 117, 199] {
      let data = try JSONEncoder().encode(states[start])
      var resumed = try sampler(mixture)
      try resumed.restore(JSONDecoder().decode(SamplerState.self, from: data))
      for k in start..<200 { #expect(resumed.next() == windows[k]) }
    }
    let other = try Mixture([("a", 1), ("b", 1), ("c", 1)])
    var foreign = try sampler(other)
    #expect(throws: CorpusError.self) { try foreign.restore(states[5]) }
  }

  @Test func `windows know the source of each of their texts, also in a mixture of samplers`()
    throws
  {
    let text = try sampler(Mixture([("a", 1), ("b", 1)]))
    let examples = try ExampleSampler(
      [TrainingExample(prompt: [1], answer: [2])], name: "task", windowLength: 16, endOfText: 256,
      seed: 0)
    var mixed = try MixedSampler([.init(examples, share: 1), .init(text, share: 1)])
    #expect(mixed.statistics.map(\.name) == ["task", "a", "b"])
    for _ in 0..<20 {
      let window = mixed.next()
      for (token, segment) in zip(window.tokens, window.segments) where segment >= 0 {
        switch window.sources[Int(segment)] {
        case 0: #expect([1, 2, 256].contains(token))
        case 1: #expect([97, 256].contains(token))
        case 2: #expect([98, 256].contains(token))
        default: Issue.record("no such source")
        }
      }
    }
  }

  @Test func `bytes are counted beside tokens`() throws {
    var sampler = try sampler(Mixture([("a", 1)]))
    for _ in 0..<40 { _ = sampler.next() }
    let source = sampler.statistics[0]
    #expect(source.bytes > 0 && source.bytes < source.tokens)
  }

  @Test func `a whole training's sampler keeps shares of windows and names what is missing`() throws
  {
    let texts = [
      (name: "a", shard: try shard("a", lengths: [9, 9, 9])),
      (name: "b", shard: try shard("b", lengths: [9, 9, 9])),
    ]
    let set = ExampleSet(
      name: "chat", examples: [EncodedExample(tokens: [1, 2, 256], weights: [0, 1, 1])])
    func make(_ yaml: String) throws -> MixedSampler {
      try MixedSampler(
        settings(yaml), texts: texts, examples: [set], windowLength: 8, windowCount: 100,
        endOfText: 256, seed: 1)
    }
    var sampler = try make("{weights: {a: 1, b: 3}, examples: {chat: 0.25}}")
    var chats = 0
    for _ in 0..<100 { chats += sampler.next().sources.first == 2 ? 1 : 0 }
    #expect(chats == 25)
    #expect(sampler.paddingShare > 0 && sampler.paddingShare < 0.2)
    #expect(
      lines { _ = try make("weights: {a: 1}") }.hasPrefix(
        "`mix.examples.chat` should be a share of the windows, beside text, found none."))
    #expect(
      lines { _ = try make("{weights: {a: 1}, examples: {caht: 0.1}}") }
        == "There is no source `caht`.\nmix.examples\nDid you mean `chat`?")
  }

  // MARK: What is wrong

  @Test func `what a mixture cannot be is told`() throws {
    func message(_ yaml: String, budget: Int = 100) -> String {
      lines { _ = try shares(yaml, budget: budget) }
    }
    #expect(
      message("weights: {fa: 1}")
        == "There is no source `fa`.\nmix.weights\nDid you mean `fao`?")
    #expect(
      message("{weights: {eng: 1}, replay: {eng: 0.1}}").contains("no weight for a source"))
    #expect(message("{weights: {eng: 1}, temperature: 2}").contains("no `weights` beside it"))
    #expect(message("weights: {eng: 0}").contains("a weight above 0"))
    #expect(message("replay: {eng: 0.6, fao: 0.4}").contains("shares that sum to less than 1"))
    #expect(
      message("temperature: 0.5").contains("at least 1")
        || message("temperature: 0.5").contains("from 1"))
    #expect(message("unimax: {max_epochs: 0}").contains("max_epochs"))
    #expect(message("wieghts: {eng: 1}").contains("Did you mean `weights`?"))
    #expect(
      message("unimax: {max_epochs: 2}", budget: 3000)
        == """
        The training draws 3000 tokens of text; within the caps on epochs there are 2220.
        mix
        Raise `max_epochs`, add text, or train on fewer tokens.
        """)
    #expect(
      message("{weights: {isl: 1}, replay: {fao: 0.5}, max_epochs: {fao: 1}}", budget: 1000)
        .hasPrefix("`mix.replay.fao` should be at most 0.1 of this training"))
    #expect(
      message("schedule: [{at: 0.5, weights: {eng: 1}}, {at: 0.2, weights: {fao: 1}}]")
        .contains("a moment after the point before"))
    #expect(message("schedule: [{weights: {eng: 1}}]").contains("at"))
    #expect(message("schedule: [{at: 0}]").contains("weights, or `temperature`"))
    #expect(
      message("schedule: [{at: 0.5, weights: {eng: 1}}, {at_tokens: 10, weights: {fao: 1}}]")
        .contains("a moment after token 50"))
    #expect(
      lines { _ = try Mixture(names: ["a"], points: [.init(tokens: 0, shares: [-1])]) }
        .contains("not all of them 0"))
  }
}
