// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Tensors
import Testing

@testable import Surgery

/// Differences of two models as inputs, and `transfer`, which adds them.
@Suite struct DifferenceTests {
  /// Models of one tensor, by name.
  private func merge(
    _ yaml: String, _ values: [String: [Float]], type: ElementType = .float32
  ) throws -> (checkpoint: Checkpoint, values: [Float]) {
    let recipe = try MergeGraph.parse(yaml, origin: "merge.yaml").result
    let merged = try Merge.plan(recipe) { name in
      let own = try #require(values[name], "\(name) was asked for")
      return try Checkpoint.inMemory(
        config: [:], tensors: [("w", Shape([own.count]), own)], elementType: type, origin: name)
    }
    return (merged, try merged.floats("w"))
  }

  private let chat = """
    merge_method: transfer
    base_model: ct
    models:
      - model: {difference: {tuned: chat, base: base}}
    """

  private func uniform(_ stream: String, _ scale: Float = 1) -> [Float] {
    let random = CounterRandom(seed: 3, stream: stream)
    return (0..<4099).map { scale * (2 * random.uniform(at: $0) - 1) }
  }

  @Test(arguments: [ElementType.float32, .bfloat16, .float16])
  func `a chat vector is added, and the sum rounded once`(type: ElementType) throws {
    let inputs = MethodInputs(
      [4099], type: type, base: uniform("base"),
      sources: [uniform("ct"), zip(uniform("base"), uniform("d", 0.01)).map { $0 + $1 }])
    let (base, ct, tuned) = (
      try inputs.stored(inputs.base), try inputs.stored(inputs.sources[0]),
      try inputs.stored(inputs.sources[1])
    )
    let merged = try merge(
      chat + "\nparameters: {lambda: 0.75}", ["ct": ct, "chat": tuned, "base": base], type: type)
    #expect(merged.checkpoint.info("w")?.elementType == type)
    let expected = ct.indices.map { i in
      Float(Double(ct[i]) + 0.75 * Double(tuned[i] - base[i]))
    }
    #expect(try merged.values == inputs.stored(expected))
  }

  @Test func `lambda 0 and a difference of equals give the target to the bit`() throws {
    let target: [Float] = [-0.0, 0, 1, -3.5, .leastNonzeroMagnitude]
    let other: [Float] = [1, 2, -0.0, 5, 7]
    for (text, tuned) in [("\nparameters: {lambda: 0}", uniform("t")), ("", other)] {
      let merged = try merge(
        chat + text, ["ct": target, "chat": Array(tuned.prefix(5)), "base": other])
      #expect(merged.values.map(\.bitPattern) == target.map(\.bitPattern))
    }
  }

  @Test func `several differences have weights`() throws {
    let merged = try merge(
      """
      merge_method: transfer
      base_model: ct
      models:
        - model: {difference: {tuned: chat, base: base}}
        - model: {difference: {tuned: maths, base: other}}
          parameters: {weight: -0.5}
      parameters: {lambda: 2}
      """, ["ct": [10], "chat": [3], "base": [1], "maths": [9], "other": [1]])
    // 10 + 2 · (2 − 0.5 · 8)
    #expect(merged.values == [6])
  }

