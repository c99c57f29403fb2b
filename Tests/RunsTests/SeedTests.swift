// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Runs

/// Rows that are means over several seeds, and the seeds beside them.
@Suite struct SeedTests {
  private func row(
    _ name: String, _ kind: ModelScores.Kind, _ accuracies: [Double], differences: [Double] = [],
    settings: [String] = []
  ) -> ModelScores {
    func scores(_ value: Double) -> ModelScores.LanguageScores {
      .init(
        language: "x",
        accuracy: Estimate(value, interval: .init(low: value - 0.1, high: value + 0.1), count: 50),
        bitsPerByte: Estimate(2 - value, interval: .init(low: 1.95 - value, high: 2.05 - value)))
    }
    func comparison(_ value: Double) -> PairedComparison {
      PairedComparison(
        against: "CT→SFT", metric: "acc",
        difference: Estimate(value, interval: .init(low: value - 0.2, high: value + 0.2)))
    }
    let mean = accuracies.reduce(0, +) / Double(accuracies.count)
    return ModelScores(
      name: name, kind: kind, source: scores(mean), target: scores(mean),
      againstReference: differences.isEmpty
        ? nil : comparison(differences.reduce(0, +) / Double(differences.count)),
      wallSeconds: 5, trainedTokens: 1000,
      seeds: accuracies.count == 1
        ? nil
        : accuracies.enumerated().map { index, value in
          ModelScores.SeedScores(
            seed: UInt64(index + 7),
            settings: settings.isEmpty ? [] : [.init("weight", settings[index])],
            source: scores(value), target: scores(value),
            againstReference: differences.isEmpty ? nil : comparison(differences[index]),
            wallSeconds: 5, trainedTokens: 1000)
        })
  }

  private var models: [ModelScores] {
    [
      row("base", .base, [0.2]), row("CT→SFT", .baseline, [0.3, 0.5]),
      row("linear", .merge, [0.4, 0.5], differences: [0.1, 0], settings: ["0.7, 0.3", "0.5"]),
    ]
  }

  @Test func `a second table shows each seed by itself`() {
    let table = ResultTable(models: models, sources: ["Aa"], target: "Bb")
    #expect(
      table.rendered(TerminalStyle(width: 110)) == """
        model       Aa acc      Bb acc        Aa bpb        Bb bpb      Δ CT→SFT  tokens  time
        ──────────────────────────────────────────────────────────────────────────────────────
        base    0.20 ±0.10  0.20 ±0.10  1.800 ±0.050  1.800 ±0.050                 1.00k  5.0s

        CT→SFT  0.40 ±0.10  0.40 ±0.10  1.600 ±0.050  1.600 ±0.050          ref.   1.00k  5.0s

        linear  0.45 ±0.10  0.45 ±0.10  1.550 ±0.050  1.550 ±0.050  +0.05 ±0.20    1.00k  5.0s
        acc: accuracy with its 95% interval. bpb: bits per byte of held-out text, lower is better.
        Means over seeds 7, 8; a 95% interval covers other rows and other seeds; of base it covers rows only.
        Δ: Bb acc minus that of CT→SFT, paired by row; * the 95% interval excludes 0.

        model   seed  Aa acc  Bb acc  Aa bpb  Bb bpb  Δ CT→SFT  settings
        ───────────────────────────────────────────────────────────────────────
        CT→SFT     7    0.30    0.30   1.700   1.700      ref.
        CT→SFT     8    0.50    0.50   1.500   1.500      ref.

        linear     7    0.40    0.40   1.600   1.600     +0.10  weight 0.7, 0.3
        linear     8    0.50    0.50   1.500   1.500      0.00  weight 0.5
        Each seed by itself; Δ: from CT→SFT of the same seed.

        """)
    let markdown = table.markdown()
    #expect(
      markdown.contains("| CT→SFT | 0.40 (0.30–0.50) | 0.40 (0.30–0.50) | 1.600 (1.550–1.650) |"))
    #expect(
      markdown.hasSuffix(
        """
        | model | seed | Aa acc | Bb acc | Aa bpb | Bb bpb | Δ CT→SFT | settings |
        | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |
        | CT→SFT | 7 | 0.30 | 0.30 | 1.700 | 1.700 | ref. |  |
        | CT→SFT | 8 | 0.50 | 0.50 | 1.500 | 1.500 | ref. |  |
        | linear | 7 | 0.40 | 0.40 | 1.600 | 1.600 | +0.10 | weight 0.7, 0.3 |
        | linear | 8 | 0.50 | 0.50 | 1.500 | 1.500 | 0.00 | weight 0.5 |

        Each seed by itself; Δ: from CT→SFT of the same seed.

        """))
  }

  @Test func `without seeds there is neither table, section nor key`() throws {
    var content = Fixture.report
    #expect(content.models.seeds == [])
    #expect(!ResultTable(models: content.models).markdown().contains("seed"))
    #expect(!ReportPage.render(content).contains("Seed by seed"))
    let json = String(decoding: try RecordCoding.encode(content.models[3]), as: UTF8.self)
    #expect(!json.contains("\"seeds\""))
    content.models = models
    #expect(content.models.seeds == [7, 8])
  }

  @Test func `the page shows each seed with what was chosen for it`() {
    var content = Fixture.report
    content.models = models
    content.selection.grids = [
      .init(
        model: "linear", seed: 8, points: [.init(settings: [.init("weight", "0.5")], objective: 1)],
        chosen: 0)
    ]
    content.samples = [
      .init(
        language: "fo", prompt: "a",
        completions: [
          .init(model: "base", text: "b"), .init(model: "CT→SFT", seed: 7, text: "c"),
        ])
    ]
    let page = ReportPage.render(content)
    #expect(page.contains("Seed by seed"))
    #expect(
      page.contains("Means over seeds 7, 8; a 95% interval covers other rows and other seeds"))
    #expect(page.contains("<td>weight 0.7, 0.3</td>") && page.contains("<td>weight 0.5</td>"))
    #expect(page.contains("<h3>linear, seed 8</h3>"))
    #expect(page.contains("<dt>base</dt>") && page.contains("<dt>CT→SFT, seed 7</dt>"))
  }

  @Test func `no setting or name of a seed becomes markup`() {
    var content = Fixture.report
    content.models = models
    content.models[2].name = "<script>"
    content.models[2].seeds?[0].settings = [.init("<b>", "<i>")]
    let page = ReportPage.render(content)
    #expect(!page.contains("<script>") && !page.contains("<i>") && !page.contains("<b>"))
  }

  @Test func `seeds survive their JSON`() throws {
    let sheet = ScoreSheet(run: "r", task: "t", models: models)
    let bytes = try RecordCoding.encode(sheet)
    #expect(try RecordCoding.decode(ScoreSheet.self, from: bytes, path: "scores.json") == sheet)
    let text = String(decoding: bytes, as: UTF8.self)
    #expect(
      text.contains("\"seeds\"") && text.contains("\"seed\" : 8") || text.contains("\"seed\": 8"))
  }
}
