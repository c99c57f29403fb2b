// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors

@testable import Checkpoints
@testable import Surgery

extension FuzzTarget {
  static let adapters = [
    FuzzTarget(
      name: "adapter", usualCount: 2_000,
      parts: ["config.json", "header.json", "config.json of base"]
    ) { seed in
      let base = try tinyLlama(config: JSON.parse(configs[0], origin: "config.json"))
      return (
        FuzzMutator(
          seeds: adapterSeeds.map { [$0, $1, configs[0]].map { Array($0.utf8) } },
          tokens: jsonTokens + adapterTokens, seed: seed), { try readAdapter($0, base) }
      )
    },
    FuzzTarget(name: "pattern", usualCount: 2_000, parts: ["regex", "name"]) { seed in
      (
        FuzzMutator(
          seeds: patterns.map { [$0, "model.layers.12.self_attn.q_proj"].map { Array($0.utf8) } },
          tokens: patternTokens, seed: seed), readPattern
      )
    },
  ]

  // MARK: Adapters

  private static let adapterTokens = [
    "\"r\":", "\"lora_alpha\":", "\"use_dora\":true", "\"use_rslora\":true", "\"modules_to_save\":",
    "[\"embed_tokens\"]", "\"rank_pattern\":{\"q_proj\":4}", "\"fan_in_fan_out\":true", "lora_A",
    "lora_B", "lora_embedding_A", "base_model.model.", "lora_magnitude_vector", "\"bias\":\"all\"",
    "\"base_model_name_or_path\":\"../../etc\"", "lora_a", "\"fine_tune_type\":\"dora\"", ".m",
    "\"ensure_weight_tying\":true", ".modules_to_save.default", "model.norm.weight", ".bias",
  ]

  private static let stem = "base_model.model.model.layers.0.self_attn.q_proj"

  /// Configs, and headers of tensors in 256 bytes of data.
  private static let adapterSeeds = [
    (
      #"{"peft_type":"LORA","r":2,"lora_alpha":4,"target_modules":["q_proj"],"#
        + #""base_model_name_or_path":"/models/base","rank_pattern":{},"alpha_pattern":{"k_proj":8},"#
        + #""task_type":"CAUSAL_LM","use_rslora":false,"modules_to_save":null}"#,
      header([("\(stem).lora_A.weight", [2, 8]), ("\(stem).lora_B.weight", [8, 2])])
    ),
    (
      #"{"peft_type":"LORA","r":2,"lora_alpha":4,"use_dora":true,"modules_to_save":["lm_head"]}"#,
      header([
        ("\(stem).lora_A.weight", [2, 8]), ("\(stem).lora_B.weight", [8, 2]),
        ("\(stem).lora_magnitude_vector", [8]),
        ("base_model.model.model.norm.weight", [8]),
      ])
    ),
    (
      #"{"peft_type":"LORA","r":1,"lora_alpha":1,"use_rslora":true,"ensure_weight_tying":true}"#,
      header([
        ("base_model.model.model.embed_tokens.lora_embedding_A", [1, 11]),
        ("base_model.model.model.embed_tokens.lora_embedding_B", [8, 1]),
      ])
    ),
    (
      #"{"fine_tune_type":"lora","num_layers":2,"lora_parameters":{"rank":2,"scale":20.0},"#
        + #""model":"base"}"#,
      header([
        ("model.layers.1.mlp.down_proj.lora_a", [12, 2]),
        ("model.layers.1.mlp.down_proj.lora_b", [2, 8]),
      ])
    ),
    (
      #"{"fine_tune_type":"dora","lora_parameters":{"rank":1,"scale":1.0,"dropout":0.0}}"#,
      header([
        ("model.embed_tokens.lora_a", [11, 1]), ("model.embed_tokens.lora_b", [1, 8]),
        ("model.embed_tokens.m", [11]), ("model.norm.weight", [8]),
      ])
    ),
  ]

  private static func header(_ tensors: [(String, [Int])]) -> String {
    var offset = 0
    var members = JSONObject()
    for (name, extents) in tensors {
      let byteCount = 4 * extents.reduce(1, *)
      members[name] = [
        "dtype": "F32", "shape": JSON(extents.map { JSON($0) }),
        "data_offsets": [JSON(offset), JSON(offset + byteCount)],
      ]
      offset += byteCount
    }
    // What is left belongs to a tensor that the reader must find no place for, or to nothing.
    return JSON.object(members).serialized()
  }

  /// Opens a folder that is in memory, folds what it holds into a base, and computes the result.
  private static func readAdapter(_ input: FuzzInput, _ base: Checkpoint) throws {
    let claimed = claimedByteCount(input[1])
    let data = (0..<claimed).map { UInt8(truncatingIfNeeded: $0 % 4 == 3 ? 0x3E : $0) }
    let length = (0..<8).map { UInt8(truncatingIfNeeded: input[1].count >> (8 * $0)) }
    let weights = length + input[1] + data
    let adapter = try Adapter.open(
      ModelFolder(
        contents: [
          "adapter_config.json": input[0], "adapter_model.safetensors": weights,
          "adapters.safetensors": weights,
        ], path: "/adapters/a"))
    let folded = try adapter.folded(
      into: base.replacing(config: JSON.parse(input[2], origin: "config.json")))
    guard folded.parameterCount <= 5_000 else { return }
    for name in folded.names { _ = try folded.floats(name, threads: 1) }
  }

  /// The end of the last tensor, so that damaged headers often fit their data; at most 4096.
  private static func claimedByteCount(_ header: [UInt8]) -> Int {
    let members = (try? JSON.parse(header, origin: ""))?.object?.members ?? []
    let ends = members.compactMap { $0.value["data_offsets"]?.array?.last?.int }
    return min(4096, max(0, ends.max() ?? 0))
  }

  // MARK: Patterns

  private static let patternTokens = [
    "(", ")", "[", "]", "{", "}", "*", "+", "?", "|", "^", "$", "\\d", "\\W", "{2,3}", "{1000}",
    "(?:", "[^a-z]", "{,5}", "()", "(){1000}", "\\", "-", "*?",
  ]
  private static let patterns = [
    #"model\.layers\.(0|1[0-9])\..*(q|k)_proj"#, #".*\.[a-c]?x{2,3}$"#, #"^(?:a+b*)+\d\W"#,
    "q_proj", "((a|b){1,20}c){2,9}",
  ]

  private static func readPattern(_ input: FuzzInput) throws {
    let pattern: ModulePattern
    do throws(ModulePattern.Fault) {
      pattern = try ModulePattern(String(decoding: input[0], as: UTF8.self))
    } catch {
      throw AdapterError.pattern("", key: "rank_pattern", origin: "x", problem: error.problem)
    }
    let name = String(decoding: input[1].prefix(200), as: UTF8.self)
    if pattern.matches(module: name), !pattern.occurs(in: name) {
      throw FuzzViolation("a match of the whole that is none of a part")
    }
  }
}