  @Test func `recycling over releases is what it is by hand`() throws {
    // Learnt on the first release, given to the second, tuned on, given to the third.
    let yaml = """
      name: second
      merge_method: transfer
      base_model: release-2
      models: [{model: {difference: {tuned: tuned-1, base: release-1}}}]
      ---
      merge_method: transfer
      base_model: release-3
      models:
        - model: {difference: {tuned: second, base: release-2}}
          parameters: {weight: 0.5}
        - model: {difference: {tuned: tuned-2, base: second}}
      dtype: float32
      """
    let models = [
      "release-1": uniform("r1"), "tuned-1": uniform("t1"), "release-2": uniform("r2"),
      "tuned-2": uniform("t2"), "release-3": uniform("r3"),
    ]
    let merged = try merge(yaml, models)
    func row(_ name: String) throws -> [Float] { try #require(models[name]) }
    let (r1, t1, r2, t2, r3) = (
      try row("release-1"), try row("tuned-1"), try row("release-2"), try row("tuned-2"),
      try row("release-3")
    )
    for i in r1.indices {
      let second = Float(Double(r2[i]) + Double(t1[i] - r1[i]))
      let sum = 0.5 * Double(second - r2[i]) + Double(t2[i] - second)
      #expect(merged.values[i] == Float(Double(r3[i]) + sum))
    }
  }

  // MARK: In other methods

  /// Values of few bits, so that target + difference is exact.
  private func coarse(_ stream: String) -> [Float] {
    uniform(stream).map { ($0 * 64).rounded() / 64 }
  }

  @Test(arguments: MergeMethods.all.map { $0.card.id })
  func `every method over a base takes a difference as base plus difference`(id: String) throws {
    let method = try MergeMethods.named(id)
    guard method.card.base != .isSource, !method.card.takesDifferences else { return }
    let (target, old) = (coarse("target"), coarse("old"))
    let tuned = ["one", "two", "three"].map { coarse($0) }
    func checkpoint(_ values: [Float]) throws -> Checkpoint {
      try Checkpoint.inMemory(config: [:], tensors: [("w", [1, 4099], values)])
    }
    var plain = MergeModels.recipe(method, sources: ["0", "1", "2"])
    plain.baseModel = ModelReference(path: "target")
    var differences = plain
    for i in plain.models.indices {
      differences.models[i].model = ModelReference(
        .difference(.init(tuned: plain.models[i].model, base: ModelReference(path: "old"))))
    }
    func values(_ recipe: MergeRecipe, isAdded: Bool) throws -> [Float] {
      try Merge.plan(recipe) { name in
        guard let number = Int(name) else { return try checkpoint(name == "old" ? old : target) }
        let values = tuned[number].indices.map { i in
          isAdded ? target[i] + (tuned[number][i] - old[i]) : tuned[number][i]
        }
        return try checkpoint(values)
      }.floats("w")
    }
    #expect(try values(differences, isAdded: false) == values(plain, isAdded: true))
  }

  @Test(arguments: ["task_arithmetic", "ties", "dare_ties", "ties_sv", "transfer"])
  func `a difference far below the target's last place is not lost`(method: String) throws {
    let values: [String: [Float]] = ["ct": [16_384], "chat": [1 + 0x1p-20], "base": [1]]
    let merged = try merge(
      chat.replacing("transfer", with: method).replacing(
        "base: base}}", with: "base: base}}\n    parameters: {weight: 1}")
        + "\nparameters: {lambda: 1048576}", values)
    #expect(merged.values == [16_385])
  }

  // MARK: Layouts

  @Test func `tied heads and experts are matched as in any merge`() throws {
    let tied = try MergeModels.llama("tied", MergeModels.layered(layers: 2))
    let own = try MergeModels.llama("own", MergeModels.layered(layers: 2, head: true))
    let models = ["tied": tied, "own": own, "target": tied]
    func plan(_ tuned: String, _ base: String, target: String) throws -> MergePlan {
      try MergePlan.make(
        MergeRecipe(
          method: "transfer",
          models: [
            .init(
              ModelReference(
                .difference(
                  .init(tuned: ModelReference(path: tuned), base: ModelReference(path: base)))))
          ], baseModel: target),
        from: ModelResolver { try #require(models[$0.description]) })
    }
    let (embedding, head) = ("model.embed_tokens.weight", "lm_head.weight")
    let untied = try plan("own", "tied", target: "target")
    #expect(untied.checkpoint.config["tie_word_embeddings"] == false)
    // Target and base are equal, so that the tuned model comes out, but for the rounding of floats.
    for name in [embedding, head, "model.layers.1.mlp.up_proj.weight"] {
      let (found, expected) = (try untied.checkpoint.floats(name), try own.floats(name))
      for (a, b) in zip(found, expected) { #expect((a - b).magnitude <= 2 * Float(1).ulp) }
    }
    let back = try plan("tied", "own", target: "own")
    for (a, b) in zip(try back.checkpoint.floats(head), try tied.floats(embedding)) {
      #expect((a - b).magnitude <= 2 * Float(1).ulp)
    }
  }

  @Test func `settings that leave shapes alone may differ between the target and the difference`()
    throws
  {
    let shapes = MergeModels.layered(layers: 1)
    func plan(_ config: JSON) throws -> MergePlan {
      try MergePlan.make(
        MergeRecipe.parse(chat, origin: "m"),
        from: ModelResolver {
          try MergeModels.llama(
            $0.description, shapes, config: $0.description == "ct" ? [:] : config)
        })
    }
    #expect(throws: Never.self) { try plan(["rope_theta": 500_000]) }
    let lines = MergeModels.lines { _ = try plan(["hidden_size": 4]) }
    #expect(lines[0] == "`hidden_size` is 2 in one model's config.json and 4 in another's.")
  }

  // MARK: Errors

  private func lines(_ yaml: String) -> [String] {
    MergeModels.lines {
      _ = try merge(
        yaml, ["a": [1], "b": [2], "ct": [3], "chat": [4], "base": [5], "long": [6, 7]])
    }
  }

  @Test func `differences stand where a base is`() {
    let linear =
      "merge_method: linear\nmodels: [{model: {difference: {tuned: a, base: b}}, "
      + "parameters: {weight: 1}}]\n"
    #expect(
      lines(linear) == [
        "`linear` sees no changes of a base here, and (a − b) is a difference.", "`models`",
        "Name a `base_model` and a method that needs one, such as `transfer` or `ties`.",
      ])
    #expect(lines(linear + "base_model: ct\n")[0].hasPrefix("`linear` sees no changes"))
    #expect(
      lines(linear.replacing("linear", with: "multislerp"))[0].hasPrefix(
        "`multislerp` sees no changes"))
    let asBase =
      "merge_method: ties\nbase_model: {difference: {tuned: a, base: b}}\n"
      + "models: [{model: ct, parameters: {weight: 1}}]\n"
    #expect(
      lines(asBase) == [
        "(a − b) is a difference, where a whole model is needed.", "`base_model`",
        "Name a model; a difference stands under `models` and `sources` only.",
      ])
    let nested = chat.replacing("tuned: chat", with: "tuned: {difference: {tuned: a, base: b}}")
    #expect(lines(nested)[0] == "(a − b) is a difference, where a whole model is needed.")
    #expect(
      lines(chat + "\ntokenizer: {source: {difference: {tuned: a, base: b}}}")[1] == "`tokenizer`")
  }

