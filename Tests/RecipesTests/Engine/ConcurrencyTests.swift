// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Recipes

@Suite struct ConcurrencyTests {
  @Test func `two runs that need one result build it once`() async throws {
    let scratch = try Scratch()
    let builds = Counter()
    let mayEnd = Cancellation()
    func step() -> Echo {
      Echo(name: "base", word: "dear", storage: .cache) { _ in
        builds.add()
        while !mayEnd.isRequested { try await Task.sleep(for: .milliseconds(5)) }
      }
    }
    func start(_ name: String, _ events: Events) throws -> Runner {
      let places = try RunPlaces(run: scratch("runs/\(name)"))
      let plan = try Plan(Recipe(name: name, steps: [step()]), places: places)
      return Runner(plan, environment: testEnvironment, observer: events.observer)
    }
    let (eventsOfA, eventsOfB) = (Events(), Events())
    let (a, b) = (try start("a", eventsOfA), try start("b", eventsOfB))
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { _ = try await a.run() }
      while builds.now == 0 { try await Task.sleep(for: .milliseconds(5)) }
      group.addTask { _ = try await b.run() }
      while eventsOfB.all.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
      mayEnd.request()
      try await group.waitForAll()
    }
    #expect(builds.now == 1)
    #expect(eventsOfA.all == ["start base 1/1", "finish base"])
    #expect(eventsOfB.all == ["wait base", "cached base"])
    #expect(try results(of: scratch("runs/a")) == results(of: scratch("runs/b")))
    let left = try Disk.names(in: scratch("runs/cache/echo"))
    #expect(left.count == 1)
  }

  @Test func `waiting for a lock ends when asked to stop`() async throws {
    let scratch = try Scratch()
    let lock = try #require(try FolderLock.take(scratch("a.lock")))
    let cancellation = Cancellation()
    await #expect(throws: StepInterrupted.self) {
      _ = try await FolderLock.wait(scratch("a.lock"), cancellation: cancellation) {
        cancellation.request()
      }
    }
    withExtendedLifetime(lock) {}
  }

  @Test func `only one of many takers holds a lock`() async throws {
    let scratch = try Scratch()
    let inside = Counter()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask {
          for _ in 0..<50 {
            guard let lock = try FolderLock.take(scratch("a.lock")) else { continue }
            inside.add(1)
            await Task.yield()
            inside.add(-1)
            withExtendedLifetime(lock) {}
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(inside.most == 1)
    #expect(!Disk.exists(scratch("a.lock")))
  }
}
