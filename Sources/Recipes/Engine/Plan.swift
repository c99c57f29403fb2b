// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// What a run would do: every step with its key, its place and what is there already.
public struct Plan: Sendable {
  /// What is to be done about a step.
  public enum State: Equatable, Sendable {
    /// Nothing: its result is there.
    case done
    /// Go on from an unfinished folder.
    case resume
    /// Everything.
    case run
    /// Everything, because the result that is there is damaged, and how.
    case redo(String)
  }

  /// A step and what is known of it before it runs.
  public struct Entry: Sendable {
    /// The step.
    public let step: any RecipeStep
    /// Its key.
    public let key: StepKey
    /// What is to be done.
    public let state: State
    /// What it will take; nothing for a step that is done.
    public let estimate: StepEstimate
    /// The manifest of a step that is done.
    public let manifest: StepManifest?
    /// The absolute paths of its inputs by label, whether they exist yet or not.
    public let inputs: [String: String]
    let place: StepPlace
    let identities: [String: StepKey.InputIdentity]

    /// The folder that holds the result once the step is done.
    public var folder: String { place.folder }
  }

  /// The recipe.
  public let recipe: Recipe
  /// Run folder and cache.
  public let places: RunPlaces
  /// The steps in the order in which they run.
  public let entries: [Entry]
  let verify: Bool

  /// Plans a run; reads external files (those whose hash is not known) and manifests.
  ///
  /// - Parameter verify: whether finished steps are checked by the hash of every file instead of
  ///   by its length.
  /// - Throws: `RecipeError.missingFile` for an external input that is not there, and `io`.
  public init(_ recipe: Recipe, places: RunPlaces, verify: Bool = false) throws {
    let hashes = FileHashes(storePath: places.fileHashes)
    try self.init(recipe, places: places, verify: verify, hashes: hashes)
    // The hashes are a convenience: a cache that cannot be written (read-only, full) loses time.
    try? hashes.save()
  }

  init(_ recipe: Recipe, places: RunPlaces, verify: Bool, hashes: FileHashes) throws {
    self.recipe = recipe
    self.places = places
    self.verify = verify
    var entries: [Entry] = []
    var byName: [String: Entry] = [:]
    let done = EarlierSteps(places: places)
    for step in recipe.graph.steps {
      let entry = try Self.entry(
        for: step, after: byName, beside: done, places: places, verify: verify, hashes: hashes)
      byName[step.name] = entry
      entries.append(entry)
    }
    self.entries = entries
  }

  /// The entry of the step of that name.
  public subscript(name: String) -> Entry? { entries.first { $0.step.name == name } }

  private static func entry(
    for step: any RecipeStep, after earlier: [String: Entry], beside done: EarlierSteps,
    places: RunPlaces, verify: Bool, hashes: FileHashes
  ) throws -> Entry {
    var paths: [String: String] = [:]
    var identities: [String: StepKey.InputIdentity] = [:]
    var known = EstimateContext(earlier: done)
    for input in step.inputs {
      switch input.source {
      case .output(let name, let output):
        // The graph has been checked: the step is earlier and has the output.
        guard let source = earlier[name],
          let declared = source.step.outputs.first(where: { $0.name == output })
        else { continue }
        identities[input.label] = .output(of: source.key, named: output)
        let path = declared.path == "." ? source.folder : source.folder + "/" + declared.path
        paths[input.label] = path
        known.note(input.label, path, declared, from: source)
      case .file(let name):
        let path = Disk.absolute(name)
        guard let state = Disk.identity(path) else {
          throw RecipeError.missingFile(step: step.name, label: input.label, path: path)
        }
        let suffix = state.isFolder ? "" : (path as NSString).pathExtension
        identities[input.label] = .content(hash: try hashes.hash(path), extension: suffix)
        paths[input.label] = path
        known.paths[input.label] = path
      }
    }
    let key = StepKey(
      kind: step.kind, settings: step.settings, seed: step.seed, inputs: identities)
    let place = places.place(of: step, key: key)
    var manifest: StepManifest?
    let state: State
    switch try StepManifest.find(in: place.folder, key: key, verify: verify) {
    case .finished(let found): (state, manifest) = (.done, found)
    case .damaged(let reason): state = .redo(reason)
    case .absent:
      state = step.isResumable && Disk.exists(place.partial) ? .resume : .run
    }
    var estimate = state == .done ? StepEstimate() : step.estimate(known)
    // What the step itself took is better than what others tell.
    if state != .done, estimate.duration == nil || estimate.rough.contains(.seconds),
      let earlier = places.earlierDuration(of: step, tokenCount: estimate.tokenCount)
    {
      estimate.duration = earlier
      estimate.rough.remove(.seconds)
      // The time is scaled by the tokens.
      if estimate.rough.contains(.tokens) { estimate.rough.insert(.seconds) }
    }
    return Entry(
      step: step, key: key, state: state, estimate: estimate,
      manifest: manifest, inputs: paths, place: place, identities: identities)
  }
}

