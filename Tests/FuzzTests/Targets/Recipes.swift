// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors

@testable import Checkpoints
@testable import Surgery

extension FuzzTarget {
  static let recipes = [
    FuzzTarget(name: "recipe", usualCount: 2_000, parts: ["yaml"]) { seed in
      (
        FuzzMutator(
          seeds: recipeTexts.map { [Array($0.utf8)] }, tokens: yamlTokens + recipeTokens, seed: seed
        ),
        { try readRecipe($0[0]) }
      )
    },
    FuzzTarget(name: "plan", usualCount: 1_000, parts: ["yaml"]) { seed in
      let models = try ["base", "one", "two"].map { ($0, try model($0)) }
      return (
        FuzzMutator(
          seeds: planTexts.map { [Array($0.utf8)] }, tokens: yamlTokens + recipeTokens, seed: seed),
        { input in
          let recipe = try MergeGraph.parse(text(input[0]), origin: "merge.yaml").result
          try readPlan(recipe) { name in models.first { $0.0 == name }?.1 }
        }
      )
    },
    FuzzTarget(
      name: "models", usualCount: 300,
      parts: ["config.json", "tokenizer.json", "tokenizer_config.json", "recipe"]
    ) { seed in
      let fixed = try ["base", "two"].map { ($0, try model($0)) }
      let recipes = try planTexts.map { try MergeGraph.parse($0, origin: "merge.yaml").result }
      return (
        FuzzMutator(
          seeds: planTexts.indices.map { number in
            [mergeConfig, mergeTokenizer, mergeTokenizerConfig].map { Array($0.utf8) }
              + [[UInt8(number)]]
          }, tokens: jsonTokens + modelTokens, seed: seed),
        { input in
          let one = try model("one", config: input[0], tokenizer: input[1], settings: input[2])
          try readPlan(recipes[Int(input[3].first ?? 0) % recipes.count]) { name in
            name == "one" ? one : fixed.first { $0.0 == name }?.1
          }
        }
      )
    },
  ]

  private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  // MARK: The grammar

  static let recipeTokens = [
    "models:\n", "  - model: one\n", "slices:\n", "    parameters: {weight: [0, 1]}\n",
    "merge_method: ties\n", "merge_method: slerp\n", "base_model: base\n", "name: one\n",
    "tokenizer_source: union\n", "tokenizer: {source: base}\n", "layer_range: [0, 2]",
    "filter: mlp",
    "value: 0.5", "dtype: bfloat16\n", "chat_template: auto\n", "modules: {default: ", "t: 0.5",
    "{model: {path: one, revision: x}}", "pad_to_multiple_of: 8", "+one", "@main", "kind: zero",
    "density: ", "normalize: yes", "lambda: 1e-3", "out_dtype: float32\n", "force: true",
  ]

  static let recipeTexts =
    planTexts + [
      """
      name: inner
      merge_method: dare_ties
      base_model: org/base@main
      models:
        - model: org/a@v1+org/lora@v2
          parameters: {weight: "0.5", density: [{filter: mlp, value: [0, 1]}, {value: 0.5}]}
        - model: {model: {path: a@b+c}, lora: x, override_architecture: LlamaForCausalLM}
      parameters: {int8_mask: true, lambda: 1.5, normalize: 1, seed: 7}
      ---
      merge_method: linear
      models: [{model: inner, parameters: {weight: 1}}, {model: plain, parameters: {weight: 2}}]
      tokenizer:
        source: {model: {path: plain}}
        tokens:
          <|im_end|>: {source: {kind: model_token, model: inner, token_id: 5}, force: true}
          b: {source: {kind: zero}}
          c:
      chat_template: "{% for message in messages %}{{ message }}{% endfor %}"
      """,
      """
      merge_method: slerp
      base_model: a
      slices:
        - sources: [{model: a, layer_range: [0, 8]}, {model: b, layer_range: [0, 8]}]
          parameters: {t: [0, 0.5, 1]}
      parameters: {t: [{filter: self_attn, value: [0, 1]}, {value: 0.5}]}
      tokenizer_source: model:b
      input_model_parameters: {}
      """,
      """
      merge_method: passthrough
      modules:
        text_decoder:
          slices: [{sources: [{model: a, layer_range: [0, 4]}], residual_weight: 1}]
        vision_tower: {models: [{model: a}]}
      """,
    ]

  private static func readRecipe(_ bytes: [UInt8]) throws {
    let source = text(bytes)
    let graph = try MergeGraph.parse(source, origin: "merge.yaml")
    let recipe = graph.result
    _ = (recipe.folders, recipe.title, recipe.references, graph.named.map(\.folders))
    guard try MergeGraph.parse(source, origin: "merge.yaml") == graph else {
      throw FuzzViolation("another recipe at the second reading")
    }
    try Merge.check(recipe)
  }

  // MARK: Plans

