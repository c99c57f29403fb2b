// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Synchronization

/// What a step gets to work with.
public struct StepContext: Sendable {
  /// The step's name, for messages.
  public let name: String
  /// The folder to write into: a temporary sibling of the final one. Files in it survive a kill
  /// if the step is resumable. Names that begin with a dot are scratch: they survive a kill too,
  /// and are dropped when the step ends, so no torn temporary file gets into a result.
  public let folder: String
  /// The step's seed.
  public let seed: UInt64
  /// Whether an earlier run left something in `folder`.
  public let isResuming: Bool
  /// Poll this where stopping is safe.
  public let cancellation: Cancellation

  let inputs: [String: String]
  let clock: StepClock
  let facts = StepFacts()
  let observer: RunObserver

  /// The absolute path of an input.
  /// - Throws: `RecipeError.unknownInput` for a label that the step does not declare.
  public func input(_ label: String) throws -> String {
    guard let path = inputs[label] else {
      throw RecipeError.unknownInput(step: name, label: label, known: inputs.keys.sorted())
    }
    return path
  }

  /// Tells how far the step is; cheap enough for every optimizer step.
  public func report(_ progress: StepProgress) {
    observer(.progress(step: name, progress))
    clock.beat()
  }

  /// Tells something worth a line.
  public func say(_ text: String) { observer(.message(step: name, text)) }

  /// The fact that `run.json` and the report show as tokens spent on training.
  public static let trainedTokens = "trained_tokens"

  /// Puts a fact about the result into the manifest; the last value of a name stands.
  public func setFact(_ name: String, _ value: JSON) { facts.set(name, value) }

  /// The step's records, a JSON object a line; the run's `metrics.jsonl` gathers those of all steps.
  public static let metricsFileName = "metrics.jsonl"

  /// Adds a training or evaluation record to the folder's `metrics.jsonl`.
  ///
  /// Records may hold times; they are evidence, not part of the result's identity.
  public func record(_ metric: JSONObject) throws {
    try Disk.append(
      line: JSON.object(metric).serialized(), to: folder + "/" + Self.metricsFileName)
    observer(.metric(step: name, metric))
  }

  /// Drops the records written after the point that the step resumes from, and a line torn by a
  /// kill. Call it once on resuming, before the first `record`.
  public func keepMetrics(where isKept: (JSON) -> Bool) throws {
    let path = folder + "/" + Self.metricsFileName
    guard Disk.exists(path) else { return }
    let lines = String(decoding: try Disk.read(path), as: UTF8.self).split(separator: "\n")
    let kept = lines.filter { line in
      guard let value = try? JSON.parse(String(line), origin: path) else { return false }
      return isKept(value)
    }
    try Disk.write(kept.map { $0 + "\n" }.joined(), to: path, isShared: false)
  }
}

/// What a step has told about its result.
final class StepFacts: Sendable {
  private let facts = Mutex(JSONObject())
  var all: JSONObject { facts.withLock { $0 } }
  func set(_ name: String, _ value: JSON) { facts.withLock { $0[name] = value } }
}

/// Wall time of a step over all runs that worked on it, kept in its unfinished folder.
final class StepClock: Sendable {
  static let fileName = ".clock.json"
  private static let beatSeconds = 10.0

  private let path: String
  private let earlierSeconds: Double
  private let start = ContinuousClock.now
  private let lastSaved = Mutex(0.0)

  init(folder: String) {
    let path = folder + "/" + Self.fileName
    self.path = path
    let saved = (try? Disk.read(path)).flatMap { try? JSON.parse($0, origin: path) }
    earlierSeconds = saved?["seconds"]?.double ?? 0
  }

  /// Seconds in this run.
  var ownSeconds: Double { (ContinuousClock.now - start) / .seconds(1) }
  /// Seconds in all runs.
  var seconds: Double { earlierSeconds + ownSeconds }

  /// Saves the time now and then, so that a kill loses little of it.
  func beat() {
    let isDue = lastSaved.withLock { lastSaved in
      guard ownSeconds - lastSaved >= Self.beatSeconds else { return false }
      lastSaved = ownSeconds
      return true
    }
    if isDue { save() }
  }

  /// Saves the time; a failure loses only this figure, so the work goes on.
  func save() {
    let value: JSON = ["seconds": JSON(seconds)]
    try? Disk.write(value.serialized() + "\n", to: path, isShared: false)
  }
}
