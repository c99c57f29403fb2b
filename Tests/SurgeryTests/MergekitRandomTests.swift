// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Tensors
import Testing

@testable import Surgery

@Suite struct MergekitRandomTests {
  @Test func `the generator is MT19937`() {
    // The first and the ten thousandth number of the default seed, as the C++ standard gives them.
    var generator = MersenneTwister(seed: 5489)
    let first = generator.next()
    #expect(first == 3_499_211_612)
    generator.advance(draws: 9998)
    let last = generator.next()
    #expect(last == 4_123_659_995)
  }

  @Test func `only the low 32 bits of a seed count`() {
    #expect(MersenneTwister(seed: 7) == MersenneTwister(seed: 7 | 1 << 32))
    #expect(MersenneTwister(seed: 7) != MersenneTwister(seed: 8))
  }

  @Test(arguments: [0, 1, 623, 624, 625, 5000])
  func `skipping is drawing`(count: Int) {
    var (skipped, drawn) = (MersenneTwister(seed: 3), MersenneTwister(seed: 3))
    _ = (skipped.next(), drawn.next())
    skipped.advance(draws: count)
    for _ in 0..<count { _ = drawn.next() }
    #expect(skipped == drawn)
    let next = (skipped.next(), drawn.next())
    #expect(next.0 == next.1)
  }

  struct Numbers: Decodable {
    let seed: UInt64
    let bernoulli, small, big: [Int]
    let count: Int
    let sampled, shuffled, next: [Int]
  }

  @Test func `coins, numbers, samples and shuffles are PyTorch's, one after the other`() throws {
    let golden = try ExactGolden.read("random", Numbers.self)
    var random = MersenneTwister(seed: golden.seed)
    let probability = WorkType.bfloat16.rounded(0.53)
    let coins = golden.bernoulli.map { _ in random.uniform() < probability ? 1 : 0 }
    #expect(coins == golden.bernoulli)
    let small = golden.small.map { _ in random.integer(below: 1000) }
    #expect(small == golden.small)
    let big = golden.big.map { _ in random.integer(below: (1 << 28) + 5) }
    #expect(big == golden.big)
    let values = (0..<golden.count).map { Float($0 * 7919 % golden.count) }
    for (generation, expected) in [
      (MergekitGeneration.v015, golden.sampled), (.v01, golden.shuffled),
    ] {
      let sample = FusionSample(elementCount: golden.count, generation: generation)
      let quantiles = sample.quantiles(values, [0.25, 0.5, 0.75], &random)
      #expect(quantiles.map { Int($0) } == expected)
    }
    let next = golden.next.map { _ in random.integer(below: 1 << 20) }
    #expect(next == golden.next)
  }

  @Test func `draws are counted by element, source and density`() {
    var parameters = MergekitParameters()
    func count(_ method: String, _ elements: Int) -> Int {
      MergekitExact.drawCount(method: method, parameters: parameters, elementCount: elements)
    }
    #expect(count("dare_ties", 10) == 0)
    parameters.densities = [0.5, 1, 0, 1.5]
    #expect(count("dare_ties", 10) == 20)
    #expect(count("della", 10) == 10)
    #expect(count("ties", 10) == 0)
    #expect(count("arcee_fusion", 1_000_000) == 0)
    #expect(count("arcee_fusion", 1_000_001) == 1_000_000)
    #expect(count("arcee_fusion", 1 << 28) == 2_000_000)
    parameters.generation = .v01
    #expect(count("arcee_fusion", 1_000_001) == 2_000_000)
  }

  @Test func `mergekit executes by name, layer 10 before layer 2`() {
    let names = ["model.layers.2.w", "model.norm", "model.layers.10.w", "lm_head", "é", "z"]
    #expect(
      MergekitStream.executionOrder(names) { $0 }
        == ["lm_head", "model.layers.10.w", "model.layers.2.w", "model.norm", "z", "é"])
    let labels = [(1, "b"), (2, "a"), (3, "b"), (4, "a")]
    #expect(MergekitStream.executionOrder(labels) { $0.1 }.map(\.0) == [2, 4, 1, 3])
  }

  @Test func `a stream knows every tensor's start`() throws {
    let stream = MergekitStream(seed: 5, draws: [("a", 3), ("b", 0), ("c", 1000), ("d", 1)])
    var whole = MersenneTwister(seed: 5)
    let first = stream.generator(for: "a")
    #expect(first == whole)
    whole.advance(draws: 3)
    #expect(stream.generator(for: "b") == whole)
    #expect(stream.generator(for: "c") == whole)
    whole.advance(draws: 1000)
    #expect(stream.generator(for: "d") == whole)
    #expect(stream.generator(for: "e") == nil)
  }

  struct Model: Decodable {
    struct Tensor: Decodable {
      let shape: [Int]
      let base, a, b, result: String
    }
    let seed: UInt64
    let layers: Int
    let tensors: [String: Tensor]
  }

  @Test func `a seeded DARE merge of twelve layers by the command line is met bit for bit`() throws
  {
    let model = try ExactGolden.read("model", Model.self)
    // The second model's density runs from 0.3 to 1 over the layers, and is 0.3 outside them.
    let order = MergekitStream.executionOrder(Array(model.tensors.keys)) { $0 }
    var parameters: [String: MergekitParameters] = [:]
    for name in order {
      let parts = name.split(separator: ".")
      let layer = parts.count > 2 && parts[1] == "layers" ? Int(parts[2]) ?? 0 : 0
      let depth = Double(layer) / Double(model.layers - 1)
      var own = MergekitParameters()
      own.weights = [0.6, 0.8]
      own.densities = [0.53, layer == model.layers - 1 ? 1 : (1 - depth) * 0.3 + depth * 1]
      parameters[name] = own
    }
    let stream = MergekitStream(
      seed: model.seed,
      draws: try order.map { name in
        let count = try #require(model.tensors[name]).shape.reduce(1, *)
        let own = try #require(parameters[name])
        return (
          name,
          MergekitExact.drawCount(method: "dare_ties", parameters: own, elementCount: count)
        )
      })
    // In any order.
    for (name, tensor) in model.tensors {
      var random = try #require(stream.generator(for: name))
      let floats = try [tensor.base, tensor.a, tensor.b].map {
        try ExactGolden.doubles($0, "bfloat16").map { Float($0) }
      }
      let merged = try MergekitExact.merge(
        method: "dare_ties", base: floats[0], sources: Array(floats[1...]),
        shape: Shape(tensor.shape), work: .bfloat16, parameters: try #require(parameters[name]),
        random: &random)
      let expected = try ExactGolden.doubles(tensor.result, "bfloat16").map { Float($0) }
      #expect(merged.values == expected, "\(name)")
    }
  }
}
