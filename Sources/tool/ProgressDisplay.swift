// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Recipes
import Runs
import Synchronization

/// Shows on stderr what a run does: a line per step, and one that is redrawn while it works (on a
/// terminal) or repeated every few seconds (elsewhere).
final class ProgressDisplay: Sendable {
  private struct State {
    var policy: ProgressPolicy
    var meter = RateMeter()
    var losses: [Double] = []
    var label = ""
    var isLineOpen = false
  }

  /// Losses kept for the sparkline; the line has room for a dozen cells.
  private static let lossCount = 120

  private let style: TerminalStyle
  private let start = ContinuousClock.now
  private let state: Mutex<State>

  init(_ style: TerminalStyle = .detect(descriptor: 2)) {
    self.style = style
    state = Mutex(State(policy: ProgressPolicy(style)))
  }

  /// The observer of a run.
  var observer: RunObserver { { self.show($0) } }

  /// A message that does not land behind a half-drawn line.
  func message(_ text: String) {
    state.withLock { state in say(text, &state) }
  }

  private func show(_ event: RunEvent) {
    state.withLock { state in
      switch event {
      case .started(let step, _, let index, let count, let isResuming):
        state.label = "\(step) \(index)/\(count)"
        state.meter = RateMeter()
        state.losses = []
        if !style.isTerminal {
          say("\(state.label)  \(isResuming ? "resumes" : "starts")", &state)
        }
      case .progress(_, let progress): draw(progress, &state)
      case .metric: break
      case .message(let step, let text): say(step.map { "\($0): \(text)" } ?? text, &state)
      case .finished(_, let seconds, let byteCount):
        say(
          "\(state.label)  done in \(NumberText.duration(seconds: seconds)), "
            + NumberText.bytes(byteCount), &state)
      case .reused(let step, let index, let count, let isShared):
        say("\(step) \(index)/\(count)  \(isShared ? "in the cache" : "done before")", &state)
      case .waiting(let step):
        say("\(step): another process is at it; waiting for its result.", &state)
      }
    }
  }

  private func draw(_ progress: StepProgress, _ state: inout State) {
    let now = ContinuousClock.now - start
    let measured = state.meter.update(done: Double(progress.done), now: now)
    if let loss = progress.loss {
      state.losses.append(loss)
      if state.losses.count > Self.lossCount { state.losses.removeFirst() }
    }
    let detail = progress.detail.map { " (\($0))" } ?? ""
    let line = ProgressLine(
      label: state.label + detail, done: Double(progress.done),
      total: progress.total.map(Double.init), unit: progress.unit,
      rate: progress.rate ?? measured, memoryByteCount: Machine.peakMemoryByteCount(),
      losses: state.losses)
    guard let text = state.policy.text(for: line, now: now) else { return }
    write(text)
    state.isLineOpen = style.isTerminal
  }

  private func say(_ text: String, _ state: inout State) {
    write((state.isLineOpen ? state.policy.clearing : "") + text + "\n")
    state.isLineOpen = false
  }

  private func write(_ text: String) { Output.progress(text) }
}
