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
  private let numbers: [Int32]
  private let owner: SignalSources.Owner

  /// - Parameters:
  ///   - numbers: the signals; others act as ever.
  ///   - cancellation: asked to stop by the first signal.
  ///   - onFirst: called on the first signal, on a thread of its own: say what happens next.
  public init(
    _ numbers: [Int32] = [SIGINT, SIGTERM, SIGHUP], cancellation: Cancellation,
    onFirst: @escaping @Sendable () -> Void
  ) {
    let owner = SignalSources.Owner(cancellation: cancellation, onFirst: onFirst)
    self.owner = owner
    self.numbers = numbers.filter { SignalSources.shared.give($0, to: owner) }
  }

  deinit {
    for number in numbers { SignalSources.shared.take(number, from: owner) }
  }
}

/// The process's source of each signal, and whom it serves.
///
/// A source is made once and stays: a second one for the same signal would be given nothing, for on
/// Linux Dispatch installs what it relies on with the first only.
private final class SignalSources: Sendable {
  static let shared = SignalSources()

  final class Owner: Sendable {
    let cancellation: Cancellation
    let onFirst: @Sendable () -> Void

    init(cancellation: Cancellation, onFirst: @escaping @Sendable () -> Void) {
      self.cancellation = cancellation
      self.onFirst = onFirst
    }
  }

  private struct Entry {
    let source: any DispatchSourceSignal
    /// How the signal acts without an owner, and with one.
    var usual: sigaction
    let caught: sigaction
    /// The last is served.
    var owners: [Owner] = []
  }

  private let entries = Mutex<[Int32: Entry]>([:])
  private let queue = DispatchQueue(label: "koine.signals", qos: .userInteractive)

  /// - Returns: whether the signal is the owner's now; not where it is ignored.
  func give(_ number: Int32, to owner: Owner) -> Bool {
    entries.withLock { entries in
      var entry: Entry
      if let known = entries[number] {
        entry = known
        if entry.owners.isEmpty {
          sigaction(number, nil, &entry.usual)
          if Self.isIgnored(entry.usual) { return false }
          var caught = entry.caught
          sigaction(number, &caught, nil)
        }
      } else {
        guard let new = catching(number) else { return false }
        entry = new
      }
      entry.owners.append(owner)
      entries[number] = entry
      return true
    }
  }

  func take(_ number: Int32, from owner: Owner) {
    entries.withLock { entries in
      entries[number]?.owners.removeAll { $0 === owner }
      guard let entry = entries[number], entry.owners.isEmpty else { return }
      var usual = entry.usual
      sigaction(number, &usual, nil)
    }
  }

  private func catching(_ number: Int32) -> Entry? {
    var (usual, caught) = (sigaction(), sigaction())
    sigaction(number, nil, &usual)
    if Self.isIgnored(usual) { return nil }
    signal(number, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
    source.setEventHandler { self.handle(number) }
    // Until the system has registered the source, a signal would be ignored and lost.
    let isRegistered = DispatchSemaphore(value: 0)
    source.setRegistrationHandler { isRegistered.signal() }
    source.resume()
    isRegistered.wait()
    sigaction(number, nil, &caught)
    return Entry(source: source, usual: usual, caught: caught)
  }

  private func handle(_ number: Int32) {
    guard let owner = entries.withLock({ $0[number]?.owners.last }) else {
      // It came when the last owner went: it acts as before.
      kill(getpid(), number)
      return
    }
    guard !owner.cancellation.isRequested else { _exit(128 + number) }
    owner.cancellation.request(signal: number)
    owner.onFirst()
  }

  private static func isIgnored(_ action: sigaction) -> Bool {
    #if canImport(Glibc)
      let handler = action.__sigaction_handler.sa_handler
    #else
      let handler = action.__sigaction_u.__sa_handler
    #endif
    return unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }
}
