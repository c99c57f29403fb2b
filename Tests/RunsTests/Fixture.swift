// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

@testable import Runs

/// A run as a real one looks, with numbers made up but in the right places.
enum Fixture {
  static func scores(
    _ accuracy: Double, _ bits: Double?, change: Double? = nil, half: Double = 0.065,
    language: String
  ) -> ModelScores.LanguageScores {
    ModelScores.LanguageScores(
      language: language,
      accuracy: Estimate(
        accuracy, interval: Interval(low: accuracy - half, high: accuracy + half),
        standardError: half / 1.96, count: 204),
      normalizedAccuracy: bits == nil ? nil : Estimate(accuracy - 0.01, count: 204),
      bitsPerByte: bits.map {
        Estimate($0, interval: Interval(low: $0 - 0.021, high: $0 + 0.02), count: 300)
      },
      bitsPerByteChange: change.map {
        Estimate($0, interval: Interval(low: $0 - 0.008, high: $0 + 0.009), count: 300)
      })
  }

  static func model(
    _ name: String, _ kind: ModelScores.Kind, source: (Double, Double?, Double?),
    target: (Double, Double?, Double?), difference: (Double, Double, Double)? = nil,
    tokens: Int? = nil, seconds: Double? = nil, settings: [ModelScores.Setting] = []
  ) -> ModelScores {
    let source = scores(source.0, source.1, change: source.2, half: 0.04, language: "source")
    let target = scores(target.0, target.1, change: target.2, language: "target")
    return ModelScores(
      name: name, kind: kind, settings: settings, source: source, target: target,
      languages: kind == .floor
        ? []
        : ["en", "is", "sv"].map { code in
          var each = source
          each.language = code
          return each
        } + [
          {
            var each = target
            each.language = "fo"
            return each
          }()
        ],
      againstReference: difference.map {
        PairedComparison(
          against: "CT→SFT", metric: "acc",
          difference: Estimate($0.0, interval: Interval(low: $0.1, high: $0.2), count: 204),
          pValue: $0.1 > 0 || $0.2 < 0 ? 0.012 : 0.47)
      },
      wallSeconds: seconds, trainedTokens: tokens)
  }

  static let models: [ModelScores] = [
    model("majority", .floor, source: (0.25, nil, nil), target: (0.25, nil, nil)),
    model(
      "Naive Bayes 3–5-grams", .floor, source: (0.61, nil, nil), target: (0.52, nil, nil),
      seconds: 2.4),
    model("base", .base, source: (0.19, 1.842, nil), target: (0.18, 2.311, nil)),
    model(
      "SFT only", .baseline, source: (0.62, 1.861, 0.019), target: (0.41, 2.329, 0.018),
      difference: (-0.05, -0.12, 0.02), tokens: 412_000, seconds: 48),
    model(
      "CT only", .baseline, source: (0.20, 1.913, 0.071), target: (0.21, 1.702, -0.609),
      difference: (-0.25, -0.33, -0.17), tokens: 3_200_000, seconds: 341),
    model(
      "CT→SFT", .baseline, source: (0.58, 1.938, 0.096), target: (0.46, 1.718, -0.593),
      tokens: 3_612_000, seconds: 389),
    model(
      "joint", .baseline, source: (0.57, 1.930, 0.088), target: (0.44, 1.722, -0.589),
      difference: (-0.02, -0.08, 0.04), tokens: 3_612_000, seconds: 395),
    model(
      "linear", .merge, source: (0.55, 1.872, 0.030), target: (0.45, 1.934, -0.377),
      difference: (-0.01, -0.07, 0.05), tokens: 3_612_000, seconds: 391,
      settings: [.init("weight", "0.5")]),
    model(
      "slerp", .merge, source: (0.56, 1.873, 0.031), target: (0.45, 1.931, -0.380),
      difference: (-0.01, -0.07, 0.05), tokens: 3_612_000, seconds: 391,
      settings: [.init("t", "0.5")]),
    model(
      "task_arithmetic", .merge, source: (0.60, 1.884, 0.042), target: (0.53, 1.781, -0.530),
      difference: (0.07, 0.01, 0.13), tokens: 3_612_000, seconds: 392,
      settings: [.init("λ", "0.8"), .init("w", "1.0")]),
    model(
      "ties", .merge, source: (0.59, 1.889, 0.047), target: (0.50, 1.792, -0.519),
      difference: (0.04, -0.02, 0.10), tokens: 3_612_000, seconds: 393,
      settings: [.init("λ", "0.8"), .init("density", "0.6")]),
    model(
      "dare_ties", .merge, source: (0.58, 1.891, 0.049), target: (0.49, 1.799, -0.512),
      difference: (0.03, -0.03, 0.09), tokens: 3_612_000, seconds: 393,
      settings: [.init("λ", "0.8"), .init("density", "0.6")]),
    model(
      "ties_sv", .merge, source: (0.60, 1.883, 0.041), target: (0.52, 1.788, -0.523),
      difference: (0.06, 0.00, 0.12), tokens: 3_612_000, seconds: 394,
      settings: [.init("λ", "0.8"), .init("density", "0.6"), .init("slack", "0.5")]),
  ]

