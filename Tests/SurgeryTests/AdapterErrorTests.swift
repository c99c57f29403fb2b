// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Tensors
import Testing

@testable import Surgery

@Suite struct AdapterErrorTests {
  private let start = "base_model.model.model.layers.0.self_attn.q_proj."

  private func error(
    settings: [String: JSON] = [:], dropping: Set<String> = [],
    adding: [(name: String, shape: Shape, values: [Float])] = [], base: Checkpoint? = nil
  ) throws -> AdapterError? {
    let fixture = try AdapterFixture()
    try fixture.plain(settings: settings, dropping: dropping, adding: adding)
    do {
      let folded = try Adapter.open(directory: fixture.path).folded(
        into: base ?? AdapterFixture.model())
      for name in folded.names { _ = try folded.floats(name) }
      return nil
    } catch let error as AdapterError {
      let lines = error.description.split(separator: "\n")
      #expect(lines.count == 3 && error.diagnosis.kind == .malformedInput)
      return error
    }
  }

  private func zeros(_ name: String, _ shape: Shape) -> (
    name: String, shape: Shape, values: [Float]
  ) {
    (name, shape, Array(repeating: 0, count: shape.elementCount))
  }

  @Test(arguments: ["IA3", "ADALORA", "VERA", "LOHA", "PREFIX_TUNING"])
  func `another kind of adapter is refused by name`(kind: String) throws {
    let error = try error(settings: ["peft_type": JSON(kind)])
    #expect(error?.description.contains("An adapter of the kind `\(kind)`") == true)
  }

  @Test(
    arguments: [
      ("use_qalora", JSON(true)), ("alora_invocation_tokens", [1, 2]),
      ("arrow_config", ["top_k": 1]),
      ("layer_replication", [[0, 1]]), ("target_parameters", ["experts.up"]),
      ("trainable_token_indices", [3]), ("use_bdlora", ["nblocks": 2]),
      ("kasa_config", ["beta": 1]),
      ("monteclora_config", ["num_samples": 1]), ("init_lora_weights", "pissa"),
      ("init_lora_weights", "pissa_niter_4"), ("init_lora_weights", "olora"),
      ("init_lora_weights", "loftq"),
    ] as [(String, JSON)])
  func `what changes the meaning of the tensors is refused`(key: String, value: JSON) throws {
    guard case .unsupported = try error(settings: [key: value]) else {
      Issue.record("\(key) was accepted")
      return
    }
  }

  @Test func `an unknown key that is set is an error and one that is not is none`() throws {
    guard
      case .unknownSetting("use_rsloro", "`true`", _, "use_rslora") = try error(
        settings: ["use_rsloro": true])
    else {
      Issue.record("the key was accepted")
      return
    }
    for value in [JSON.null, false, [], [:]] as [JSON] {
      #expect(try error(settings: ["use_later_invention": value]) == nil)
    }
    #expect(try error(settings: ["init_lora_weights": "gaussian", "task_type": "X"]) == nil)
  }

  @Test func `a tensor without a place is named with the nearest`() throws {
    let found = try error(
      adding: [
        zeros("base_model.model.model.layers.0.self_attn.qq_proj.lora_A.weight", [2, 8]),
        zeros("base_model.model.model.layers.0.self_attn.qq_proj.lora_B.weight", [8, 2]),
      ])
    guard case .noPlace(let tensor, [2, 8], _, let wanted, _, let nearest) = found else {
      Issue.record("\(String(describing: found))")
      return
    }
    #expect(tensor.hasSuffix("qq_proj.lora_A.weight"))
    #expect(wanted == "model.layers.0.self_attn.qq_proj.weight")
    #expect(nearest == "model.layers.0.self_attn.q_proj.weight")
    let whole = try error(adding: [zeros("base_model.model.score.weight", [2, 8])])
    guard case .noPlace("base_model.model.score.weight", _, _, "score.weight", _, _) = whole else {
      Issue.record("\(String(describing: whole))")
      return
    }
  }

  @Test func `a half without its partner is an error`() throws {
    for half in ["lora_A", "lora_B"] {
      guard
        case .incomplete("model.layers.0.self_attn.q_proj", "`\(half)`", _) = try error(
          dropping: [start + half + ".weight"],
          adding: [zeros("base_model.model.model.norm.weight", [8])])
      else {
        Issue.record("\(half)")
        return
      }
    }
    guard
      case .incomplete(_, "`lora_magnitude_vector`", _) = try error(settings: ["use_dora": true])
    else {
      Issue.record("no magnitudes")
      return
    }
  }

