// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Tensors
import Testing

@testable import Checkpoints

/// Folders that are not what they should be: opening and validating.
@Suite struct FolderTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func lines(_ body: () throws -> Void) -> [String] {
    do {
      try body()
      return ["no error"]
    } catch let error as CheckpointError {
      let text = error.description.replacing(folder.path + "/", with: "")
        .replacing(folder.path, with: "DIR")
      return text.split(separator: "\n").map(String.init)
    } catch {
      return ["another error: \(error)"]
    }
  }

  private func writeSharded() throws {
    try CheckpointWriter.write(
      try TinyModels.checkpoint(), to: folder.file("m"), options: .init(shardByteLimit: 1200))
  }

  private func editIndex(_ edit: (inout JSONObject) -> Void) throws {
    let path = "m/model.safetensors.index.json"
    let json = try JSON.parse(try folder.bytes(path), origin: path)
    var map = try #require(json["weight_map"]?.object)
    edit(&map)
    let edited: JSON = ["weight_map": .object(map)]
    try folder.write(edited.serialized(), path)
  }

  @Test func `a missing folder`() {
    #expect(
      lines { _ = try Checkpoint.open(directory: folder.file("none")) } == [
        "The file cannot be read: no such folder.", "none", "Check the path and its permissions.",
      ])
  }

  @Test func `a folder without weights`() throws {
    try folder.write("{}", "config.json")
    #expect(
      lines { _ = try Checkpoint.open(directory: folder.path) } == [
        "Expected model.safetensors or model.safetensors.index.json, "
          + "found config.json.", "DIR",
        "Name the folder of a Hugging Face checkpoint, or fetch it again.",
      ])
  }

  @Test func `a missing or broken config`() throws {
    try CheckpointWriter.write(try TinyModels.checkpoint(), to: folder.file("m"))
    try folder.write("{\"a\":}", "m/config.json")
    #expect(
      lines { _ = try Checkpoint.open(directory: folder.file("m")) }[1].hasPrefix("m/config.json"))
    try folder.write("[]", "m/config.json")
    #expect(
      lines { _ = try Checkpoint.open(directory: folder.file("m")) }[0]
        == "`the document` should be an object, found an array.")
    try FileManager.default.removeItem(atPath: folder.file("m/config.json"))
    #expect(
      lines { _ = try Checkpoint.open(directory: folder.file("m")) } == [
        "The file cannot be read: No such file or directory.", "m/config.json",
        "Check the path and its permissions.",
      ])
  }

  @Test func `a missing shard`() throws {
    try writeSharded()
    let shard = try #require(
      try FileManager.default.contentsOfDirectory(atPath: folder.file("m"))
        .filter { $0.hasPrefix("model-00002") }.first)
    try FileManager.default.removeItem(atPath: folder.file("m/\(shard)"))
    let found = lines { _ = try Checkpoint.open(directory: folder.file("m")) }
    #expect(found[0].hasPrefix("The index places the tensor `model.layers."))
    #expect(found[0].hasSuffix("in \(shard), which is missing."))
    #expect(found[1] == "m/model.safetensors.index.json")
    #expect(found[2] == "The download is incomplete; fetch \(shard).")
  }

  @Test func `an index that names a tensor no shard has`() throws {
    try writeSharded()
    try editIndex { $0["ghost"] = $0["model.norm.weight"] }
    let found = lines { _ = try Checkpoint.open(directory: folder.file("m")) }
    #expect(found[0].hasPrefix("The index places the tensor `ghost` in model-0000"))
    #expect(found[0].hasSuffix("which does not hold it."))
    #expect(found[2] == "Index and shards are of different versions; fetch all of them again.")
  }

  @Test func `a shard with a tensor the index does not list`() throws {
    try writeSharded()
    try editIndex { $0.removeValue(forKey: "model.norm.weight") }
    let found = lines { _ = try Checkpoint.open(directory: folder.file("m")) }
    #expect(
      found[0].hasSuffix("holds the tensor `model.norm.weight`, which the index does not list."))
  }

  @Test func `a tensor in another shard than listed`() throws {
    try writeSharded()
    try editIndex { map in
      map["model.norm.weight"] = map["model.embed_tokens.weight"]
    }
    let found = lines { _ = try Checkpoint.open(directory: folder.file("m")) }
    #expect(found.count == 3)
    #expect(found[0].contains("`model.norm.weight`"))
  }

  @Test(arguments: ["../secret.safetensors", "/etc/passwd", "", ".."])
  func `an index that points outside its folder`(name: String) throws {
    try writeSharded()
    try editIndex { $0["model.norm.weight"] = .string(name) }
    let found = lines { _ = try Checkpoint.open(directory: folder.file("m")) }
    #expect(
      found[0] == "The index places the tensor `model.norm.weight` in `\(name)`; "
        + "expected the plain name of a file in the same folder.")
  }

  @Test func `an index without a map`() throws {
    try writeSharded()
    try folder.write("{\"weight_map\":[]}", "m/model.safetensors.index.json")
    #expect(
      lines { _ = try Checkpoint.open(directory: folder.file("m")) } == [
        "Expected an object `weight_map` from tensor to file, found an array.",
        "m/model.safetensors.index.json", "The index is damaged; fetch it again.",
      ])
  }

  @Test func `a tensor of the wrong shape`() throws {
    let model = try TinyModels.checkpoint(config: TinyModels.config(hidden: 8))
    let other = model.replacing(config: TinyModels.config(vocabulary: 12))
    #expect(
      lines { try other.validate() } == [
        "The tensor `model.embed_tokens.weight` should have shape [12, 8], found [11, 8].",
        "a model in memory", "config.json and the weights are not of one model; fetch both again.",
      ])
  }

  @Test func `weights that are integers are named with their file`() throws {
    try CheckpointWriter.write(try TinyModels.checkpoint(), to: folder.file("m"))
    // I32 has the width of F32, so only the header's word changes.
    let bytes = try folder.bytes("m/model.safetensors")
    let length = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    var header = String(decoding: bytes[8..<(8 + length)], as: UTF8.self)
    let place = try #require(header.range(of: "\"model.norm.weight\":{\"dtype\":\"F32\""))
    header.replaceSubrange(place, with: "\"model.norm.weight\":{\"dtype\":\"I32\"")
    try folder.write(
      Array(bytes.prefix(8)) + Array(header.utf8) + Array(bytes.dropFirst(8 + length)),
      "m/model.safetensors")
    let model = try Checkpoint.open(directory: folder.file("m"))
    #expect(
      lines { try model.validate() } == [
        "The tensor `model.norm.weight` should hold floats, found I32.", "m/model.safetensors",
        "Quantised weights cannot be used; fetch the model in float32, bfloat16 or float16.",
      ])
  }

  @Test func `a missing and an unexpected tensor`() throws {
    let model = try TinyModels.checkpoint()
    let deeper = model.replacing(config: TinyModels.config(layers: 3))
    #expect(
      lines { try deeper.validate() }.prefix(2) == [
        "Expected the tensor `model.layers.2.input_layernorm.weight` of shape [8], found none.",
        "a model in memory",
      ])
    let shallower = model.replacing(config: TinyModels.config(layers: 1))
    #expect(
      lines { try shallower.validate() }[0]
        == "Found the tensor `model.layers.1.input_layernorm.weight` of shape [8], "
        + "which config.json gives no place.")
    let untied = model.replacing(config: TinyModels.config(tied: false))
    #expect(
      lines { try untied.validate() }[0]
        == "Expected the tensor `lm_head.weight` of shape [11, 8], found none.")
  }

  @Test func `a misspelt tensor is recognised`() throws {
    let tensors = try TinyModels.checkpoint().names.map { name in
      (
        name: name == "model.norm.weight" ? "model.nrom.weight" : name,
        shape: try #require(try TinyModels.checkpoint().info(name)).shape,
        values: try TinyModels.checkpoint().floats(name)
      )
    }
    let model = try Checkpoint.inMemory(config: TinyModels.config(), tensors: tensors)
    #expect(
      lines { try model.validate() }[2]
        == "The folder has `model.nrom.weight` instead; rename it or fix config.json.")
  }

  @Test func `an unknown architecture and an impossible config`() throws {
    let model = try TinyModels.checkpoint()
    func what(_ key: String, _ value: JSON) -> String {
      guard var config = TinyModels.config().object else { return "" }
      config[key] = value
      return lines { try model.replacing(config: .object(config)).validate() }[0]
    }
    let known = Blueprint.all.map(\.modelType).joined(separator: ", ")
    #expect(
      what("model_type", "lama") == "The architecture `lama` is not supported; known: \(known).")
    #expect(
      what("hidden_size", "8")
        == "`hidden_size` should be a whole number from 1 to 2147483648, found \"8\".")
    #expect(
      what("num_attention_heads", 0)
        == "`num_attention_heads` should be a whole number from 1 to 2147483648, found 0.")
    #expect(
      what("num_key_value_heads", 3) == "`num_key_value_heads` should be a divisor of 2, found 3.")
    #expect(
      what("num_attention_heads", 3) == "`hidden_size` should be a multiple of 3 heads, found 8.")
    #expect(
      what("head_dim", 2_000_000_000)
        == "`num_attention_heads` should be at most 1, found 2.")
  }

  @Test func `a tied model may bring its head, biases follow the config`() throws {
    guard var config = TinyModels.config(tied: false).object else { return }
    config["attention_bias"] = true
    config["mlp_bias"] = true
    let model = try TinyModels.checkpoint(config: .object(config))
    try model.validate()
    #expect(model.info("model.layers.0.self_attn.k_proj.bias")?.shape == [4])
    #expect(model.info("lm_head.weight")?.shape == [11, 8])
    config["tie_word_embeddings"] = true
    try model.replacing(config: .object(config)).validate()
    // Llama's class default is untied.
    config.removeValue(forKey: "tie_word_embeddings")
    try model.replacing(config: .object(config)).validate()
    let blueprint = try model.blueprint
    #expect(blueprint.template(of: "model.layers.17.mlp.up_proj.weight")?.role == .matrix)
    #expect(blueprint.template(of: "model.embed_tokens.weight")?.vocabularyAxis == 0)
    #expect(blueprint.template(of: "model.layers.x.mlp.up_proj.weight") == nil)
  }

  @Test func `a NaN is found and named`() throws {
    var values = [Float](repeating: 1, count: 70_000)
    values[66_001] = .nan
    values[66_002] = -.infinity
    let model = try Checkpoint.inMemory(
      config: [:], tensors: [("a", [2], [0, 1]), ("b", [70_000], values)])
    for threads in [1, 4] {
      #expect(
        lines { try model.checkFinite(threads: threads) } == [
          "Element 66,001 of the tensor `b` is nan.", "a model in memory",
          "The weights are damaged or their training diverged; use an earlier checkpoint.",
        ])
    }
  }

  @Test func `an unknown tensor name is answered with the nearest`() throws {
    let model = try TinyModels.checkpoint()
    #expect(
      lines { _ = try model.floats("model.norm.wieght") } == [
        "There is no tensor `model.norm.wieght`.", "a model in memory",
        "Did you mean `model.norm.weight`?",
      ])
  }
}
