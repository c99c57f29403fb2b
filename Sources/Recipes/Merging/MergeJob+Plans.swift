// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Surgery
import Tensors

extension MergeJob {
  /// What a job would do about one stage.
  public struct StagePlan: Sendable {
    public let stage: Stage
    /// How it would be made and written; `nil` for a stage that is finished and kept.
    public let work: (plan: MergePlan, outline: CheckpointWriter.Outline)?
    /// The bytes of its weights, there or to be written.
    public let byteCount: Int
  }

  /// The plans of all stages as ``run(_:)`` carries them out, in order: a stage is made of the folders
  /// of those before it, in the types in which they are kept. Nothing is written, and of the models
  /// only headers are read.
  public func plans() throws -> [StagePlan] {
    var plans: [StagePlan] = []
    /// The stages that are not there yet, by their folders.
    var made: [String: Checkpoint] = [:]
    for stage in stages {
      if try isFinished(stage) {
        let kept = try Checkpoint.open(directory: stage.out)
        plans.append(StagePlan(stage: stage, work: nil, byteCount: kept.byteCount))
        continue
      }
      let nested = try plan(stage)
      let recipe = try recipe(stage, like: nested)
      let plan =
        try recipe == stage.nested
        ? nested : MergePlan.make(recipe, from: resolver(with: made), options: planning)
      let outline = try check(stage, nested, writing: plan.checkpoint)
      made[stage.out] = try standIn(for: plan.checkpoint, in: stages)
      plans.append(
        StagePlan(stage: stage, work: (plan, outline), byteCount: outline.byteCount))
    }
    return plans
  }

  /// A checkpoint that has a stage's names, shapes and types, and whose elements are as quick to get as
  /// those of a file: an estimate of a later stage's time shall not count this one's. Where weights are
  /// compared with statistics of them it is the checkpoint itself.
  private func standIn(for checkpoint: Checkpoint, in stages: [Stage]) throws -> Checkpoint {
    let comparesWeights = try stages.contains { stage in
      try MergeMethods.named(stage.recipe.method).card.statistics != nil
    }
    if comparesWeights { return checkpoint }
    var sources: [String: TensorSource] = [:]
    for name in checkpoint.names {
      let source = try checkpoint.source(name)
      sources[name] =
        source.info.elementType.isFloatingPoint
        ? TensorSource(info: source.info, origin: source.origin) { StandInReader() } : source
    }
    return Checkpoint(
      config: checkpoint.config, origin: checkpoint.origin, sources: sources,
      tokenizerFiles: checkpoint.tokenizerFiles)
  }

  /// The job's resolver, to which the results of stages seem to lie in their folders already.
  private func resolver(with made: [String: Checkpoint]) -> ModelResolver {
    let own = resolver
    return ModelResolver(
      fold: own.fold, folders: own.folders, locate: own.locate, statistics: own.statistics
    ) { reference in
      guard case .stored(let location) = reference.base, let planned = made[location.path] else {
        return try own.resolve(reference)
      }
      return try own.folding(reference, into: planned)
    }
  }
}

/// Numbers of the size of weights, none like its neighbour.
private struct StandInReader: TensorReader {
  func read(from start: Int, into output: MutableFloatChunk) throws(CheckpointError) {
    for index in output.indices {
      // Knuth's multiplier, which spreads neighbours over all of UInt32.
      let spread = UInt32(truncatingIfNeeded: start + index) &* 2_654_435_761
      output[index] = Float(Int32(bitPattern: spread)) * 0x1p-36
    }
  }
}
