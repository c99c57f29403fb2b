// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import GRDB

/// `runs/koine.sqlite`: the index of all runs of a folder, in SQLite, so that any SQLite tool can
/// ask it questions.
///
/// The run folders are the truth and the notebook can be filled from them again. One `Notebook`
/// holds one connection; several processes may each hold one (write-ahead log; a writer waits up
/// to ten seconds for another). Every save is one transaction.
public final class Notebook: Sendable {
  /// Where the file is.
  public let path: String
  let queue: DatabaseQueue
  /// A folder of our own that holds a copy of the file, and goes with the notebook.
  let scratch: String?

  /// Opens the notebook at `path`, making or migrating it where needed; its folder must exist.
  ///
  /// Throws `RunsError` for a damaged file, a database of another program (left unchanged), a
  /// later schema, and whatever SQLite refuses.
  public static func open(_ path: String) throws -> Notebook { try Notebook(path: path) }

  /// Opens the notebook at `path` to ask it questions; where it cannot be written (a read-only
  /// folder, somebody else's), without writing.
  ///
  /// SQLite reads a file with a write-ahead log only where it may make the files beside it, or
  /// they are there. Where neither is so nobody else has it open, and a copy is read.
  public static func openForReading(_ path: String) throws -> Notebook {
    do { return try Notebook(path: path) } catch let error as RunsError {
      guard case .notebook = error else { throw error }
      if let book = (try? Notebook(readOnly: path)) ?? (try? Notebook(copyOf: path)) {
        return book
      }
      throw error
    }
  }

  private static var configuration: Configuration {
    var configuration = Configuration()
    configuration.busyMode = .timeout(10)
    configuration.foreignKeysEnabled = true
    configuration.label = "koine.notebook"
    return configuration
  }

  private init(path: String) throws {
    self.path = path
    scratch = nil
    queue = try Self.reporting(path) {
      let queue = try DatabaseQueue(path: path, configuration: Self.configuration)
      try NotebookSchema.prepare(queue, path: path)
      return queue
    }
  }

  private init(readOnly path: String) throws {
    self.path = path
    scratch = nil
    var configuration = Self.configuration
    configuration.readonly = true
    queue = try Self.reporting(path) {
      let queue = try DatabaseQueue(path: path, configuration: configuration)
      guard try NotebookSchema.isCurrent(queue, path: path) else {
        throw RunsError.notebook(path: path, problem: "its schema is older and cannot be changed")
      }
      return queue
    }
  }

  private init(copyOf path: String) throws {
    let files = FileManager.default
    let folder = files.temporaryDirectory.path + "/koine-notebook-" + UUID().uuidString
    do {
      try files.createDirectory(
        atPath: folder, withIntermediateDirectories: false,
        attributes: [.posixPermissions: 0o700])
      let copy = folder + "/koine.sqlite"
      try files.copyItem(atPath: path, toPath: copy)
      // What was written last may stand in the log only.
      var isFolder: ObjCBool = false
      if files.fileExists(atPath: path + "-wal", isDirectory: &isFolder), !isFolder.boolValue {
        try files.copyItem(atPath: path + "-wal", toPath: copy + "-wal")
      }
      // A copy keeps the permissions, and these may forbid writing.
      for name in try files.contentsOfDirectory(atPath: folder) {
        try files.setAttributes([.posixPermissions: 0o600], ofItemAtPath: folder + "/" + name)
      }
      queue = try Self.reporting(path) {
        let queue = try DatabaseQueue(path: copy, configuration: Self.configuration)
        try NotebookSchema.prepare(queue, path: path)
        return queue
      }
    } catch {
      try? files.removeItem(atPath: folder)
      throw error
    }
    self.path = path
    scratch = folder
  }

  deinit {
    if let scratch { try? FileManager.default.removeItem(atPath: scratch) }
  }

  /// Runs `body`, turning SQLite's errors into ours.
  static func reporting<Value>(_ path: String, _ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let error as DatabaseError {
      let problem = (error.message ?? "SQLite error \(error.resultCode.rawValue)")
      switch error.resultCode {
      case .SQLITE_NOTADB, .SQLITE_CORRUPT:
        throw RunsError.corruptNotebook(path: path, problem: problem)
      default:
        throw RunsError.notebook(path: path, problem: problem)
      }
    }
  }

  func write<Value>(_ body: (Database) throws -> Value) throws -> Value {
    try Self.reporting(path) { try queue.write(body) }
  }

  func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
    try Self.reporting(path) { try queue.read(body) }
  }
}

// MARK: Runs

