// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Tensors
import Testing

@testable import Surgery

@Suite struct AdapterExtractionTests {
  private func length(_ values: [Float]) -> Double {
    values.reduce(0) { $0 + Double($1) * Double($1) }
  }

  private func difference(_ a: [Float], _ b: [Float]) -> [Float] { zip(a, b).map { $0 - $1 } }

  @Test(arguments: [Adapter.Format.peft, .mlx], [true, false])
  func `folding an extraction misses the singular values left out and nothing else`(
    format: Adapter.Format, distributes: Bool
  ) throws {
    let base = try AdapterFixture.model(seed: 1)
    let tuned = try AdapterFixture.model(seed: 2, around: base, scale: 0.1)
    var options = AdapterExtraction.Options()
    options.rank = 3
    options.format = format
    options.distributesScale = distributes
    let extracted = try AdapterExtraction.extract(from: tuned, base: base, options: options)
    let fixture = try AdapterFixture()
    try extracted.write(to: fixture.file("adapter"))
    let adapter = try Adapter.open(directory: fixture.file("adapter"))
    #expect(adapter.format == format)
    let folded = try adapter.folded(into: base)
    try folded.validate()
    for report in extracted.reports {
      let (ours, wanted, old) = try (
        folded.floats(report.tensor), tuned.floats(report.tensor), base.floats(report.tensor)
      )
      let change = length(difference(wanted, old))
      let missing = length(difference(wanted, ours))
      #expect((report.energy - change).magnitude <= 1e-6 * change)
      switch report.outcome {
      case .decomposed:
        #expect(report.rank == 3)
        let tail = change * (1 - report.keptEnergy)
        #expect((missing - tail).magnitude <= 1e-5 * change, "\(report.tensor)")
        #expect(report.keptEnergy > 0.3 && report.keptEnergy < 1)
        // The least any product of rank 3 can miss.
        let shape = try #require(base.info(report.tensor)?.shape)
        let values = try SingularValueDecomposition.jacobi(
          Matrix(rows: shape[0], columns: shape[1], values: difference(wanted, old))
        ).values
        let least = values.dropFirst(3).reduce(0) { $0 + $1 * $1 }
        #expect((tail - least).magnitude <= 1e-5 * change)
      case .saved: #expect(missing == 0 && report.keptEnergy == 1)
      case .unchanged, .excluded: Issue.record("\(report.tensor) was left out")
      }
    }
    #expect(extracted.reports.count == base.names.count)
    #expect(extracted.keptEnergy > 0.5 && extracted.keptEnergy < 1)
  }

  @Test func `a change of low rank comes back whole and no rank is wasted`() throws {
    let base = try AdapterFixture.model(seed: 1)
    let tuned = try AdapterFixture.model(seed: 2, around: base, scale: 0.1, rank: 2)
    var options = AdapterExtraction.Options()
    // Adding to the base rounds to floats: some 10⁻⁷ of values of 1 are noise.
    options.epsilon = 1e-5
    options.embeddings = .lora
    let extracted = try AdapterExtraction.extract(from: tuned, base: base, options: options)
    for report in extracted.reports where report.outcome == .decomposed {
      #expect(report.rank == 2 && report.keptEnergy > 1 - 1e-6)
    }
    #expect(extracted.config["r"] == 2 && extracted.config["lora_alpha"] == 2)
    let fixture = try AdapterFixture()
    try extracted.write(to: fixture.file("a"))
    let folded = try Adapter.open(directory: fixture.file("a")).folded(into: base)
    for name in base.names {
      let distance = difference(try folded.floats(name), try tuned.floats(name))
      #expect(distance.allSatisfy { $0.magnitude < 2e-6 }, "\(name)")
    }
    #expect(extracted.names.contains("base_model.model.model.embed_tokens.lora_embedding_A"))
    #expect(extracted.names.contains("base_model.model.lm_head.lora_A.weight"))
  }

