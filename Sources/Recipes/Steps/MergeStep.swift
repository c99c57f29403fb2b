// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Documents
  import Evaluation
  import Foundation
  import Models
  import Surgery
  import Tokenization

  /// One merge method: candidates of a small grid are judged on the selection data, without
  /// writing a file; the best is written.
  struct MergeStep: RecipeStep {
    static let kind = StepKind("merge", version: 4)

    let grid: MergeGrid
    let repetition: Repetition
    let source: SelectionSource
    let sourceInputs: [StepInput]
    let base: StepInput
    /// For the estimate.
    let size: ModelSize

    var name: String { repetition.name("merge-\(grid.method)") }
    var seed: UInt64 { grid.drawsMasks ? repetition.maskSeed : 0 }
    var outputs: [StepOutput] { [.folder, StepOutput("model", path: "model")] }
    var settings: JSON {
      var settings = grid.identity
      settings["judged_on"] = source.identity
      return settings
    }
    var isResumable: Bool { true }
    var inputs: [StepInput] {
      sourceInputs + [
        base, .output("ct", of: repetition.name("ct"), named: "model"),
        .output("sft", of: repetition.name("sft"), named: "model"),
        .output("references", of: repetition.name("selection")),
      ]
    }

    func estimate(_ context: EstimateContext) -> StepEstimate {
      StepEstimate(
        outputByteCount: size.weightByteCount, memoryByteCount: size.mergingByteCount,
        note: "\(grid.candidates.count) candidate\(grid.candidates.count == 1 ? "" : "s")")
    }

    func run(_ context: StepContext) throws {
      let data = try source.load(context)
      let references = try SelectionReferences(folder: try context.input("references"))
      let folders = [
        "base": try context.input(base.label), "ct": try context.input("ct"),
        "sft": try context.input("sft"),
      ]
      let checkpoints = try folders.mapValues { try Checkpoint.open(directory: $0) }
      let tokenizer = try Tokenizer.load(directory: folders["base"] ?? "")
      let candidates = grid.candidates
      var points = try restorePoints(context)
      for candidate in candidates.dropFirst(points.count) {
        try context.cancellation.check()
        let merged = try plan(candidate, checkpoints)
        let model = try CheckpointLanguageModel(model: Model(merged), tokenizer: tokenizer)
        let score = try SelectionScore.measure(
          model, named: name, on: data, context.cancellation)
        points.append([
          "settings": candidate.json, "objective": JSON(references.objective(score)),
          "scores": score.json,
        ])
        try Disk.write(
          JSON(points).serialized(pretty: true) + "\n", to: context.folder + "/grid.json",
          isShared: false)
        context.report(
          StepProgress(done: points.count, total: candidates.count, unit: "candidates"))
      }
      // The first of equals, so that the order of the grid is a preference.
      var best = 0
      for (index, point) in points.enumerated()
      where point["objective"]?.double ?? 0 > points[best]["objective"]?.double ?? 0 {
        best = index
      }
      context.setFact("chosen", JSON(best))
      context.setFact("settings", candidates[best].json)
      try CheckpointWriter.write(
        plan(candidates[best], checkpoints), to: context.folder + "/model",
        options: CheckpointWriter.Options(force: true))
    }

    private func plan(
      _ candidate: MergeGrid.Candidate, _ checkpoints: [String: Checkpoint]
    ) throws -> Checkpoint {
      try Merge.plan(candidate.recipe(seed: seed)) { reference in
        guard let checkpoint = checkpoints[reference] else {
          throw StudyError.section("merges", needs: "a model `\(reference)`", origin: name)
        }
        return checkpoint
      }
    }

    private func restorePoints(_ context: StepContext) throws -> [JSON] {
      let path = context.folder + "/grid.json"
      guard context.isResuming, Disk.exists(path) else { return [] }
      return try JSON.parse(try Disk.read(path), origin: path).array ?? []
    }
  }
#endif
