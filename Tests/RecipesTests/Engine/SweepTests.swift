// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Recipes

/// What killed runs leave behind, and who may remove it.
@Suite struct SweepTests {
  let scratch: Scratch
  init() throws { scratch = try Scratch() }

  private func plan(count: Int, run: String, cache: String = "runs/cache") throws -> Plan {
    try Plan(
      Recipe(name: "test", steps: [CountUp(name: "base", count: count)]),
      places: RunPlaces(run: scratch(run), cache: scratch(cache)))
  }

  /// Begins a count and stops it; the unfinished folder.
  private func begin(count: Int, run: String, cache: String = "runs/cache") async throws -> String {
    let cancellation = Cancellation()
    var step = CountUp(name: "base", count: count)
    step.onNumber = { if $0 == 1 { cancellation.request() } }
    let plan = try Plan(
      Recipe(name: "test", steps: [step]),
      places: RunPlaces(run: scratch(run), cache: scratch(cache)))
    await #expect(throws: RunInterrupted.self) {
      try await Runner(plan, environment: testEnvironment, cancellation: cancellation).run()
    }
    return plan.entries[0].place.partial
  }

  private func sweep(_ plan: Plan, afterDays days: Double = 8) -> Sweep.Result {
    Sweep(plan: plan, now: Date(timeIntervalSinceNow: days * 86_400)).run()
  }

  @Test func `an unfinished result of a recipe that changed goes after seven days`() async throws {
    let partial = try await begin(count: 5, run: "runs/test")
    let changed = try plan(count: 6, run: "runs/test")
    // Not while the run folder's last plan wants it.
    #expect(sweep(changed) == Sweep.Result())
    try await runSteps([CountUp(name: "base", count: 6)], in: scratch)
    #expect(Disk.exists(partial))
    #expect(sweep(changed, afterDays: 6.9) == Sweep.Result())
    let result = sweep(changed)
    #expect(result.count == 1 && result.byteCount > 0)
    #expect(!Disk.exists(partial))
    let left = try Disk.names(in: scratch("runs/cache/count-up"))
    #expect(left == [changed.entries[0].key.hex])
    #expect(sweep(changed) == Sweep.Result())
  }

  @Test func `a run says what it removed, and nothing when it removed nothing`() async throws {
    let partial = try await begin(count: 5, run: "runs/test")
    #expect(
      try await runSteps([CountUp(name: "base", count: 6)], in: scratch)
        == ["start base 1/1", "finish base"])
    let old = [FileAttributeKey.modificationDate: Date(timeIntervalSinceNow: -8 * 86_400)]
    for path in [partial] + (try Disk.files(in: partial).map { "\(partial)/\($0.path)" }) {
      try FileManager.default.setAttributes(old, ofItemAtPath: path)
    }
    let events = try await runSteps([CountUp(name: "base", count: 7)], in: scratch)
    #expect(events.count == 3)
    #expect(events[0].hasPrefix("run: Removed an unfinished result ("))
    #expect(
      events[0].hasSuffix(" B) that no recipe in sight goes on with, untouched for 7 days."))
    #expect(!Disk.exists(partial))
  }

  @Test func `what another run plans is kept, wherever that run lies`() async throws {
    let partial = try await begin(count: 5, run: "runs/one")
    let other = try plan(count: 6, run: "runs/two")
    #expect(sweep(other) == Sweep.Result())
    // A run folder elsewhere is known by the note in what it began.
    let far = try await begin(count: 8, run: "far/three")
    #expect(sweep(other) == Sweep.Result())
    // A plan that cannot be read keeps everything.
    try scratch.write("{", to: "runs/one/plan.json")
    #expect(sweep(other) == Sweep.Result())
    try Disk.remove(scratch("runs/one"))
    #expect(sweep(other).count == 1)
    #expect(!Disk.exists(partial) && Disk.exists(far))
    // A folder that is gone with the one above it may be on a disk that is not there today.
    try Disk.move(scratch("far"), to: scratch("elsewhere"))
    #expect(sweep(other) == Sweep.Result())
    try Disk.move(scratch("elsewhere"), to: scratch("far"))
    try Disk.remove(scratch("far/three"))
    #expect(sweep(other).count == 1)
    #expect(!Disk.exists(far))
  }

  @Test func `what a living process works on is kept`() async throws {
    let partial = try await begin(count: 5, run: "runs/test")
    try Disk.remove(scratch("runs/test"))
    let other = try plan(count: 6, run: "runs/two")
    let path = partial.replacing(".partial", with: ".lock")
    let lock = try #require(try FolderLock.take(path))
    #expect(sweep(other) == Sweep.Result())
    #expect(Disk.exists(partial))
    withExtendedLifetime(lock) {}
  }

  @Test func `of a run's own steps those of its earlier settings go, and nothing that is not ours`()
    async throws
  {
    let key = String(repeating: "a", count: 12)
    for folder in [
      "runs/test/steps/ct-\(key).partial", "runs/test/steps/notes.partial",
      "runs/test/steps/ct-\(key)", "runs/cache/train/mine.partial", "runs/cache/mine.partial",
    ] {
      try Disk.makeFolder(scratch(folder))
      try scratch.write("x", to: folder + "/state")
    }
    let plan = try plan(count: 6, run: "runs/test")
    #expect(sweep(plan) == Sweep.Result(count: 1, byteCount: 1))
    #expect(try Disk.names(in: scratch("runs/test/steps")) == ["ct-\(key)", "notes.partial"])
    #expect(Disk.exists(scratch("runs/cache/train/mine.partial")))
    #expect(Disk.exists(scratch("runs/cache/mine.partial")))
  }

  @Test func `a sweep that was killed is finished by the next`() throws {
    let stem = "runs/cache/train/" + String(repeating: "b", count: 64)
    try Disk.makeFolder(scratch(stem + ".swept"))
    try scratch.write("x", to: stem + ".swept/state")
    let plan = try plan(count: 6, run: "runs/test")
    #expect(sweep(plan, afterDays: 0) == Sweep.Result())
    #expect(try Disk.names(in: scratch("runs/cache/train")).isEmpty)
  }
}
