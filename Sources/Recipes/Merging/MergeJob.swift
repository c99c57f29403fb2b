// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Hub
import Surgery

/// A merge file and where its results go: what `koine merge` does.
///
/// Without ``intermediate`` a file of several documents is computed in one pass, and only the result
/// is written. With it the result of every named document is written to a folder of its name there;
/// one that is finished and whose recipe and inputs have not changed is kept, so that a graph that
/// was interrupted goes on where it was.
public struct MergeJob {
  /// What of the job goes into one folder.
  public struct Stage: Sendable {
    /// The document's name, or that of the result's folder.
    public let name: String
    /// The folder that is written.
    public let out: String
    /// With the results of other stages as stored models, where they are kept.
    public let recipe: MergeRecipe
    /// The same with everything nested, which can be planned before any stage is made.
    let nested: MergeRecipe
    let text: String
    let isResult: Bool
  }

  public let out: String
  /// The folder that keeps the results of named documents; `nil` computes them as they are read.
  public let intermediate: String?
  public let planning: MergePlan.Options
  /// For the result; stages between replace only what such a job has written.
  public let writing: CheckpointWriter.Options
  /// Whether each folder gets a model card and its recipe.
  public let writesCard: Bool
  /// The options that change the result beside the recipe, for the cards; the seed where the recipes
  /// that are written cannot hold it.
  public let commandLine: String
  /// In the order in which they are made.
  public let stages: [Stage]
  let resolver: ModelResolver

  /// Reads a merge file; models are folders, or what the resolver finds.
  ///
  /// - Parameters:
  ///   - text: the file's YAML.
  ///   - origin: its name, for messages.
  ///   - randomSeed: the `random_seed` of all recipes, in place of their own; it is written into the
  ///     recipes that the results' folders get.
  public init(
    text: String, origin: String, out: String, intermediate: String? = nil,
    planning: MergePlan.Options = .init(), writing: CheckpointWriter.Options = .init(),
    writesCard: Bool = true, commandLine: String = "", randomSeed: Int? = nil,
    resolver: ModelResolver = .folders()
  ) throws {
    self.out = out
    self.intermediate = intermediate
    self.planning = planning
    self.writing = writing
    self.writesCard = writesCard
    self.resolver = resolver
    var graph = try MergeGraph.parse(text, origin: origin)
    var text = text
    var commandLine = commandLine
    if let randomSeed {
      if let seeded = MergeGraph.text(text, withSeed: randomSeed, origin: origin) {
        text = seeded
      } else {
        commandLine += (commandLine.isEmpty ? "" : " ") + "--random-seed \(randomSeed)"
      }
      graph = try MergeGraph.parse(text, origin: origin).seeded(randomSeed)
    }
    self.commandLine = commandLine
    graph = try graph.mapping { (recipe) throws(MergeError) in
      // Before anything is recorded: another folder that a pattern finds makes another stage.
      guard let folders = resolver.folders else { return recipe }
      return try recipe.expandingPatterns(folders)
    }
    let resultName = URL(fileURLWithPath: out).lastPathComponent
    guard let intermediate else {
      stages = [
        Stage(
          name: resultName, out: out, recipe: graph.result, nested: graph.result, text: text,
          isResult: true)
      ]
      return
    }
    func folder(_ name: String) -> String { intermediate + "/" + name }
    let staged = graph.stages(in: folder)
    stages = try staged.enumerated().map { index, stage in
      let isResult = index == staged.count - 1
      let name = isResult ? resultName : stage.name ?? ""
      if !isResult, name.contains("/") || name.hasPrefix(".") || name.utf8.contains(0) {
        throw MergeError.operation(
          Diagnosis(
            what: "The name `\(name)` of a document cannot be that of a folder.", where: origin,
            next: "Name it with letters, digits, `-` and `_`."))
      }
      let nested =
        isResult ? graph.result : graph.named.first { $0.name == stage.name } ?? stage.recipe
      return Stage(
        name: name, out: isResult ? out : folder(name), recipe: stage.recipe, nested: nested,
        // A single document stays to the letter, comments before it included.
        text: graph.texts.count > 1 ? stage.text : text, isResult: isResult)
    }
  }

  /// The plan of a stage as it can be made before any stage is; no weight is read. A stage that is
  /// kept in float32 has its own types in it.
  func plan(_ stage: Stage) throws -> MergePlan {
    try MergePlan.make(stage.nested, from: resolver, options: planning)
  }

