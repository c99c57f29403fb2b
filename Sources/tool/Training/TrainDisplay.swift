// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Foundation
  import Recipes
  import Runs
  import Synchronization

  /// Shows a training on stderr: one line that is redrawn on a terminal and repeated every few
  /// seconds elsewhere, and a line for each evaluation and message.
  final class TrainDisplay: Sendable {
    private struct State {
      var policy: ProgressPolicy
      var losses: [Double] = []
      var isLineOpen = false
      var lastScores: [String: Double] = [:]
    }

    /// Losses kept for the trend; the line has room for a dozen cells.
    private static let lossCount = 240

    private let style: TerminalStyle
    private let start = ContinuousClock.now
    private let state: Mutex<State>

    init(_ style: TerminalStyle = .detect(descriptor: 2)) {
      self.style = style
      state = Mutex(State(policy: ProgressPolicy(style)))
    }

    var observer: TrainObserver { { self.show($0) } }

    /// A message that does not land behind a half-drawn line.
    func message(_ text: String) { state.withLock { say(text, &$0) } }

    /// Takes away a line that is half drawn, before a result is printed.
    func close() {
      state.withLock { state in
        if state.isLineOpen { Output.progress(state.policy.clearing) }
        state.isLineOpen = false
      }
    }

    private func show(_ event: TrainEvent) {
      state.withLock { state in
        switch event {
        case .phase(let text):
          if !style.isTerminal { say(text, &state) }
        case .work(let label, let done, let total, let unit):
          draw(
            ProgressLine(
              label: label, done: Double(done), total: total > 0 ? Double(total) : nil,
              unit: unit), isFinal: false, &state)
        case .step(let progress): draw(progress, &state)
        case .evaluated(let scores, let isAverage): say(line(scores, isAverage, &state), &state)
        case .best(let step, let score):
          say("step \(step)  the best so far: \(NumberText.fixed(score, 4)) bits a byte", &state)
        case .message(let text): say(text, &state)
        case .warning(let text): say("Warning: " + text, &state)
        }
      }
    }

    private func draw(_ progress: TrainProgress, _ state: inout State) {
      state.losses.append(progress.loss)
      if state.losses.count > Self.lossCount { state.losses.removeFirst() }
      draw(
        ProgressLine(
          label: "step \(progress.step)/\(progress.stepCount)", done: Double(progress.seenTokens),
          total: Double(progress.totalTokens), unit: "tok", rate: progress.tokensPerSecond,
          memoryByteCount: Machine.peakMemoryByteCount(), losses: state.losses,
          utilization: progress.utilization, estimatedSeconds: progress.remainingSeconds),
        isFinal: progress.step == progress.stepCount, &state)
    }

    private func draw(_ line: ProgressLine, isFinal: Bool, _ state: inout State) {
      let now = ContinuousClock.now - start
      guard let text = state.policy.text(for: line, now: now, isFinal: isFinal) else { return }
      Output.progress(text)
      state.isLineOpen = style.isTerminal && !isFinal
    }

    /// "step 100  fao 1.234 (−0.021)  eng 1.456  val loss 3.21  sib200 acc 0.412".
    private func line(_ scores: LoopScores, _ isAverage: Bool, _ state: inout State) -> String {
      var parts = ["step \(scores.step)" + (isAverage ? "  moving average" : "")]
      for (name, value) in scores.bitsPerByte {
        var text = "\(name) \(NumberText.fixed(value, 3)) bits/byte"
        if !isAverage {
          if let before = state.lastScores[name] {
            text += " (\(NumberText.fixed(value - before, 3, signed: true)))"
          }
          state.lastScores[name] = value
        }
        parts.append(text)
      }
      if let loss = scores.loss { parts.append("val loss \(NumberText.fixed(loss, 3))") }
      parts += scores.tasks.map { "\($0.task) \($0.metric) \(NumberText.fixed($0.value, 3))" }
      var lines = DisplayWidth.wrapped(
        parts.joined(separator: "  "), to: max(20, style.width - 1))
      if !isAverage {
        lines += scores.samples.map { sample in
          let name = sample.language.map { "\($0): " } ?? ""
          return DisplayWidth.truncated(
            "  \(name)\(sample.prompt)»\(DisplayWidth.printable(sample.text))",
            to: max(20, style.width - 1))
        }
      }
      return lines.joined(separator: "\n")
    }

    private func say(_ text: String, _ state: inout State) {
      Output.progress((state.isLineOpen ? state.policy.clearing : "") + text + "\n")
      state.isLineOpen = false
    }
  }
#endif
