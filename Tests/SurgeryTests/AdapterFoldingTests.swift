// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Tensors
import Testing

@testable import Surgery

@Suite struct AdapterFoldingTests {
  private let query = "model.layers.0.self_attn.q_proj.weight"
  private let start = "base_model.model.model.layers.0.self_attn.q_proj."

  @Test func `a product is added to its matrix and to no other`() throws {
    let fixture = try AdapterFixture()
    try fixture.plain()
    let base = try AdapterFixture.model()
    let adapter = try Adapter.open(directory: fixture.path)
    #expect(adapter.counts == (1, 0) && adapter.format == .peft)
    let folded = try adapter.folded(into: base)
    // 4/2 · (0.5 · 1 + 0.5 · 1) = 2.
    #expect(try folded.floats(query) == base.floats(query).map { $0 + 2 })
    for name in base.names where name != query {
      #expect(try folded.floats(name) == base.floats(name))
    }
    #expect(folded.config == base.config)
    try folded.validate()
  }

  @Test func `the numbers depend neither on threads nor on chunks`() throws {
    // Rows that are no divisor of a chunk, and several chunks.
    let (m, n, r) = (300, 419, 5)
    let fixture = try AdapterFixture()
    func values(_ count: Int, _ name: String) -> [Float] {
      let random = CounterRandom(seed: 3, stream: name)
      return (0..<count).map { random.uniform(at: $0) - 0.5 }
    }
    for isDoRA in [false, true] {
      try fixture.write([
        "peft_type": "LORA", "r": JSON(r), "lora_alpha": 3, "use_dora": JSON(isDoRA),
      ])
      try fixture.write(
        [
          ("x.y.lora_A.weight", [r, n], values(r * n, "a")),
          ("x.y.lora_B.weight", [m, r], values(m * r, "b")),
        ] + (isDoRA ? [("x.y.lora_magnitude_vector", [m], values(m, "m"))] : []),
        to: "adapter_model.safetensors")
      for type in [ElementType.float32, .bfloat16, .float16] {
        let base = try Checkpoint.inMemory(
          config: [:], tensors: [("x.y.weight", [m, n], values(m * n, "w"))], elementType: type)
        let folded = try Adapter.open(directory: fixture.path).folded(into: base)
        let one = try folded.floats("x.y.weight", threads: 1)
        #expect(try folded.floats("x.y.weight", threads: 4) == one)
        let reader = try folded.source("x.y.weight").prepare()
        for range in [0..<1, 418..<421, 1000..<9000, (m * n - 1)..<(m * n)] {
          #expect(
            try TensorSource.floats(reader, range, name: "", origin: "") == Array(one[range]))
        }
        #expect(one != (try base.floats("x.y.weight")))
      }
    }
  }

  @Test func `a convolution is a matrix of its kernels`() throws {
    let fixture = try AdapterFixture()
    try fixture.write(["peft_type": "LORA", "r": 1, "lora_alpha": 1])
    try fixture.write(
      [
        ("base_model.model.conv.lora_A.weight", [1, 2, 3], [1, 2, 3, 4, 5, 6]),
        ("base_model.model.conv.lora_B.weight", [2, 1, 1], [1, -1]),
      ], to: "adapter_model.safetensors")
    let base = try Checkpoint.inMemory(
      config: [:], tensors: [("conv.weight", [2, 2, 3], Array(repeating: 10, count: 12))])
    let folded = try Adapter.open(directory: fixture.path).folded(into: base)
    #expect(
      try folded.floats("conv.weight") == [11, 12, 13, 14, 15, 16, 9, 8, 7, 6, 5, 4])
  }

  @Test func `names may lack or have a first part more than the base's`() throws {
    let fixture = try AdapterFixture()
    try fixture.plain()
    let full = try AdapterFixture.model()
    let renamed = try full.names.map {
      (
        name: String($0.dropFirst($0.hasPrefix("model.") ? 6 : 0)),
        shape: full.info($0)?.shape ?? [], values: try full.floats($0)
      )
    }
    let bare = try Checkpoint.inMemory(config: full.config, tensors: renamed)
    let folded = try Adapter.open(directory: fixture.path).folded(into: bare)
    #expect(
      try folded.floats("layers.0.self_attn.q_proj.weight") == full.floats(query).map { $0 + 2 })
  }

  @Test func `a resized embedding brings its number of tokens along`() throws {
    let fixture = try AdapterFixture()
    let rows = (0..<(13 * 8)).map { Float($0) }
    let embedding = (
      name: "base_model.model.model.embed_tokens.base_layer.weight", shape: Shape([13, 8]),
      values: rows
    )
    try fixture.plain(adding: [embedding])
    let tied = try Adapter.open(directory: fixture.path).folded(
      into: AdapterFixture.model(tied: true))
    #expect(tied.config["vocab_size"] == 13 && tied.config["tie_word_embeddings"] == true)
    #expect(try tied.floats("model.embed_tokens.weight") == rows)
    try tied.validate()
    // An untied head must have as many.
    let expected = AdapterError.shape(
      tensor: embedding.name, expected: "the 11 tokens of `lm_head.weight`", found: [13, 8],
      origin: fixture.path)
    let adapter = try Adapter.open(directory: fixture.path)
    #expect(throws: expected) { try adapter.folded(into: AdapterFixture.model()) }
    try fixture.plain(adding: [embedding, ("base_model.model.lm_head.weight", [13, 8], rows)])
    let both = try Adapter.open(directory: fixture.path).folded(into: AdapterFixture.model())
    #expect(both.config["vocab_size"] == 13)
    try both.validate()
  }

  @Test func `an embedding saved with weight tying stays tied`() throws {
    let fixture = try AdapterFixture()
    let rows = (0..<(11 * 8)).map { Float($0) }
    let embedding = (
      name: "base_model.model.model.embed_tokens.weight", shape: Shape([11, 8]), values: rows
    )
    let base = try AdapterFixture.model(tied: true)
    for (keeps, isTied) in [(true, true), (false, false)] {
      try fixture.plain(
        settings: ["modules_to_save": ["embed_tokens"], "ensure_weight_tying": JSON(keeps)],
        adding: [embedding])
      let folded = try Adapter.open(directory: fixture.path).folded(into: base)
      #expect(folded.config["tie_word_embeddings"] == JSON(isTied))
      #expect((folded.info("lm_head.weight") == nil) == isTied)
      #expect(try folded.floats("model.embed_tokens.weight") == rows)
    }
  }

  @Test func `weights of a written result are those of the lazy one`() throws {
    let fixture = try AdapterFixture()
    try fixture.plain(settings: ["use_rslora": true])
    let base = try AdapterFixture.model(elementType: .bfloat16)
    let folded = try Adapter.open(directory: fixture.path).folded(into: base)
    try CheckpointWriter.write(folded, to: fixture.file("out"))
    let read = try Checkpoint.open(directory: fixture.file("out"))
    for name in base.names { #expect(try read.floats(name) == folded.floats(name)) }
  }
}
