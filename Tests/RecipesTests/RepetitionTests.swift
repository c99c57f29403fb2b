// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Documents
  import Evaluation
  import Foundation
  import Runs
  import Testing

  @testable import Recipes

  /// Recipes with several seeds.
  @Suite(.serialized) struct RepetitionTests {
    /// The tiny recipe, whose `seed` is 3.
    private func recipe(_ seeds: String?, merges more: String = "") -> String {
      let text = StudyTests.recipe.replacing("merges:\n", with: "merges:\n" + more)
      return seeds.map { text.replacing("seed: 3\n", with: "seed: 3\nseeds: \($0)\n") } ?? text
    }

    private static let masks =
      "  - {merge_method: dare_ties, parameters: {weight: 1, density: 0.5}}\n"
    /// What belongs to no seed.
    private static let shared: Set = [
      "lab", "text-qaa", "text-qab", "tokenizer", "tokens-qaa", "tokens-qab", "base", "floors",
      "evaluate-base",
    ]

    private func keys(_ bench: StudyTests.Bench) throws -> [String: String] {
      let entries = try bench.plan().entries.map { ($0.step.name, $0.key.hex) }
      return Dictionary(uniqueKeysWithValues: entries)
    }

    @Test func `a recipe without seeds has the keys it had before there were any`() throws {
      let bench = try StudyTests.Bench()
      defer { bench.remove() }
      // Of commit d94f086. A raised version of a step's kind changes its line and those behind it.
      let before = """
        lab b1b8f70425be, text-qaa 1a7998019c4b, text-qab 85c030d4993b, tokenizer 7ec8b7a94bbe, \
        tokens-qaa 23152654d316, tokens-qab e7fadae740ae, base 4fd9d6902c81, ct c7087f50ff01, \
        sft 9ee2cf81cd2b, ct-sft 3ecc46cca8b3, joint 164b880666b8, diagnose 9903012c78e9, \
        selection af913a51d1c8, merge-linear bdeca28f2304, merge-ties_sv 7aeabeb999d1, \
        floors 1bda20ec93ba, evaluate-base a32e3deb02a2, evaluate-sft d32897818820, \
        evaluate-ct 927a514ae7d8, evaluate-ct-sft 79cd917c8b98, evaluate-joint 601f8bbe0abb, \
        evaluate-merge-linear 2becde3621bd, evaluate-merge-ties_sv c5ce69a21dd3
        """
      let found = try bench.plan().entries.map { "\($0.step.name) \($0.key.short)" }
      #expect(found.joined(separator: ", ") == before)
    }

    @Test func `seeds leave all up to the base as it is, and the seed of the recipe its names`()
      throws
    {
      let bench = try StudyTests.Bench()
      defer { bench.remove() }
      try bench.rewrite(recipe(nil, merges: Self.masks))
      let alone = try keys(bench)
      try bench.rewrite(recipe("[7, 3, 9]", merges: Self.masks))
      let several = try keys(bench)
      for name in Self.shared { #expect(several[name] == alone[name] && alone[name] != nil) }
      // Masks have the seed of their repetition only where there are several.
      let masked = Set(["merge-dare_ties", "evaluate-merge-dare_ties"])
      for (name, key) in alone {
        #expect((several[name] == key) != masked.contains(name), "\(name)")
      }
      let own = Set(alone.keys).subtracting(Self.shared)
      for seed in ["7", "9"] {
        for name in own { #expect(several["\(name)-seed-\(seed)"] != nil, "\(name)") }
      }
      #expect(several.count == Self.shared.count + 3 * own.count)
      #expect(Set(several.values).count == several.count)
      // Neither the order nor the others count.
      try bench.rewrite(recipe("[3, 9]", merges: Self.masks))
      for (name, key) in try keys(bench) { #expect(several[name] == key, "\(name)") }
    }

    @Test func `masks have the seed of the repetition unless the recipe gives one`() throws {
      let bench = try StudyTests.Bench()
      defer { bench.remove() }
      func seeds(_ merge: String, _ list: String?) throws -> [UInt64] {
        try bench.rewrite(recipe(list, merges: merge))
        return try bench.plan().entries.compactMap { entry in
          (entry.step as? MergeStep).flatMap { $0.grid.method == "dare_ties" ? $0.seed : nil }
        }
      }
      #expect(try seeds(Self.masks, "[7, 3, 9]") == [7, 3, 9])
      #expect(try seeds(Self.masks, nil) == [0])
      let given = Self.masks.replacing("density: 0.5", with: "density: 0.5, seed: 5")
      #expect(try seeds(given, "[7, 3]") == [0, 0])
      let tried = Self.masks.replacing("}}", with: "}, grid: {seed: [1, 2]}}")
      #expect(try seeds(tried, "[7, 3]") == [0, 0])
      let step = try #require(try bench.plan()["merge-dare_ties"]?.step as? MergeStep)
      #expect(step.grid.candidates[0].recipe(seed: 9).randomSeed == 9)
    }

    @Test func `every repetition selects by its own models, and on no row of a test`() throws {
      let bench = try StudyTests.Bench()
      defer { bench.remove() }
      try bench.rewrite(recipe("[3, 4, 5]"))
      var counted = 0
      for entry in try bench.plan().entries {
        let source: SelectionSource
        switch entry.step {
        case let step as SelectionStep: source = step.source
        case let step as MergeStep: source = step.source
        default: continue
        }
        counted += 1
        #expect(source.rows.allSatisfy { $0.split == .validation && $0.language == "qaa" })
        let seed = entry.step.name.split(separator: "-").last.flatMap { UInt64($0) }
        for input in entry.step.inputs {
          guard case .output(let step, let output) = input.source else {
            Issue.record("\(entry.step.name) reads a file")
            continue
          }
          #expect(!output.contains("test") && !step.hasPrefix("evaluate"), "\(entry.step.name)")
          guard ["ct", "sft", "references"].contains(input.label) else { continue }
          let suffix = seed.map { "-seed-\($0)" } ?? ""
          let name = input.label == "references" ? "selection" : input.label
          #expect(step == name + suffix, "\(entry.step.name)")
        }
      }
      #expect(counted == 9)
    }

    @Test func `estimates count the repetitions`() throws {
      let bench = try StudyTests.Bench()
      defer { bench.remove() }
      func tokens() throws -> Int {
        try bench.plan().entries.reduce(0) { $0 + ($1.estimate.tokenCount ?? 0) }
      }
      let base = 12 * 4 * 32
      let rest = try tokens() - base
      #expect(rest == 2 * 8 * 4 * 32)
      try bench.rewrite(recipe("[3, 4, 5]"))
      #expect(try tokens() == base + 3 * rest)
      #expect(try bench.plan().table(.init(width: 100)).contains("ct-seed-5"))
    }

    @Test func `values that are no list of seeds are refused with their line`() throws {
      func error(_ value: String) throws -> [String] {
        do {
          _ = try StudySettings(yaml: recipe(value), origin: "r.yaml")
          return []
        } catch let error as any Diagnosed {
          return error.description.split(separator: "\n").map(String.init)
        }
      }
      let count = "`seeds` should be 2 to 16 different whole numbers, found"
      let rest = ["r.yaml, line 3", "Correct the value."]
      #expect(try error("[1]") == ["\(count) one."] + rest)
      #expect(try error("1") == ["\(count) one."] + rest)
      #expect(try error("[]") == ["\(count) none."] + rest)
      let many = (1...17).map(String.init).joined(separator: ", ")
      #expect(try error("[\(many)]") == ["\(count) 17."] + rest)
      #expect(
        try error("[1, 2, 1]") == ["`seeds` should be each number once, found `1` twice."] + rest)
      let whole = "should be a whole number from 0 to 2147483647, found"
      #expect(try error("[1, -2]") == ["`seeds[1]` \(whole) `-2`."] + rest)
      #expect(try error("[1, 2147483648]") == ["`seeds[1]` \(whole) `2147483648`."] + rest)
      #expect(try error("[1.5, 2]") == ["`seeds[0]` \(whole) `1.5`."] + rest)
      #expect(try error("[one, 2]") == ["`seeds[0]` \(whole) `one`."] + rest)
      #expect(
        try error("{a: 1}")
          == ["`seeds` should be a list of whole numbers, found a mapping."] + rest)
      #expect(try error("[4, 3]") == [] && error("") == [])
    }

    @Test func `one seed more or fewer redoes nothing, and the report has means and each seed`()
      async throws
    {
      let bench = try StudyTests.Bench()
      defer { bench.remove() }
      try bench.rewrite(recipe("[3, 4]"))
      try await bench.run()
      try bench.rewrite(recipe("[5, 4, 3]"))
      let plan = try bench.plan()
      for entry in plan.entries {
        #expect(
          (entry.state != .done) == entry.step.name.hasSuffix("-seed-5"), "\(entry.step.name)")
      }
      let record = try await bench.run()
      try bench.rewrite(recipe(nil))
      #expect(try bench.plan().entries.allSatisfy { $0.state == .done })
      try bench.rewrite(recipe("[4, 5]"))
      #expect(try bench.plan().entries.allSatisfy { $0.state == .done })
      try bench.rewrite(recipe("[5, 4, 3]"))
      try report(bench.study().report(bench.plan(), record), bench)
    }

    private func report(_ content: ReportContent, _ bench: StudyTests.Bench) throws {
      #expect(
        content.models.map(\.name) == [
          "majority class", "Naive Bayes", "base", "SFT only", "CT only", "CT→SFT", "joint",
          "linear", "ties_sv",
        ])
      for model in content.models {
        guard model.kind == .baseline || model.kind == .merge else {
          #expect(model.seeds == nil)
          continue
        }
        let seeds = try #require(model.seeds)
        #expect(seeds.map(\.seed) == [5, 4, 3])
        func mean(_ value: (ModelScores.SeedScores) -> Double?) -> Double {
          seeds.reduce(0) { $0 + (value($1) ?? .nan) } / 3
        }
        let target = try #require(model.target)
        let accuracy = try #require(target.accuracy)
        #expect(abs(accuracy.value - mean { $0.target?.accuracy?.value }) < 1e-12)
        #expect(accuracy.count == 40)
        let bits = try #require(target.bitsPerByte)
        #expect(abs(bits.value - mean { $0.target?.bitsPerByte?.value }) < 1e-12)
        // Seeds of these models differ in their bits; so the interval over both is the wider.
        let widest = seeds.compactMap { $0.target?.bitsPerByte?.interval?.halfWidth }.min()
        #expect(try #require(bits.interval).halfWidth > (widest ?? .infinity))
        #expect(Set(seeds.map { $0.target?.bitsPerByte?.value }).count == 3)
        #expect(abs(try #require(model.wallSeconds) - mean(\.wallSeconds)) < 1e-9)
        #expect((model.againstReference == nil) == (model.name == "CT→SFT"))
        if model.name != "CT→SFT" {
          let difference = try #require(model.againstReference?.difference)
          #expect(abs(difference.value - mean { $0.againstReference?.difference.value }) < 1e-12)
        }
        if model.kind == .merge { #expect(seeds.allSatisfy { !$0.settings.isEmpty }) }
      }
      // The plain names are those of the recipe's seed.
      let path = try #require(try bench.plan()["evaluate-ct"]?.folder) + "/result.json"
      let result = try EvaluationResult(
        json: JSON.parse(try Disk.read(path), origin: path), origin: path)
      let bits = try result.set("held_out_text_qab").metric("bits_per_byte").value
      let ct = try #require(content.models.first { $0.name == "CT only" }?.seeds)
      #expect(ct.map { $0.target?.bitsPerByte?.value }[2] == bits)
      #expect(content.selection.grids.map(\.seed) == [5, 4, 3, 5, 4, 3])
      #expect(content.selection.grids.map(\.points.count) == [2, 2, 2, 1, 1, 1])
      #expect(content.curves.count == 1 + 3 * 4)
      let samples = try #require(content.samples.first).completions
      #expect(samples.prefix(4).map(\.model) == ["base", "SFT only", "SFT only", "SFT only"])
      #expect(samples.prefix(4).map(\.seed) == [nil, 5, 4, 3])
      #expect(content.notes.count { $0.contains("TIES without trimming discards") } == 1)
    }
  }
#endif
