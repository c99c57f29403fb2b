// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Training

  extension Study {
    /// Throws `StudyError` where a training that is still to be done cannot be done on this machine's
    /// device: before the first, which may take hours.
    public func checkDevice(_ plan: Plan) throws {
      for entry in plan.entries where entry.state != .done {
        guard let step = entry.step as? TrainStep else { continue }
        do { _ = try step.training.kernels() } catch {
          throw StudyError.training(step.name, origin: settings.origin, error)
        }
      }
    }
  }
#endif