  @Test func `shapes and ranks that do not fit are errors before anything is read`() throws {
    let wide = [
      zeros(start + "lora_A.weight", [2, 9]), zeros(start + "lora_B.weight", [8, 2]),
    ]
    let names = Set(wide.map(\.name))
    guard
      case .shape(start + "lora_A.weight", _, [2, 9], _) = try error(
        dropping: names, adding: wide)
    else {
      Issue.record("9 inputs")
      return
    }
    guard
      case .shape(start + "lora_B.weight", "a shape [outputs, 2]", [8, 3], _) = try error(
        dropping: names, adding: [wide[0], zeros(start + "lora_B.weight", [8, 3])])
    else {
      Issue.record("3 columns")
      return
    }
    guard case .rank(_, 5, 2, _) = try error(settings: ["r": 5]) else {
      Issue.record("r = 5")
      return
    }
    guard case .rank(_, 3, 2, _) = try error(settings: ["rank_pattern": ["q_proj": 3]]) else {
      Issue.record("a pattern of 3")
      return
    }
    guard
      case .shape("base_model.model.model.norm.weight", _, [9], _) = try error(
        adding: [zeros("base_model.model.model.norm.weight", [9])])
    else {
      Issue.record("a norm of 9")
      return
    }
  }

  @Test func `settings of a wrong kind are errors`() throws {
    for (key, value) in [
      ("r", JSON("two")), ("r", -1), ("lora_alpha", "x"), ("rank_pattern", [1]),
      ("alpha_pattern", ["q_proj": "x"]), ("use_dora", 1), ("modules_to_save", "norm"),
      ("modules_to_save", [1]), ("peft_type", 7),
    ] as [(String, JSON)] {
      guard case .setting = try error(settings: [key: value]) else {
        Issue.record("\(key): \(value.serialized())")
        continue
      }
    }
    guard
      case .pattern("(?=x)", "rank_pattern", _, _) = try error(
        settings: ["rank_pattern": ["(?=x)": 2]])
    else {
      Issue.record("a lookahead")
      return
    }
  }

  @Test func `two tensors of one meaning are an error`() throws {
    guard case .duplicate = try error(adding: [zeros(start + "lora_A.default.weight", [2, 8])])
    else {
      Issue.record("two A")
      return
    }
    let norm = "base_model.model.model.norm."
    guard
      case .duplicate = try error(
        adding: [zeros(norm + "weight", [8]), zeros(norm + "modules_to_save.weight", [8])])
    else {
      Issue.record("two norms")
      return
    }
  }

  @Test func `unknown parts of names are errors`() throws {
    for name in ["lora_E", "lora_diag.weight", "lora_A.other.weight"] {
      guard case .unsupported = try error(adding: [zeros(start + name, [2, 8])]) else {
        Issue.record("\(name)")
        continue
      }
    }
  }

