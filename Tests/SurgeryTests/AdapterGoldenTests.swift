// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Tensors
import Testing

@testable import Surgery

/// Folders of adapters for tests, removed when the fixture goes.
final class AdapterFixture: Sendable {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent(
      "koine-adapter-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Writes a safetensors file of floats under any name.
  func write(
    _ tensors: [(name: String, shape: Shape, values: [Float])], to name: String,
    elementType: ElementType = .float32
  ) throws {
    let folder = file("writing")
    try CheckpointWriter.write(
      Checkpoint.inMemory(config: [:], tensors: tensors, elementType: elementType), to: folder)
    try? FileManager.default.removeItem(atPath: file(name))
    try FileManager.default.moveItem(atPath: folder + "/model.safetensors", toPath: file(name))
    try FileManager.default.removeItem(atPath: folder)
  }

  func write(_ json: JSON) throws {
    try Data(json.serialized().utf8).write(to: URL(fileURLWithPath: file("adapter_config.json")))
  }

  /// A LoRA on q_proj of layer 0 with A all 1 and B all 0.5, and changes to its settings and tensors.
  func plain(
    settings: [String: JSON] = [:], dropping: Set<String> = [],
    adding: [(name: String, shape: Shape, values: [Float])] = []
  ) throws {
    var config: JSON = ["peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["q_proj"]]
    for (key, value) in settings { config[key] = value }
    try write(config)
    let start = "base_model.model.model.layers.0.self_attn.q_proj."
    let own: [(name: String, shape: Shape, values: [Float])] = [
      (start + "lora_A.weight", [2, 8], Array(repeating: 1, count: 16)),
      (start + "lora_B.weight", [8, 2], Array(repeating: 0.5, count: 16)),
    ]
    try write(
      own.filter { !dropping.contains($0.name) } + adding, to: "adapter_model.safetensors")
  }

  /// A tiny Llama, tied or not, of values that are a function of the seed and the name.
  static func model(
    tied: Bool = false, seed: UInt64 = 1, vocabulary: Int = 11, elementType: ElementType = .float32,
    around center: Checkpoint? = nil, scale: Float = 1, rank: Int? = nil
  ) throws -> Checkpoint {
    let config: JSON = [
      "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": JSON(vocabulary),
      "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2,
      "num_key_value_heads": 1, "tie_word_embeddings": JSON(tied), "rms_norm_eps": 1e-5,
    ]
    let blueprint = try Blueprint.of(config, origin: "tiny")
    let tensors = try blueprint.expectations(config, origin: "tiny").filter(\.isRequired).map {
      expectation in
      let random = CounterRandom(seed: seed, stream: expectation.name)
      let middle = try center?.floats(expectation.name)
      let shape = expectation.shape
      var change = (0..<shape.elementCount).map { scale * (random.uniform(at: $0) * 2 - 1) }
      if let rank, shape.rank == 2 {
        change = try SingularValueDecomposition.jacobi(
          Matrix(rows: shape[0], columns: shape[1], values: change)
        ).prefix(rank).product().values
      }
      return (
        name: expectation.name, shape: shape,
        values: change.enumerated().map { (middle?[$0] ?? 0) + $1 }
      )
    }
    return try Checkpoint.inMemory(config: config, tensors: tensors, elementType: elementType)
  }

  static var golden: URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Golden/adapters")
  }

  /// All elements of a tensor of a file.
  static func floats(_ tensor: AdapterTensor) throws -> [Float] {
    try TensorSource.floats(
      tensor.source.prepare(), 0..<tensor.shape.elementCount, name: tensor.name, origin: "golden")
  }
}

/// Against PEFT and mlx-lm's formulas; see Golden/adapters/make.py and the versions.json it writes.
@Suite struct AdapterGoldenTests {
  /// What both compute in float32 differs by the order of r ≤ 4 terms: some 10⁻⁷ of sums of about 1;
  /// DoRA divides by a norm, which PEFT sums in float32.
  @Test(arguments: [
    ("plain", "llama"), ("patterns", "llama"), ("rslora", "llama"), ("dora", "llama"),
    ("embeddings", "llama"), ("dora-embeddings", "llama"), ("saved", "llama"),
    ("biases", "qwen2"), ("lora-bias", "qwen2"), ("gpt2", "gpt2"), ("gpt2-dora", "gpt2"),
    ("tied-embeddings", "tied"), ("tied-head", "tied"), ("tied-saved", "tied"),
    ("mlx-lora", "llama"), ("mlx-dora", "llama"), ("mlx-full", "llama"),
  ])
  func `folding agrees with the library the adapter comes from`(
    name: String, baseName: String
  ) throws {
    let golden = AdapterFixture.golden
    let base = try Checkpoint.open(
      directory: golden.appendingPathComponent("bases/\(baseName)").path)
    let adapter = try Adapter.open(
      directory: golden.appendingPathComponent("adapters/\(name)").path)
    let folded = try adapter.folded(into: base)
    var changed: Set<String> = []
    let results = try ModelFolder(golden.appendingPathComponent("results").path)
    for tensor in try AdapterFile.tensors("\(name).safetensors", in: results) {
      let expected = try AdapterFixture.floats(tensor)
      // GPT-2's file leaves out the first part.
      let home =
        folded.info(tensor.name) != nil
        ? tensor.name : tensor.name.split(separator: ".").dropFirst().joined(separator: ".")
      let found = try folded.floats(home)
      #expect(folded.info(home)?.shape == tensor.shape)
      for i in expected.indices {
        #expect((found[i] - expected[i]).magnitude < 1e-6, "\(tensor.name)[\(i)]")
      }
      changed.insert(home)
    }
    #expect(!changed.isEmpty)
    for tensor in base.names where !changed.contains(tensor) {
      #expect(try folded.floats(tensor) == base.floats(tensor), "\(tensor)")
    }
  }