  @Test func `the settings are sorted and say what the tensors are`() throws {
    let base = try AdapterFixture.model(seed: 1)
    let tuned = try AdapterFixture.model(seed: 2, around: base, scale: 0.1)
    var options = AdapterExtraction.Options()
    options.rank = 6
    options.exclude = [#"layers\.1\..*k_proj"#]
    options.modulesToSave = ["v_proj"]
    let extracted = try AdapterExtraction.extract(from: tuned, base: base, options: options)
    let config = extracted.config
    #expect(
      config["target_modules"]
        == [
          "down_proj", "gate_proj", "model.layers.0.self_attn.k_proj", "o_proj", "q_proj",
          "up_proj",
        ])
    // "norm" ends the names of other norms as well, but all of them are saved.
    #expect(
      config["modules_to_save"]
        == [
          "embed_tokens", "input_layernorm", "lm_head", "norm", "post_attention_layernorm",
          "v_proj",
        ])
    #expect(config["r"] == 6 && config["lora_alpha"] == 6 && config["peft_type"] == "LORA")
    // k_proj has four rows.
    #expect(config["rank_pattern"] == ["model.layers.0.self_attn.k_proj": 4])
    #expect(config["alpha_pattern"] == config["rank_pattern"])
    let excluded = extracted.reports.filter { $0.outcome == .excluded }.map(\.tensor)
    #expect(excluded == ["model.layers.1.self_attn.k_proj.weight"])
    options.include = ["self_attn"]
    let narrow = try AdapterExtraction.extract(from: tuned, base: base, options: options)
    #expect(narrow.names.allSatisfy { $0.contains("self_attn") })
    #expect(narrow.config["modules_to_save"] == ["v_proj"])
  }

  @Test func `tied models stay tied and a new head is a change of the embedding`() throws {
    let base = try AdapterFixture.model(tied: true, seed: 1)
    let fixture = try AdapterFixture()
    let tied = try AdapterFixture.model(tied: true, seed: 2, around: base, scale: 0.1)
    let extracted = try AdapterExtraction.extract(from: tied, base: base)
    #expect(extracted.config["ensure_weight_tying"] == true)
    try extracted.write(to: fixture.file("tied"))
    let folded = try Adapter.open(directory: fixture.file("tied")).folded(into: base)
    #expect(folded.config["tie_word_embeddings"] == true && folded.info("lm_head.weight") == nil)
    #expect(
      try folded.floats("model.embed_tokens.weight") == tied.floats("model.embed_tokens.weight"))

    let untied = try AdapterFixture.model(seed: 3)
    for handling in AdapterExtraction.EmbeddingHandling.allCases {
      var options = AdapterExtraction.Options()
      options.embeddings = handling
      let head = try AdapterExtraction.extract(from: untied, base: base, options: options)
      let path = fixture.file("\(handling)")
      try head.write(to: path)
      let parted = try Adapter.open(directory: path).folded(into: base)
      #expect(parted.config["tie_word_embeddings"] == false)
      let (found, wanted) = try (
        parted.floats("lm_head.weight"), untied.floats("lm_head.weight")
      )
      #expect(difference(found, wanted).allSatisfy { $0.magnitude < 5e-6 })
      try parted.validate()
    }
  }

  @Test func `a longer vocabulary is kept whole and comes back`() throws {
    let base = try AdapterFixture.model(seed: 1)
    let tuned = try AdapterFixture.model(seed: 2, vocabulary: 14)
    let extracted = try AdapterExtraction.extract(from: tuned, base: base)
    let fixture = try AdapterFixture()
    try extracted.write(to: fixture.file("a"))
    let folded = try Adapter.open(directory: fixture.file("a")).folded(into: base)
    #expect(folded.config["vocab_size"] == 14)
    #expect(try folded.floats("lm_head.weight") == tuned.floats("lm_head.weight"))
    try folded.validate()
  }

  @Test func `biases and convolutions of one are extracted from other architectures`() throws {
    let golden = AdapterFixture.golden
    for (name, path) in [("gpt2", "gpt2"), ("biases", "qwen2")] {
      let base = try Checkpoint.open(directory: golden.appendingPathComponent("bases/\(path)").path)
      let tuned = try Adapter.open(
        directory: golden.appendingPathComponent("adapters/\(name)").path
      )
      .folded(into: base)
      let extracted = try AdapterExtraction.extract(from: tuned, base: base)
      let fixture = try AdapterFixture()
      try extracted.write(to: fixture.file("a"))
      let folded = try Adapter.open(directory: fixture.file("a")).folded(into: base)
      for tensor in base.names {
        let distance = difference(try folded.floats(tensor), try tuned.floats(tensor))
        #expect(distance.allSatisfy { $0.magnitude < 5e-6 }, "\(tensor)")
      }
      #expect(extracted.config["fan_in_fan_out"] == JSON(name == "gpt2"))
      #expect(extracted.config["bias"] == (name == "gpt2" ? "none" : "all"))
    }
  }

  @Test func `an adapter of whole tensors alone gets a product of zeros for PEFT's sake`() throws {
    let base = try AdapterFixture.model(seed: 1)
    let tuned = try Checkpoint.inMemory(
      config: base.config,
      tensors: base.names.map {
        let values = try base.floats($0)
        return (
          name: $0, shape: base.info($0)?.shape ?? [],
          values: $0 == "model.norm.weight" ? values.map { $0 + 1 } : values
        )
      })
    let fixture = try AdapterFixture()
    var options = AdapterExtraction.Options()
    let extracted = try AdapterExtraction.extract(from: tuned, base: base, options: options)
    #expect(extracted.config["modules_to_save"] == ["model.norm"])
    #expect(extracted.config["target_modules"] == ["model.layers.0.mlp.down_proj"])
    try extracted.write(to: fixture.file("a"))
    let folded = try Adapter.open(directory: fixture.file("a")).folded(into: base)
    for name in base.names { #expect(try folded.floats(name) == tuned.floats(name)) }
    options.format = .mlx
    let mlx = try AdapterExtraction.extract(from: tuned, base: base, options: options)
    #expect(mlx.names == ["model.norm.weight"] && mlx.config["fine_tune_type"] == "full")
    options.format = .peft
    options.include = ["norm"]
    guard
      case .notExtractable("model.norm.weight", _, _, _)? = #expect(
        throws: AdapterError.self,
        performing: { try AdapterExtraction.extract(from: tuned, base: base, options: options) })
    else {
      Issue.record("no matrix takes part")
      return
    }
  }

  @Test func `bytes do not depend on threads`() throws {
    let base = try AdapterFixture.model(seed: 1, elementType: .bfloat16)
    let tuned = try AdapterFixture.model(
      seed: 2, elementType: .bfloat16, around: base, scale: 0.1)
    let fixture = try AdapterFixture()
    var written: [Data] = []
    for threads in [1, 3] {
      var options = AdapterExtraction.Options()
      options.rank = 2
      options.threads = threads
      let extracted = try AdapterExtraction.extract(from: tuned, base: base, options: options)
      #expect(extracted.info("base_model.model.lm_head.weight")?.elementType == .bfloat16)
      let folder = fixture.file("\(threads)")
      try extracted.write(to: folder, threads: threads)
      for name in ["adapter_model.safetensors", "adapter_config.json"] {
        written.append(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")))
      }
    }
    #expect(written[0] == written[2] && written[1] == written[3])
  }

  @Test func `progress tells of every tensor in order`() throws {
    let base = try AdapterFixture.model(seed: 1)
    let tuned = try AdapterFixture.model(seed: 2)
    var seen: [String] = []
    let extracted = try AdapterExtraction.extract(from: tuned, base: base) { done, total, report in
      seen.append(report.tensor)
      #expect(done == seen.count && total == base.names.count)
    }
    #expect(seen == base.names && extracted.reports.map(\.tensor) == seen)
  }

  @Test func `models that do not belong together are errors`() throws {
    let base = try AdapterFixture.model()
    #expect(throws: AdapterError.noDifference(tuned: base.origin, base: base.origin)) {
      try AdapterExtraction.extract(from: base, base: base)
    }
    let names = base.names.filter { $0 != "model.norm.weight" }
    let part = try Checkpoint.inMemory(
      config: base.config,
      tensors: names.map { ($0, base.info($0)?.shape ?? [], try base.floats($0)) }, origin: "part")
    #expect(
      throws: AdapterError.tensorOnlyInOne(
        tensor: "model.norm.weight", shape: [8], presentIn: base.origin, absentFrom: "part")
    ) { try AdapterExtraction.extract(from: part, base: base) }
    let other = try Checkpoint.inMemory(
      config: base.config,
      tensors: base.names.map {
        $0 == "model.norm.weight"
          ? ($0, [4], [1, 2, 3, 4]) : ($0, base.info($0)?.shape ?? [], try base.floats($0))
      })
    guard
      case .shape("model.norm.weight", _, [4], _)? = #expect(
        throws: AdapterError.self,
        performing: { try AdapterExtraction.extract(from: other, base: base) })
    else {
      Issue.record("a norm of 4")
      return
    }
    var options = AdapterExtraction.Options()
    options.include = ["("]
    guard
      case .pattern("(", "include", _, _)? = #expect(
        throws: AdapterError.self,
        performing: { try AdapterExtraction.extract(from: other, base: base, options: options) })
    else {
      Issue.record("a bad pattern")
      return
    }
  }

  @Test func `a damaged model is named`() throws {
    let base = try AdapterFixture.model()
    let name = "model.layers.1.mlp.up_proj.weight"
    let tuned = try Checkpoint.inMemory(
      config: base.config,
      tensors: base.names.map {
        var values = try base.floats($0)
        if $0 == name { values[3] = .infinity }
        return ($0, base.info($0)?.shape ?? [], values)
      }, origin: "damaged")
    #expect(
      throws: AdapterError.checkpoint(
        .notFinite(tensor: name, index: 3, value: "inf", origin: "damaged"))
    ) { try AdapterExtraction.extract(from: tuned, base: base) }
  }

  @Test func `a folder is replaced only when it is an adapter and force is given`() throws {
    let base = try AdapterFixture.model(seed: 1)
    let extracted = try AdapterExtraction.extract(
      from: AdapterFixture.model(seed: 2), base: base)
    let fixture = try AdapterFixture()
    let path = fixture.file("a")
    try extracted.write(to: path)
    let first = try Data(contentsOf: URL(fileURLWithPath: path + "/adapter_config.json"))
    #expect(
      throws: AdapterError.checkpoint(
        .targetExists(directory: path, isCheckpoint: true, force: false))
    ) { try extracted.write(to: path) }
    try extracted.write(to: path, force: true)
    try Data("mine".utf8).write(to: URL(fileURLWithPath: "\(path)/notes.txt"))
    #expect(throws: AdapterError.checkpoint(.target(path, .foreignFile("notes.txt")))) {
      try extracted.write(to: path, force: true)
    }
    try FileManager.default.removeItem(atPath: "\(path)/notes.txt")
    #expect(try Data(contentsOf: URL(fileURLWithPath: path + "/adapter_config.json")) == first)
    #expect(try FileManager.default.contentsOfDirectory(atPath: fixture.path) == ["a"])
    #expect(
      throws: AdapterError.checkpoint(
        .targetExists(directory: fixture.path, isCheckpoint: false, force: true))
    ) { try extracted.write(to: fixture.path, force: true) }
    #expect(throws: AdapterError.checkpoint(.target("", .noName))) { try extracted.write(to: "") }
    let file = path + "/adapter_config.json"
    #expect(throws: AdapterError.checkpoint(.target(file, .file))) {
      try extracted.write(to: file, force: true)
    }
  }
}
