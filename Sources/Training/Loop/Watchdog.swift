// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// Decides when silence has lasted too long: more than `factor` times the usual time between two
/// beats, and `minimum` at least.
///
/// The usual time is the median of the last beats of the same operation, so that one slow step or an
/// evaluation does not change what is usual. Times come from the caller's clock.
struct SilenceRule: Sendable {
  let factor: Double
  let minimum: Duration
  private var durations: [String: [Duration]] = [:]
  private var current: (operation: String, since: Duration)?
  private var lastNotice: Duration?

  init(factor: Double = 10, minimum: Duration = .seconds(20)) {
    self.factor = factor
    self.minimum = minimum
  }

  /// An operation begins, and ends the one before.
  mutating func begin(_ operation: String, at now: Duration) {
    if let current {
      let kind = Self.kind(current.operation)
      durations[kind, default: []].append(now - current.since)
      if durations[kind, default: []].count > 31 { durations[kind]?.removeFirst() }
    }
    current = (operation, now)
    lastNotice = nil
  }

  /// Nothing is under way.
  mutating func end() { current = nil }

  /// What to say at `now`: the operation and how long it has taken; `nil` while all is as usual. The
  /// next notice comes after as long again.
  mutating func notice(at now: Duration) -> (operation: String, elapsed: Duration)? {
    guard let current else { return nil }
    let elapsed = now - current.since
    guard elapsed >= limit(current.operation), elapsed >= (lastNotice ?? .zero) * 2 else {
      return nil
    }
    lastNotice = elapsed
    return (current.operation, elapsed)
  }

  private func limit(_ operation: String) -> Duration {
    let known = (durations[Self.kind(operation)] ?? []).sorted()
    guard !known.isEmpty else { return minimum }
    return max(minimum, known[known.count / 2] * factor)
  }

  /// "step" of "step 12": numbers apart, operations are the same.
  private static func kind(_ operation: String) -> String {
    operation.filter { !$0.isNumber }
  }
}

/// A thread that speaks up when a training has been silent for too long, so that no hang goes
/// unnoticed: it names the last operation and goes on watching. It never ends anything.
public final class Watchdog: Sendable {
  private let rule: Mutex<SilenceRule>
  private let isOver = Atomic<Bool>(false)
  private let start = ContinuousClock.now

  /// - Parameter onSilence: called on a thread of its own with the operation and its seconds so far.
  public init(onSilence: @escaping @Sendable (_ operation: String, _ seconds: Double) -> Void) {
    rule = Mutex(SilenceRule())
    let thread = Thread { [weak self] in
      while let self, !self.isOver.load(ordering: .relaxed) {
        let now = ContinuousClock.now - self.start
        if let notice = self.rule.withLock({ $0.notice(at: now) }) {
          onSilence(notice.operation, notice.elapsed / .seconds(1))
        }
        // The strong reference is dropped with the turn of the loop.
        Thread.sleep(forTimeInterval: 0.5)
      }
    }
    thread.name = "koine watchdog"
    thread.start()
  }

  /// Tells what begins now.
  public func begin(_ operation: String) {
    let now = ContinuousClock.now - start
    rule.withLock { $0.begin(operation, at: now) }
  }

  /// Ends the watch.
  public func stop() {
    rule.withLock { $0.end() }
    isOver.store(true, ordering: .relaxed)
  }

  deinit { isOver.store(true, ordering: .relaxed) }
}
