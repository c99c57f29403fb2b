// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import Synchronization

/// A wish to stop that long work looks at between safe points.
///
/// It never interrupts by itself: a step polls `isRequested` or calls `check()` where stopping
/// loses nothing, saves what it wants to keep, and throws `StepInterrupted`.
public final class Cancellation: Sendable {
  private let flag = Atomic<Bool>(false)
  private let number = Atomic<Int32>(0)

  /// A token that nobody has asked to stop yet.
  public init() {}

  /// Asks the work to stop; any thread may, any number of times.
  ///
  /// - Parameter signal: the one that asked, if one did.
  public func request(signal: Int32 = 0) {
    number.store(signal, ordering: .relaxed)
    flag.store(true, ordering: .releasing)
  }

  /// The signal that asked, or 0.
  public var signal: Int32 { number.load(ordering: .acquiring) }

  /// Whether the work should stop at its next safe point; cheap enough for every iteration.
  public var isRequested: Bool { flag.load(ordering: .acquiring) }

  /// Throws `StepInterrupted` when the work should stop.
  public func check() throws {
    if isRequested { throw StepInterrupted() }
  }
}

/// Thrown by a step that stopped because it was asked to.
public struct StepInterrupted: Error, Equatable {
  /// Stopped at a safe point.
  public init() {}
}

/// Turns SIGINT, SIGTERM and SIGHUP into a wish to stop: the first asks, the second ends the
/// process at once with the exit code of shells, 130 after Ctrl-C and 143 after SIGTERM.
///
/// Make one at the start of a command and keep it; when it goes, signals act as before. A signal
/// that the process was told to ignore (`nohup`, a shell's background job) stays ignored.
public final class InterruptSignals {
  private var sources: [(number: Int32, source: any DispatchSourceSignal, restore: () -> Void)] = []

  /// - Parameters:
  ///   - numbers: the signals; others act as ever.
  ///   - cancellation: asked to stop by the first signal.
  ///   - onFirst: called on the first signal, on a thread of its own: say what happens next.
  public init(
    _ numbers: [Int32] = [SIGINT, SIGTERM, SIGHUP], cancellation: Cancellation,
    onFirst: @escaping @Sendable () -> Void
  ) {
    let queue = DispatchQueue(label: "koine.signals", qos: .userInteractive)
    for number in numbers {
      let previous = signal(number, SIG_IGN)
      if unsafeBitCast(previous, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self) { continue }
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler {
        guard !cancellation.isRequested else { _exit(128 + number) }
        cancellation.request(signal: number)
        onFirst()
      }
      // Until the system has registered the source, a signal would be ignored and lost.
      let isRegistered = DispatchSemaphore(value: 0)
      source.setRegistrationHandler { isRegistered.signal() }
      source.resume()
      isRegistered.wait()
      sources.append((number, source, { signal(number, previous) }))
    }
  }

  deinit {
    for (_, source, restore) in sources {
      source.cancel()
      restore()
    }
  }
}
