// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora
import Foundation
import Testing

@Suite struct ExampleSamplerTests {
  private func examples(_ count: Int) -> [TrainingExample] {
    (0..<count).map { i in
      let first = Int32(1000 + 100 * i)
      let promptEnd = first + Int32(3 + i * 5 % 11)
      let answer = first + 9000
      return TrainingExample(
        prompt: Array(first..<promptEnd), answer: Array(answer...(answer + Int32(i % 3))))
    }
  }

  private func sampler(
    _ examples: [TrainingExample], length: Int = 40, opening: Int32? = nil, seed: UInt64 = 3
  ) throws -> ExampleSampler {
    try ExampleSampler(
      examples, name: "task", windowLength: length, endOfText: 7, opening: opening, seed: seed)
  }

  /// The examples of a window: inputs with their segment, and which targets are trained.
  private func parts(_ window: Window) -> [(tokens: [Int32], trained: [Int32])] {
    let count = (window.segments.max() ?? -1) + 1
    return (0..<count).map { segment in
      let places = window.segments.indices.filter { window.segments[$0] == segment }
      return (
        places.map { window.tokens[$0] },
        places.filter { $0 > 0 && window.weights[$0 - 1] == 1 }.map { window.tokens[$0] }
      )
    }
  }

  @Test func `each example is whole in one window and only its answer and end are trained`() throws
  {
    let examples = examples(25)
    var sampler = try sampler(examples)
    var seen: [TrainingExample] = []
    while seen.count < 50 {
      let window = sampler.next()
      #expect(window.tokens.count == 41 && window.weights.count == 40)
      let parts = parts(window)
      #expect(!parts.isEmpty)
      for part in parts {
        let example = TrainingExample(
          prompt: Array(part.tokens.dropLast(part.trained.count)), answer: part.trained.dropLast())
        #expect(part.trained.last == 7)
        #expect(part.tokens == example.prompt + part.trained)
        #expect(examples.contains(example))
        seen.append(example)
      }
      for i in 0..<40 where window.segments[i + 1] == -1 {
        #expect(window.weights[i] == 0 && window.tokens[i + 1] == 7)
      }
    }
    let counts = examples.map { example in seen.prefix(50).filter { $0 == example }.count }
    // Looking ahead may move an example over the border of an epoch, never lose one.
    #expect(counts.allSatisfy { (1...3).contains($0) }, "\(counts)")
    let statistics = sampler.statistics[0]
    #expect(statistics.epochs == Double(seen.count) / 25)
    #expect(statistics.tokens == seen.reduce(0) { $0 + $1.answer.count + 1 })
    #expect(statistics.truncated == 0 && statistics.padding > 0)
  }

  @Test func `an opening token stands before each prompt`() throws {
    var sampler = try sampler(examples(5), opening: 6)
    for part in parts(sampler.next()) {
      #expect(part.tokens[0] == 6 && part.tokens[1] >= 1000)
    }
  }

  @Test func `a prompt that is too long loses its start and is counted`() throws {
    let long = TrainingExample(prompt: (100..<200).map { Int32($0) }, answer: [50, 51])
    var sampler = try sampler([long], length: 10, opening: 6)
    let window = sampler.next()
    #expect(window.tokens == [6, 193, 194, 195, 196, 197, 198, 199, 50, 51, 7])
    #expect(window.weights == [0, 0, 0, 0, 0, 0, 0, 1, 1, 1])
    #expect(window.segments == [Int32](repeating: 0, count: 11))
    #expect(sampler.statistics[0].truncated == 1)
  }

  @Test func `packing leaves little padding`() throws {
    var sampler = try sampler(examples(40), length: 64)
    for _ in 0..<100 { _ = sampler.next() }
    #expect(Double(sampler.statistics[0].padding) / (100 * 65) < 0.05)
  }

  @Test func `a saved state continues bit for bit`() throws {
    let examples = examples(30)
    var whole = try sampler(examples)
    let windows = (0..<40).map { _ in whole.next() }
    for k in [0, 1, 13] {
      var first = try sampler(examples)
      for _ in 0..<k { _ = first.next() }
      let saved = try JSONEncoder().encode(first.state)
      var second = try sampler(examples)
      try second.restore(try JSONDecoder().decode(SamplerState.self, from: saved))
      #expect((k..<40).map { _ in second.next() } == Array(windows[k...]))
      #expect(second.statistics == whole.statistics)
    }
    var other = try sampler(Array(examples.dropLast()))
    #expect(throws: CorpusError.self) { try other.restore(whole.state) }
  }

  @Test func `examples that cannot be trained are refused`() throws {
    #expect(lines { _ = try sampler([]) }.hasPrefix("The corpus is empty: no examples.\ntask"))
    let long = TrainingExample(prompt: [1], answer: (0..<40).map { Int32($0) })
    #expect(
      lines { _ = try sampler([long]) } == """
        The answer has 40 tokens, a window holds 40.
        example 0
        Use longer windows or shorter answers.
        """)
    #expect(
      lines { _ = try sampler([TrainingExample(prompt: [1], answer: [])]) }.contains(
        "`answer of example 0 of task` should be at least one token"))
    #expect(
      lines { _ = try sampler([TrainingExample(prompt: [], answer: [1])]) }.contains(
        "`prompt of example 0 of task`"))
  }

  // MARK: Mixtures

  private func mixed(_ folder: TestFolder) throws -> MixedSampler {
    let shard = try shard((0..<30).map { "text number \($0)" }, "a", in: folder)
    return try MixedSampler([
      .init(
        try TextSampler(
          [TextSource(name: "text", shard: shard, share: 1)], windowLength: 40, seed: 1),
        share: 0.7),
      .init(try sampler(examples(20)), share: 0.3),
    ])
  }

  @Test func `a mixture keeps its shares at every moment`() throws {
    let folder = try TestFolder()
    var sampler = try mixed(folder)
    var task = 0
    for k in 1...200 {
      if sampler.next().tokens.contains(where: { $0 >= 1000 }) { task += 1 }
      #expect(abs(Double(task) - 0.3 * Double(k)) <= 1)
    }
    #expect(sampler.statistics.map(\.name) == ["text", "task"])
  }

  @Test func `a mixture continues bit for bit`() throws {
    let folder = try TestFolder()
    var whole = try mixed(folder)
    let windows = (0..<60).map { _ in whole.next() }
    var first = try mixed(folder)
    for _ in 0..<23 { _ = first.next() }
    let saved = try JSONEncoder().encode(first.state)
    var second = try mixed(folder)
    try second.restore(try JSONDecoder().decode(SamplerState.self, from: saved))
    #expect((23..<60).map { _ in second.next() } == Array(windows[23...]))
    var unlike = try sampler(examples(20))
    #expect(
      lines { try unlike.restore(whole.state) }.hasPrefix(
        "The saved position belongs to other data: examples now, a mixture then.\ntask"))
  }

  @Test func `parts of a mixture have one length and positive shares`() throws {
    let a = try sampler(examples(3), length: 40)
    let b = try sampler(examples(3), length: 50)
    #expect(throws: CorpusError.self) {
      try MixedSampler([.init(a, share: 1), .init(b, share: 1)])
    }
    #expect(throws: CorpusError.self) { try MixedSampler([.init(a, share: 0)]) }
    #expect(throws: CorpusError.self) { try MixedSampler([]) }
  }
}