  static let environment = RunEnvironment(
    engine: "MLX 0.32.4", blas: "OpenBLAS 0.3.21 (SkylakeX)", device: "cpu",
    system: "Debian GNU/Linux 12", processor: "AMD EPYC 9R14", coreCount: 2,
    memoryByteCount: 16_500_000_000)

  static func curve(_ step: String, from high: Double, to low: Double, count: Int) -> LossCurve {
    LossCurve(
      step: step,
      training: (1...count).map { i in
        let part = Double(i) / Double(count)
        let wobble = sin(Double(i) * 12.9898) * 0.06
        return .init(iteration: i * 5, loss: low + (high - low) * exp(-4 * part) + wobble)
      },
      validation: (0...6).map { i in
        let part = Double(i) / 6
        return .init(
          iteration: count * 5 * i / 6, loss: low + 0.08 + (high - low) * exp(-4 * part))
      })
  }

  static var run: RunRecord {
    RunRecord(
      name: "faroese", recipePath: "Examples/faroese/recipe.yaml",
      recipeText: """
        # Faroese from Icelandic, Swedish and English
        name: faroese
        base:
          mix: {en: 0.4, is: 0.3, sv: 0.25, fo: 0.05}
          tokens: 40M        # "gentle" afterwards
        ct:
          replay: 0.2 # <- 20% & no more
        merges: [linear, slerp, task_arithmetic, ties, dare_ties, ties_sv]

        """,
      startedAt: Date(timeIntervalSince1970: 1_795_000_000.25),
      endedAt: Date(timeIntervalSince1970: 1_795_004_210.5), status: .done, koineVersion: "0.2.0",
      environment: environment,
      seeds: [.init(name: "data", value: 17), .init(name: "training", value: .max)],
      steps: [
        StepRecord(
          name: "tokenizer", kind: "vocab", hash: "0f5e2a91c4d7b3e8aa", state: .cached,
          wallSeconds: 14.2, peakMemoryByteCount: 412_000_000, outputPath: "steps/tokenizer-0f5e"),
        StepRecord(
          name: "base", kind: "train", hash: "77aa01f3cd9e5b1200", state: .cached,
          wallSeconds: 6802, trainedTokens: 40_000_000, peakMemoryByteCount: 1_930_000_000,
          outputPath: "steps/base-77aa"),
        StepRecord(
          name: "ct", kind: "train", hash: "b1c2d3e4f5a6978877", state: .done, wallSeconds: 341,
          trainedTokens: 3_200_000, peakMemoryByteCount: 1_880_000_000, outputPath: "steps/ct-b1c2"),
        StepRecord(
          name: "sft", kind: "train", hash: "c9d8e7f6a5b4c3d2e1", state: .done, wallSeconds: 48,
          trainedTokens: 412_000, peakMemoryByteCount: 1_700_000_000, outputPath: "steps/sft-c9d8"),
        StepRecord(
          name: "evaluate", kind: "evaluate", hash: "d00dfeed0123456789", state: .done,
          wallSeconds: 210, peakMemoryByteCount: 900_000_000),
      ])
  }

