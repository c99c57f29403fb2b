// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Runs

/// Carries out a plan, step after step.
///
/// At every moment a step's folder is absent, unfinished under another name, or complete: it is
/// built in `<folder>.partial`, gets its manifest, is forced to the disk and renamed. So the
/// process may be killed at any moment and the same call made again.
public struct Runner: Sendable {
  private let plan: Plan
  private let environment: RunEnvironment
  private let cancellation: Cancellation
  private let observer: RunObserver

  /// - Parameters:
  ///   - plan: what to do.
  ///   - environment: engine, BLAS, device and machine, for `run.json`.
  ///   - cancellation: ask it to stop the run at its next safe point.
  ///   - observer: is told what happens.
  public init(
    _ plan: Plan, environment: RunEnvironment, cancellation: Cancellation = Cancellation(),
    observer: @escaping RunObserver = { _ in }
  ) {
    self.plan = plan
    self.environment = environment
    self.cancellation = cancellation
    self.observer = observer
  }

  /// Runs what is not done.
  ///
  /// - Returns: the record, as in `run.json`.
  /// - Throws: `StepFailure`, `RunInterrupted`, and `RecipeError` when the run folder itself
  ///   cannot be written. Whatever is thrown, finished steps and resumable folders are kept.
  public func run() async throws -> RunRecord {
    var record = try prepare()
    do {
      for (index, entry) in plan.entries.enumerated() {
        record.steps[index] = try await carryOut(entry, index: index + 1)
        try save(record)
        try gatherMetrics(upTo: index)
      }
    } catch {
      let isInterruption = error is RunInterrupted
      record.status = isInterruption ? .interrupted : .failed
      if !isInterruption {
        record.failure = (error as? any Diagnosed)?.description ?? "\(error)"
        if let failure = error as? StepFailure,
          let index = record.steps.firstIndex(where: { $0.name == failure.step })
        {
          record.steps[index].state = .failed
        }
      }
      record.endedAt = Date()
      // On a full disk the record may not fit either; the first error is the one to tell.
      try? save(record)
      throw error
    }
    record.status = .done
    record.endedAt = Date()
    try save(record)
    return record
  }

  // MARK: The run folder

  private func prepare() throws -> RunRecord {
    let places = plan.places
    try Disk.makeFolder(places.run + "/steps")
    try Disk.sweepTemporaries(in: places.run)
    try Disk.sweepTemporaries(in: places.run + "/steps")
    if !plan.recipe.text.isEmpty { try Disk.write(plan.recipe.text, to: places.recipe) }
    try Disk.write(plan.json.serialized(pretty: true) + "\n", to: places.plan)
    let earlier = try? RunFolder(path: places.run).readRun()
    let record = RunRecord(
      name: (places.run as NSString).lastPathComponent, recipePath: plan.recipe.path,
      recipeText: plan.recipe.text, startedAt: earlier?.startedAt ?? Date(),
      koineVersion: KoineVersion.current, environment: environment,
      seeds: plan.entries.map { RunRecord.Seed(name: $0.step.name, value: $0.step.seed) },
      steps: plan.entries.map { entry in
        StepRecord(
          name: entry.step.name, kind: entry.step.kind.name, hash: entry.key.hex, state: .pending)
      })
    try save(record)
    warnAboutSpace()
    return record
  }

  private func save(_ record: RunRecord) throws {
    let text = String(decoding: try RecordCoding.encode(record), as: UTF8.self)
    try Disk.write(text, to: plan.places.record)
  }

  private func warnAboutSpace() {
    let needed = plan.entries.compactMap(\.estimate.outputByteCount).reduce(0, +)
    guard let free = Disk.freeByteCount(at: plan.places.run), needed > free else { return }
    observer(
      .message(
        step: nil,
        "The steps to come write about \(NumberText.bytes(needed)); the disk has "
          + "\(NumberText.bytes(free)) left."))
  }

  /// Writes the records of the finished steps, in the plan's order, to the run's `metrics.jsonl`,
  /// each with the step's name.
  private func gatherMetrics(upTo last: Int) throws(RecipeError) {
    var text = ""
    for entry in plan.entries[...last] {
      let path = entry.folder + "/" + StepContext.metricsFileName
      guard Disk.exists(path) else { continue }
      for line in String(decoding: try Disk.read(path), as: UTF8.self).split(separator: "\n") {
        guard let value = try? JSON.parse(String(line), origin: path) else { continue }
        var named = value
        named["step"] = JSON(entry.step.name)
        text += named.serialized(sortedKeys: true) + "\n"
      }
    }
    if !text.isEmpty { try Disk.write(text, to: plan.places.metrics) }
  }

  // MARK: A step

  private func carryOut(_ entry: Plan.Entry, index: Int) async throws -> StepRecord {
    let (step, place) = (entry.step, entry.place)
    do {
      try Disk.makeFolder(place.folder.parentPath)
      if let manifest = try finished(entry) { return try reuse(manifest, entry, index: index) }
      try cancellation.check()
      let lock = try await FolderLock.wait(place.lock, cancellation: cancellation) {
        observer(.waiting(step: step.name))
      }
      defer { withExtendedLifetime(lock) {} }
      // Another process may have built it while we waited.
      if let manifest = try finished(entry) { return try reuse(manifest, entry, index: index) }
      let manifest = try await build(entry, index: index)
      try link(place)
      observer(
        .finished(step: step.name, seconds: manifest.seconds, byteCount: manifest.byteCount))
      return record(
        of: entry, manifest, state: .done, peakMemory: Machine.peakMemoryByteCount())
    } catch {
      throw end(of: entry, error)
    }
  }

