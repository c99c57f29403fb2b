// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Tensors
import Testing

@testable import Surgery

/// Models that match, and those that do not.
@Suite struct MergeModelsTests {
  private let recipe = MergeRecipe(
    method: "task_arithmetic", models: [.init("child", parameters: ["weight": 1])],
    baseModel: "base")

  private func lines(_ base: Checkpoint, _ child: Checkpoint) -> [String] {
    do {
      _ = try Merge.plan(recipe) { $0 == "base" ? base : child }
      return ["no error"]
    } catch {
      return ((error as? MergeError)?.description ?? "\(error)").split(separator: "\n")
        .map(String.init)
    }
  }

  @Test func `tensors of different shapes`() throws {
    let base = try Checkpoint.inMemory(
      config: [:], tensors: [("w", [2, 3], [0, 0, 0, 0, 0, 0])], origin: "runs/base")
    let child = try Checkpoint.inMemory(
      config: [:], tensors: [("w", [3, 2], [0, 0, 0, 0, 0, 0])], origin: "runs/child")
    #expect(
      lines(base, child) == [
        "The tensor `w` has shape [3, 2] in one model and [2, 3] in another.",
        "runs/child and runs/base", "Merge models of one architecture and size only.",
      ])
  }

  @Test(arguments: [Float.nan, .infinity])
  func `a weight that is not finite is named, whatever the method`(bad: Float) throws {
    let base = try Checkpoint.inMemory(
      config: [:], tensors: [("w", [3], [0, 1, 2])], origin: "runs/base")
    let child = try Checkpoint.inMemory(
      config: [:], tensors: [("w", [3], [0, bad, 2])], origin: "runs/child")
    for (method, parameters) in [
      ("task_arithmetic", ["weight": JSON(1)]), ("ties", ["weight": JSON(1)]),
      ("dare_ties", ["weight": JSON(1), "density": JSON(1.0)]), ("slerp", ["t": JSON(0.5)]),
    ] {
      let recipe = MergeRecipe(
        method: method, models: [.init("child")], baseModel: "base", parameters: parameters)
      let merged = try Merge.plan(recipe) { $0 == "base" ? base : child }
      #expect(
        throws: CheckpointError.notFinite(
          tensor: "w", index: 1, value: "\(bad)", origin: "runs/child")
      ) { try merged.floats("w") }
    }
  }

  @Test func `tokenizers that give a token different ids are refused`() throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "koine-tokenizers-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func model(_ name: String, _ tokenizer: String) throws -> Checkpoint {
      let path = "\(folder)/\(name)"
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      try tokenizer.write(toFile: path + "/tokenizer.json", atomically: true, encoding: .utf8)
      return try Checkpoint.inMemory(
        config: [:], tensors: [("w", [1], [0])], tokenizerFilesFrom: path, origin: name)
    }
    let base = try model("base", #"{"model": {"vocab": {"a": 0, "b": 1}}}"#)
    let same = try model(
      "same",
      #"{"added_tokens": [{"id": 2, "content": "<s>"}], "model": {"vocab": {"b": 1, "a": 0}}}"#)
    let other = try model("other", #"{"model": {"vocab": {"a": 1, "b": 0}}}"#)
    #expect(lines(base, same) == ["no error"])
    #expect(
      lines(base, other) == [
        "The models have different tokenizers: the id 0 means `a` and `b`.",
        "base and other",
        "The vocabularies differ; say with `tokenizer: {source: union}`, `base` or a model which one "
          + "the result has. Merged by row, unrelated tokens would mix.",
      ])
  }

  @Test func `different vocabularies`() throws {
    let name = "model.embed_tokens.weight"
    let base = try Checkpoint.inMemory(
      config: [:], tensors: [(name, [2, 1], [0, 0])], origin: "runs/base")
    let child = try Checkpoint.inMemory(
      config: [:], tensors: [(name, [3, 1], [0, 0, 0])], origin: "runs/child")
    #expect(
      lines(base, child)[2]
        == "The vocabularies differ; say with `tokenizer: {source: union}`, `base` or a model which "
        + "one the result has.")
  }

  @Test func `a tensor that the base lacks is an error, one that it alone has stays`() throws {
    let base = try Checkpoint.inMemory(
      config: [:], tensors: [("w", [1], [0])], origin: "runs/base")
    let child = try Checkpoint.inMemory(
      config: [:], tensors: [("w", [1], [0]), ("v", [2], [3, 4])], origin: "runs/child")
    #expect(
      lines(base, child) == [
        "The tensor `v` of shape [2] is in one model and missing in another.",
        "present in runs/child, absent from runs/base",
        "Merge models of one architecture and size only.",
      ])
    let merged = try Merge.plan(recipe) { $0 == "base" ? child : base }
    #expect(try merged.floats("v") == [3, 4])
  }

  @Test func `configs that compute differently`() throws {
    let tensors = [(name: "w", shape: Shape([1]), values: [Float(0)])]
    let base = try Checkpoint.inMemory(
      config: ["rope_theta": 10000.0, "max_position_embeddings": 64], tensors: tensors,
      origin: "runs/base")
    let child = try Checkpoint.inMemory(
      config: ["rope_theta": 500000, "max_position_embeddings": 128], tensors: tensors,
      origin: "runs/child")
    let found = lines(base, child)
    #expect(
      found[0].hasPrefix("`rope_theta` is 10000")
        && found[0].hasSuffix(" in one model's config.json and 500000 in another's."))
    #expect(found[1] == "runs/base and runs/child")
    // The same number written otherwise, and keys that change no result, are fine.
    let same = try Checkpoint.inMemory(
      config: ["rope_theta": 10000, "max_position_embeddings": 128], tensors: tensors)
    #expect(lines(base, same) == ["no error"])
  }

  @Test func `nothing is read before the result is asked for`() throws {
    let child = try MergeModels.checkpoint(seed: 1, shapes: [[2]])
    let broken = Checkpoint(
      config: [:], origin: "broken",
      sources: [
        "t0": TensorSource(
          info: TensorInfo(elementType: .float32, shape: [2]), origin: "broken"
        ) { () throws(CheckpointError) -> any TensorReader in
          throw .cannotRead(path: "broken", reason: "too early")
        }
      ], tokenizerFiles: [])
    let merged = try Merge.plan(recipe) { $0 == "base" ? broken : child }
    #expect(merged.names == ["t0"])
    #expect(throws: CheckpointError.cannotRead(path: "broken", reason: "too early")) {
      try merged.floats("t0")
    }
  }

  @Test func `merges nest`() throws {
    let base = try MergeModels.checkpoint(seed: 1)
    let one = try MergeModels.checkpoint(seed: 2, around: base, scale: 0.1)
    let two = try MergeModels.checkpoint(seed: 3, around: base, scale: 0.1)
    let mean = MergeRecipe(
      method: "linear", models: [.init("one"), .init("two")], parameters: ["weight": 1])
    let inner = try Merge.plan(mean) { $0 == "one" ? one : two }
    let outer = try Merge.plan(recipe) { $0 == "base" ? base : inner }
    for name in base.names {
      let (b, x, y) = (try base.floats(name), try one.floats(name), try two.floats(name))
      let expected = b.indices.map { i in
        b[i] + (Float((Double(x[i]) + Double(y[i])) / 2) - b[i])
      }
      #expect(try outer.floats(name) == expected)
    }
  }

  @Test func `the type is the one asked for, else the promotion of the sources`() throws {
    let base = try MergeModels.checkpoint(seed: 1, shapes: [[9]], elementType: .bfloat16)
    for (type, expected) in [
      (ElementType.bfloat16, ElementType.bfloat16), (.float16, .float32), (.float32, .float32),
    ] {
      let child = try MergeModels.checkpoint(seed: 2, shapes: [[9]], elementType: type)
      let merged = try Merge.plan(recipe) { $0 == "base" ? base : child }
      #expect(merged.info("t0")?.elementType == expected)
    }
    var asked = recipe
    asked.elementType = .float16
    let merged = try Merge.plan(asked) { _ in base }
    #expect(merged.info("t0")?.elementType == .float16)
  }

  @Test func `rounding happens once, at the end`() throws {
    // In bfloat16, 1 + 2⁻⁷ is the number after 1. Half a step twice must add up to a whole one.
    let half: Float = 0x1p-8
    let base = try Checkpoint.inMemory(
      config: [:], tensors: [("w", [1], [1])], elementType: .bfloat16)
    let child = try Checkpoint.inMemory(config: [:], tensors: [("w", [1], [1 + half])])
    let other = try Checkpoint.inMemory(config: [:], tensors: [("w", [1], [1 + half])])
    var twice = recipe
    twice.models.append(.init("other", parameters: ["weight": 1]))
    twice.elementType = .bfloat16
    let models = ["base": base, "child": child, "other": other]
    let merged = try Merge.plan(twice) { try #require(models[$0]) }
    #expect(try merged.floats("w") == [1 + 2 * half])
  }

  // MARK: Tied heads

  private let head = "lm_head.weight"
  private let embedding = "model.embed_tokens.weight"

  private func model(
    tied: Bool, embedding values: [Float], head headValues: [Float]? = nil
  ) throws -> Checkpoint {
    var tensors = [(name: embedding, shape: Shape([2, 1]), values: values)]
    if let headValues { tensors.append((name: head, shape: [2, 1], values: headValues)) }
    return try Checkpoint.inMemory(
      config: ["model_type": "llama", "tie_word_embeddings": JSON(tied)], tensors: tensors)
  }

  @Test func `tied models stay tied, also where a head lies in the file`() throws {
    let base = try model(tied: true, embedding: [1, 2])
    let child = try model(tied: true, embedding: [3, 4], head: [9, 9])
    let merged = try Merge.plan(recipe) { $0 == "base" ? base : child }
    #expect(merged.names == [embedding])
    #expect(try merged.floats(embedding) == [3, 4])
    #expect(merged.config["tie_word_embeddings"]?.bool == true)
  }

  @Test func `a tied and an untied model give an untied one that computes the merged head`() throws
  {
    let tied = try model(tied: true, embedding: [1, 2])
    let untied = try model(tied: false, embedding: [3, 4], head: [5, 7])
    for (base, child) in [(tied, untied), (untied, tied)] {
      var half = recipe
      half.parameters = ["weight": 0.5]
      half.models = [.init("child")]
      let merged = try Merge.plan(half) { $0 == "base" ? base : child }
      #expect(merged.names == [head, embedding])
      #expect(try merged.floats(embedding) == [2, 3])
      #expect(try merged.floats(head) == [3, 4.5])
      #expect(merged.config["tie_word_embeddings"]?.bool == false)
    }
  }

  @Test func `an untied model without its head is an error`() throws {
    let base = try model(tied: false, embedding: [1, 2], head: [1, 2])
    let child = try model(tied: false, embedding: [1, 2])
    #expect(
      lines(base, child)[0].hasPrefix("The tensor `lm_head.weight` of shape [2, 1] is in one"))
  }

  // MARK: Buffers

  private func folder(_ ids: [UInt8]) throws -> Checkpoint {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: url) }
    let header = Array(#"{"ids":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}"#.utf8)
    let bytes = [UInt8(header.count), 0, 0, 0, 0, 0, 0, 0] + header + ids
    try Data(bytes).write(to: url.appendingPathComponent("model.safetensors"))
    try Data("{}".utf8).write(to: url.appendingPathComponent("config.json"))
    return try Checkpoint.open(directory: url.path)
  }

  @Test func `equal buffers are copied, different ones are an error`() throws {
    let (one, same, other) = (
      try folder([1, 2, 3]), try folder([1, 2, 3]), try folder([1, 2, 4])
    )
    let merged = try Merge.plan(recipe) { $0 == "base" ? one : same }
    #expect(merged.info("ids") == one.info("ids"))
    #expect(try merged.floats("ids") == [1, 2, 3])
    let different = try Merge.plan(recipe) { $0 == "base" ? one : other }
    do {
      _ = try different.floats("ids")
      Issue.record("no error")
    } catch {
      #expect(
        error.diagnosis.what == "The buffer `ids` of type U8 differs between the models; "
          + "only floats can be merged.")
    }
  }
}
