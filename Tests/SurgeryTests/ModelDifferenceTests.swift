// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors
import Testing

@testable import Surgery

/// Where models differ: measures against sums done by hand, pairing, and what is listed.
@Suite struct ModelDifferenceTests {
  private func model(
    _ values: [Float], name: String = "w", origin: String = "a model"
  ) throws -> Checkpoint {
    try Checkpoint.inMemory(
      config: [:], tensors: [(name, Shape([values.count]), values)], origin: origin)
  }

  @Test func `lengths, distance, angle and the largest difference are as defined`() throws {
    let found = try ModelDifference.compute(try model([3, 4]), try model([3, 0]))
    let pair = try #require(found.pairs.total)
    #expect(pair.firstNorm == 5 && pair.secondNorm == 3 && pair.distance == 4)
    #expect(pair.relativeChange == 0.8 && pair.cosine == 0.6)
    #expect(abs(try #require(pair.angle) - 53.130102354155978) < 1e-12)
    #expect(pair.elementCount == 2 && pair.changedCount == 1 && pair.changedShare == 0.5)
    #expect(pair.largest == 4)
    #expect(pair.largestElement == .init(tensor: "w", position: [1], token: nil))
    #expect(found.tensors.map(\.name) == ["w"] && found.tensors[0].change == nil)
    #expect(!found.isEmpty)
  }

  @Test func `equal models differ in nothing`() throws {
    let one = try MergeModels.llama("same", MergeModels.layered(layers: 2))
    let found = try ModelDifference.compute(one, one)
    let pair = try #require(found.pairs.total)
    #expect(found.isEmpty && pair.cosine == 1 && pair.angle == 0 && pair.largestElement == nil)
    // Minus zero is zero.
    #expect(try ModelDifference.compute(try model([0, 1]), try model([-0.0, 1])).isEmpty)
  }

