// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Tensors
import Testing
import Tokenization

@testable import Surgery

/// Vocabularies that differ: rows aligned by token, rules, padding, unions.
@Suite struct MergeVocabularyTests {
  /// Folders with tokenizer.json, removed with this object.
  final class Folders {
    let root = FileManager.default.temporaryDirectory
      .appending(path: "koine-vocabulary-\(UUID().uuidString)").path
    deinit { try? FileManager.default.removeItem(atPath: root) }

    /// A model of one column; the row of id i is `start + i`.
    func model(
      _ name: String, _ tokens: [String], start: Float, added: [JSON] = [], merges: [String] = [],
      rows: Int? = nil, config: JSON = [:], head: Bool = false, files: [String: String] = [:]
    ) throws -> Checkpoint {
      let path = "\(root)/\(name)"
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      var vocabulary = JSONObject()
      for (id, token) in tokens.enumerated() { vocabulary[token] = JSON(id) }
      let tokenizer: JSON = [
        "version": "1.0", "truncation": nil, "padding": nil, "added_tokens": JSON(added),
        "normalizer": nil,
        "pre_tokenizer": [
          "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true,
        ],
        "post_processor": nil,
        "decoder": [
          "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true,
        ],
        "model": [
          "type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil,
          "end_of_word_suffix": nil, "fuse_unk": false, "byte_fallback": false,
          "ignore_merges": false, "vocab": .object(vocabulary),
          "merges": JSON(merges.map { JSON($0) }),
        ],
      ]
      try tokenizer.serialized().write(
        toFile: path + "/tokenizer.json", atomically: true, encoding: .utf8)
      for (file, text) in files {
        try text.write(toFile: "\(path)/\(file)", atomically: true, encoding: .utf8)
      }
      let count = rows ?? (tokens.count + added.count)
      var all: JSON = [
        "architectures": ["LlamaForCausalLM"], "num_hidden_layers": 0, "vocab_size": JSON(count),
        "tie_word_embeddings": JSON(!head),
      ]
      for (key, value) in config.object?.members ?? [] { all[key] = value }
      let values = (0..<count).map { start + Float($0) }
      var tensors = [
        (name: "model.embed_tokens.weight", shape: Shape([count, 1]), values: values),
        (name: "model.norm.weight", shape: [1], values: [1]),
      ]
      if head {
        tensors.append((name: "lm_head.weight", shape: [count, 1], values: values.map { -$0 }))
      }
      return try Checkpoint.inMemory(
        config: all, tensors: tensors, tokenizerFilesFrom: path, origin: name)
    }
  }

  let folders = Folders()

  func added(_ text: String, _ id: Int, special: Bool = true) -> JSON {
    [
      "id": JSON(id), "content": JSON(text), "single_word": false, "lstrip": JSON(special),
      "rstrip": false, "normalized": false, "special": JSON(special),
    ]
  }

  /// The linear sum of the models, so that each row shows where its parts come from.
  func sum(
    _ models: [(name: String, checkpoint: Checkpoint)], _ section: TokenizerSection,
    base: String? = nil, weights: [JSON]? = nil, options: MergePlan.Options = .init()
  ) throws -> MergePlan {
    var recipe = MergeRecipe(
      method: "linear",
      models: models.enumerated().map { index, model in
        .init(model.name, parameters: ["weight": weights?[index] ?? 1])
      }, baseModel: base, parameters: ["normalize": false])
    recipe.tokenizer = section
    return try MergePlan.make(
      recipe,
      from: ModelResolver { reference in
        try #require(models.first { $0.name == reference.description }?.checkpoint)
      }, options: options)
  }

  func rows(_ plan: MergePlan) throws -> [Float] {
    try plan.checkpoint.floats("model.embed_tokens.weight")
  }

  func tokenizer(_ plan: MergePlan) throws -> TokenizerDocument {
    try #require(try TokenizerDocument(plan.checkpoint))
  }

