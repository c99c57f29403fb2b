// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Documents
  import Foundation
  import Runs
  import Training

  /// The files in which a training tells of itself: `metrics.jsonl`, `tensorboard/`, `samples.jsonl`,
  /// `run.json`, and the notebook beside the folder.
  ///
  /// `@unchecked Sendable`: used by the one thread that trains.
  final class TrainRecords: @unchecked Sendable {
    /// The name of the one step of such a run.
    static let stepName = "train"
    private let folder: String
    private var run: RunRecord
    private var log: MetricsLog?
    private var events: EventFile?
    private let clock: StepClock
    private let notebook: Notebook
    /// What is known at the end.
    var trainedTokens = 0

    init(_ job: TrainJob, environment: RunEnvironment) throws {
      folder = job.out
      clock = StepClock(folder: folder)
      let files = RunFolder(path: folder)
      let earlier = try? files.readRun()
      run = RunRecord(
        name: URL(fileURLWithPath: folder).lastPathComponent, recipePath: job.recipe.origin,
        recipeText: job.recipe.source, startedAt: earlier?.startedAt ?? Date(),
        koineVersion: KoineVersion.current, environment: environment,
        seeds: [.init(name: Self.stepName, value: job.recipe.seed)],
        steps: [
          StepRecord(
            name: Self.stepName, kind: "train",
            hash: Hashing.sha256(canonical: job.recipe.identity), state: .pending)
        ])
      try files.write(run)
      // Now, not after hours of work, it shows whether the notebook can be written.
      let parent = URL(fileURLWithPath: Disk.absolute(folder)).deletingLastPathComponent().path
      notebook = try Notebook.open(parent + "/koine.sqlite")
      try notebook.save(run)
    }

    private var metricsPath: String { folder + "/metrics.jsonl" }

    /// Opens the files to go on after `step`; what was written of later steps is dropped, for it
    /// will be written again, and so is what an evaluation said that was not finished.
    ///
    /// - Parameter evaluatedAt: the last step whose evaluation counts.
    func open(after step: Int, evaluatedAt: Int) throws {
      if Disk.exists(metricsPath) {
        try MetricsLog.keepLines(of: metricsPath) { record in
          record.iteration <= (record.values["train_loss"] == nil ? evaluatedAt : step)
        }
      }
      log = try MetricsLog(appendingTo: metricsPath)
      let samples = folder + "/samples.jsonl"
      if Disk.exists(samples) {
        let lines = try Disk.readText(samples).split(separator: "\n").filter {
          ((try? JSON.parse(String($0), origin: samples))?["iteration"]?.int ?? .max)
            <= evaluatedAt
        }
        try Disk.write(lines.map { $0 + "\n" }.joined(), to: samples, isShared: false)
      }
      let board = folder + "/tensorboard"
      try Disk.makeFolder(board)
      let name =
        try Disk.names(in: board).sorted().last { $0.hasPrefix("events.out.tfevents.") }
        ?? EventFile.fileName()
      let lossTag = Self.tag("train_loss")
      events = try EventFile(appendingTo: board + "/" + name) { event in
        event.fileVersion != nil
          || event.step <= (event.scalars.contains { $0.tag == lossTag } ? step : evaluatedAt)
      }
    }

    /// Adds numbers to `metrics.jsonl`, and to TensorBoard in groups: `train/loss`.
    func add(_ values: [String: Double], iteration: Int) throws {
      try log?.append(
        MetricRecord(step: Self.stepName, iteration: iteration, values: values))
      try events?.append(
        EventRecord(
          wallTime: Date().timeIntervalSince1970, step: iteration,
          scalars: values.keys.sorted().map {
            EventRecord.Scalar(Self.tag($0), Float(values[$0] ?? .nan))
          }))
      clock.beat()
    }

    /// A name in TensorBoard's groups.
    static func tag(_ name: String) -> String {
      switch name {
      case "train_loss": "train/loss"
      case "val_loss": "val/loss"
      case "val_time": "val/time"
      case "bits_per_byte": "val/bits_per_byte"
      default: (name.contains("/") ? "val/" : "train/") + name
      }
    }

    func add(_ samples: [LoopScores.Sample], iteration: Int) throws {
      for sample in samples {
        var line: JSON = [
          "iteration": JSON(iteration), "prompt": .string(sample.prompt),
          "text": .string(sample.text),
        ]
        if let language = sample.language { line["language"] = .string(language) }
        try Disk.append(line: line.serialized(), to: folder + "/samples.jsonl")
      }
    }

    /// Wall time over all runs that worked on this training.
    var seconds: Double { clock.seconds }

    /// Puts what was written on the disk; at saved states.
    func synchronize() throws {
      try log?.synchronize()
      clock.save()
    }

    /// Writes how it ended into `run.json` and the notebook.
    func finish(_ status: RunRecord.Status, failure: String? = nil) throws {
      clock.save()
      run.status = status
      run.failure = failure
      run.endedAt = Date()
      run.steps[0].state = status == .done ? .done : status == .failed ? .failed : .pending
      run.steps[0].wallSeconds = clock.seconds
      run.steps[0].trainedTokens = trainedTokens
      run.steps[0].peakMemoryByteCount = Machine.peakMemoryByteCount()
      try RunFolder(path: folder).write(run)
      try notebook.save(run)
      if Disk.exists(metricsPath) {
        try notebook.save(
          MetricsLog.read(metricsPath).flatMap(\.points), run: run.name, replacing: true)
      }
    }
  }
#endif