  @Test(arguments: ["dora", "saved"])
  func `an adapter in a PyTorch file is the one in safetensors`(name: String) throws {
    let golden = AdapterFixture.golden
    let base = try Checkpoint.open(directory: golden.appendingPathComponent("bases/llama").path)
    func folded(_ name: String) throws -> Checkpoint {
      try Adapter.open(directory: golden.appendingPathComponent("adapters/\(name)").path)
        .folded(into: base)
    }
    let (old, new) = (try folded("\(name)-pickled"), try folded(name))
    #expect(old.names == new.names)
    var changed = 0
    for tensor in new.names {
      #expect(try old.floats(tensor) == new.floats(tensor), "\(tensor)")
      if try new.floats(tensor) != base.floats(tensor) { changed += 1 }
    }
    #expect(changed >= 2)
  }

  @Test func `a result in bfloat16 is the exact sum rounded once`() throws {
    let golden = AdapterFixture.golden
    let base = try Checkpoint.open(
      directory: golden.appendingPathComponent("bases/llama-bf16").path)
    let folded = try Adapter.open(directory: golden.appendingPathComponent("adapters/half").path)
      .folded(into: base)
    var misses = 0
    var count = 0
    let results = try ModelFolder(golden.appendingPathComponent("results").path)
    for tensor in try AdapterFile.tensors("half.safetensors", in: results) {
      #expect(folded.info(tensor.name)?.elementType == .bfloat16)
      let found = try folded.floats(tensor.name)
      for (ours, exact) in zip(found, try AdapterFixture.floats(tensor)) {
        count += 1
        if ours != Rounding.float(bfloat16: Rounding.bfloat16(exact)) { misses += 1 }
        #expect((ours - exact).magnitude <= exact.magnitude * 0x1p-8 + 1e-6)
      }
    }
    // Sums that differ by 10⁻⁷ seldom lie on both sides of a midpoint.
    #expect(count > 2000 && misses < 3)
  }

  @Test func `tied heads part where PEFT trains one alone and stay where mlx-lm trains both`()
    throws
  {
    let golden = AdapterFixture.golden
    let base = try Checkpoint.open(directory: golden.appendingPathComponent("bases/tied").path)
    let old = try base.floats("model.embed_tokens.weight")
    for name in ["tied-embeddings", "tied-saved"] {
      let folded = try Adapter.open(
        directory: golden.appendingPathComponent("adapters/\(name)").path
      ).folded(into: base)
      #expect(folded.config["tie_word_embeddings"] == false)
      #expect(try folded.floats("lm_head.weight") == old)
      #expect(try folded.floats("model.embed_tokens.weight") != old)
      try folded.validate()
    }
    let head = try Adapter.open(
      directory: golden.appendingPathComponent("adapters/tied-head").path
    ).folded(into: base)
    #expect(head.config["tie_word_embeddings"] == false)
    #expect(try head.floats("model.embed_tokens.weight") == old)
    let mlx = try Adapter.open(directory: golden.appendingPathComponent("adapters/mlx-lora").path)
      .folded(into: base)
    #expect(mlx.config["tie_word_embeddings"] == true && mlx.info("lm_head.weight") == nil)
  }
}
