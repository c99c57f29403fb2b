// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Documents
  import Evaluation
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
      let recipe = grid.candidates[0].recipe
      #expect(recipe.baseModel == "base")
      #expect(recipe.models.map(\.reference) == ["ct", "sft"])
      #expect(recipe.models[0].parameters["weight"]?.int == 1)
      #expect(recipe.models[1].parameters["weight"]?.double == 0.5)
      #expect(recipe.parameters["density"]?.double == 0.5)
    }

    @Test func `a misspelt method or a triple is refused`() {
      #expect(throws: DocumentError.self) { try grid("merge_method: tise") }
      #expect(throws: DocumentError.self) {
        try grid("merge_method: ties\ngrid: {weight: [[1, 2, 3]]}")
      }
      #expect(throws: DocumentError.self) { try grid("merge_method: ties\ngrid: {weight: 1}") }
    }
  }
#endif