  @Test func `transfer adds differences and no models`() {
    #expect(
      lines("merge_method: transfer\nbase_model: ct\nmodels: [{model: chat}]\n") == [
        "The method `transfer` adds differences, and chat is a model.", "`models`",
        "Write `model: {difference: {tuned: chat, base: …}}` with the model that it was trained from.",
      ])
    #expect(
      lines(chat.replacing("base_model: ct\n", with: ""))[0].hasPrefix(
        "`transfer` sees no changes of a base here"))
    #expect(
      lines(chat.replacing("base: base", with: "base: chat"))[0]
        == "The model `chat` is listed twice.")
    #expect(
      lines(chat + "\nparameters: {lambda: .inf}").first != "no error")
  }

  @Test func `both models of a difference are named, and nothing else`() {
    #expect(
      lines(chat.replacing(", base: base", with: ""))[0]
        == "The key `base` is missing in `models[0].model.difference`.")
    #expect(
      lines(chat.replacing(", base: base", with: ", bas: base")).last == "Did you mean `base`?")
    #expect(
      lines(chat.replacing("base}}", with: "base}, lora: x}"))[0].hasPrefix("Unknown key `lora`"))
  }

  @Test func `shapes must agree`() {
    #expect(
      lines(chat.replacing("base: base", with: "base: long"))[0]
        == "The tensor `w` has shape [2] in one model and [1] in another.")
    #expect(
      lines(chat.replacing("ct", with: "long"))[0]
        == "The tensor `w` has shape [2] in one model and [1] in another.")
  }
}