  /// What is read and lies outside of this job.
  public var stored: [StoredModel] {
    stages.flatMap(\.nested.stored).reduce(into: []) { all, stored in
      if !all.contains(stored) { all.append(stored) }
    }
  }

  /// Checks a stage's place, and tells how the weights will be divided.
  ///
  /// - Parameters:
  ///   - plan: as ``plan(_:)`` makes it.
  ///   - checkpoint: what is written, where that is another than the plan's.
  func check(
    _ stage: Stage, _ plan: MergePlan, writing checkpoint: Checkpoint? = nil
  ) throws -> CheckpointWriter.Outline {
    try refuseInputs(stage)
    return try CheckpointWriter.check(
      checkpoint ?? plan.checkpoint, to: stage.out, options: try options(stage, plan))
  }

  /// Whether a stage is finished, with the recipe and the inputs of now.
  public func isFinished(_ stage: Stage) throws -> Bool {
    guard !stage.isResult, let inputs = try inputs(of: stage),
      let outputs = try Self.state(of: stage.out),
      let known = try? Disk.readText(recordPath(stage)),
      known == record(of: stage, inputs: inputs, outputs: outputs)
    else { return false }
    return (try? Checkpoint.open(directory: stage.out)) != nil
  }

  /// Makes all stages that are not finished.
  ///
  /// - Parameter observer: hears of every stage as of a run's step.
  /// - Returns: the result's plan and how long all took, in seconds.
  @discardableResult
  public func run(_ observer: @escaping RunObserver) throws -> (plan: MergePlan, seconds: Double) {
    let start = ContinuousClock.now
    // All that can be found wrong is found before the first is made.
    var plans: [MergePlan?] = []
    for stage in stages {
      let plan = try isFinished(stage) ? nil : try plan(stage)
      if let plan { _ = try check(stage, plan) }
      plans.append(plan)
    }
    var last: MergePlan?
    for (index, stage) in stages.enumerated() {
      if try isFinished(stage) {
        observer(
          .reused(step: stage.name, index: index + 1, count: stages.count, isShared: false))
        continue
      }
      observer(
        .started(
          step: stage.name, kind: "merge", index: index + 1, count: stages.count,
          isResuming: false))
      let begin = ContinuousClock.now
      let nested = try plans[index] ?? plan(stage)
      let recipe = try recipe(stage, like: nested)
      let plan =
        try recipe == stage.nested
        ? nested : MergePlan.make(recipe, from: resolver, options: planning)
      // Of the inputs as they are before, so that a change during the work is found next time.
      let inputs = try inputs(of: stage)
      try write(plan.checkpoint, to: stage.out, options: try options(stage, nested)) { progress in
        observer(
          .progress(
            step: stage.name,
            StepProgress(
              done: progress.writtenByteCount, total: progress.totalByteCount, unit: "B")))
      }
      // Of a process killed before this the record tells of other files, and the stage is made anew.
      if !stage.isResult, let inputs, let outputs = try Self.state(of: stage.out) {
        try Disk.write(
          record(of: stage, inputs: inputs, outputs: outputs), to: recordPath(stage),
          isShared: false)
      }
      observer(
        .finished(
          step: stage.name, seconds: (ContinuousClock.now - begin) / .seconds(1),
          byteCount: plan.checkpoint.byteCount))
      last = plan
    }
    guard let last else { preconditionFailure("the result is never taken for finished") }
    return (last, (ContinuousClock.now - start) / .seconds(1))
  }

  private func write(
    _ checkpoint: Checkpoint, to folder: String, options: CheckpointWriter.Options,
    progress: @escaping @Sendable (CheckpointWriter.Progress) -> Void
  ) throws {
    do throws(CheckpointError) {
      try CheckpointWriter.write(checkpoint, to: folder, options: options, progress: progress)
    } catch {
      if error == .interrupted { throw StepInterrupted() }
      throw error
    }
  }

  /// What makes a stage out of the folders of others, with the bytes that one pass would give.
  ///
  /// One pass rounds only what a `dtype` says or what is written. So a stage without one is kept in
  /// float32, and a result without one gets the type it would have had. (mergekit rounds every
  /// stage, and so do its numbers.)
  func recipe(_ stage: Stage, like nested: MergePlan) throws -> MergeRecipe {
    guard intermediate != nil, planning.mergekitExact == nil, stage.recipe.elementType == nil
    else {
      return stage.recipe
    }
    var recipe = stage.recipe
    if !stage.isResult {
      recipe.outDtype = .float32
      return recipe
    }
    let types = Set(
      nested.checkpoint.names.compactMap { nested.checkpoint.info($0)?.elementType }
        .filter(\.isFloatingPoint))
    guard types.count == 1 else { return stage.nested }
    recipe.outDtype = types.first
    return recipe
  }