  func lines(_ body: () throws -> Void) -> [String] { MergeModels.lines(body) }

  // MARK: Kinds of files

  @Test func `a tokenizer.model alone is a tokenizer like others`() throws {
    let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../Golden/tokenization/files").standardized.path
    func model(
      _ name: String, start: Float, asJSON: Bool, more: String? = nil
    ) throws -> (Checkpoint, Tokenizer) {
      let path = "\(folders.root)/\(name)"
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      try FileManager.default.copyItem(
        atPath: "\(golden)/bpe-bytes.model", toPath: "\(path)/tokenizer.model")
      let tokenizer = try Tokenizer.load(directory: path)
      var count = tokenizer.vocabularySize
      if asJSON {
        try FileManager.default.removeItem(atPath: "\(path)/tokenizer.model")
        var json = tokenizer.json
        json["added_tokens"] = JSON(
          (json["added_tokens"]?.array ?? []) + (more.map { [added($0, count)] } ?? []))
        count += more == nil ? 0 : 1
        try json.serialized().write(
          toFile: "\(path)/tokenizer.json", atomically: true, encoding: .utf8)
      }
      let checkpoint = try Checkpoint.inMemory(
        config: [
          "architectures": ["LlamaForCausalLM"], "num_hidden_layers": 0, "vocab_size": JSON(count),
          "tie_word_embeddings": true,
        ],
        tensors: [
          (
            name: "model.embed_tokens.weight", shape: Shape([count, 1]),
            values: (0..<count).map { start + Float($0) }
          ), (name: "model.norm.weight", shape: [1], values: [1]),
        ], tokenizerFilesFrom: path, origin: name)
      return (checkpoint, tokenizer)
    }
    let (old, tokenizer) = try model("old", start: 1000, asJSON: false)
    let (new, _) = try model("new", start: 5000, asJSON: true)
    #expect(
      try #require(try TokenizerDocument(old)).entries.map(\.text)
        == #require(try TokenizerDocument(new)).entries.map(\.text))
    // Alike, so the files stay; with another token, tokenizer.json takes tokenizer.model's place.
    let same = try sum([("old", old), ("new", new)], .init(source: .union), base: "old")
    #expect(try rows(same) == (0..<tokenizer.vocabularySize).map { 6000 + 2 * Float($0) })
    let (third, _) = try model("third", start: 0, asJSON: true, more: "<new>")
    let union = try sum([("old", old), ("third", third)], .init(source: .union), base: "old")
    #expect(try rows(union).count == tokenizer.vocabularySize + 1)
    let names = union.checkpoint.tokenizerFiles.map(\.name)
    #expect(names.contains("tokenizer.json") && !names.contains("tokenizer.model"))
  }

  @Test func `a damaged tokenizer.model is told`() throws {
    let model = try folders.model("bad", ["x"], start: 0, files: ["tokenizer.model": "\u{FF}"])
    let path = "\(folders.root)/bad"
    try FileManager.default.removeItem(atPath: path + "/tokenizer.json")
    let lone = try Checkpoint.inMemory(
      config: model.config, tensors: [], tokenizerFilesFrom: path, origin: "bad")
    #expect(throws: MergeError.self) { try TokenizerDocument(lone) }
  }

  // MARK: Alignment

  @Test func `rows follow their tokens, not their numbers`() throws {
    let a = try folders.model("a", ["x", "y", "z"], start: 10)
    let b = try folders.model("b", ["z", "x", "y"], start: 100)
    let plan = try sum([("a", a), ("b", b)], .init(source: .base), base: "a")
    let expected: [Float] = [111, 113, 112]
    #expect(try rows(plan) == expected)
    #expect(plan.checkpoint.config["vocab_size"]?.int == 3)
  }