  @Test func `what is not defined is nil`() throws {
    let pair = try #require(
      try ModelDifference.compute(try model([0, 0]), try model([1, 0])).pairs.total)
    #expect(pair.relativeChange == nil && pair.cosine == nil && pair.angle == nil)
    let empty = try ModelDifference.compute(try model([]), try model([])).pairs.total
    #expect(empty?.relativeChange == 0 && empty?.changedShare == 0)
  }

  @Test func `a tiny angle keeps its digits`() throws {
    // 1e-6 sideways of length 1: the cosine is 1 − 5e-13, its arc cosine good to four digits only.
    let pair = try #require(
      try ModelDifference.compute(try model([1, 0]), try model([1, 1e-6])).pairs.total)
    let expected = 1e-6 * 180 / Double.pi
    #expect(abs(try #require(pair.angle) / expected - 1) < 1e-6)
  }

  @Test func `both sides of an election are counted`() throws {
    let base = try model([Float](repeating: 1, count: 10))
    let a: [Float] = [5, -1, 2, 0, 3, 0, 0, 0, 0, -9]
    let b: [Float] = [-3, 2, 1, 4, 0, 0, 0, 0, 0, 8]
    let (first, second) = (try model(a.map { $0 + 1 }), try model(b.map { $0 + 1 }))
    let change = try #require(
      try ModelDifference.compute(first, second, base: base).changes.total)
    #expect(change.elementCount == 10 && change.bothChanged == 4 && change.conflictRate == 0.75)
    #expect(change.product == -87 && change.cosine == -87 / (120.0 * 94).squareRoot())
    #expect(change.normRatio == (120.0 / 94).squareRoot())
    #expect(change.relativeChanges.first == (120.0 / 10).squareRoot())
    // A loses −1 to 2; B loses −3 to 5 and 8 to −9.
    #expect(change.first.mass == 20 && change.first.discardedMassShare == 1 - 19.0 / 20)
    #expect(change.first.discardedCount == 1 && change.first.discardedShare == 0.2)
    #expect(change.second.mass == 18 && change.second.discardedMassShare == 1 - 7.0 / 18)
    // The largest of ten: −9 stays, 8 goes.
    #expect(change.first.importantDiscardedShare == 0)
    #expect(change.second.importantCount == 1 && change.second.importantDiscardedShare == 1)
    // The other way round gives the mirror image.
    let other = try #require(
      try ModelDifference.compute(second, first, base: base).changes.total)
    #expect(other.first == change.second && other.second == change.first)
    // A voice of 1.5 saves 8 (12 against 9), and −3 still loses (4.5 against 5).
    var options = ModelDifference.Options()
    options.slack = 0.5
    let louder = try ModelDifference.compute(first, second, base: base, options: options)
    #expect(louder.changes.total?.second.keptMass == 15)
    // The two largest of each: 5, −9 and 4, 8; of A all that was cut is lost.
    options = .init()
    options.density = 0.2
    let trimmed = try ModelDifference.compute(first, second, base: base, options: options)
    #expect(trimmed.changes.total?.first.keptMass == 14)
    #expect(trimmed.changes.total?.second.keptMass == 4)
  }

  @Test(arguments: [1, 2, 5])
  func `the result does not depend on the number of threads`(threads: Int) throws {
    let shapes: [Shape] = [[3, 70_001], [4097], [0, 3], []]
    let base = try MergeModels.checkpoint(seed: 1, shapes: shapes)
    let first = try MergeModels.checkpoint(seed: 2, shapes: shapes, around: base, scale: 0.1)
    let second = try MergeModels.checkpoint(seed: 3, shapes: shapes, around: base, scale: 0.1)
    var options = ModelDifference.Options()
    options.density = 0.3
    let usual = try ModelDifference.compute(first, second, base: base, options: options)
    options.threads = threads
    let found = try ModelDifference.compute(first, second, base: base, options: options)
    #expect(found.tensors == usual.tensors)
    #expect(found.changes == usual.changes && found.pairs == usual.pairs)
    let norms = try ModelNorms.compute(first, threads: threads)
    #expect(norms.tensors == (try ModelNorms.compute(first)).tensors)
  }

  @Test func `measures are summed by layer and by kind`() throws {
    let shapes = MergeModels.layered(layers: 2, head: true)
    let found = try ModelDifference.compute(
      try MergeModels.llama("a", shapes), try MergeModels.llama("b", shapes))
    let table = found.pairs
    #expect(table.rows.map(\.label) == ["embed", "0", "1", "final norm", "head"])
    #expect(
      table.kinds == [.norm, .query, .key, .value, .output, .gate, .up, .down])
    #expect(table.rows[0].cells.allSatisfy { $0 == nil })
    #expect(table.rows[1].cells.map { $0?.elementCount } == [4, 4, 4, 4, 4, 6, 6, 6])
    #expect(table.rows.map(\.total.elementCount) == [10, 38, 38, 2, 10])
    #expect(table.kindTotals.map(\.elementCount) == [8, 8, 8, 8, 8, 12, 12, 12])
    #expect(table.total?.elementCount == 98)
    let cells = table.rows[2].cells.compactMap { $0?.squaresOfDifference }
    #expect(abs(cells.reduce(0, +) - table.rows[2].total.squaresOfDifference) < 1e-12)
  }

  @Test func `stacks of layers have rows of their own`() throws {
    let names = ["enc.0.q.weight", "enc.1.q.weight", "dec.0.q.weight", "shared.weight"]
    func made(_ value: Float) throws -> Checkpoint {
      try Checkpoint.inMemory(
        config: [:], tensors: names.map { ($0, [2], [value, 1]) })
    }
    let table = try ModelDifference.compute(try made(1), try made(2)).pairs
    #expect(table.rows.map(\.label) == ["embed", "dec 0", "enc 0", "enc 1"])
    #expect(table.kinds == [.query])
  }
}

// MARK: Models that are not alike

extension ModelDifferenceTests {
  @Test func `what only one model has, and what has another shape, is listed`() throws {
    let first = try Checkpoint.inMemory(
      config: [:],
      tensors: [("a", [2], [1, 2]), ("b", [2, 1], [1, 2]), ("c", [1], [1])])
    let second = try Checkpoint.inMemory(
      config: [:], tensors: [("b", [1, 2], [1, 2]), ("c", [1], [1]), ("d", [1], [1])],
      elementType: .bfloat16)
    let found = try ModelDifference.compute(first, second)
    #expect(found.onlyInFirst.map(\.name) == ["a"] && found.onlyInSecond.map(\.name) == ["d"])
    #expect(found.onlyInSecond[0].info.elementType == .bfloat16)
    #expect(found.reshaped == [.init(name: "b", first: [2, 1], second: [1, 2])])
    #expect(found.tensors.map(\.name) == ["c"] && found.tensors[0].pair.changedCount == 0)
    #expect(found.tensors[0].firstType == .float32 && found.tensors[0].secondType == .bfloat16)
    #expect(!found.isEmpty)
  }