  static var selection: Selection {
    let lambdas = ["0.2", "0.4", "0.6", "0.8", "1.0"]
    let densities = ["0.2", "0.4", "0.6", "0.8"]
    let line = lambdas.enumerated().map { index, value in
      Selection.Grid.Point(
        settings: [.init("weight", value)], objective: 2.42 - 0.1 * [0.2, 0.7, 1, 0.8, 0.1][index],
        measures: [.init("target bpb", "1.93"), .init("source dev acc", "0.55")])
    }
    var heat: [Selection.Grid.Point] = []
    var slack: [Selection.Grid.Point] = []
    for (row, density) in densities.enumerated() {
      for (column, value) in lambdas.enumerated() {
        let away = Double(column - 3)
        let below = Double(row - 2)
        heat.append(
          .init(
            settings: [.init("λ", value), .init("density", density)],
            objective: 2.3 + 0.02 * away * away + 0.015 * below * below))
      }
    }
    for (third, amount) in ["0.0", "0.5", "1.0"].enumerated() {
      for density in densities.prefix(2) {
        for (column, value) in lambdas.enumerated() {
          let objective = 2.25 + 0.02 * abs(Double(column) - 3) + 0.015 * abs(Double(third) - 1)
          slack.append(
            .init(
              settings: [.init("λ", value), .init("density", density), .init("slack", amount)],
              objective: objective))
        }
      }
    }
    return Selection(
      description:
        "Every candidate was scored on 300 held-out Faroese documents and the source languages’ dev rows; no target label was used.",
      objective: "target bits per byte − source dev accuracy", lowerIsBetter: true,
      grids: [
        .init(model: "linear", points: line, chosen: 2),
        .init(model: "ties", points: heat, chosen: 13),
        .init(model: "ties_sv", points: slack, chosen: 13),
      ])
  }

  static var report: ReportContent {
    ReportContent(
      title: "Teaching a small model Faroese",
      sources: [
        .init(code: "en", name: "English"), .init(code: "is", name: "Icelandic"),
        .init(code: "sv", name: "Swedish"),
      ], target: .init(code: "fo", name: "Faroese"),
      task: "SIB-200, topic of a sentence, 7 classes", run: run, models: models,
      selection: selection,
      curves: [
        curve("base", from: 9.0, to: 2.9, count: 900), curve("ct", from: 3.6, to: 2.7, count: 160),
        curve("sft", from: 2.2, to: 0.2, count: 60),
        curve("ct-sft", from: 1.9, to: 0.15, count: 60),
        curve("joint", from: 3.7, to: 2.5, count: 170),
      ],
      samples: [
        .init(
          language: "fo", prompt: "Føroyar eru eitt oyggjaland, sum",
          completions: [
            .init(model: "base", text: "er en stor stad i Sverige och i landet"),
            .init(model: "CT→SFT", text: "liggur í Norðuratlantshavi millum Ísland og Skotland."),
            .init(
              model: "ties_sv", text: "liggur í Norðuratlantshavi. Tað búgva fólk á oyggjunum."),
          ]),
        .init(
          language: "en", prompt: "The government said on Monday that",
          completions: [
            .init(model: "base", text: "the country would be the first to have been"),
            .init(model: "CT→SFT", text: "the landsstýrið would be"),
            .init(model: "ties_sv", text: ""),
          ]),
      ],
      data: [
        .init(
          language: "English", use: "base, replay, task", readDocumentCount: 21_400,
          trainDocumentCount: 20_870, heldOutDocumentCount: 300, trainByteCount: 41_200_000,
          heldOutByteCount: 604_000, trainTokenCount: 10_400_000,
          dropped: [.init(reason: "exact duplicates", documentCount: 230)]),
        .init(
          language: "Faroese", use: "base 5%, CT", readDocumentCount: 9_812,
          trainDocumentCount: 9_377, heldOutDocumentCount: 300, trainByteCount: 9_730_000,
          heldOutByteCount: 311_000, trainTokenCount: 3_050_000,
          dropped: [
            .init(reason: "exact duplicates", documentCount: 133),
            .init(reason: "not UTF-8", documentCount: 2),
          ]),
      ],
      facts: [
        .init("Swift", "6.3"), .init("MLX wheel", "sha256 4f1c…9a02"),
        .init("Final weights, ties_sv", "sha256 b6589fc6ab0dc82cf12099d1c2d40ab994e8410c"),
      ],
      notes: [
        "Naive Bayes over character 3–5-grams stays level with the best merge: at this scale the language model adds little to the task itself.",
        "CT alone answers at chance, as it never saw the task.",
      ])
  }

  /// A fresh folder under the system's temporary one.
  static func folder(_ body: (String) throws -> Void) throws {
    let path = NSTemporaryDirectory() + "/koine-runs-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    try body(path)
  }
}