  @Test func `a token that a model lacks gets the base's row, the only one, or the mean`() throws {
    // w: in a and c; v: in b alone; u: in b and c.
    let a = try folders.model("a", ["x", "w"], start: 10)
    let b = try folders.model("b", ["x", "u", "v"], start: 100)
    let c = try folders.model("c", ["x", "w", "u"], start: 1000)
    let models = [("a", a), ("b", b), ("c", c)]
    let other = try folders.model("t", ["v", "u", "w", "x"], start: 0)
    var recipe = MergeRecipe(
      method: "linear",
      models: models.map { .init($0.0, parameters: ["weight": 1]) }, baseModel: "a",
      parameters: ["normalize": false])
    recipe.tokenizer = .init(source: .model(ModelReference(path: "t")))
    let all = Dictionary(uniqueKeysWithValues: models + [("t", other)])
    let plan = try MergePlan.make(
      recipe, from: ModelResolver { try #require(all[$0.description]) })
    let u: Float = 101 + 1002
    let expected: [Float] = [306, u + u / 2, 1023, 1110]
    #expect(try rows(plan) == expected)
    #expect(plan.checkpoint.tokenizerFiles == other.tokenizerFiles)
  }

  @Test func `a token no model has is zero, with a note`() throws {
    let a = try folders.model("a", ["x", "y"], start: 10)
    let plan = try sum([("a", a)], .init(source: .base, tokens: [.init("new", source: nil)]))
    #expect(try rows(plan) == [10, 11, 0])
    #expect(try tokenizer(plan).id(of: "new") == 2)
    #expect(
      plan.notes.contains(
        "1 tokens of the vocabulary are in none of the models; their rows are zero."))
  }

  @Test func `rules lend rows, and force them`() throws {
    let a = try folders.model("a", ["x", "y", "z"], start: 10)
    let b = try folders.model("b", ["y", "x"], start: 100)
    let (ra, rb) = (ModelReference(path: "a"), ModelReference(path: "b"))
    func rows(_ rules: [TokenizerSection.TokenRule]) throws -> [Float] {
      try self.rows(
        try sum([("a", a), ("b", b)], .init(source: .base, tokens: rules), base: "a"))
    }
    #expect(try rows([]) == [111, 111, 24])
    #expect(try rows([.init("z", source: .token(rb, text: "x"))]) == [111, 111, 113])
    #expect(try rows([.init("z", source: .row(rb, id: 0))]) == [111, 111, 112])
    #expect(try rows([.init("z", source: .zero)]) == [111, 111, 12])
    // Without force, models that have the token keep their rows.
    #expect(try rows([.init("x", source: .model(rb))]) == [111, 111, 24])
    #expect(try rows([.init("x", source: .model(rb), isForced: true)]) == [202, 111, 24])
    #expect(try rows([.init("x", source: .zero, isForced: true)]) == [0, 111, 24])
    #expect(
      try rows([.init("new", source: .token(ra, text: "y"))]) == [111, 111, 24, 22])
  }

  @Test func `a rule may name a model that takes no other part`() throws {
    let a = try folders.model("a", ["x", "y"], start: 10)
    let c = try folders.model("c", ["q"], start: 500)
    var recipe = MergeRecipe(method: "linear", models: [.init("a", parameters: ["weight": 1])])
    recipe.tokenizer = .init(
      source: .base,
      tokens: [.init("y", source: .token(ModelReference(path: "c"), text: "q"), isForced: true)])
    let plan = try MergePlan.make(
      recipe, from: ModelResolver { $0.description == "a" ? a : c })
    #expect(try rows(plan) == [10, 500])
  }

  @Test func `rules that cannot be carried out name the token`() throws {
    let a = try folders.model("a", ["x", "y"], start: 10)
    let ra = ModelReference(path: "a")
    func first(_ source: TokenizerSection.RowSource) -> String {
      lines {
        _ = try sum(
          [("a", a)], .init(source: .base, tokens: [.init("x", source: source, isForced: true)]))
      }[0]
    }
    #expect(first(.token(ra, text: "q")) == "a has no row for the token `q`.")
    #expect(first(.row(ra, id: 2)) == "a has 2 rows, and none of the number 2.")
  }