  @Test func `numbers that are not finite are named when they are read`() throws {
    let fixture = try AdapterFixture()
    try fixture.plain(
      dropping: [start + "lora_B.weight"],
      adding: [
        (start + "lora_B.weight", [8, 2], (0..<16).map { $0 == 5 ? .nan : 0 })
      ])
    let folded = try Adapter.open(directory: fixture.path).folded(into: AdapterFixture.model())
    #expect(
      throws: CheckpointError.notFinite(
        tensor: start + "lora_B.weight", index: 5, value: "nan",
        origin: fixture.file("adapter_model.safetensors"))
    ) { try folded.floats("model.layers.0.self_attn.q_proj.weight") }
  }

  @Test func `quantised bases are refused`() throws {
    let model = try AdapterFixture.model()
    let name = "model.layers.0.self_attn.q_proj.weight"
    var tensors = try model.names.map {
      (name: $0, shape: model.info($0)?.shape ?? [], values: try model.floats($0))
    }
    tensors.append((name + "_scale_inv", [1, 1], [2]))
    let base = try Checkpoint.inMemory(config: model.config, tensors: tensors)
    guard case .quantizedBase(name, _, _) = try error(base: base) else {
      Issue.record("a scale was overlooked")
      return
    }
  }

  @Test func `a head that cannot be parted is an error`() throws {
    let fixture = try AdapterFixture()
    try fixture.write(["peft_type": "LORA", "r": 1, "lora_alpha": 1])
    let start = "base_model.model.bert.embeddings.word_embeddings."
    try fixture.write(
      [zeros(start + "lora_embedding_A", [1, 5]), zeros(start + "lora_embedding_B", [4, 1])],
      to: "adapter_model.safetensors")
    let base = try Checkpoint.inMemory(
      config: ["architectures": ["NewForMaskedLM"], "model_type": "new"],
      tensors: [zeros("bert.embeddings.word_embeddings.weight", [5, 4])])
    let adapter = try Adapter.open(directory: fixture.path)
    #expect(
      throws: AdapterError.tiedHead(
        tensor: "bert.embeddings.word_embeddings.weight",
        base: fixture.file("adapter_model.safetensors"))
    ) { try adapter.folded(into: base) }
    // A layout that knows the head's name parts it.
    let known = try Checkpoint.inMemory(
      config: ["architectures": ["BertForMaskedLM"], "model_type": "bert"],
      tensors: [
        ("bert.embeddings.word_embeddings.weight", [5, 4], (0..<20).map { Float($0) })
      ])
    let parted = try adapter.folded(into: known)
    #expect(
      try parted.floats("cls.predictions.decoder.weight")
        == known.floats("bert.embeddings.word_embeddings.weight"))
    #expect(parted.config["tie_word_embeddings"] == false)
  }

  @Test func `folders without an adapter say what is missing`() throws {
    let fixture = try AdapterFixture()
    func reason() -> String? {
      do {
        _ = try Adapter.open(directory: fixture.path)
        return nil
      } catch {
        return error.description
      }
    }
    #expect(reason()?.contains("adapter_config.json is missing") == true)
    try fixture.write(["hello": 1])
    #expect(reason()?.contains("neither `peft_type`") == true)
    try fixture.write(["peft_type": "LORA"])
    #expect(reason()?.contains("adapter_model.safetensors is missing") == true)
    try Data([1]).write(to: URL(fileURLWithPath: fixture.file("adapter_model.bin")))
    #expect(reason()?.contains("adapter_model.bin") == true)
    try fixture.write([], to: "adapter_model.safetensors")
    #expect(reason()?.contains("is empty") == true)
    try fixture.write(["fine_tune_type": "lora"])
    #expect(reason()?.contains("adapters.safetensors is missing") == true)
    try Data([1]).write(to: URL(fileURLWithPath: fixture.file("adapters.npz")))
    #expect(reason()?.contains("an old format") == true)
    try fixture.write(["fine_tune_type": "ia3"])
    #expect(reason()?.contains("of the kind `ia3`") == true)
    try Data("[]".utf8).write(to: URL(fileURLWithPath: fixture.file("adapter_config.json")))
    #expect(reason()?.contains("should be an object") == true)
    try Data("{".utf8).write(to: URL(fileURLWithPath: fixture.file("adapter_config.json")))
    #expect(reason()?.contains("not well formed") == true)
  }

  @Test func `an adapter of mlx-lm is checked as well`() throws {
    let fixture = try AdapterFixture()
    func open() -> AdapterError? {
      do {
        _ = try Adapter.open(directory: fixture.path)
        return nil
      } catch {
        return error
      }
    }
    let (a, b) = (zeros("x.lora_a", [8, 2]), zeros("x.lora_b", [2, 8]))
    try fixture.write([a], to: "adapters.safetensors")
    try fixture.write(["fine_tune_type": "lora", "lora_parameters": ["rank": 2, "scale": 2]])
    guard case .incomplete("x", "`lora_b`", _) = open() else {
      Issue.record("half a product")
      return
    }
    try fixture.write([a, b], to: "adapters.safetensors")
    #expect(open() == nil)
    try fixture.write(["fine_tune_type": "lora", "lora_parameters": ["rank": 3, "scale": 2]])
    guard case .rank("x", 3, 2, _) = open() else {
      Issue.record("rank 3")
      return
    }
    try fixture.write(["fine_tune_type": "lora"])
    guard case .setting("lora_parameters.scale", _, _, "nothing") = open() else {
      Issue.record("no scale")
      return
    }
    try fixture.write(["fine_tune_type": "dora", "lora_parameters": ["rank": 2, "scale": 2]])
    guard case .incomplete("x", "`m`", _) = open() else {
      Issue.record("no lengths")
      return
    }
    try fixture.write(
      [zeros("x.lora_a", [4, 2, 8]), zeros("x.lora_b", [4, 8, 2])], to: "adapters.safetensors")
    try fixture.write(["fine_tune_type": "lora", "lora_parameters": ["scale": 2]])
    guard case .shape("x.lora_a", _, [4, 2, 8], _) = open() else {
      Issue.record("experts")
      return
    }
  }
}
