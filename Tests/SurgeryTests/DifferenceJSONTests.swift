// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors
import Testing

@testable import Surgery

/// The keys of what `koine diff --json` and `koine inspect --norms --json` print: schema 1.
@Suite struct DifferenceJSONTests {
  private let pairKeys = [
    "elements", "changed", "changed_share", "norm_first", "norm_second", "distance",
    "relative_change", "cosine", "angle_degrees", "largest", "largest_at",
  ]
  private let changeKeys = [
    "first", "second", "norm_ratio", "cosine", "both_changed", "conflicts", "conflict_rate",
  ]

  private func keys(_ json: JSON?) -> [String] { json?.object?.keys ?? [] }

  @Test func `a comparison has the keys of schema 1`() throws {
    let shapes = MergeModels.layered(layers: 1)
    let found = try ModelDifference.compute(
      try MergeModels.llama("a", shapes), try MergeModels.llama("b", shapes),
      base: try MergeModels.llama("c", shapes))
    let json = try JSON.parse(
      found.json(first: "a", second: "b", base: "c").serialized(pretty: true), origin: "")
    #expect(
      keys(json) == [
        "schema", "first", "second", "base", "equal", "total", "layers", "kinds", "tensors",
        "only_in_first", "only_in_second", "shapes", "not_comparable", "buffers", "without_base",
        "config", "tokenizer", "vocabulary", "notes",
      ])
    #expect(json["schema"]?.int == 1 && json["equal"]?.bool == false)
    #expect(keys(json["total"]) == ["pair", "change"])
    #expect(keys(json["total"]?["pair"]) == pairKeys)
    #expect(keys(json["total"]?["change"]) == changeKeys)
    #expect(
      keys(json["total"]?["change"]?["second"]) == [
        "norm", "relative", "changed", "discarded_share", "discarded_mass_share",
        "important_discarded_share",
      ])
    let layers = try #require(json["layers"]?.array)
    #expect(layers.map { $0["label"]?.string } == ["embed", "0", "final norm"])
    #expect(keys(layers[1]) == ["pair", "change", "label", "module", "layer", "kind", "kinds"])
    #expect(keys(layers[1]["kinds"]?["q"]?["pair"]) == pairKeys)
    #expect(keys(json["kinds"]) == ["norm", "q", "k", "v", "o", "gate", "up", "down"])
    let tensor = try #require(json["tensors"]?.array?.first)
    #expect(
      keys(tensor) == [
        "pair", "change", "name", "module", "layer", "kind", "shape", "dtypes", "rows",
      ])
    #expect(keys(tensor["pair"]?["largest_at"]) == ["tensor", "position"])
  }

  @Test func `what is not there or not defined is null`() throws {
    let zero = try Checkpoint.inMemory(config: [:], tensors: [("w", [1], [0])])
    let json = try ModelDifference.compute(zero, zero).json(first: "a", second: "b", base: nil)
    #expect(json["base"] == .null && json["total"]?["change"] == .null)
    #expect(json["total"]?["pair"]?["cosine"] == .null && json["equal"]?.bool == true)
    #expect(json["total"]?["pair"]?["largest_at"] == .null && json["vocabulary"] == .null)
  }

  @Test func `a key that a model lacks is not one that is null`() throws {
    func model(_ config: JSON) throws -> Checkpoint {
      try Checkpoint.inMemory(config: config, tensors: [("w", [1], [0])])
    }
    let json = try ModelDifference.compute(try model(["a": nil]), try model(["b": 2]))
      .json(first: "a", second: "b", base: nil)
    #expect(json["config"] == [["key": "a", "first": nil], ["key": "b", "second": 2]])
  }

  @Test func `norms have the keys of schema 1`() throws {
    let norms = try ModelNorms.compute(
      try MergeModels.llama("a", MergeModels.layered(layers: 1)))
    let json = norms.json
    #expect(json.keys == ["total", "layers", "kinds", "norms", "anomalies"])
    let measures = ["elements", "norm", "rms", "largest", "zeros", "nan", "infinite"]
    #expect(keys(json["total"]) == measures)
    #expect(
      keys(json["layers"]?.array?[0]) == measures + ["label", "module", "layer", "kind", "kinds"])
    #expect(keys(json["norms"]?.array?[0]) == measures + ["name", "module", "layer", "kind"])
  }
}

/// The sizes of weights and what is odd about them.
@Suite struct ModelNormsTests {
  private func model(_ rows: [(String, [Float])]) throws -> Checkpoint {
    try Checkpoint.inMemory(
      config: [:], tensors: rows.map { ($0.0, Shape([$0.1.count]), $0.1) })
  }

  @Test func `sizes leave out what is not finite, and count it with its place`() throws {
    let norms = try ModelNorms.compute(
      try model([("w", [3, .nan, 0, -4, .infinity, .nan, 0]), ("x", [1])]))
    let measures = norms.tensors[0].measures
    #expect(measures.elementCount == 7 && measures.nanCount == 2 && measures.infinityCount == 1)
    #expect(measures.firstNaN == .init(tensor: "w", index: 1))
    #expect(measures.firstInfinity == .init(tensor: "w", index: 4))
    #expect(measures.norm == 5 && measures.rms == 2.5 && measures.largest == 4)
    #expect(measures.zeroShare == 2.0 / 7)
    #expect(norms.anomalies == [.notFinite(tensor: "w", nan: 2, infinite: 1, first: 1)])
    #expect(norms.table.total?.notFiniteCount == 3)
  }