extension Notebook {
  /// A line of the list of runs.
  public struct Summary: Sendable, Equatable {
    /// Name of the run.
    public var name: String
    /// How far it is.
    public var status: RunRecord.Status
    /// First start.
    public var startedAt: Date
    /// When it ended; `nil` while it runs or after a kill.
    public var endedAt: Date?
    /// Where its recipe was read from.
    public var recipePath: String
    /// Steps in the plan.
    public var stepCount: Int
    /// Steps whose output is there.
    public var finishedStepCount: Int
    /// The row with the best target accuracy (floors left out), and that accuracy.
    public var best: Best?

    /// A model and its target accuracy.
    public struct Best: Sendable, Equatable {
      /// Name of its row.
      public var model: String
      /// Target accuracy, 0 to 1.
      public var accuracy: Double
    }
  }

  /// Records a run and its steps, replacing what was recorded under its name; scores and metrics
  /// of the run stay.
  public func save(_ run: RunRecord) throws {
    let json = String(decoding: try RecordCoding.encode(run, pretty: false), as: UTF8.self)
    try write { db in
      try db.execute(
        sql: """
          INSERT INTO runs (name, status, started_at, ended_at, recipe_path, koine_version,
            engine, device, wall_seconds, record) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
          ON CONFLICT (name) DO UPDATE SET status = excluded.status,
            started_at = excluded.started_at, ended_at = excluded.ended_at,
            recipe_path = excluded.recipe_path, koine_version = excluded.koine_version,
            engine = excluded.engine, device = excluded.device,
            wall_seconds = excluded.wall_seconds, record = excluded.record
          """,
        arguments: [
          run.name, run.status.rawValue, Timestamp.text(run.startedAt),
          run.endedAt.map(Timestamp.text), run.recipePath, run.koineVersion,
          run.environment.engine, run.environment.device, run.wallSeconds, json,
        ])
      try db.execute(sql: "DELETE FROM steps WHERE run = ?", arguments: [run.name])
      for (position, step) in run.steps.enumerated() {
        try db.execute(
          sql: """
            INSERT INTO steps (run, position, name, kind, hash, state, wall_seconds,
              trained_tokens, peak_memory_bytes, output_path)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
          arguments: [
            run.name, position, step.name, step.kind, step.hash, step.state.rawValue,
            step.wallSeconds, step.trainedTokens, step.peakMemoryByteCount, step.outputPath,
          ])
      }
    }
  }

  /// All runs, latest start first (then by name).
  public func runs() throws -> [Summary] {
    let rows = try read { db in
      try Row.fetchAll(
        db,
        sql: """
          SELECT name, status, started_at, ended_at, recipe_path,
            (SELECT count(*) FROM steps WHERE run = runs.name) AS steps,
            (SELECT count(*) FROM steps WHERE run = runs.name AND state IN ('done', 'cached'))
              AS finished,
            (SELECT model FROM scores JOIN models USING (run, model) WHERE run = runs.name
              AND scope = 'target' AND metric = 'acc' AND kind <> 'floor'
              ORDER BY value DESC, position LIMIT 1) AS best_model,
            (SELECT max(value) FROM scores JOIN models USING (run, model) WHERE run = runs.name
              AND scope = 'target' AND metric = 'acc' AND kind <> 'floor') AS best_accuracy
          FROM runs ORDER BY started_at DESC, name
          """)
    }
    return try rows.map { row in
      let status: String = row["status"]
      let started: String = row["started_at"]
      let ended: String? = row["ended_at"]
      guard let status = RunRecord.Status(rawValue: status), let startedAt = Timestamp.date(started)
      else { throw RunsError.corruptNotebook(path: path, problem: "a row of `runs` is malformed") }
      let model: String? = row["best_model"]
      let accuracy: Double? = row["best_accuracy"]
      return Summary(
        name: row["name"], status: status, startedAt: startedAt,
        endedAt: ended.flatMap(Timestamp.date), recipePath: row["recipe_path"],
        stepCount: row["steps"], finishedStepCount: row["finished"],
        best: model.flatMap { model in accuracy.map { .init(model: model, accuracy: $0) } })
    }
  }

  /// The record of a run; an unknown name is an error with the nearest known one.
  public func run(named name: String) throws -> RunRecord {
    let json = try read { db in
      try String.fetchOne(db, sql: "SELECT record FROM runs WHERE name = ?", arguments: [name])
    }
    guard let json else { throw try unknownRun(name) }
    return try RecordCoding.decode(RunRecord.self, from: Data(json.utf8), path: path)
  }

  /// Forgets a run with its steps, scores and metrics; its folder is not touched.
  public func delete(run name: String) throws {
    let count = try write { db in
      try db.execute(sql: "DELETE FROM runs WHERE name = ?", arguments: [name])
      return db.changesCount
    }
    if count == 0 { throw try unknownRun(name) }
  }

  private func unknownRun(_ name: String) throws -> RunsError {
    let names = try read { db in
      try String.fetchAll(db, sql: "SELECT name FROM runs ORDER BY name")
    }
    return .unknownRun(name, path: path, nearest: nearestName(to: name, in: names))
  }

  func requireRun(_ name: String, _ db: Database) throws -> Bool {
    try Bool.fetchOne(
      db, sql: "SELECT EXISTS (SELECT 1 FROM runs WHERE name = ?)", arguments: [name]) ?? false
  }
}

// MARK: Scores and metrics

extension Notebook {
  /// Records all models of a run, replacing those recorded before. The run must be recorded.
  public func save(_ sheet: ScoreSheet) throws {
    let encoded = try sheet.models.map {
      String(decoding: try RecordCoding.encode($0, pretty: false), as: UTF8.self)
    }
    let known = try write { db in
      guard try requireRun(sheet.run, db) else { return false }
      try db.execute(sql: "DELETE FROM models WHERE run = ?", arguments: [sheet.run])
      for (position, model) in sheet.models.enumerated() {
        try db.execute(
          sql: """
            INSERT INTO models (run, model, position, kind, task, wall_seconds, trained_tokens,
              record) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """,
          arguments: [
            sheet.run, model.name, position, model.kind.rawValue, sheet.task, model.wallSeconds,
            model.trainedTokens, encoded[position],
          ])
        let aggregates = [("source", model.source), ("target", model.target)]
        for (scope, scores) in aggregates {
          if let scores { try insert(scores, scope: scope, model.name, sheet.run, db) }
        }
        for scores in model.languages {
          try insert(scores, scope: "language", model.name, sheet.run, db)
        }
      }
      return true
    }
    if !known { throw try unknownRun(sheet.run) }
  }

  private func insert(
    _ scores: ModelScores.LanguageScores, scope: String, _ model: String, _ run: String,
    _ db: Database
  ) throws {
    for (metric, estimate) in scores.metrics {
      try db.execute(
        sql: """
          INSERT OR REPLACE INTO scores (run, model, scope, language, metric, value, low, high,
            standard_error, count) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
          """,
        arguments: [
          run, model, scope, scores.language, metric, estimate.value, estimate.interval?.low,
          estimate.interval?.high, estimate.standardError, estimate.count,
        ])
    }
  }

  /// The scores of a run in table order; a run without scores gives an empty sheet.
  public func scores(run name: String) throws -> ScoreSheet {
    let (known, rows) = try read { db in
      (
        try requireRun(name, db),
        try Row.fetchAll(
          db, sql: "SELECT task, record FROM models WHERE run = ? ORDER BY position",
          arguments: [name])
      )
    }
    guard known else { throw try unknownRun(name) }
    let models = try rows.map { row in
      let json: String = row["record"]
      return try RecordCoding.decode(ModelScores.self, from: Data(json.utf8), path: path)
    }
    return ScoreSheet(run: name, task: rows.first?["task"] ?? "", models: models)
  }

  /// Records points; one that is there already (same run, step, iteration, name) is replaced. The
  /// run must be recorded.
  ///
  /// - Parameter replacing: these are all points of the run; what else is recorded of it goes.
  public func save(_ metrics: [MetricPoint], run name: String, replacing: Bool = false) throws {
    let known = try write { db in
      guard try requireRun(name, db) else { return false }
      if replacing { try db.execute(sql: "DELETE FROM metrics WHERE run = ?", arguments: [name]) }
      let statement = try db.makeStatement(
        sql: """
          INSERT OR REPLACE INTO metrics (run, step, iteration, name, value)
          VALUES (?, ?, ?, ?, ?)
          """)
      for point in metrics {
        // SQLite stores NaN as NULL; reading turns it back.
        try statement.execute(
          arguments: [name, point.step, point.iteration, point.name, point.value])
      }
      return true
    }
    if !known { throw try unknownRun(name) }
  }

  /// The points of a run by step, name and iteration; of one step or one name if given.
  public func metrics(
    run: String, step: String? = nil, name: String? = nil
  ) throws -> [MetricPoint] {
    try read { db in
      try Row.fetchAll(
        db,
        sql: """
          SELECT step, iteration, name, value FROM metrics WHERE run = ?
            AND (? IS NULL OR step = ?) AND (? IS NULL OR name = ?)
          ORDER BY step, name, iteration
          """, arguments: [run, step, step, name, name]
      ).map { row in
        let value: Double? = row["value"]
        return MetricPoint(
          step: row["step"], iteration: row["iteration"], name: row["name"], value: value ?? .nan)
      }
    }
  }
}