extension EstimateContext {
  /// Notes what is known of an input that comes from an earlier step.
  fileprivate mutating func note(
    _ label: String, _ path: String, _ output: StepOutput, from source: Plan.Entry
  ) {
    if source.state == .done {
      paths[label] = path
      manifests[label] = source.manifest
    } else {
      let estimate = source.estimate
      let byteCount =
        estimate.namedByteCounts[output.name]
        ?? (output == .folder ? estimate.outputByteCount : nil)
      expected[label] = byteCount.map { ($0, estimate.rough.contains(.bytes)) }
    }
  }
}

extension Plan {
  /// The plan as JSON, schema 1: what `plan.json` holds and `--dry-run --json` prints. It holds
  /// no times of day, so the same plan is the same text.
  public var json: JSON {
    [
      "schema": 1, "recipe": JSON(recipe.name), "run": JSON(places.run),
      "cache": JSON(places.cache), "steps": JSON(entries.map(\.json)),
    ]
  }
}

extension Plan.Entry {
  var json: JSON {
    var value: JSON = [
      "name": JSON(step.name), "kind": JSON(step.kind.name), "version": JSON(step.kind.version),
      "key": JSON(key.hex), "seed": .string(String(step.seed)), "state": JSON(state.word),
      "storage": step.storage == .cache ? "cache" : "run", "folder": JSON(folder),
      "settings": step.settings, "inputs": inputsJSON,
    ]
    if case .redo(let reason) = state { value["reason"] = JSON(reason) }
    if let manifest {
      value["bytes"] = JSON(manifest.byteCount)
      value["seconds"] = JSON(manifest.seconds)
    }
    var estimated = JSONObject()
    estimated["tokens"] = estimate.tokenCount.map { JSON($0) }
    estimated["bytes"] = estimate.outputByteCount.map { JSON($0) }
    estimated["memory_bytes"] = estimate.memoryByteCount.map { JSON($0) }
    estimated["seconds"] = estimate.duration.map { JSON($0 / .seconds(1)) }
    estimated["note"] = estimate.note.map { JSON($0) }
    let rough = StepEstimate.Part.allCases.filter(estimate.rough.contains)
    if !rough.isEmpty { estimated["rough"] = JSON(rough.map { JSON($0.rawValue) }) }
    if !estimated.isEmpty { value["estimate"] = .object(estimated) }
    return value
  }

  /// Inputs by label in declared order: the identity that is hashed and, for files, the path.
  var inputsJSON: JSON {
    var members = JSONObject()
    for input in step.inputs {
      guard var identity = identities[input.label]?.json else { continue }
      switch input.source {
      case .output(let name, _): identity["name"] = JSON(name)
      case .file: identity["path"] = inputs[input.label].map { JSON($0) }
      }
      members[input.label] = identity
    }
    return .object(members)
  }
}

extension Plan.State {
  /// `done`, `resume`, `run` or `redo`.
  var word: String {
    switch self {
    case .done: "done"
    case .resume: "resume"
    case .run: "run"
    case .redo: "redo"
    }
  }
}