  private func finished(_ entry: Plan.Entry) throws -> StepManifest? {
    // A result that planning found damaged by its hash would pass a look at lengths alone.
    var verify = false
    if case .redo = entry.state { verify = plan.verify }
    let finding = try StepManifest.find(in: entry.folder, key: entry.key, verify: verify)
    return if case .finished(let manifest) = finding { manifest } else { nil }
  }

  private func reuse(
    _ manifest: StepManifest, _ entry: Plan.Entry, index: Int
  ) throws(RecipeError) -> StepRecord {
    try link(entry.place)
    let isShared = entry.step.storage == .cache
    observer(
      .reused(
        step: entry.step.name, index: index, count: plan.entries.count, isShared: isShared))
    return record(of: entry, manifest, state: .cached, peakMemory: nil)
  }

  private func record(
    of entry: Plan.Entry, _ manifest: StepManifest, state: StepRecord.State, peakMemory: Int?
  ) -> StepRecord {
    StepRecord(
      name: entry.step.name, kind: entry.step.kind.name, hash: entry.key.hex, state: state,
      wallSeconds: manifest.seconds,
      trainedTokens: manifest.facts[StepContext.trainedTokens]?.int,
      peakMemoryByteCount: peakMemory,
      outputPath: "steps/\(entry.step.name)-\(entry.key.short)")
  }

  private func link(_ place: StepPlace) throws(RecipeError) {
    guard let link = place.link else { return }
    let from = link.parentPath
    try Disk.link(link, to: Disk.relative(place.folder, from: from))
  }

  private func build(_ entry: Plan.Entry, index: Int) async throws -> StepManifest {
    let (step, place) = (entry.step, entry.place)
    if case .damaged(let reason) = try StepManifest.find(
      in: place.folder, key: entry.key, verify: plan.verify)
    {
      observer(.message(step: step.name, "Its result is damaged (\(reason)); it is done again."))
    }
    if !step.isResumable { try Disk.remove(place.partial) }
    let isResuming = Disk.exists(place.partial)
    try Disk.makeFolder(place.partial)
    // A kill between the manifest and the renaming leaves one; the step ends it anew.
    try Disk.remove("\(place.partial)/\(StepManifest.fileName)")

    let clock = StepClock(folder: place.partial)
    let context = StepContext(
      name: step.name, folder: place.partial, seed: step.seed, isResuming: isResuming,
      cancellation: cancellation, inputs: entry.inputs, clock: clock, observer: observer)
    observer(
      .started(
        step: step.name, kind: step.kind.name, index: index, count: plan.entries.count,
        isResuming: isResuming))
    Machine.resetPeakMemory()
    do { try await step.run(context) } catch {
      if step.isResumable { clock.save() }
      throw error
    }
    return try finish(entry, clock: clock, facts: context.facts.all)
  }

  /// Turns the unfinished folder into the result.
  private func finish(
    _ entry: Plan.Entry, clock: StepClock, facts: JSONObject
  ) throws -> StepManifest {
    let (step, place) = (entry.step, entry.place)
    for output in step.outputs {
      let path = output.path == "." ? place.partial : place.partial + "/" + output.path
      guard Disk.identity(path) != nil else {
        throw RecipeError.missingOutput(step: step.name, output: output.name, path: path)
      }
    }
    try Disk.removeHidden(in: place.partial)
    var files: [StepManifest.File] = []
    for found in try Disk.files(in: place.partial) {
      let (hash, byteCount) = try Hashing.sha256(fileAt: place.partial + "/" + found.path)
      files.append(StepManifest.File(path: found.path, byteCount: byteCount, hash: hash))
    }
    let manifest = StepManifest(
      name: step.name, kind: step.kind, key: entry.key, seed: step.seed, settings: step.settings,
      inputs: entry.inputsJSON, finishedAt: Date().ISO8601Format(), seconds: clock.seconds,
      facts: facts, files: files)
    let path = place.partial + "/" + StepManifest.fileName
    try Disk.write(manifest.json.serialized(pretty: true) + "\n", to: path, isShared: false)
    try Disk.syncTree(place.partial)
    try Disk.remove(place.damaged)
    if Disk.exists(place.folder) { try Disk.move(place.folder, to: place.damaged) }
    try Disk.move(place.partial, to: place.folder)
    try Disk.remove(place.damaged)
    return manifest
  }

  /// The error that a step's error becomes; drops what no later run could use.
  private func end(of entry: Plan.Entry, _ error: any Error) -> any Error {
    let canResume = entry.step.isResumable && Disk.exists(entry.place.partial)
    let isInterruption = error is StepInterrupted || error is CancellationError
    // Dropping is courtesy to the disk; the next run wipes the folder in any case.
    if !entry.step.isResumable, let lock = try? FolderLock.take(entry.place.lock) {
      try? Disk.remove(entry.place.partial)
      withExtendedLifetime(lock) {}
    }
    if isInterruption {
      return RunInterrupted(
        step: entry.step.name, folder: plan.places.run, canResume: canResume)
    }
    return StepFailure(
      step: entry.step.name, folder: entry.place.partial, canResume: canResume, cause: error)
  }
}
