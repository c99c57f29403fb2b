// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Corpora

@Suite struct PackingTests {
  private func examples(_ count: Int, longest: Int = 30) -> [EncodedExample] {
    var random = SeededRandom(seed: 2, name: "examples")
    return (0..<count).map { i in
      let length = 2 + random.below(longest - 1)
      return EncodedExample(
        tokens: [Int32(1000 + i)] + (1..<length).map { Int32($0) },
        weights: [0] + (1..<length).map { $0 > length / 2 ? 1 : 0.25 }, byteCount: length)
    }
  }

  private func sampler(
    _ packing: ExampleSettings.Packing, count: Int = 70, buffer: Int = 32, seed: UInt64 = 1
  ) throws -> ExampleSampler {
    try ExampleSampler(
      ExampleSet(
        name: "set", examples: examples(count), packing: packing, packingBuffer: buffer),
      windowLength: 40, endOfText: 7, seed: seed)
  }

  /// The numbers of a window's examples.
  private func numbers(_ window: Window) -> [Int] {
    window.tokens.filter { $0 >= 1000 }.map { Int($0) - 1000 }
  }

  @Test func `best fit takes the fullest bin that still holds an item`() {
    #expect(BestFit.pack([4, 7, 3, 6, 2, 8], capacity: 10) == [[5, 4], [1, 2], [3, 0]])
    #expect(BestFit.pack([5, 5, 5], capacity: 10) == [[0, 1], [2]])
    #expect(BestFit.pack([], capacity: 10) == [])
    #expect(BestFit.pack([100, 1, 63, 64, 36], capacity: 100) == [[0], [3, 4], [2, 1]])
  }

  @Test(arguments: ExampleSettings.Packing.allCases)
  func `each example comes whole, once an epoch, with its own weights`(
    packing: ExampleSettings.Packing
  ) throws {
    let examples = examples(64)
    var sampler = try ExampleSampler(
      ExampleSet(name: "set", examples: examples, packing: packing, packingBuffer: 64),
      windowLength: 40, endOfText: 7, seed: 1)
    var seen: [Int] = []
    var windows = 0
    while seen.count < 64 {
      let window = sampler.next()
      windows += 1
      #expect(window.tokens.count == 41 && window.weights.count == 40)
      let numbers = numbers(window)
      seen += numbers
      for (segment, number) in numbers.enumerated() {
        let places = window.segments.indices.filter { window.segments[$0] == segment }
        #expect(places.map { window.tokens[$0] } == examples[number].tokens)
        let weights = places.map { $0 == 0 ? 0 : window.weights[$0 - 1] }
        #expect(weights == examples[number].weights)
      }
      if packing == .none { #expect(numbers.count == 1) }
    }
    if packing != .firstFit {
      #expect(seen.sorted() == Array(0..<64))
      #expect(Double(windows) == sampler.windowsPerEpoch)
    }
    #expect(sampler.statistics[0].bytes == seen.reduce(0) { $0 + examples[$1].byteCount })
  }

  @Test func `best fit pads less than first fit, first fit less than one example a window`() throws
  {
    let shares = try [ExampleSettings.Packing.bestFit, .firstFit, .none].map { packing in
      var sampler = try sampler(packing, count: 400, buffer: 400)
      for _ in 0..<300 { _ = sampler.next() }
      return sampler.statistics[0].paddingShare
    }
    #expect(shares[0] < shares[1] && shares[1] < shares[2], "\(shares)")
    #expect(shares[0] < 0.02)
  }

  @Test(arguments: ExampleSettings.Packing.allCases)
  func `packing resumes bit for bit, also inside a block`(
    packing: ExampleSettings.Packing
  ) throws {
    var whole = try sampler(packing)
    var windows: [Window] = []
    var states: [SamplerState] = []
    for _ in 0..<90 {
      states.append(whole.state)
      windows.append(whole.next())
    }
    for start in [0, 1, 13, 47, 89] {
      let data = try JSONEncoder().encode(states[start])
      var resumed = try sampler(packing)
      try resumed.restore(JSONDecoder().decode(SamplerState.self, from: data))
      #expect(
        resumed.statistics == (start == 0 ? try sampler(packing).statistics : resumed.statistics))
      for k in start..<90 { #expect(resumed.next() == windows[k]) }
    }
    var other = try sampler(packing, seed: 2)
    #expect(other.next() != windows[0])
    #expect(throws: CorpusError.self) { try other.restore(states[3]) }
  }

  @Test func `another packing or buffer refuses a state`() throws {
    let state = try sampler(.bestFit).state
    var first = try sampler(.firstFit)
    #expect(throws: CorpusError.self) { try first.restore(state) }
    var other = try sampler(.bestFit, buffer: 31)
    #expect(throws: CorpusError.self) { try other.restore(state) }
  }

  @Test func `examples that cannot be trained are refused`() throws {
    func make(_ example: EncodedExample) throws {
      _ = try ExampleSampler(
        ExampleSet(name: "set", examples: [example]), windowLength: 4, endOfText: 7, seed: 0)
    }
    #expect(throws: Never.self) { try make(EncodedExample(tokens: [1, 2], weights: [0, 1])) }
    #expect(throws: CorpusError.self) {
      try make(EncodedExample(tokens: [1, 2], weights: [1, 0]))
    }
    #expect(throws: CorpusError.self) {
      try make(EncodedExample(tokens: [1, 2], weights: [0, -1]))
    }
    #expect(throws: CorpusError.self) {
      try make(EncodedExample(tokens: [1, 2, 3, 4, 5, 6], weights: [0, 1, 1, 1, 1, 1]))
    }
    #expect(throws: CorpusError.self) {
      _ = try ExampleSampler(
        ExampleSet(name: "set", examples: []), windowLength: 4, endOfText: 7, seed: 0)
    }
  }
}
