// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Tensors
import Testing

@testable import Checkpoints
@testable import Surgery
@testable import Tokenization

/// What fuzzing, or looking for what it cannot reach, has found: inputs that crashed a reader or kept
/// it busy for ever. docs/fuzzing.md lists them.
@Suite(.timeLimit(.minutes(60))) struct FindingTests {
  /// What is wrong, in one line; `nil` where nothing is.
  private func what(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch {
      return (error as? any Diagnosed)?.diagnosis.what ?? "\(error)"
    }
  }

  // MARK: Numbers

  @Test(arguments: [
    ("10e9223372036854775807", nil), ("1e9223372036854775807", nil),
    ("0.10e-9223372036854775808", nil), ("-10e9223372036854775807", nil),
    ("0e9223372036854775807", 0), ("1000e-3", 1), ("10e17", 1_000_000_000_000_000_000),
    ("0.0000000000000000000000000000012e31", 12),
  ])
  func `a number with an exponent beyond counting is no whole number`(
    text: String, expected: Int?
  ) throws {
    #expect(try JSON.parse(text, origin: "x").int == expected)
  }

  @Test func `a shape with such a number is refused`() throws {
    let header = #"{"a":{"dtype":"U8","shape":[10e9223372036854775807],"data_offsets":[0,0]}}"#
    let file = try FuzzTarget.file(of: [Array(header.utf8), []])
    #expect(
      what { _ = try SafetensorsFile(file) }
        == "`shape` should be a list of whole numbers, found `10e9223372036854775807`.")
  }

  // MARK: Recipes

  @Test(arguments: ["-9223372036854775808", "9223372036854775807", "-1"])
  func `the ends of layer ranges may be any number`(end: String) throws {
    let text = """
      merge_method: passthrough
      slices: [{sources: [{model: a, layer_range: [1, \(end)]}]}]
      """
    let recipe = try MergeGraph.parse(text, origin: "x").result
    #expect(recipe.slices[0].sources[0].layerCount == max(1, Int(end) ?? 0) - 1)
    let model = try Checkpoint.inMemory(
      config: ["architectures": ["LlamaForCausalLM"], "num_hidden_layers": 1],
      tensors: [("model.layers.0.self_attn.q_proj.weight", [1, 1], [1])])
    let problem = what { _ = try MergePlan.make(recipe, from: ModelResolver { _ in model }) }
    #expect(problem == nil || problem?.contains("are asked of a model that has 1") == true)
  }

  @Test func `merges that need each other in thousands of ways are listed at once`() throws {
    var text = ""
    for number in 0..<30 {
      text += """
        name: m\(number)
        merge_method: linear
        models:
          - {model: m\(number + 1)+x, parameters: {weight: 1}}
          - {model: m\(number + 1)+y, parameters: {weight: 1}}
        ---

        """
    }
    text += "name: m30\nmerge_method: linear\nmodels: [{model: a, parameters: {weight: 1}}]\n"
    let recipe = try MergeGraph.parse(text, origin: "x").result
    #expect(recipe.name == "m0")
    #expect(recipe.folders.sorted() == ["a", "x", "y"])
  }

  @Test func `merges one inside the other beyond any use are refused`() throws {
    var text = ""
    for number in 0..<5_000 {
      text += "name: m\(number)\nmerge_method: linear\n"
      text += "models: [{model: m\(number + 1), parameters: {weight: 1}}]\n---\n"
    }
    text += "merge_method: linear\nmodels: [{model: m0, parameters: {weight: 1}}]\n"
    #expect(
      what { _ = try MergeGraph.parse(text, origin: "x") }
        == "More than 32 merges need each other one after the other, from `m0` on.")
  }

  @Test func `many empty documents take no more memory than their text`() throws {
    // Each document once had as many empty lines before it as the text had lines.
    let text = String(repeating: "---\na: 1\n", count: 20_000)
    #expect(what { _ = try MergeGraph.parse(text, origin: "x") } != nil)
  }

  @Test func `lines of later documents are those of the file`() throws {
    let text =
      "name: a\nmerge_method: linear\nmodels: [{model: x, parameters: {weight: 1}}]\n---\n# b\n"
      + "merge_method: linear\nmodles: []\n"
    do {
      _ = try MergeGraph.parse(text, origin: "x.yaml")
      Issue.record("no error")
    } catch {
      #expect(error.diagnosis.where.hasPrefix("x.yaml, line 7"))
    }
    do {
      _ = try YAML.parse("a: 1\nb: *c\n", origin: "x.yaml", firstLine: 10)
      Issue.record("no error")
    } catch {
      #expect(error.diagnosis.where == "x.yaml, line 11")
    }
    let node = try YAML.parse("a:\n  b: 1\n", origin: "x", firstLine: 5)
    #expect(node.line == 5)
    #expect(node["a"]?["b"]?.line == 6 && node["a"]?["b"]?.keyLine == 6)
    #expect(what { _ = try YAML.parse("a: [\n", origin: "x", firstLine: 5) } != nil)
  }

  @Test func `a rule for each of many tokens is read in time`() throws {
    let rules = (0..<4_000).map { "    t\($0): {source: {kind: zero}}\n" }.joined()
    let text =
      "merge_method: linear\nmodels: [{model: a, parameters: {weight: 1}}]\n"
      + "tokenizer:\n  source: base\n  tokens:\n" + rules
    #expect(try MergeGraph.parse(text, origin: "x").result.tokenizer?.tokens.count == 4_000)
  }

  // MARK: Models

  private func plan(
    config: JSON, tokenizer: JSON? = nil, tokenizerSource: String? = "one"
  ) throws -> MergePlan {
    let shape = Shape([2, 1])
    let tensors = try Checkpoint.inMemory(
      config: config,
      tensors: [
        ("model.embed_tokens.weight", shape, [1, 2]), ("model.norm.weight", [1], [1]),
      ])
    let model = Checkpoint(
      config: config, origin: "one",
      sources: Dictionary(
        uniqueKeysWithValues: try tensors.names.map { ($0, try tensors.source($0)) }),
      tokenizerFiles: tokenizer.map {
        [.init(name: "tokenizer.json", contents: Array($0.serialized().utf8))]
      } ?? [])
    var text = "merge_method: linear\nmodels: [{model: one, parameters: {weight: 1}}]\n"
    if tokenizer != nil, let tokenizerSource { text += "tokenizer_source: \(tokenizerSource)\n" }
    return try MergePlan.make(
      MergeGraph.parse(text, origin: "x").result, from: ModelResolver { _ in model })
  }

  private static func llama(_ changes: JSON = [:]) -> JSON {
    var config: JSON = [
      "architectures": ["LlamaForCausalLM"], "num_hidden_layers": 0, "tie_word_embeddings": true,
    ]
    for (key, value) in changes.object?.members ?? [] { config[key] = value }
    return config
  }

  @Test(
    arguments: [-1, 1_000_002, 1 << 40, Int.max, Int.min], ["one", "base", "union"])
  func `ids of tokens that cannot be rows are refused`(id: Int, source: String) throws {
    let tokenizer: JSON = [
      "model": ["type": "BPE", "vocab": ["a": 0, "b": JSON(id)], "merges": []]
    ]
    #expect(
      what { _ = try plan(config: Self.llama(), tokenizer: tokenizer, tokenizerSource: source) }
        == "The token `b` has the id \(id); expected 0 to 1000001.")
    let added: JSON = [
      "added_tokens": [["id": JSON(id), "content": "b"]],
      "model": ["type": "BPE", "vocab": ["a": 0], "merges": []],
    ]
    #expect(what { _ = try plan(config: Self.llama(), tokenizer: added) } != nil)
  }

  @Test func `a config of more layers or experts than tensors is refused at once`() throws {
    #expect(
      what { _ = try plan(config: Self.llama(["num_hidden_layers": 100_000])) }
        == "`num_hidden_layers` should be at most 2 layers, as many as there are tensors, found "
        + "100000.")
    #expect(
      what {
        _ = try plan(
          config: [
            "architectures": ["Qwen3MoeForCausalLM"], "num_hidden_layers": 1_000,
            "num_experts": 100_000,
          ])
      } != nil)
  }

  @Test(arguments: ["a{expert}", "a.{layer}.w", "model.layers.0.{expert}{layer}"])
  func `a name that is a pattern of names is refused, not left out`(name: String) throws {
    for config in [[:], Self.llama()] as [JSON] {
      let model = try Checkpoint.inMemory(
        config: config, tensors: [(name, [1], [1]), ("model.norm.weight", [1], [1])], origin: "one")
      let recipe = MergeRecipe(method: "linear", models: [.init("one", parameters: ["weight": 1])])
      #expect(
        what { _ = try MergePlan.make(recipe, from: ModelResolver { _ in model }) }
          == "The tensor `\(name)` has a part in braces that stands for a number here.")
    }
  }

  @Test func `a name of many numbers is no stack of stacks`() throws {
    let name = "a" + String(repeating: ".0", count: 200_000) + ".w"
    let layout = ModelLayout.inferred(names: [[name, "a.0.w"]], config: [:])
    #expect(layout.modules.count >= 1)
  }

  // MARK: Adapters

  @Test func `nothing repeated a thousand times, often, is nothing`() throws {
    let empty = (0..<20).reduce("") { text, _ in "(\(text)){1000}" }
    #expect(try ModulePattern(empty + "q").matches(module: "q"))
    #expect(throws: ModulePattern.Fault.self) {
      _ = try ModulePattern("((((a{1000}){1000}){1000}){1000})")
    }
  }

  @Test func `braces that are never closed are letters, however many`() throws {
    let text = String(repeating: "{a", count: 900)
    #expect(try ModulePattern(text).matches(module: text))
    #expect(
      throws: ModulePattern.Fault.self,
      performing: {
        _ = try ModulePattern(String(repeating: "{", count: 1_000_000))
      })
  }

  @Test func `names of millions of letters are near none`() throws {
    let (long, other) = (
      String(repeating: "a", count: 300_000), String(repeating: "b", count: 300_000)
    )
    #expect(nearestName(to: long, in: [other, "a"]) == nil)
    #expect(nearestName(to: "wieght", in: [other, "weight"]) == "weight")
  }

  @Test func `what an adapter's config names is not opened`() throws {
    let config = #"{"peft_type":"LORA","r":1,"base_model_name_or_path":"/dev/zero"}"#
    let header =
      #"{"base_model.model.m.lora_A.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},"#
      + #""base_model.model.m.lora_B.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[4,8]}}"#
    let length = (0..<8).map { UInt8(truncatingIfNeeded: header.utf8.count >> (8 * $0)) }
    let adapter = try Adapter.open(
      ModelFolder(
        contents: [
          "adapter_config.json": Array(config.utf8),
          "adapter_model.safetensors": length + Array(header.utf8)
            + [UInt8](repeating: 0, count: 8),
        ], path: "a"))
    #expect(adapter.baseModel == "/dev/zero")
    let base = try Checkpoint.inMemory(config: [:], tensors: [("m.weight", [1, 1], [2])])
    #expect(try adapter.folded(into: base).floats("m.weight") == [2])
  }

  // MARK: Tokenizers

  @Test func `a pipe or a device in a tokenizer's place is an error, not a wait`() throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("koine-fuzz-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for make in [{ mkfifo($0, 0o644) }, { symlink("/dev/zero", $0) }] as [(String) -> Int32] {
      unlink("\(folder)/tokenizer.json")
      #expect(make("\(folder)/tokenizer.json") == 0)
      let found = what { _ = try Tokenizer.load(directory: folder) }
      #expect(found?.contains("it is not a regular file") == true)
    }
  }
}