  @Test func `a place beyond the first block is found`() throws {
    var values = [Float](repeating: 1, count: 200_000)
    values[150_000] = -.infinity
    let norms = try ModelNorms.compute(try model([("w", values)]), threads: 2)
    #expect(norms.anomalies == [.notFinite(tensor: "w", nan: 0, infinite: 1, first: 150_000)])
    #expect(norms.tensors[0].measures.rms == 1)
  }

  @Test func `zeros alone and layers far from the others stand out, biases of zero do not`() throws
  {
    var rows: [(String, [Float])] = (0..<5).map { layer in
      ("h.\(layer).q_proj.weight", [layer == 3 ? 20 : Float(1 + layer % 2), 0])
    }
    rows += (0..<5).map { ("h.\($0).q_proj.bias", [0, 0]) }
    rows += (0..<5).map { ("h.\($0).k_proj.weight", [0.01, $0 == 1 ? 0 : 1]) }
    rows.append(("dead.weight", [0, 0, 0]))
    let found = try ModelNorms.compute(try model(rows))
    let root = { (value: Double) in (value * value / 2).squareRoot() }
    #expect(
      found.anomalies.map(\.tensor) == [
        "dead.weight", "h.1.k_proj.weight", "h.3.q_proj.weight",
      ])
    #expect(
      found.anomalies[2]
        == .outlier(tensor: "h.3.q_proj.weight", rms: root(20), median: root(1)))
  }

  @Test func `three layers have no odd one`() throws {
    let rows = (0..<3).map { ("h.\($0).q_proj.weight", [$0 == 1 ? Float(1000) : 1]) }
    #expect(try ModelNorms.compute(try model(rows)).anomalies.isEmpty)
  }
}

/// What tensors do, by their names.
@Suite struct TensorKindTests {
  @Test(arguments: [
    ("model.embed_tokens.weight", TensorKind.embedding), ("transformer.wte.weight", .embedding),
    ("transformer.wpe.weight", .position), ("shared.weight", .embedding),
    ("model.layers.0.self_attn.q_proj.weight", .query),
    ("model.layers.0.self_attn.q_proj.bias", .query),
    ("model.layers.0.self_attn.q_norm.weight", .norm),
    ("model.layers.3.self_attn.q_layernorm.norms.2.weight", .norm),
    ("transformer.h.0.attn.c_attn.weight", .fusedAttention),
    ("transformer.h.0.attn.c_proj.weight", .output), ("transformer.h.0.mlp.c_proj.weight", .down),
    ("transformer.h.0.mlp.c_fc.bias", .up), ("transformer.ln_f.weight", .norm),
    ("gpt_neox.layers.0.attention.dense.weight", .output),
    ("gpt_neox.layers.0.attention.query_key_value.weight", .fusedAttention),
    ("gpt_neox.layers.0.mlp.dense_4h_to_h.weight", .down), ("embed_out.weight", .head),
    ("bert.encoder.layer.0.attention.self.query.weight", .query),
    ("bert.encoder.layer.0.attention.output.dense.weight", .output),
    ("bert.encoder.layer.0.attention.output.LayerNorm.weight", .norm),
    ("bert.encoder.layer.0.intermediate.dense.weight", .up),
    ("bert.encoder.layer.0.output.dense.weight", .down),
    ("bert.embeddings.word_embeddings.weight", .embedding), ("bert.pooler.dense.weight", .other),
    ("cls.predictions.transform.dense.weight", .head),
    ("decoder.block.0.layer.1.EncDecAttention.q.weight", .cross),
    ("encoder.block.0.layer.1.DenseReluDense.wi_0.weight", .gate),
    ("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", .position),
    ("model.layers.0.block_sparse_moe.gate.weight", .router),
    ("model.layers.0.block_sparse_moe.experts.7.w2.weight", .down),
    ("model.layers.0.mlp.gate.weight", .router),
    ("model.layers.0.mlp.experts.gate_up_proj", .fusedGate),
    ("model.decoder.layers.0.encoder_attn.out_proj.weight", .cross),
    ("model.encoder.layers.0.fc1.weight", .up), ("lm_head.weight", .head),
    ("norm.weight", .norm), ("weight", .other), ("", .other), ("...", .other),
  ])
  func `a name tells its kind`(name: String, kind: TensorKind) {
    #expect(TensorKind(tensor: name) == kind)
  }

  @Test func `the tensors of layers of all layouts have a kind`() {
    // Buffers and gates of attention that have no column of their own.
    let others = ["attn.bias", "masked_bias", "attention.bias"]
    for layout in ModelLayout.all {
      for tensor in layout.modules.flatMap(\.tensors) where tensor.stage == .layer {
        if others.contains(where: tensor.name.contains) { continue }
        #expect(TensorKind(tensor: tensor.name) != .other, "\(layout.architecture): \(tensor.name)")
      }
    }
  }
}
