// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Foundation
  import Runs

  extension Study {
    /// Weights above which a reader waits long enough to be told, in bytes.
    private static let notableByteCount = 1_000_000_000

    /// Looks for numbers that are not finite in the weights of the recipe's `model.path`, before
    /// texts are prepared and anything is trained.
    ///
    /// Nothing is read where no step is left that reads the weights, or where one is done that
    /// looked at them: a step's key holds their hash. Cost otherwise: one pass over the files.
    ///
    /// - Returns: whether the weights were read.
    /// - Throws: `CheckpointError.notFinite` with file, tensor and element.
    @discardableResult
    public func checkBaseModel(_ plan: Plan, observer: RunObserver = { _ in }) throws -> Bool {
      guard let folder = settings.baseModel else { return false }
      let readers = plan.entries.filter { entry in
        entry.step.inputs.contains {
          $0.source == .file(folder) && $0.label != StudyGraph.tokenizerLabel
        }
      }
      let isKnownGood = readers.contains {
        $0.state == .done && ($0.step is TrainStep || $0.step is EvaluateStep)
      }
      guard !isKnownGood, readers.contains(where: { $0.state != .done }) else { return false }
      let checkpoint = try Checkpoint.open(directory: folder)
      if checkpoint.byteCount >= Self.notableByteCount {
        observer(
          .message(
            step: nil, "Reading \(NumberText.bytes(checkpoint.byteCount)) of weights in \(folder).")
        )
      }
      try checkpoint.checkFinite()
      return true
    }
  }
#endif
