// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Recipes

/// The steps that a child process runs until it is killed.
private func chain(_ root: String, onNumber: @escaping @Sendable (Int) throws -> Void = { _ in })
  -> [any RecipeStep]
{
  [
    Echo(name: "text", word: "hello"),
    CountUp(
      name: "base", count: 40, inputs: [.output("t", of: "text", named: "text")],
      onNumber: onNumber),
    Echo(name: "left", word: "l", inputs: [.output("b", of: "base", named: "numbers")]),
    Echo(
      name: "right", word: "r", inputs: [.output("b", of: "base", named: "numbers")],
      storage: .cache),
    Echo(
      name: "merge", word: "m",
      inputs: [
        .output("l", of: "left", named: "text"), .output("r", of: "right", named: "text"),
      ]),
  ]
}

private func runChain(_ root: String, steps: [any RecipeStep]) async throws {
  let plan = try Plan(
    Recipe(name: "chain", steps: steps), places: RunPlaces(run: root + "/runs/chain"))
  _ = try await Runner(plan, environment: testEnvironment).run()
}

@Suite struct KillTests {
  /// A child process is killed after a random time, again and again, until it gets through. The
  /// time grows with each child, so the kills fall in steps, between them and in the engine.
  @Test func `killed at random moments, a run still ends in the same bytes`() async throws {
    let scratch = try Scratch()
    try await runChain(scratch("calm"), steps: chain(scratch("calm")))
    let expected = try results(of: scratch("calm/runs/chain"))
    let seed = UInt64.random(in: .min ... .max)
    print("kill seed \(seed)")
    var random = seed
    var kills = 0
    let root = scratch("stormy")
    while kills < 60 {
      random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let microseconds = 500 + Int(random >> 33) % (3000 + 2000 * kills)
      await #expect(processExitsWith: .signal(SIGKILL)) {
        [root = root as String, microseconds = microseconds as Int] in
        Thread.detachNewThread {
          usleep(UInt32(microseconds))
          kill(getpid(), SIGKILL)
        }
        try await runChain(root, steps: chain(root))
        // Through in time: leave a sign, then end like the others.
        try Disk.write("", to: root + "/through")
        kill(getpid(), SIGKILL)
      }
      kills += 1
      if Disk.exists(root + "/through") { break }
    }
    try await runChain(root, steps: chain(root))
    let found = try results(of: root + "/runs/chain")
    #expect(found == expected, "\(found.keys.sorted())")
    let left = try Disk.names(in: root + "/runs/chain/steps")
    #expect(left.filter { $0.hasSuffix(".partial") || $0.hasSuffix(".damaged") } == [])
    #expect(try Disk.names(in: root + "/runs/chain").allSatisfy { !$0.hasSuffix(".tmp") })
    print("\(kills) children")
  }

  @Test(arguments: [0, 1, 17, 39])
  func `killed inside a resumable step, only the rest is done`(number: Int) async throws {
    let scratch = try Scratch()
    try await runChain(scratch("calm"), steps: chain(scratch("calm")))
    let root = scratch("stormy")
    await #expect(processExitsWith: .exitCode(9)) {
      [root = root as String, number = number as Int] in
      try await runChain(root, steps: chain(root) { if $0 == number { _exit(9) } })
    }
    let rest = Counter()
    try await runChain(root, steps: chain(root) { _ in rest.add() })
    #expect(rest.now == 40 - number)
    #expect(try results(of: root + "/runs/chain") == results(of: scratch("calm/runs/chain")))
  }

  @Test func `a killed process leaves no lock behind`() async throws {
    let scratch = try Scratch()
    let path = scratch("a.lock")
    await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
      let lock = try #require(try FolderLock.take(path))
      kill(getpid(), SIGKILL)
      withExtendedLifetime(lock) {}
    }
    #expect(Disk.exists(path))
    #expect(try FolderLock.take(path) != nil)
  }

  @Test func `each answer of a conversation can be stopped, not only the first`() async {
    await #expect(processExitsWith: .exitCode(7)) {
      for _ in 0..<3 {
        let cancellation = Cancellation()
        let signals = InterruptSignals([SIGINT], cancellation: cancellation) {}
        kill(getpid(), SIGINT)
        for _ in 0..<10_000 where !cancellation.isRequested { usleep(1000) }
        guard cancellation.isRequested else { _exit(1) }
        withExtendedLifetime(signals) {}
      }
      _exit(7)
    }
  }

  @Test func `the first signal asks to stop, the second ends the process as shells count`() async {
    await #expect(processExitsWith: .exitCode(128 + SIGTERM)) {
      let cancellation = Cancellation()
      let told = Counter()
      let signals = InterruptSignals(cancellation: cancellation) { told.add() }
      kill(getpid(), SIGTERM)
      for _ in 0..<10_000 where told.now == 0 { usleep(1000) }
      guard cancellation.isRequested else { _exit(1) }
      kill(getpid(), SIGTERM)
      for _ in 0..<10_000 { usleep(1000) }
      withExtendedLifetime(signals) {}
    }
  }
}
