// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Documents
  import Evaluation
  import Surgery
  import Testing

  @testable import Recipes

  struct SelectionTests {
    private let references = SelectionReferences(
      base: SelectionScore(accuracy: 0.2, bitsPerByte: 2.0),
      ct: SelectionScore(accuracy: 0.2, bitsPerByte: 1.0),
      sft: SelectionScore(accuracy: 0.8, bitsPerByte: 2.4))

    @Test func `the objective is 1 with both abilities whole and 0 without one of them`() {
      #expect(references.objective(SelectionScore(accuracy: 0.8, bitsPerByte: 1.0)) == 1)
      #expect(references.objective(references.ct) == 0)
      #expect(references.objective(references.sft) == 0)
      #expect(references.objective(references.base) == 0)  // the accuracy of CT
    }

    @Test func `the objective grows with each ability and does not reward more than the parents`() {
      let half = references.objective(SelectionScore(accuracy: 0.5, bitsPerByte: 1.7))
      #expect(abs(half - 0.5) < 1e-12)
      #expect(references.objective(SelectionScore(accuracy: 0.6, bitsPerByte: 1.7)) > half)
      #expect(references.objective(SelectionScore(accuracy: 0.5, bitsPerByte: 1.6)) > half)
      #expect(references.objective(SelectionScore(accuracy: 0.9, bitsPerByte: 0.5)) == 1)
    }

    @Test func `a parent that did not learn asks nothing of the candidates`() {
      let idle = SelectionReferences(
        base: references.base, ct: references.ct,
        sft: SelectionScore(accuracy: 0.2, bitsPerByte: 2))
      #expect(idle.objective(SelectionScore(accuracy: 0.1, bitsPerByte: 1.0)) == 1)
    }

    private func grid(_ yaml: String) throws -> MergeGrid {
      var settings = try Settings(YAML.parse(yaml, origin: "r.yaml"), origin: "r.yaml")
      return try MergeGrid(&settings)
    }

    @Test func `a grid is the product of its axes, with pairs for CT and SFT`() throws {
      let grid = try grid(
        """
        merge_method: ties
        parameters: {normalize: true}
        grid:
          weight: [[1, 0.5], 1]
          density: [0.5, 0.8]
        """)
      #expect(
        grid.candidates.map { $0.json.serialized() } == [
          #"{"normalize":true,"weight":[1,0.5],"density":0.5}"#,
          #"{"normalize":true,"weight":[1,0.5],"density":0.8}"#,
          #"{"normalize":true,"weight":1,"density":0.5}"#,
          #"{"normalize":true,"weight":1,"density":0.8}"#,
        ])
      let recipe = grid.candidates[0].recipe()
      #expect(recipe.baseModel?.description == "base")
      #expect(recipe.models.map(\.reference) == ["ct", "sft"])
      #expect(recipe.models[0].parameters["weight"]?.int == 1)
      #expect(recipe.models[1].parameters["weight"]?.double == 0.5)
      #expect(recipe.parameters["density"]?.double == 0.5)
    }

    @Test func `each method gets CT, SFT and the base in the parts its card has for them`() throws {
      func recipe(_ method: String, _ parameters: String = "{}") throws -> MergeRecipe {
        try grid("merge_method: \(method)\nparameters: \(parameters)").candidates[0].recipe()
      }
      for method in ["ties", "sce", "model_stock", "multislerp"] {
        let merge = try recipe(
          method, method == "ties" || method == "multislerp" ? "{weight: 1}" : "{}")
        #expect(merge.baseModel?.description == "base")
        #expect(merge.models.map(\.reference) == ["ct", "sft"])
      }
      // A base would be one model more.
      for (method, parameters) in [("linear", "{weight: 1}"), ("karcher", "{}")] {
        #expect(try recipe(method, parameters).baseModel == nil)
      }
      for (method, parameters) in [
        ("slerp", "{t: 0.5}"), ("nearswap", "{t: 0.1}"), ("arcee_fusion", "{}"),
        ("layer_swap", "{}"),
      ] {
        #expect(try recipe(method, parameters).baseModel?.description == "ct")
      }
      let transfer = try recipe("transfer", "{weight: [1, 0.5]}")
      #expect(transfer.baseModel?.description == "ct")
      #expect(transfer.models.map(\.reference) == ["(sft − base)"])
      #expect(transfer.models[0].parameters["weight"]?.double == 0.5)
      #expect(lines("merge_method: passthrough").first?.contains("`passthrough`") == true)
    }

    private func lines(_ yaml: String) -> [String] {
      do {
        _ = try grid(yaml)
        return []
      } catch {
        return ((error as? any Diagnosed)?.description ?? "\(error)")
          .split(separator: "\n").map(String.init)
      }
    }

    @Test func `what a method cannot do is refused before anything is trained`() {
      let ties = "merge_method: ties\n"
      #expect(
        lines(ties + "parameters: {weight: 1, densty: 0.5}") == [
          "Unknown key `densty` in `parameters`.", "r.yaml, line 2", "Did you mean `density`?",
        ])
      #expect(
        lines(ties + "parameters: {weight: 1}\ngrid:\n  slack: [0]").prefix(2) == [
          "Unknown key `slack` in `grid`.", "r.yaml, line 4",
        ])
      #expect(
        lines(ties + "grid: {density: [0.5]}") == [
          "The method `ties` needs the parameter `weight`.",
          #"r.yaml, line 1, ties {"density":0.5}"#, "Add `weight` to `parameters` or to `grid`.",
        ])
      #expect(
        lines(ties + "parameters: {weight: 1}\ngrid: {density: [0.5, 1.5]}") == [
          "`density` should be a number from 0 to 1, found 1.5.",
          #"r.yaml, line 1, ties {"weight":1,"density":1.5}"#, "Correct the value.",
        ])
      #expect(
        lines(ties + "parameters: {weight: 1, lambda: [1, 2]}").last
          == "Give `lambda` one value instead of a pair [CT, SFT].")
      #expect(
        lines(ties + "parameters: {weight: 1}\ngrid: {weight: [1]}").first
          == "`grid.weight` should be here or in `parameters`, found both.")
      #expect(
        lines("merge_metod: ties\nparameters: {weight: 1}") == [
          "Unknown key `merge_metod`.", "r.yaml, line 1", "Did you mean `merge_method`?",
        ])
      #expect(lines("merge_method: slerp").first == "The method `slerp` needs the parameter `t`.")
      #expect(lines(ties + "parameters: {weight: 1, int8_mask: true}") == [])
    }

    @Test func `a misspelt method or a triple is refused`() {
      #expect(throws: DocumentError.self) { try grid("merge_method: tise") }
      // A study has no statistics to merge by.
      #expect(throws: DocumentError.self) { try grid("merge_method: fisher") }
      #expect(throws: DocumentError.self) {
        try grid("merge_method: ties\ngrid: {weight: [[1, 2, 3]]}")
      }
      #expect(throws: DocumentError.self) { try grid("merge_method: ties\ngrid: {weight: 1}") }
    }
  }
#endif