  @Test func `padding is the mean of the rows before it`() throws {
    let a = try folders.model("a", ["x", "y", "z"], start: 10, head: true)
    let plan = try sum([("a", a)], .init(source: .base, padToMultipleOf: 4))
    #expect(try rows(plan) == [10, 11, 12, 11])
    #expect(try plan.checkpoint.floats("lm_head.weight") == [-10, -11, -12, -11])
    #expect(plan.checkpoint.config["vocab_size"]?.int == 4)
    // A whole multiple needs none, and rows beyond the vocabulary are not kept.
    let b = try folders.model("b", ["x", "y"], start: 10, rows: 8)
    #expect(try rows(sum([("b", b)], .init(source: .base, padToMultipleOf: 2))) == [10, 11])
  }

  @Test func `ids beyond a model's rows are tokens that it lacks`() throws {
    let a = try folders.model("a", ["x", "y", "z"], start: 10)
    let b = try folders.model("b", ["x", "y", "z"], start: 100, rows: 2)
    #expect(
      try rows(sum([("a", a), ("b", b)], .init(source: .base), base: "a")) == [110, 112, 24])
    // As the base, it has no such token.
    let plan = try sum([("a", a), ("b", b)], .init(source: .base), base: "b")
    #expect(try rows(plan) == [110, 112])
    #expect(try tokenizer(plan).id(of: "z") == nil)
  }

  @Test func `aligned rows pass through any axis`() throws {
    func model(_ name: String, _ tokens: [String], _ start: Float) throws -> TensorSource {
      let values = (0..<12).map { start + Float($0) }
      return try Checkpoint.inMemory(
        config: [:], tensors: [("w", [2, 3, 2], values)], origin: name
      ).source("w")
    }
    let tensors = [try model("a", [], 0), try model("b", [], 100)]
    let rows = RowSources(
      own: [2, -1, 0, 1], defaults: [1: [(tensor: 1, row: 2), (tensor: 0, row: 0)]], padding: 1)
    let gathered = RowGather.source(rows, tensors, position: 0, axis: 1)
    #expect(gathered.info.shape == [2, 5, 2])
    let reader = try gathered.prepare()
    func read(_ range: Range<Int>) throws -> [Float] {
      var values = [Float](repeating: .nan, count: range.count)
      try values.withMutableChunk { try reader.read(from: range.lowerBound, into: $0) }
      return values
    }
    func mean(_ column: [Float]) -> Float { column.reduce(0, +) / 4 }
    let expected: [Float] = [
      4, 5, 52, 53, 0, 1, 2, 3, mean([4, 52, 0, 2]), mean([5, 53, 1, 3]),
      10, 11, 58, 59, 6, 7, 8, 9, mean([10, 58, 6, 8]), mean([11, 59, 7, 9]),
    ]
    #expect(try read(0..<20) == expected)
    for start in 0..<20 {
      for end in start..<21 { #expect(try read(start..<end) == Array(expected[start..<end])) }
    }
  }

  @Test func `equal vocabularies are read as they are`() throws {
    let a = try folders.model("a", ["x", "y"], start: 10)
    let rows = RowSources(own: [0, 1], defaults: [:], padding: 0)
    let source = try a.source("model.embed_tokens.weight")
    #expect(RowGather.source(rows, [source], position: 0, axis: 0).origin == source.origin)
    #expect(rows.isIdentity(size: 2) && !rows.isIdentity(size: 3))
    let plan = try sum([("a", a)], .init(source: .base))
    #expect(plan.checkpoint.tokenizerFiles == a.tokenizerFiles)
  }

  @Test func `without any tokenizer rows are matched by number, with a note`() throws {
    let shapes = MergeModels.layered(layers: 1)
    let (a, b) = (try MergeModels.llama("a", shapes), try MergeModels.llama("b", shapes))
    let plan = try sum([("a", a), ("b", b)], .init(source: .base))
    #expect(
      plan.notes.contains(
        "No model has a tokenizer.json; rows of the vocabulary are matched by number."))
    #expect(
      lines { _ = try sum([("a", a), ("b", b)], .init(source: .union)) }[0]
        == "The vocabulary of a is asked for, and it has no tokenizer.json.")
  }

  @Test func `embedding and head of different sizes are refused before anything is read`() throws {
    let a = try folders.model("a", ["x", "y"], start: 10, head: true)
    let b = try folders.model("b", ["x", "y", "z"], start: 10, head: true)
    let recipe = MergeRecipe(
      method: "linear",
      slices: [
        .init([.init(ModelReference(path: "a"), layers: 0, to: 0)]),
        .init([.init(ModelReference(path: "b"), layers: 0, to: 0)]),
      ], parameters: ["weight": 1])
    #expect(
      lines { _ = try Merge.plan(recipe) { $0 == "a" ? a : b } }[0]
        == "The result would have 2 tokens in `model.embed_tokens.weight` and 3 in "
        + "`lm_head.weight`.")
  }

  @Test func `ids in the config follow their tokens`() throws {
    let a = try folders.model(
      "a", ["x", "y"], start: 10, added: [added("</s>", 2)],
      config: ["eos_token_id": [2], "bos_token_id": 0, "pad_token_id": nil])
    let b = try folders.model("b", ["x"], start: 10, added: [added("</s>", 1)])
    var recipe = MergeRecipe(method: "linear", models: [.init("a", parameters: ["weight": 1])])
    recipe.tokenizer = .init(source: .model(ModelReference(path: "b")))
    let plan = try MergePlan.make(recipe, from: ModelResolver { $0.description == "a" ? a : b })
    #expect(plan.checkpoint.config["eos_token_id"] == [1])
    #expect(plan.checkpoint.config["bos_token_id"]?.int == 0)
    #expect(try rows(plan) == [10, 12])
  }

  // MARK: Golden

  /// Token by token, for mergekit's ids differ from run to run; sums are rounded once here and after
  /// each model there. See Golden/merge-planning/make.py.
  @Test(arguments: ["tokens_base", "tokens_model", "tokens_union", "tokens_rules", "tokens_tied"])
  func `the rows of each token are mergekit's`(name: String) throws {
    let folder = golden("merge-planning")
    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
    let text = try String(contentsOfFile: path("cases/\(name).yaml"), encoding: .utf8)
    let merged = try Merge.plan(try MergeRecipe.parse(text, origin: name)) { reference in
      try Checkpoint.open(directory: path("models/\(reference)"))
    }
    let facts = try JSON.parse(
      Data(contentsOf: URL(fileURLWithPath: path("results/\(name).config.json"))), origin: name)
    let expected = try Checkpoint.reading(SafetensorsFile(path("results/\(name).safetensors")))
    let document = try #require(try TokenizerDocument(merged))
    let theirs = try #require(facts["tokens"]?.object)
    #expect(Set(document.entries.map(\.text)) == Set(theirs.keys))
    #expect(merged.config["vocab_size"] == facts["vocab_size"])
    #expect(merged.names == expected.names)
    let tensor = "model.embed_tokens.weight"
    let (a, b) = (try merged.floats(tensor), try expected.floats(tensor))
    #expect(a.count == b.count)
    let count = document.entries.count
    let pairs =
      document.entries.map { ($0.id, theirs[$0.text]?.int ?? -1) }
      + (count..<(b.count / 4)).map { ($0, $0) }
    for (mine, other) in pairs where other >= 0 {
      for column in 0..<4 {
        let (x, y) = (a[4 * mine + column], b[4 * other + column])
        #expect((x - y).magnitude <= 2 * max(y.magnitude, 0.5).ulp, "\(mine) \(other): \(x) \(y)")
      }
    }
  }
}
