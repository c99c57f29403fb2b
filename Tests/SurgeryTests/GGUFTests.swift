// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Tensors
import Testing

@testable import Surgery

/// Golden/gguf/make.py reads such files back with the `gguf` package and with transformers, and
/// records their hashes; here they are made again.
@Suite struct GGUFTests {
  static let families = [
    "llama", "mistral", "qwen2", "qwen3", "smollm3", "gemma", "gemma2", "gemma3_text",
  ]

  private static let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../Golden/gguf").standardized.path

  private static func model(_ family: String) throws -> Checkpoint {
    try Checkpoint.open(directory: "\(golden)/\(family)")
  }

  @Test(arguments: families, GGUFExport.Encoding.allCases)
  func `a file is the one that was read back and compared, no tensor missing (unsloth 2667)`(
    family: String, encoding: GGUFExport.Encoding
  ) throws {
    let expected = try JSON.parse(
      Array(Data(contentsOf: URL(fileURLWithPath: "\(Self.golden)/expected.json"))),
      origin: "expected.json")
    let folder = try AdapterFixture()
    let path = folder.file("model.gguf")
    let export = try GGUFExport(try Self.model(family), encoding: encoding, name: family)
    let byteCount = try export.write(to: path)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    #expect(bytes.count == byteCount)
    #expect(
      JSON(Self.digest(bytes)) == expected["fnv1a"]?["\(family).\(encoding.rawValue)"])
  }

  /// FNV-1a, 64 bits, as make.py computes it: this room has no cryptography.
  private static func digest(_ data: Data) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in data { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return String(hash, radix: 16)
  }

  @Test func `what llama cpp cannot do is refused by name`() throws {
    func refusal(_ family: String, _ change: (inout JSON) -> Void) throws -> String {
      let model = try Self.model(family)
      var config = model.config
      change(&config)
      let error = #expect(throws: CheckpointError.self) {
        try GGUFExport(model.replacing(config: config), encoding: .float16, name: "m")
      }
      return "\(error?.diagnosis as Any)"
    }
    #expect(try refusal("llama") { $0["model_type"] = "bert" }.contains("bert"))
    #expect(
      try refusal("qwen2") {
        $0["rope_parameters"] = nil
        $0["rope_scaling"] = ["rope_type": "dynamic", "factor": 2]
      }.contains("dynamic"))
    #expect(
      try refusal("gemma2") { $0["query_pre_attn_scalar"] = 100 }.contains("query_pre_attn_scalar"))
    #expect(
      try refusal("gemma3_text") { $0["layer_types"] = ["full_attention", "full_attention"] }
        .contains("windows"))
    #expect(try refusal("smollm3") { $0["no_rope_layers"] = [1, 1, 1, 1] }.contains("no_rope"))
    #expect(try refusal("llama") { $0["num_hidden_layers"] = -1 }.contains("num_hidden_layers"))
    #expect(try refusal("llama") { $0["num_hidden_layers"] = 1 }.contains("layers.1"))
    #expect(try refusal("llama") { $0["hidden_size"] = "x" }.contains("hidden_size"))
  }

  @Test func `templates in a folder of their own are in the file too`() throws {
    let folder = try AdapterFixture()
    let copy = folder.file("model")
    try FileManager.default.copyItem(atPath: "\(Self.golden)/qwen3", toPath: copy)
    let extra = copy + "/additional_chat_templates"
    try FileManager.default.createDirectory(atPath: extra, withIntermediateDirectories: true)
    try Data("{{ tools }}".utf8).write(to: URL(fileURLWithPath: extra + "/tool_use.jinja"))
    let path = folder.file("model.gguf")
    _ = try GGUFExport(Checkpoint.open(directory: copy), encoding: .eightBits, name: "m")
      .write(to: path)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    #expect(bytes.range(of: Data("tokenizer.chat_template.tool_use".utf8)) != nil)
    #expect(bytes.range(of: Data("{{ tools }}".utf8)) != nil)
  }

  @Test func `yarn is exported where transformers goes by its three settings`() throws {
    let model = try Self.model("qwen2")
    func export(_ scaling: JSON) throws -> GGUFExport {
      var config = model.config
      config["rope_parameters"] = nil
      config["max_position_embeddings"] = 128
      config["rope_scaling"] = scaling
      return try GGUFExport(model.replacing(config: config), encoding: .float16, name: "m")
    }
    let plain: JSON = ["rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 32]
    let folder = try AdapterFixture()
    _ = try export(plain).write(to: folder.file("plain"))
    let expected = try Data(contentsOf: URL(fileURLWithPath: folder.file("plain")))
    let variants: [[String: JSON]] = [
      ["mscale": 0, "mscale_all_dim": nil], ["attention_factor": nil, "truncate": true],
      ["factor": nil, "mscale": 0.0],
    ]
    for (index, more) in variants.enumerated() {
      var scaling = plain
      for (key, value) in more { scaling[key] = value }
      let path = folder.file("yarn-\(index)")
      _ = try export(scaling).write(to: path)
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == expected, "\(scaling)")
    }
    for key in ["mscale", "attention_factor"] {
      var scaling = plain
      scaling[key] = 0.5
      #expect(throws: CheckpointError.self, "\(key)") { try export(scaling) }
    }
  }

  @Test func `windows that llama cpp does not know are noted`() throws {
    let model = try Self.model("mistral")
    var config = model.config
    config["sliding_window"] = 16
    let export = try GGUFExport(model.replacing(config: config), encoding: .float16, name: "m")
    #expect(export.notes.contains { $0.contains("window") })
  }

  /// A golden model with other files beside its weights.
  private static func model(
    _ family: String, files: (Checkpoint) throws -> [Checkpoint.CompanionFile]
  ) throws -> Checkpoint {
    let model = try Self.model(family)
    return Checkpoint(
      config: model.config, origin: "made",
      sources: Dictionary(
        uniqueKeysWithValues: try model.names.map { ($0, try model.source($0)) }),
      tokenizerFiles: try files(model))
  }

  @Test func `the chat template is the default one, wherever it stands`() throws {
    func made(_ templates: [String: String]) throws -> (bytes: Data, notes: [String]) {
      let model = try Self.model("qwen3") { model in
        let gone = templates.keys + ["tokenizer_config.json", "chat_template.jinja"]
        return model.tokenizerFiles.filter { !gone.contains($0.name) }
          + templates.map { .init(name: $0.key, contents: Array($0.value.utf8)) }
      }
      let folder = try AdapterFixture()
      let path = folder.file("model.gguf")
      let export = try GGUFExport(model, encoding: .eightBits, name: "m")
      _ = try export.write(to: path)
      return (try Data(contentsOf: URL(fileURLWithPath: path)), export.notes)
    }
    /// The key, the type of texts (8), the length and the text.
    func holds(_ bytes: Data, _ text: String, _ name: String = "") -> Bool {
      var field = Data("tokenizer.chat_template\(name)".utf8) + Data([8, 0, 0, 0])
      field += withUnsafeBytes(of: UInt64(text.utf8.count).littleEndian) { Data($0) }
      return bytes.range(of: field + Data(text.utf8)) != nil
    }
    let list = #"[{"name": "rag", "template": "R"}, {"name": "default", "template": "{{ d }}"}]"#
    let named = try made(["tokenizer_config.json": "{\"chat_template\": \(list)}"])
    #expect(holds(named.bytes, "{{ d }}"))
    #expect(holds(named.bytes, "R", ".rag") && !named.notes.contains { $0.contains("template") })
    // A list of one text: the type of lists, of texts, the count.
    var names = Data("tokenizer.chat_templates".utf8) + Data([9, 0, 0, 0, 8, 0, 0, 0, 1])
    names += Data(count: 7) + Data([3, 0, 0, 0, 0, 0, 0, 0]) + Data("rag".utf8)
    #expect(named.bytes.range(of: names) != nil)
    let clash = #"[{"name": "a-b", "template": "1"}, {"name": "a.b", "template": "2"}]"#
    let two = try made(["tokenizer_config.json": "{\"chat_template\": \(clash)}"])
    #expect(holds(two.bytes, "1", ".a_b") && two.notes.contains { $0.contains("`a.b`") })
    let file = try made([
      "tokenizer_config.json": #"{"chat_template": "config"}"#, "chat_template.jinja": "file",
    ])
    #expect(holds(file.bytes, "file") && !holds(file.bytes, "config"))
    #expect(!file.notes.contains { $0.contains("chat template") })
    #expect(holds(try made(["chat_template.json": #"{"chat_template": "j"}"#]).bytes, "j"))
    let none = try made([
      "tokenizer_config.json": #"{"chat_template": [{"name": "rag", "template": "R"}]}"#
    ])
    #expect(holds(none.bytes, "R", ".rag"))
    #expect(none.notes.contains { $0.contains("no default chat template, only `rag`") })
    let error = #expect(throws: CheckpointError.self) {
      try made(["tokenizer_config.json": #"{"chat_template": 5}"#])
    }
    #expect(error?.diagnosis.what.contains("should be a text or a list") == true)
    #expect(error?.diagnosis.where == "made/tokenizer_config.json")
  }

  @Test func `a model without a tokenizer is refused`() throws {
    let bare = try Self.model("qwen3") { _ in [] }
    let error = #expect(throws: CheckpointError.self) {
      try GGUFExport(bare, encoding: .float16, name: "m")
    }
    #expect(error?.diagnosis.next.contains("tokenizer.json") == true)
  }

  @Test(arguments: GGUFExport.Encoding.allCases)
  func `numbers that are not finite are refused by name`(encoding: GGUFExport.Encoding) throws {
    let model = try Self.model("qwen3")
    let tensors = try model.names.map { name in
      var values = try model.floats(name)
      if name == "model.norm.weight" { values[3] = .nan }
      return (name: name, shape: model.info(name)?.shape ?? [], values: values)
    }
    let damaged = try Checkpoint.inMemory(
      config: model.config, tensors: tensors, tokenizerFilesFrom: "\(Self.golden)/qwen3")
    let folder = try AdapterFixture()
    let error = #expect(throws: CheckpointError.self) {
      try GGUFExport(damaged, encoding: encoding, name: "m").write(to: folder.file("m.gguf"))
    }
    #expect(error?.diagnosis.what.contains("Element 3 of the tensor `output_norm") == true)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }

  @Test func `a head beside a config that ties it must be the embedding`() throws {
    let model = try Self.model("qwen3")
    let shape = try #require(model.info("model.embed_tokens.weight")).shape
    func beside(_ change: Float) throws -> Checkpoint {
      var head = try model.floats("model.embed_tokens.weight")
      head[head.count - 1] += change
      let tensors = try model.names.map { name in
        (name: name, shape: model.info(name)?.shape ?? [], values: try model.floats(name))
      }
      return try Checkpoint.inMemory(
        config: model.config, tensors: tensors + [("lm_head.weight", shape, head)],
        tokenizerFilesFrom: "\(Self.golden)/qwen3")
    }
    _ = try GGUFExport(beside(0), encoding: .float16, name: "m")
    let error = #expect(throws: CheckpointError.self) {
      try GGUFExport(beside(1), encoding: .float16, name: "m")
    }
    #expect(error?.diagnosis.what.contains("tie_word_embeddings") == true)
  }

  @Test func `a file that is there stays unless force is given, and a full disk leaves it`() throws
  {
    let folder = try AdapterFixture()
    let path = folder.file("model.gguf")
    try Data("old".utf8).write(to: URL(fileURLWithPath: path))
    let export = try GGUFExport(try Self.model("qwen3"), encoding: .eightBits, name: "m")
    #expect(throws: CheckpointError.self) { try export.write(to: path) }
    #expect(throws: CheckpointError.self) { try export.write(to: folder.path, force: true) }
    let full = OutputCalls { _, _, offset in
      errno = ENOSPC
      return offset > 0 ? -1 : 1
    }
    #expect(throws: CheckpointError.self) {
      try GGUFWriter.write([], [], to: path, force: true, calls: full)
    }
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["model.gguf"])
    _ = try export.write(to: path, force: true)
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)).prefix(4) == Data("GGUF".utf8))
  }
}
