// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors
import Testing

@testable import Surgery

/// What mergekit's YAML says, key by key.
@Suite struct MergeGrammarTests {
  private func parse(_ text: String) throws -> MergeRecipe {
    try MergeRecipe.parse(text, origin: "merge.yaml")
  }

  private func lines(_ text: String) -> [String] { MergeModels.lines { _ = try parse(text) } }

  // MARK: References

  @Test(arguments: [
    ("org/model", "org/model", nil, nil, nil),
    ("org/model@v1", "org/model", "v1", nil, nil),
    ("org/model+org/lora", "org/model", nil, "org/lora", nil),
    ("m@a+l@b", "m", "a", "l", "b"),
  ])
  func `a reference is a path, a revision and an adapter`(
    text: String, path: String, revision: String?, adapter: String?, adapterRevision: String?
  ) throws {
    let reference = try #require(ModelReference(parsing: text))
    #expect(reference.base == .stored(.init(path: path, revision: revision)))
    #expect(reference.adapter == adapter.map { .init(path: $0, revision: adapterRevision) })
    #expect(reference.description == text)
  }

  @Test(arguments: ["", "a+b+c", "a@b@c", "a+", "+b", "a@", "@b", "a+b@c@d"])
  func `a reference with a sign too many is an error with its line`(text: String) {
    #expect(ModelReference(parsing: text) == nil)
    let found = lines("merge_method: linear\nmodels:\n  - model: \"\(text)\"\n")
    #expect(found.count == 3 && found[1].hasPrefix("merge.yaml, line 3"), "\(found)")
  }

