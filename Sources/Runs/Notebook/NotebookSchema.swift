// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB

/// The tables, and how older files become newer ones.
enum NotebookSchema {
  /// "KOIN" in SQLite's header field for the application, so that a foreign file is known as one.
  static let applicationID = 0x4B4F_494E

  /// Append-only: entry k brings a file from `user_version` k to k + 1. Never edit one.
  static let migrations = [
    """
    CREATE TABLE runs (
      name TEXT PRIMARY KEY NOT NULL, status TEXT NOT NULL, started_at TEXT NOT NULL,
      ended_at TEXT, recipe_path TEXT NOT NULL, koine_version TEXT NOT NULL,
      engine TEXT NOT NULL, device TEXT NOT NULL, wall_seconds REAL NOT NULL,
      record TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE steps (
      run TEXT NOT NULL REFERENCES runs (name) ON DELETE CASCADE, position INTEGER NOT NULL,
      name TEXT NOT NULL, kind TEXT NOT NULL, hash TEXT NOT NULL, state TEXT NOT NULL,
      wall_seconds REAL NOT NULL, trained_tokens INTEGER, peak_memory_bytes INTEGER,
      output_path TEXT, PRIMARY KEY (run, position)) WITHOUT ROWID;
    CREATE TABLE models (
      run TEXT NOT NULL REFERENCES runs (name) ON DELETE CASCADE, model TEXT NOT NULL,
      position INTEGER NOT NULL, kind TEXT NOT NULL, task TEXT NOT NULL, wall_seconds REAL,
      trained_tokens INTEGER, record TEXT NOT NULL, PRIMARY KEY (run, model)) WITHOUT ROWID;
    CREATE TABLE scores (
      run TEXT NOT NULL, model TEXT NOT NULL, scope TEXT NOT NULL, language TEXT NOT NULL,
      metric TEXT NOT NULL, value REAL, low REAL, high REAL, standard_error REAL, count INTEGER,
      PRIMARY KEY (run, model, scope, language, metric),
      FOREIGN KEY (run, model) REFERENCES models (run, model) ON DELETE CASCADE) WITHOUT ROWID;
    CREATE TABLE metrics (
      run TEXT NOT NULL REFERENCES runs (name) ON DELETE CASCADE, step TEXT NOT NULL,
      iteration INTEGER NOT NULL, name TEXT NOT NULL, value REAL,
      PRIMARY KEY (run, step, name, iteration)) WITHOUT ROWID;
    CREATE INDEX steps_by_hash ON steps (hash);
    """
  ]

  /// Checks whose file it is and brings it to the newest schema, in one transaction: of two
  /// processes that make the file together one waits and then finds the work done. (GRDB's own
  /// migrator looks at the applied list outside the transaction, hence `user_version`.)
  static func prepare(_ queue: DatabaseQueue, path: String) throws {
    try queue.write { db in
      let version = try version(db, path: path)
      guard version < migrations.count else { return }
      for migration in migrations[version...] { try db.execute(sql: migration) }
      try db.execute(sql: "PRAGMA application_id = \(applicationID)")
      try db.execute(sql: "PRAGMA user_version = \(migrations.count)")
    }
    try useWriteAheadLog(queue)
  }

  /// Checks whose file it is, without writing to it.
  /// - Returns: whether the file has the newest schema.
  static func isCurrent(_ queue: DatabaseQueue, path: String) throws -> Bool {
    try queue.read { db in try version(db, path: path) == migrations.count }
  }

  /// The schema of our file or of an empty one; throws for others and for a later schema.
  private static func version(_ db: Database, path: String) throws -> Int {
    let application = try Int.fetchOne(db, sql: "PRAGMA application_id") ?? 0
    let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
    let isEmpty = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") == 0
    guard application == applicationID || (application == 0 && version == 0 && isEmpty) else {
      throw RunsError.foreignNotebook(path: path, applicationID: application)
    }
    guard version <= migrations.count else {
      throw RunsError.newerNotebook(path: path, found: version, known: migrations.count)
    }
    return version
  }

  /// The mode is kept in the file, so it is changed once. SQLite does not wait for other
  /// connections here, hence the retries; a file system without shared memory keeps the rollback
  /// journal, which is slower with many readers and equally safe.
  private static func useWriteAheadLog(_ queue: DatabaseQueue) throws {
    for attempt in 1...40 {
      do {
        try queue.writeWithoutTransaction { db in
          _ = try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL")
        }
        return
      } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY && attempt < 40 {
        Thread.sleep(forTimeInterval: 0.05)
      }
    }
  }
}
