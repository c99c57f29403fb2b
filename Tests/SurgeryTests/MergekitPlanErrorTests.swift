// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors
import Testing

@testable import Surgery

/// What `--mergekit-exact` refuses and says, before anything is read.
@Suite struct MergekitPlanErrorTests {
  static let shapes = MergeModels.layered(layers: 2, head: true)

  static func plan(
    _ recipe: MergeRecipe, _ options: MergekitExactOptions = .init(seed: 1),
    models: [String: Checkpoint]? = nil
  ) throws -> MergePlan {
    try MergePlan.make(
      recipe,
      from: ModelResolver { reference in
        if let models { return try #require(models[reference.description]) }
        return try MergeModels.llama(reference.description, shapes)
      }, options: .init(mergekitExact: options))
  }

  static func recipe(
    _ method: String, _ shared: [String: JSON] = [:], own: [String: JSON] = ["weight": 0.5],
    base: String? = "base"
  ) -> MergeRecipe {
    MergeRecipe(
      method: method, models: [.init("a", parameters: own), .init("b", parameters: own)],
      baseModel: base, parameters: shared)
  }

  /// The error of a plan whose models must not be asked for.
  static func lines(
    _ recipe: MergeRecipe, _ options: MergekitExactOptions = .init(seed: 1)
  ) -> [String] {
    MergeModels.lines { _ = try plan(recipe, options, models: [:]) }
  }

  @Test func `a method that mergekit lacks is refused before anything is read`() {
    #expect(
      Self.lines(Self.recipe("ties_sv")) == [
        "mergekit has no method `ties_sv`, so there are no numbers of its to follow.",
        "`--mergekit-exact`",
        "Leave out `--mergekit-exact`, or choose a method that mergekit has.",
      ])
    // Also inside another merge.
    var outer = Self.recipe("linear", base: nil)
    outer.models[0].model = ModelReference(.merge(Self.recipe("ties_sv")))
    #expect(Self.lines(outer).first?.contains("`ties_sv`") == true)
  }

