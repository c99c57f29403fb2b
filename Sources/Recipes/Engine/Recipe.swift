// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// A recipe that has been read: its name, its text for the run folder, and its steps.
public struct Recipe: Sendable {
  /// The run's name, unless the user gives another.
  public let name: String
  /// The file it was read from; empty for recipes made in code.
  public let path: String
  /// The YAML as read, kept beside the results; empty for recipes made in code.
  public let text: String
  /// The steps in order.
  public let graph: StepGraph

  /// A recipe of these steps.
  /// - Throws: as `StepGraph.init` does, and `RecipeError.unusableName` for `name`.
  public init(
    name: String, path: String = "", text: String = "", steps: [any RecipeStep]
  ) throws(RecipeError) {
    guard StepGraph.isUsableName(name) else { throw .unusableName(name) }
    self.name = name
    self.path = path
    self.text = text
    graph = try StepGraph(steps)
  }
}

/// Where a run writes, and what it shares with others.
public struct RunPlaces: Equatable, Sendable {
  /// The run folder, absolute.
  public let run: String
  /// The cache folder, absolute.
  public let cache: String

  /// - Parameters:
  ///   - run: the run folder, made when missing.
  ///   - cache: the cache; by default `cache` beside the run folder, so that the runs in one
  ///     folder share it.
  /// - Throws: `RecipeError.notARunFolder` when both are the same, or when `run` holds something
  ///   that no run wrote; `emptyPlace` and `notAFolder` for what can be no folder.
  public init(run: String, cache: String? = nil) throws(RecipeError) {
    // An empty text would mean the working folder, and is an unset variable of a script.
    guard !run.isEmpty else { throw .emptyPlace(option: "--out") }
    guard cache?.isEmpty != true else { throw .emptyPlace(option: "--cache") }
    self.run = Disk.absolute(run)
    self.cache = cache.map(Disk.absolute) ?? Disk.absolute(self.run + "/../cache")
    guard self.run != self.cache else { throw .notARunFolder(self.run) }
    for place in [self.run, self.cache] {
      if let found = Disk.identity(place), !found.isFolder { throw .notAFolder(place) }
    }
    guard Disk.exists(self.run) else { return }
    let names = try Disk.names(in: self.run)
    let ours = ["steps", "plan.json", "run.json", "recipe.yaml"]
    guard names.isEmpty || names.contains(where: ours.contains) else {
      throw .notARunFolder(self.run)
    }
  }

  /// `plan.json`: what was planned.
  public var plan: String { run + "/plan.json" }
  /// `run.json`: what ran.
  public var record: String { run + "/run.json" }
  /// `recipe.yaml`: what was asked.
  public var recipe: String { run + "/recipe.yaml" }
  /// `metrics.jsonl`: the records of all steps.
  public var metrics: String { run + "/metrics.jsonl" }
  /// `files.json` in the cache: hashes of external files.
  var fileHashes: String { cache + "/files.json" }

  /// Where a step's result lives.
  func place(of step: any RecipeStep, key: StepKey) -> StepPlace {
    let name = "\(run)/steps/\(step.name)-\(key.short)"
    switch step.storage {
    case .run: return StepPlace(folder: name, link: nil)
    case .cache: return StepPlace(folder: "\(cache)/\(step.kind.name)/\(key.hex)", link: name)
    }
  }
}

/// The paths of one step's result.
struct StepPlace: Equatable, Sendable {
  /// The finished folder.
  let folder: String
  /// The run folder's link to it, for a shared result.
  let link: String?
  /// The folder while it is being built.
  var partial: String { folder + ".partial" }
  /// A result found damaged, until its successor is in place.
  var damaged: String { folder + ".damaged" }
  /// The lock while it is being built.
  var lock: String { folder + ".lock" }
}
