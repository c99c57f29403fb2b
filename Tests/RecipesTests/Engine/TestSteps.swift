// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Runs
import Synchronization

@testable import Recipes

/// A folder that goes when the test is over.
final class Scratch: Sendable {
  let path: String

  init() throws {
    path = Disk.absolute(NSTemporaryDirectory() + "/koine-recipes-\(UUID().uuidString)")
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The path of `name` in the folder.
  func callAsFunction(_ name: String) -> String { path + "/" + name }

  /// Writes a file; returns its path.
  @discardableResult
  func write(_ text: String, to name: String) throws -> String {
    try text.write(toFile: self(name), atomically: false, encoding: .utf8)
    return self(name)
  }
}

/// Writes its word, then what its inputs hold, into `text.txt`.
struct Echo: RecipeStep {
  static let kind = StepKind("echo", version: 1)
  var name: String
  var word: String
  var inputs: [StepInput] = []
  var storage = StepStorage.run
  var estimated = StepEstimate()
  /// Called at the start, to count, cancel or throw.
  var onRun: @Sendable (StepContext) async throws -> Void = { _ in }

  var outputs: [StepOutput] { [.folder, StepOutput("text", path: "text.txt")] }
  var settings: JSON { ["word": JSON(word)] }
  func estimate(_ context: EstimateContext) -> StepEstimate { estimated }

  func run(_ context: StepContext) async throws {
    try await onRun(context)
    var text = word + "\n"
    for input in inputs {
      text += try String(contentsOfFile: context.input(input.label), encoding: .utf8)
    }
    try text.write(toFile: context.folder + "/text.txt", atomically: false, encoding: .utf8)
  }
}

/// A resumable step: adds the numbers below `count` to a file one by one, a save after each.
struct CountUp: RecipeStep {
  static let kind = StepKind("count-up", version: 1)
  var name: String
  var count: Int
  var inputs: [StepInput] = []
  var storage = StepStorage.cache
  var seed: UInt64 { 7 }
  var isResumable: Bool { true }
  /// Called before each number.
  var onNumber: @Sendable (Int) throws -> Void = { _ in }

  var outputs: [StepOutput] { [StepOutput("numbers", path: "numbers.txt")] }
  var settings: JSON { ["count": JSON(count)] }

  func run(_ context: StepContext) throws {
    let path = context.folder + "/numbers.txt"
    // A kill may have torn the last line.
    let saved = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    let lines = saved.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    try lines.map { $0 + "\n" }.joined().write(toFile: path, atomically: true, encoding: .utf8)
    try context.keepMetrics { ($0["iteration"]?.int ?? 0) < lines.count }
    for number in lines.count..<max(count, lines.count) {
      try onNumber(number)
      try context.cancellation.check()
      try Disk.append(line: "\(number) \(number &* Int(context.seed))", to: path)
      context.setFact(StepContext.trainedTokens, JSON(number + 1))
      var metric = JSONObject()
      metric["iteration"] = JSON(number)
      try context.record(metric)
      context.report(StepProgress(done: number + 1, total: count, unit: "numbers"))
    }
  }
}

/// A counter that tasks share.
final class Counter: Sendable {
  private let state = Mutex((now: 0, most: 0))
  var now: Int { state.withLock { $0.now } }
  /// The highest it has been.
  var most: Int { state.withLock { $0.most } }

  func add(_ amount: Int = 1) {
    state.withLock { state in
      state.now += amount
      state.most = max(state.most, state.now)
    }
  }
}

/// What an observer saw.
final class Events: Sendable {
  private let lines = Mutex<[String]>([])
  var all: [String] { lines.withLock { $0 } }

  /// The observer; progress and metrics are left out.
  var observer: RunObserver {
    { event in
      let line: String? =
        switch event {
        case .started(let step, _, let index, let count, let isResuming):
          "\(isResuming ? "resume" : "start") \(step) \(index)/\(count)"
        case .progress, .metric: nil
        case .message(let step, let text): "\(step ?? "run"): \(text)"
        case .finished(let step, _, _): "finish \(step)"
        case .reused(let step, _, _, let isShared): "\(isShared ? "cached" : "done") \(step)"
        case .waiting(let step): "wait \(step)"
        }
      if let line { self.lines.withLock { $0.append(line) } }
    }
  }
}

/// The environment that tests write into `run.json`.
let testEnvironment = RunEnvironment(
  engine: "none", blas: "none", device: "cpu", system: "test", coreCount: 2)

/// Plans and runs steps; the events as text.
@discardableResult
func runSteps(
  _ steps: [any RecipeStep], in scratch: Scratch, run: String = "runs/test", verify: Bool = false,
  cancellation: Cancellation = Cancellation()
) async throws -> [String] {
  let events = Events()
  let places = try RunPlaces(run: scratch(run))
  let plan = try Plan(Recipe(name: "test", steps: steps), places: places, verify: verify)
  let runner = Runner(
    plan, environment: testEnvironment, cancellation: cancellation, observer: events.observer)
  _ = try await runner.run()
  return events.all
}

/// Every result file of a run by step and path, without manifests and records.
func results(of run: String) throws -> [String: String] {
  var found: [String: String] = [:]
  for folder in try Disk.names(in: run + "/steps") {
    for entry in try Disk.files(in: run + "/steps/" + folder)
    where ![StepManifest.fileName, StepContext.metricsFileName].contains(entry.path) {
      found["\(folder)/\(entry.path)"] =
        try Hashing.sha256(fileAt: "\(run)/steps/\(folder)/\(entry.path)").hash
    }
  }
  return found
}