  @Test func `parameters that mergekit lacks are named, and let pass at their defaults`() throws {
    let lines = Self.lines(
      Self.recipe("dare_ties", ["rescale_by_density": true, "seed": 4, "normalize": true]))
    #expect(
      lines == [
        "mergekit's `dare_ties` has no parameter `rescale_by_density`, `seed`.",
        "`--mergekit-exact`", "Remove them, or leave out `--mergekit-exact`.",
      ])
    #expect(Self.lines(Self.recipe("ties", ["weighted_election": false]))[0].contains("weighted"))
    _ = try Self.plan(Self.recipe("ties", ["weighted_election": true]))
    _ = try Self.plan(Self.recipe("dare_linear", ["rescale_by_density": false]))
  }

  @Test func `every parameter of mergekit's methods passes`() throws {
    let own: Set<String> = ["rescale_by_density", "seed", "weighted_election"]
    for method in MergeMethods.all where MergekitExact.methods.contains(method.card.id) {
      let schema = ParameterSchema(method)
      for entry in schema.entries {
        #expect(
          MergekitParameters.names(entry.name) || entry.name == "k" || own.contains(entry.name))
        #expect(!own.contains(entry.name) || !MergekitParameters.names(entry.name))
      }
    }
  }

  @Test func `a release without the method is refused`() {
    let lines = Self.lines(Self.recipe("ram", own: [:]), .init(seed: 1, generation: .v01))
    #expect(lines[0] == "mergekit 0.1 has no method `ram`; 0.1.5 has.")
    #expect(lines[2] == "Ask for the numbers of 0.1.5.")
  }

  @Test func `a type in which PyTorch does not compute is refused`() throws {
    var asked = Self.recipe("linear", base: nil)
    asked.dtype = .float8E4M3
    #expect(Self.lines(asked)[0].contains("found float8_e4m3fn"))
    let models = [
      "a": try MergeModels.llama("a", Self.shapes, elementType: .float8E5M2),
      "b": try MergeModels.llama("b", Self.shapes),
    ]
    var recipe = Self.recipe("linear", base: nil)
    let lines = MergeModels.lines { _ = try Self.plan(recipe, models: models) }
    #expect(lines[0].hasPrefix("mergekit does not compute in 8-bit floats"))
    #expect(lines[2] == "Give the recipe a `dtype`, to which the inputs are cast.")
    recipe.dtype = .bfloat16
    let plan = try Self.plan(recipe, models: models)
    #expect(plan.checkpoint.info("model.norm.weight")?.elementType == .bfloat16)
  }

  @Test func `DELLA on a row of one is refused when it is planned`() throws {
    let shapes = Self.shapes + [("model.layers.0.mlp.scalar", Shape([1]))]
    let models = [
      "a": try MergeModels.llama("a", shapes), "b": try MergeModels.llama("b", shapes),
      "base": try MergeModels.llama("base", shapes),
    ]
    let recipe = Self.recipe("della", own: ["weight": 1, "density": 0.5])
    let lines = MergeModels.lines { _ = try Self.plan(recipe, models: models) }
    #expect(lines[0].contains("1 for a tensor of shape"))
    // With a density of 1 nothing is ranked.
    _ = try Self.plan(Self.recipe("della"), models: models)
  }

  @Test func `NaN in a model is an error, and a number too large for the type is not`() throws {
    func model(_ name: String, _ value: Float) throws -> Checkpoint {
      try Checkpoint.inMemory(
        config: ["model_type": "llama"], tensors: [("t", [2], [value, 1])], origin: name)
    }
    var recipe = Self.recipe("linear", base: nil)
    let broken = ["a": try model("a", .nan), "b": try model("b", 1)]
    let lines = MergeModels.lines {
      _ = try Self.plan(recipe, models: broken).checkpoint.floats("t")
    }
    #expect(lines[0].contains("nan") && lines[0].contains("`t`"))
    recipe.dtype = .float16
    let large = ["a": try model("a", 1e6), "b": try model("b", 1)]
    #expect(try Self.plan(recipe, models: large).checkpoint.floats("t") == [.infinity, 1])
  }

  @Test func `the plan says whose numbers, which seed and which types`() throws {
    let dare = try Self.plan(Self.recipe("dare_ties", ["density": 0.5]), .init())
    #expect(
      dare.notes.contains {
        $0 == "The numbers are those of mergekit 0.1.5 on a CPU, each tensor computed whole."
      })
    #expect(dare.notes.contains { $0.hasSuffix("here the seed is 0.") })
    let zero = try Self.plan(Self.recipe("dare_ties", ["density": 0.5]))
    #expect(!zero.notes.contains { $0.contains("seed") })
    // Nothing is drawn at density 1.
    let dense = try Self.plan(Self.recipe("dare_ties"), .init())
    #expect(!dense.notes.contains { $0.contains("seed") })

    let consensus = try Self.plan(Self.recipe("consensus_ta", own: ["weight": 1]))
    #expect(consensus.notes.contains { $0.contains("`consensus_ta` was in mergekit 0.0.x alone") })

    var ram = Self.recipe("ramplus_tl", own: [:])
    ram.dtype = .bfloat16
    let widened = try Self.plan(ram)
    #expect(widened.checkpoint.info("model.norm.weight")?.elementType == .float32)
    #expect(widened.notes.contains { $0.contains("gives float32 whatever `dtype` says") })
    ram.outDtype = .bfloat16
    #expect(
      try Self.plan(ram).checkpoint.info("model.norm.weight")?.elementType == .bfloat16)

    let linear = try Self.plan(Self.recipe("linear", base: nil))
    #expect(linear.notes.contains { $0.hasPrefix("Without a `base_model` mergekit takes config") })
  }

  @Test func `without the option nothing changes, and nothing is held whole`() throws {
    let recipe = Self.recipe("task_arithmetic")
    let models = Dictionary(
      uniqueKeysWithValues: try ["a", "b", "base"].map {
        ($0, try MergeModels.llama($0, Self.shapes))
      })
    let plain = try MergePlan.make(recipe, from: ModelResolver { models[$0.description]! })
    #expect(plain.tensors.allSatisfy { $0.workingByteCount == 0 })
    #expect(!plain.notes.contains { $0.contains("mergekit") })
    // Three inputs, four arrays for each of two sources, four more.
    let exact = try Self.plan(recipe, models: models)
    let head = try #require(exact.tensors.first { $0.name == "lm_head.weight" })
    #expect(head.workingByteCount == 10 * (3 + 8 + 4) * 4)
    #expect(exact.workingByteCount == head.workingByteCount)
    // What passes through is copied chunk by chunk.
    let copy = try Self.plan(
      MergeRecipe(method: "passthrough", models: [.init("a")]), models: models)
    #expect(copy.tensors.allSatisfy { $0.workingByteCount == 0 })
  }

  @Test func `another seed and another release give other masks and other numbers`() throws {
    let recipe = Self.recipe("dare_linear", own: ["weight": 0.5, "density": 0.5])
    func values(_ options: MergekitExactOptions) throws -> [Float] {
      try Self.plan(recipe, options).checkpoint.floats("lm_head.weight")
    }
    let one = try values(.init(seed: 1))
    #expect(try values(.init(seed: 1)) == one)
    #expect(try values(.init(seed: 2)) != one)
    #expect(try values(.init()) == values(.init(seed: 0)))
    #expect(
      Self.lines(recipe, .init(seed: 1 << 32))[0]
        == "mergekit takes seeds below 4294967296, found 4294967296.")
    #expect(try values(.init(seed: 1, generation: .v00)) != one)
  }

  @Test func `tensors that mergekit would lose do not move its masks`() throws {
    let recipe = Self.recipe("dare_linear", own: ["weight": 0.5, "density": 0.5])
    // Sorts before everything else, and is no part of a Llama.
    let shapes = Self.shapes + [("a.stranger", Shape([9]))]
    let models = Dictionary(
      uniqueKeysWithValues: try ["a", "b", "base"].map { ($0, try MergeModels.llama($0, shapes)) })
    let (plain, more) = (try Self.plan(recipe), try Self.plan(recipe, models: models))
    #expect(more.checkpoint.names.contains("a.stranger"))
    for name in plain.checkpoint.names {
      #expect(try plain.checkpoint.floats(name) == more.checkpoint.floats(name), "\(name)")
    }
    let base = try #require(models["base"])
    #expect(try more.checkpoint.floats("a.stranger") != base.floats("a.stranger"))
  }
}