  @Test func `a NaN is told with its tensor and the rest is compared`() throws {
    let first = try Checkpoint.inMemory(
      config: [:], tensors: [("a", [2], [1, 2]), ("b", [1], [1])], origin: "one")
    let second = try Checkpoint.inMemory(
      config: [:], tensors: [("a", [2], [1, .nan]), ("b", [1], [2])], origin: "other")
    let found = try ModelDifference.compute(first, second)
    #expect(found.tensors.map(\.name) == ["b"])
    #expect(
      found.incomparable == [
        .init(
          name: "a",
          reason: "Element 1 is nan in other; `koine inspect --norms` counts all.")
      ])
  }

  @Test func `another prefix is the same tensor, a tied head the embedding`() throws {
    let shapes = MergeModels.layered(layers: 1, head: true)
    let first = try MergeModels.llama("a", shapes)
    func values(_ name: String) throws -> [Float] {
      try first.floats(name == "lm_head.weight" ? "model.embed_tokens.weight" : name)
    }
    let second = try Checkpoint.inMemory(
      config: [
        "architectures": ["LlamaModel"], "model_type": "llama", "num_hidden_layers": 1,
        "tie_word_embeddings": true,
      ],
      tensors: try shapes.filter { $0.name != "lm_head.weight" }.map {
        (String($0.name.dropFirst("model.".count)), $0.shape, try values($0.name))
      })
    let found = try ModelDifference.compute(first, second)
    #expect(found.onlyInFirst.isEmpty && found.onlyInSecond.isEmpty)
    #expect(found.tensors.filter { $0.pair.changedCount > 0 }.map(\.name) == ["lm_head.weight"])
    #expect(found.tensors.count == shapes.count)
    let back = try ModelDifference.compute(second, first)
    #expect(back.onlyInFirst.isEmpty && back.onlyInSecond.isEmpty)
  }

  @Test func `experts stored one by one are compared with fused ones`() throws {
    let stem = "model.layers.0.mlp.experts."
    let config: JSON = [
      "architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "num_hidden_layers": 1,
      "num_experts": 2,
    ]
    var single: [(name: String, shape: Shape, values: [Float])] = []
    for expert in 0..<2 {
      let start = Float(10 * expert)
      single.append(("\(stem)\(expert).gate_proj.weight", [1, 2], [start, start + 1]))
      single.append(("\(stem)\(expert).up_proj.weight", [1, 2], [start + 2, start + 3]))
    }
    let fused: [Float] = [0, 1, 2, 3, 10, 11, 12, 14]
    let first = try Checkpoint.inMemory(config: config, tensors: single)
    let second = try Checkpoint.inMemory(
      config: config, tensors: [("\(stem)gate_up_proj", [2, 2, 2], fused)])
    for (one, other) in [(first, second), (second, first)] {
      let found = try ModelDifference.compute(one, other)
      #expect(found.tensors.map(\.name) == ["\(stem)gate_up_proj"])
      #expect(found.onlyInFirst.isEmpty && found.onlyInSecond.isEmpty)
      #expect(found.tensors[0].pair.changedCount == 1 && found.tensors[0].pair.largest == 1)
      #expect(found.tensors[0].place.kind == .fusedGate)
    }
    let alike = try ModelDifference.compute(first, first)
    #expect(alike.tensors.count == 4 && alike.isEmpty)
  }

  @Test func `rows are matched by token where vocabularies differ`() throws {
    let folders = MergeVocabularyTests.Folders()
    // Rows are 1, 2, 3, 4 and 1, 2, 3: `b` and `c` change places, `d` and `x` are of one only.
    let first = try folders.model("one", ["a", "b", "c", "d"], start: 1)
    let second = try folders.model("two", ["a", "c", "x"], start: 1)
    let found = try withExtendedLifetime(folders) {
      try ModelDifference.compute(first, second, base: first)
    }
    let embedding = try #require(found.tensors.first { $0.name.contains("embed") })
    #expect(embedding.rows == .init(shared: 2, first: 4, second: 3))
    // a: 1 and 1; c: 3 and 2.
    #expect(embedding.pair.elementCount == 2 && embedding.pair.distance == 1)
    #expect(
      embedding.pair.largestElement
        == .init(tensor: embedding.name, position: [2, 0], token: "c"))
    #expect(embedding.change?.second.changedCount == 1 && embedding.change?.first.norm == 0)
    let vocabulary = try #require(found.vocabulary)
    #expect(vocabulary.sameCount == 1 && vocabulary.movedCount == 1)
    #expect(vocabulary.onlyInFirst == ["b", "d"] && vocabulary.onlyInSecond == ["x"])
    #expect(
      found.tokenizer == [
        .init(key: "tokenizer.json: model.vocab", first: "4 tokens", second: "3 tokens")
      ])
    #expect(found.config == [.init(key: "vocab_size", first: 4, second: 3)])
  }

  @Test func `without tokenizers rows of two vocabularies cannot be compared`() throws {
    let first = try MergeModels.llama("a", MergeModels.layered(layers: 1, vocabulary: 5))
    let second = try MergeModels.llama("b", MergeModels.layered(layers: 1, vocabulary: 6))
    let found = try ModelDifference.compute(first, second)
    #expect(
      found.incomparable == [
        .init(
          name: "model.embed_tokens.weight",
          reason: "The vocabularies have 5 and 6 rows, and without a tokenizer.json of both models "
            + "rows cannot be matched by token.")
      ])
    #expect(found.tensors.count == 10)
  }

  @Test func `tensors that the base lacks are compared as pairs`() throws {
    let shapes = MergeModels.layered(layers: 1, head: true)
    let base = try MergeModels.llama("base", shapes.filter { !$0.name.contains("up_proj") })
    let found = try ModelDifference.compute(
      try MergeModels.llama("a", shapes), try MergeModels.llama("b", shapes), base: base)
    #expect(found.withoutBase == ["model.layers.0.mlp.up_proj.weight"])
    #expect(found.tensors.count { $0.change == nil } == 1)
    #expect(!found.changes.kinds.contains(.up) && found.pairs.kinds.contains(.up))
  }

  @Test func `config is compared key by key and numbers by value`() {
    let first: JSON = ["a": 1, "b": ["c": 1.0, "d": [1, 2]], "e": nil, "g": "x"]
    let second: JSON = ["b": ["d": [1, 3], "c": 1], "a": 1, "f": true, "g": "x"]
    #expect(
      MetadataDifference.keys(first, second) == [
        .init(key: "b.d", first: [1, 2], second: [1, 3]),
        .init(key: "e", first: .null, second: nil),
        .init(key: "f", first: nil, second: true),
      ])
  }

  @Test func `what cannot be compared at all is an error`() throws {
    let (one, other) = (try model([1], origin: "one"), try model([1, 2], origin: "other"))
    #expect(
      MergeModels.lines { _ = try ModelDifference.compute(one, other) } == [
        "The models have no tensor in common: none of the same name and shape.",
        "one and other", "Compare models of one architecture and size.",
      ])
    #expect(
      MergeModels.lines { _ = try ModelDifference.compute(one, one, base: other) } == [
        "The base has no tensor in common with the models: none of the same name and shape.",
        "other",
        "Name the model that both were trained from as the base, or leave it out.",
      ])
    var options = ModelDifference.Options()
    options.density = 1.5
    #expect(
      MergeModels.lines { _ = try ModelDifference.compute(one, one, options: options) }.first
        == "`density` should be a number from 0 to 1, found 1.5.")
    options = .init()
    options.slack = -1
    #expect(
      MergeModels.lines { _ = try ModelDifference.compute(one, one, options: options) }.first
        == "`slack` should be a number from 0 to 1e30, found -1.0.")
  }
}
