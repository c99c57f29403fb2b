// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Runs
  import Testing

  @testable import Recipes

  struct FindingsTests {
    private func rows(
      ct: Double = 1.5, after: Double, merges: [(String, Double)] = []
    ) -> [ModelScores] {
      func row(_ name: String, _ kind: ModelScores.Kind, _ bits: Double) -> ModelScores {
        ModelScores(
          name: name, kind: kind,
          target: .init(language: "target", bitsPerByte: Estimate(bits)))
      }
      return [
        row("base", .base, 2), row("CT only", .baseline, ct), row("CT→SFT", .baseline, after),
      ]
        + merges.map { row($0.0, .merge, $0.1) }
    }

    @Test func `little forgetting leaves a merge little to save`() {
      #expect(
        StudyReport.forgetting(rows(after: 1.6, merges: [("ties", 1.55)]))
          == "CT→SFT keeps 80 % of what CT gained in the target's text (0.500 bits per byte): "
          + "fine-tuning forgets little there, so a merge has little to save.")
    }

    @Test func `much forgetting names the merge that keeps most or says that none does`() {
      let start = "CT→SFT keeps 20 % of what CT gained in the target's text (0.500 bits per byte); "
      #expect(
        StudyReport.forgetting(rows(after: 1.9, merges: [("ties", 1.8), ("linear", 1.7)]))
          == start + "linear keeps 60 %.")
      #expect(
        StudyReport.forgetting(rows(after: 1.9, merges: [("ties", 2.1)]))
          == start + "no merge keeps more.")
      #expect(
        StudyReport.forgetting(rows(after: 2.1, merges: [("ties", 1.9)]))
          == "CT→SFT keeps nothing of what CT gained in the target's text (0.500 bits per byte); "
          + "ties keeps 20 %.")
    }

    @Test func `CT without a gain and missing models claim nothing`() {
      #expect(
        StudyReport.forgetting(rows(ct: 2.1, after: 2))
          == "CT gained nothing in the target's text.")
      #expect(StudyReport.forgetting([]) == nil)
    }
  }
#endif
