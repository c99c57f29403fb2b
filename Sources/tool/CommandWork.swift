// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Recipes

/// The progress of one command, as a run of one step shows it.
struct CommandWork: Sendable {
  private let name: String
  private let display = ProgressDisplay()

  init(_ name: String) {
    self.name = name
    display.observer(.started(step: name, kind: name, index: 1, count: 1, isResuming: false))
  }

  func show(_ done: Int, of total: Int?, unit: String) {
    show(StepProgress(done: done, total: total, unit: unit))
  }

  func show(_ progress: StepProgress) { display.observer(.progress(step: name, progress)) }

  func finish(seconds: Double, byteCount: Int) {
    display.observer(.finished(step: name, seconds: seconds, byteCount: byteCount))
  }
}

extension CommandWork {
  /// Does `body` with progress where it reads so many weights that a person would wait for it.
  static func reading<R>(
    _ name: String, parameterCount: Int, byteCount: Int,
    _ body: (_ progress: ((_ done: Int, _ total: Int) -> Void)?) throws -> R
  ) throws -> R {
    // About a second's reading.
    guard parameterCount >= 20_000_000 else { return try body(nil) }
    let start = ContinuousClock.now
    let work = CommandWork(name)
    let result = try body { done, total in work.show(done, of: total, unit: "weights") }
    work.finish(seconds: (ContinuousClock.now - start) / .seconds(1), byteCount: byteCount)
    return result
  }
}