  @Test func `a reference may be a mapping, and paths in it any text`() throws {
    let recipe = try parse(
      """
      merge_method: linear
      parameters: {weight: 1}
      models:
        - model: {model: plain, override_architecture: LlamaForCausalLM}
        - model:
            model: {path: odd+name@x, revision: r1}
            lora: {path: adapter+2}
        - model: {path: short}
      """)
    #expect(
      recipe.models.map(\.model) == [
        ModelReference(.stored(.init(path: "plain")), architecture: "LlamaForCausalLM"),
        ModelReference(
          .stored(.init(path: "odd+name@x", revision: "r1")), adapter: .init(path: "adapter+2")),
        ModelReference(path: "short"),
      ])
    // The same path as another architecture is another model.
    #expect(recipe.models[0].model != ModelReference(path: "plain"))
  }

  @Test func `a model may be a merge itself`() throws {
    let recipe = try parse(
      """
      merge_method: linear
      parameters: {weight: 1}
      models:
        - model: a
        - model:
            merge_method: slerp
            base_model: b
            models: [{model: c}]
            parameters: {t: [0, 1]}
      """)
    let inner = try #require(recipe.models[1].model.recipe)
    #expect(inner.method == "slerp" && inner.baseModel == ModelReference(path: "b"))
    #expect(inner.parameters == ["t": [0.0, 1.0]])
    #expect(
      lines(
        """
        merge_method: linear
        models:
          - model:
              merge_method: slerp
              base_modle: b
              models: [{model: c}]
              parameters: {t: 0}
        """) == [
          "Unknown key `base_modle` in `models[0].model`.", "merge.yaml, line 5",
          "Did you mean `base_model`?",
        ])
  }

  // MARK: Inputs

  @Test func `slices have sources, ranges, a base and parameters`() throws {
    let recipe = try parse(
      """
      merge_method: task_arithmetic
      base_model: a
      slices:
        - sources:
            - {model: a, layer_range: [0, 8]}
            - model: b
              layer_range: [4, 12]
              parameters: {weight: [0.1, 0.9]}
          parameters: {lambda: 0.5}
        - base_model: c
          sources: [{model: c, layer_range: [3, 3]}]
          residual_weight: 0.5
      """)
    #expect(recipe.models.isEmpty && recipe.modules.isEmpty)
    #expect(
      recipe.slices == [
        .init(
          [
            .init(ModelReference(path: "a"), layers: 0, to: 8),
            .init(
              ModelReference(path: "b"), layers: 4, to: 12, parameters: ["weight": [0.1, 0.9]]),
          ], parameters: ["lambda": 0.5]),
        .init(
          [.init(ModelReference(path: "c"), layers: 3, to: 3)],
          baseModel: ModelReference(path: "c")),
      ])
    #expect(
      recipe.notes == [
        "merge.yaml, line 12: `residual_weight` changes nothing, nor does it in mergekit."
      ])
  }

  @Test func `modules hold models or slices`() throws {
    let recipe = try parse(
      """
      merge_method: linear
      modules:
        default:
          slices: [{sources: [{model: a, layer_range: [0, 2], parameters: {weight: 1.0}}]}]
          parameters: {normalize: 1.0, int8_mask: 1.0}
      """)
    #expect(recipe.modules.map(\.name) == ["default"])
    #expect(
      recipe.modules[0].slices.count == 1 && recipe.modules[0].parameters == ["normalize": true])
    #expect(
      lines("merge_method: linear\nmodules:\n  text:\n    parameters: {}\n")[0]
        == "Expected one of `models`, `slices` and `modules` in `modules.text`, found none.")
  }

  @Test func `exactly one of models, slices and modules`() {
    let slices = "slices:\n  - sources: [{model: a, layer_range: [0, 1]}]\n"
    #expect(
      lines("merge_method: linear\nmodels: [{model: a}]\n" + slices) == [
        "Expected one of `models`, `slices` and `modules`, found `models` and `slices`.",
        "merge.yaml, line 1", "Keep one of them.",
      ])
    #expect(
      lines("merge_method: linear\n")[0]
        == "Expected one of `models`, `slices` and `modules`, found none.")
  }

  @Test func `slices that cannot be`() {
    func slice(_ sources: String) -> [String] {
      lines("merge_method: linear\nslices:\n  - sources:\n" + sources)
    }
    #expect(
      slice("    - {model: a, layer_range: [0, 2]}\n    - {model: b, layer_range: [1, 4]}\n") == [
        "The sources of a slice should have equally many layers, found 2 and 3.",
        "merge.yaml, line 3", "Correct `layer_range`; its end is not included.",
      ])
    #expect(
      slice("    - {model: a, layer_range: 2}\n")[0].hasPrefix(
        "`slices[0].sources[0].layer_range` should be two whole numbers"))
    #expect(
      slice("    - {model: a, layer_range: [0, 1, 2]}\n")[1] == "merge.yaml, line 4")
    #expect(
      slice("    - {model: a, layer_range: [-1, 2]}\n")[0]
        == "`layer_range` should start at 0 or later, found -1.")
    #expect(
      slice("    - {model: a}\n")[0]
        == "The key `layer_range` is missing in `slices[0].sources[0]`.")
    #expect(
      slice("    - {model: a, layer_rage: [0, 1]}\n")[0]
        == "Unknown key `layer_rage` in `slices[0].sources[0]`.")
    #expect(
      lines("merge_method: linear\nslices:\n  - sources: []\n")[0] == "The slice has no sources.")
  }

  // MARK: Parameters

  @Test func `settings are read in every form`() throws {
    let recipe = try parse(
      """
      merge_method: ties
      base_model: a
      models:
        - model: b
          parameters:
            weight:
              - {filter: self_attn, value: [0, 0.5, "1e-1"]}
              - value: 1
            density: {filter: mlp, value: 0.5}
      parameters:
        normalize: [true, "no", 0]
        lambda: "0.5"
      """)
    #expect(
      recipe.models[0].parameters == [
        "weight": [["value": [0.0, 0.5, 0.1], "filter": "self_attn"], ["value": 1.0]],
        "density": [["value": 0.5, "filter": "mlp"]],
      ])
    #expect(recipe.parameters == ["normalize": [true, false, false], "lambda": 0.5])
  }

  @Test func `settings that are none have a line`() {
    func setting(_ text: String) -> [String] {
      lines("merge_method: linear\nmodels: [{model: a}]\nparameters:\n  weight: \(text)\n")
    }
    #expect(
      setting("[0, heavy]") == [
        "`parameters.weight[1]` should be a number, found `heavy`.", "merge.yaml, line 4",
        "Correct the value.",
      ])
    #expect(
      setting("1e300") == [
        "`parameters.weight` should be a number that float32 can hold, from -3.4e38 to 3.4e38, "
          + "found `1e300`.",
        "merge.yaml, line 4",
      ] + setting("heavy").suffix(1))
    #expect(setting("[[0, 1]]")[0] == "`parameters.weight[0]` should be a number, found a list.")
    #expect(
      setting("[{value: 1, filte: mlp}]") == [
        "Unknown key `filte` in `parameters.weight[0]`.", "merge.yaml, line 4",
        "Did you mean `filter`?",
      ])
    #expect(
      setting("[{filter: mlp}]")[0] == "The key `value` is missing in `parameters.weight[0]`.")
    #expect(setting("[{value: 1}, 2]")[0].contains("`parameters.weight[1]` should be a mapping"))
    #expect(setting("{value: {value: 1}}")[0].contains("should be a number, found a mapping"))
  }

  @Test func `a shared parameter under a model is an error with its line`() {
    #expect(
      lines(
        "merge_method: ties\nbase_model: b\nmodels:\n  - model: a\n    parameters:\n"
          + "      weight: 1\n      normalize: false\n") == [
          "The parameter `normalize` of `ties` is one for all models, found under `a`.",
          "merge.yaml, line 7",
          "Move `normalize` to `parameters` at the top level, of the slice or of the module.",
        ])
    #expect(
      lines(
        "merge_method: slerp\nbase_model: a\nslices:\n  - sources:\n"
          + "    - {model: a, layer_range: [0, 1]}\n"
          + "    - {model: b, layer_range: [0, 1], parameters: {t: 0.5}}\n")[1]
        == "merge.yaml, line 6")
  }

  @Test func `old keys are accepted with a note`() throws {
    let recipe = try parse(
      """
      merge_method: slerp
      base_model: a
      models: [{model: a}, {model: b}]
      tokenizer_source: model:org/tokens
      input_model_parameters: {}
      parameters:
        t: 0.5
        embed_slerp: true
        int8_mask: true
      """)
    #expect(
      recipe.tokenizer == TokenizerSection(source: .model(ModelReference(path: "org/tokens"))))
    #expect(recipe.parameters == ["t": 0.5])
    #expect(
      recipe.notes == [
        "merge.yaml, line 8: `embed_slerp` changes nothing, `slerp` does not read it.",
        "merge.yaml, line 9: `int8_mask` changes nothing, `slerp` does not read it.",
        "merge.yaml, line 5: `input_model_parameters` changes nothing, nor does it in mergekit.",
      ])
  }

  // MARK: Types, tokenizer, template

  @Test func `the types of inputs and result are kept apart`() throws {
    let head = "merge_method: linear\nmodels: [{model: a, parameters: {weight: 1}}]\n"
    let both = try parse(head + "dtype: float32\nout_dtype: torch.bfloat16\n")
    #expect(both.dtype == .float32 && both.outDtype == .bfloat16 && both.elementType == .bfloat16)
    #expect(try parse(head + "dtype: float16\n").elementType == .float16)
    #expect(try parse(head).elementType == nil)
    #expect(
      lines(head + "dtype: int64\n")[0]
        == "`dtype` should be float32, bfloat16 or float16, found `int64`.")
  }

  @Test func `a tokenizer has a source, rules and padding`() throws {
    let recipe = try parse(
      """
      merge_method: linear
      models: [{model: a, parameters: {weight: 1}}]
      chat_template: chatml
      tokenizer:
        source: base
        pad_to_multiple_of: 64
        tokens:
          <s>: {source: b}
          <|im_end|>:
            source: {kind: model_token, model: b, token: </s>}
            force: true
          x: {source: {kind: model_token, model: {path: c}, token_id: 7}}
          y: {source: {kind: zero}}
          z: {}
      """)
    let b = ModelReference(path: "b")
    #expect(recipe.chatTemplate == "chatml")
    #expect(
      recipe.tokenizer
        == TokenizerSection(
          source: .base,
          tokens: [
            .init("<s>", source: .model(b)),
            .init("<|im_end|>", source: .token(b, text: "</s>"), isForced: true),
            .init("x", source: .row(ModelReference(path: "c"), id: 7)),
            .init("y", source: .zero), .init("z", source: nil),
          ], padToMultipleOf: 64))
  }

  @Test func `a tokenizer's source is a union unless it says otherwise`() throws {
    let head = "merge_method: linear\nmodels: [{model: a, parameters: {weight: 1}}]\n"
    #expect(try parse(head + "tokenizer: {tokens: {}}\n").tokenizer?.source == .union)
    #expect(try parse(head + "tokenizer_source: union\n").tokenizer?.source == .union)
    #expect(try parse(head + "tokenizer_source: base\n").tokenizer?.source == .base)
    #expect(try parse(head).tokenizer == nil)
  }

  @Test func `tokenizers that cannot be`() {
    let head = "merge_method: linear\nmodels: [{model: a}]\n"
    #expect(
      lines(head + "tokenizer_source: base\ntokenizer: {source: base}\n")[0]
        == "The recipe has both `tokenizer_source` and `tokenizer`.")
    #expect(
      lines(head + "tokenizer: {sorce: base}\n") == [
        "Unknown key `sorce` in `tokenizer`.", "merge.yaml, line 3", "Did you mean `source`?",
      ])
    func rule(_ text: String) -> String { lines(head + "tokenizer: {tokens: {x: \(text)}}\n")[0] }
    #expect(rule("{source: {kind: model_token, model: b}}").hasSuffix("found none."))
    #expect(
      rule("{source: {kind: model_token, model: b, token: y, token_id: 1}}").hasSuffix(
        "found both."))
    #expect(rule("{source: {kind: nil}}").contains("should be one of model_token, zero"))
    #expect(
      rule("{force: true}") == "`tokenizer.tokens.x.force` should be beside a `source`, found none."
    )
    #expect(rule("{force: true, sauce: b}").hasPrefix("Unknown key `sauce`"))
    #expect(
      lines(head + "tokenizer: {pad_to_multiple_of: 0}\n")[0].hasPrefix(
        "`tokenizer.pad_to_multiple_of` should be"))
  }

  // MARK: Graphs

  private let graph = """
    # two stages
    ---
    name: linear
    merge_method: linear
    models: [{model: a, parameters: {weight: 1}}, {model: b, parameters: {weight: 1}}]
    --- # the result
    merge_method: slerp
    base_model: linear
    models: [{model: c}]
    parameters: {t: 0.5}
    """

  @Test func `documents that name each other are nested`() throws {
    let parsed = try MergeGraph.parse(graph, origin: "multi.yaml")
    #expect(parsed.named.map(\.name) == ["linear"])
    // The method `linear` stays a method.
    #expect(parsed.named[0].method == "linear" && parsed.result.method == "slerp")
    #expect(parsed.result.baseModel?.recipe == parsed.named[0])
    #expect(parsed.result.models[0].model == ModelReference(path: "c"))
  }

  @Test func `one document is a graph too, and where all have names the last use is the result`()
    throws
  {
    let one = "merge_method: linear\nmodels: [{model: a, parameters: {weight: 1}}]\n"
    #expect(try MergeGraph.parse(one, origin: "m").result == MergeRecipe.parse(one, origin: "m"))
    let two =
      "name: x\n\(one)---\nname: y\nmerge_method: linear\n"
      + "models: [{model: x, parameters: {weight: 1}}]\n"
    #expect(try MergeGraph.parse(two, origin: "m").result.name == "y")
  }

  @Test func `graphs that cannot be`() {
    func lines(_ text: String) -> [String] {
      MergeModels.lines { _ = try MergeGraph.parse(text, origin: "multi.yaml") }
    }
    func document(_ name: String?, _ model: String) -> String {
      (name.map { "name: \($0)\n" } ?? "")
        + "merge_method: linear\nmodels: [{model: \(model), parameters: {weight: 1}}]\n"
    }
    #expect(
      lines(document("a", "b") + "---\n" + document("b", "c") + "---\n" + document("c", "a")) == [
        "The merges need each other: a → b → c → a.", "multi.yaml",
        "Let one of them name a stored model instead.",
      ])
    #expect(lines(document("a", "a"))[0] == "The merges need each other: a → a.")
    #expect(
      lines(document("a", "x") + "---\n" + document("a", "y"))[0]
        == "Two documents have the name `a`.")
    #expect(
      lines(document(nil, "x") + "---\n" + document(nil, "y"))[0] == "2 documents have no name.")
    #expect(lines("").count == 3)
    // Lines are those of the whole text.
    #expect(
      lines(document("a", "x") + "---\nmerge_method: linear\nmodles: []\n")[1]
        == "multi.yaml, line 6")
  }

  @Test func `a name with a revision is a stored model, and a nested merge may use names`() throws {
    let text = """
      name: n
      merge_method: linear
      models: [{model: a, parameters: {weight: 1}}]
      ---
      merge_method: linear
      models:
        - {model: n@v1, parameters: {weight: 1}}
        - model: {merge_method: linear, models: [{model: n, parameters: {weight: 1}}]}
          parameters: {weight: 1}
      tokenizer: {source: n, tokens: {x: {source: n}}}
      """
    let parsed = try MergeGraph.parse(text, origin: "m").result
    #expect(parsed.models[0].model.recipe == nil)
    #expect(parsed.models[1].model.recipe?.models[0].model.recipe?.name == "n")
    guard case .model(let source) = parsed.tokenizer?.source,
      case .model(let row) = parsed.tokenizer?.tokens[0].source
    else {
      Issue.record("no models")
      return
    }
    #expect(source.recipe?.name == "n" && row.recipe?.name == "n")
  }

  // MARK: What model cards hold

  @Test func `keys that notebooks write beside a recipe are let pass, and their seed counts`()
    throws
  {
    let text = """
      models:
        - model: org/base
          # no parameters necessary for base model
        - model: org/tuned
          layer_range: [0, 32]
          parameters:
            density: 0.65
            weight: 0.36
      merge_method: dare_ties
      base_model: org/base
      parameters:
        int8_mask: true
      dtype: bfloat16
      trust_remote_code: true
      random_seed: 11
      """
    let recipe = try parse(text)
    #expect(recipe.randomSeed == 11)
    #expect(try recipe.seeded().parameters["seed"] == 11)
    #expect(
      recipe.notes == [
        "merge.yaml, line 5: `layer_range` changes nothing, nor does it in mergekit.",
        "merge.yaml, line 14: `trust_remote_code` changes nothing, nor does it in mergekit.",
      ])
    // A seed that the recipe itself gives is nearer; a method without masks has none.
    let own = text.replacing("int8_mask: true", with: "seed: 3")
    #expect(try parse(own).seeded().parameters["seed"] == 3)
    #expect(try parse(text.replacing("dare_ties", with: "ties")).seeded().parameters["seed"] == nil)
    #expect(lines(text + "\nrandom_sead: 1")[2] == "Did you mean `random_seed`?")
  }
}