  /// Recipes over the models `base`, `one` and `two`.
  static let planTexts = [
    """
    merge_method: linear
    models:
      - model: one
        parameters: {weight: [0.2, 0.8]}
      - model: two
        parameters: {weight: 0.5}
    parameters: {normalize: true}
    dtype: bfloat16
    """,
    """
    merge_method: ties
    base_model: base
    models:
      - {model: one, parameters: {weight: 1, density: [{filter: mlp, value: 0.5}, {value: 1}]}}
      - {model: two, parameters: {weight: [1, 0.5], density: 0.7}}
    parameters: {lambda: 1.0, normalize: true}
    tokenizer: {source: union, pad_to_multiple_of: 4, tokens: {"<|end|>": {source: one}, z: {source:
      {kind: model_token, model: two, token_id: 1}, force: true}}}
    """,
    """
    merge_method: slerp
    base_model: base
    models: [{model: base}, {model: one}]
    parameters: {t: [0, 0.3, 1]}
    tokenizer_source: base
    chat_template: auto
    """,
    """
    merge_method: passthrough
    slices:
      - sources: [{model: one, layer_range: [0, 2]}]
      - sources: [{model: two, layer_range: [1, 2]}]
    """,
    """
    name: inner
    merge_method: task_arithmetic
    base_model: base
    models: [{model: one, parameters: {weight: 0.5}}]
    ---
    merge_method: linear
    models: [{model: inner, parameters: {weight: 1}}, {model: two, parameters: {weight: 1}}]
    tokenizer_source: one
    chat_template: chatml
    """,
    """
    merge_method: dare_ties
    base_model: base
    slices:
      - sources:
          - {model: base, layer_range: [0, 2]}
          - {model: one, layer_range: [0, 2], parameters: {weight: 0.3, density: 0.5}}
          - {model: two, layer_range: [0, 2], parameters: {weight: 0.7, density: 0.5}}
    parameters: {rescale: true, seed: 3}
    """,
  ]

  static let mergeConfig = """
    {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "num_hidden_layers": 2,
     "hidden_size": 2, "vocab_size": 5, "tie_word_embeddings": true, "rope_theta": 10000.0,
     "bos_token_id": 3, "eos_token_id": [3, 1], "layer_types": ["full", "sliding"]}
    """
  static let mergeTokenizer = """
    {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [
      {"id": 3, "content": "<|end|>", "single_word": false, "lstrip": false, "rstrip": false,
       "normalized": false, "special": true}],
     "normalizer": null, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false,
       "trim_offsets": true, "use_regex": true}, "post_processor": null,
     "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
       "use_regex": true},
     "model": {"type": "BPE", "dropout": null, "unk_token": null,
       "continuing_subword_prefix": null, "end_of_word_suffix": null, "fuse_unk": false,
       "byte_fallback": false, "ignore_merges": false,
       "vocab": {"a": 0, "b": 1, "c": 2, "ab": 4}, "merges": ["a b"]}}
    """
  static let mergeTokenizerConfig =
    #"{"chat_template": "{{ messages }}", "added_tokens_decoder": {"3": {"content": "<|end|>"}}}"#
  private static let modelTokens = [
    "\"num_hidden_layers\": ", "\"text_config\": {\"vocab_size\": 3}", "\"architectures\": [\"X\"]",
    "\"MixtralForCausalLM\"", "\"num_local_experts\": 3", "\"id\": -1", "\"vocab\": [[\"a\", 0]]",
    "\"T5ForConditionalGeneration\"", "\"type\": \"Unigram\"", "\"merges\": [[\"a\", \"b\"]]",
    "\"GPT2LMHeadModel\"", "\"vocab_size\": ", "\"tie_word_embeddings\": false",
  ]

  /// A Llama of two layers whose numbers depend on its name; files with the bytes given.
  private static func model(
    _ name: String, config: [UInt8] = Array(mergeConfig.utf8),
    tokenizer: [UInt8] = Array(mergeTokenizer.utf8),
    settings: [UInt8] = Array(mergeTokenizerConfig.utf8)
  ) throws -> Checkpoint {
    var shapes: [(String, Shape)] = [
      ("model.embed_tokens.weight", [5, 2]), ("model.norm.weight", [2]),
    ]
    for layer in 0..<2 {
      let stem = "model.layers.\(layer)."
      for part in ["q", "k", "v", "o"] {
        shapes.append((stem + "self_attn.\(part)_proj.weight", [2, 2]))
      }
      shapes += [
        (stem + "input_layernorm.weight", [2]), (stem + "post_attention_layernorm.weight", [2]),
        (stem + "mlp.gate_proj.weight", [3, 2]), (stem + "mlp.up_proj.weight", [3, 2]),
        (stem + "mlp.down_proj.weight", [2, 3]),
      ]
    }
    let tensors = try Checkpoint.inMemory(
      config: [:],
      tensors: shapes.map { tensor, shape in
        let random = CounterRandom(seed: 5, stream: "\(name) \(tensor)")
        return (
          name: tensor, shape: shape,
          values: (0..<shape.elementCount).map { 2 * random.uniform(at: $0) - 1 }
        )
      }, origin: name)
    return Checkpoint(
      config: try JSON.parse(config, origin: "\(name)/config.json"), origin: name,
      sources: Dictionary(
        uniqueKeysWithValues: try tensors.names.map { ($0, try tensors.source($0)) }),
      tokenizerFiles: [
        .init(name: "tokenizer.json", contents: tokenizer),
        .init(name: "tokenizer_config.json", contents: settings),
      ])
  }

  /// Plans a merge and computes the result, where it is small; all tensors that the plan names exist.
  private static func readPlan(
    _ recipe: MergeRecipe, _ model: @escaping (String) -> Checkpoint?
  ) throws {
    let plan = try MergePlan.make(
      recipe,
      from: ModelResolver { reference in
        guard let found = model(reference.description) else {
          throw MergeError.operation(
            Diagnosis(
              what: "There is no model.", where: "\(reference)", next: "Name one of three."))
        }
        return found
      })
    let result = plan.checkpoint
    guard Set(plan.tensors.map(\.name)) == Set(result.names) else {
      throw FuzzViolation("the plan and its result have different tensors")
    }
    guard result.parameterCount <= 5_000 else { return }
    for name in result.names { _ = try result.floats(name, threads: 1) }
    for file in result.tokenizerFiles { _ = try file.bytes() }
  }
}