  /// - Parameter plan: as ``plan(_:)`` makes it: a card names the models behind a stage, not the
  ///   stage's folder.
  private func options(
    _ stage: Stage, _ plan: MergePlan
  ) throws -> CheckpointWriter.Options {
    var options = writing
    // A stage that this job's kind has written may be written again.
    if !stage.isResult, Disk.exists(recordPath(stage)) { options.force = true }
    if writesCard {
      options.documents = ModelCard(
        recipeText: stage.text, recipe: stage.nested, plan: plan, version: KoineVersion.current,
        options: commandLine, commits: try commits(of: stage)
      ).documents(title: stage.name)
    }
    return options
  }

  /// The commits of the models of a hub that a stage reads.
  private func commits(of stage: Stage) throws -> [ModelReference.Location: String] {
    var commits: [ModelReference.Location: String] = [:]
    for stored in stage.nested.stored {
      let folder = try folder(of: stored)
      guard folder != stored.location.path, let commit = HubCache.commit(ofSnapshot: folder) else {
        continue
      }
      commits[stored.location] = commit
    }
    return commits
  }

  /// Where a stored model lies; of other stages their folders, which may not be there yet.
  private func folder(of stored: StoredModel) throws -> String {
    guard let locate = resolver.locate, !stages.contains(where: { $0.out == stored.location.path })
    else { return stored.location.path }
    return try locate(stored)
  }

  /// No stage takes an input's place, nor the result a stage's, which `--force` would allow.
  private func refuseInputs(_ stage: Stage) throws {
    func place(_ path: String) -> URL { URL(fileURLWithPath: path).resolvingSymlinksInPath() }
    var inputs = stages.flatMap(\.nested.folders)
    // The result would replace a stage that it is made from.
    if stage.isResult { inputs += stages.filter { !$0.isResult }.map(\.out) }
    for input in inputs where !stage.out.isEmpty && place(input) == place(stage.out) {
      throw CheckpointError.target(stage.out, .input)
    }
  }

  // MARK: What a finished stage was made from

  private func recordPath(_ stage: Stage) -> String {
    URL(fileURLWithPath: stage.out).deletingLastPathComponent().path + "/.\(stage.name).stage.json"
  }

  /// The state of every input file; `nil` where an input is not there yet.
  private func inputs(of stage: Stage) throws -> JSONObject? {
    var inputs = JSONObject()
    let folders = try Set(stage.recipe.stored.map { try folder(of: $0) })
    for folder in folders.sorted() {
      guard let state = try Self.state(of: folder) else { return nil }
      inputs[folder] = .object(state)
    }
    for path in stage.recipe.statistics {
      // What is no folder of this machine is a repository's commit.
      guard let state = try Self.state(of: path) else { continue }
      inputs["statistics in \(path)"] = .object(state)
    }
    return inputs
  }

  /// Length and time of change of the files in a folder; `nil` where there is none.
  private static func state(of folder: String) throws -> JSONObject? {
    guard Disk.identity(folder)?.isFolder == true else { return nil }
    var files = JSONObject()
    for name in try Disk.names(in: folder) {
      guard let state = Disk.identity(folder + "/" + name), !state.isFolder else { continue }
      files[name] = ["bytes": JSON(state.byteCount), "modified": JSON(Int(state.modified))]
    }
    return files
  }

  private func record(of stage: Stage, inputs: JSONObject, outputs: JSONObject) -> String {
    let record: JSON = [
      "schema": 1, "koine": JSON(KoineVersion.current), "recipe": JSON(stage.text),
      "options": JSON(settings), "inputs": .object(inputs), "outputs": .object(outputs),
    ]
    return record.serialized(pretty: true) + "\n"
  }

  /// All choices that change a stage's bytes.
  private var settings: String {
    let samples = planning.sampleTexts.map { " " + Hashing.sha256($0).prefix(16) }.joined()
    return "shards of \(writing.shardByteLimit) bytes, card \(writesCard), \(commandLine)\(samples)"
  }
}
