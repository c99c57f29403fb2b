// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// The folder of one run: the files that docs/recipes.md lists, each written whole and at once.
public struct RunFolder: Sendable, Equatable {
  /// The folder itself.
  public let path: String

  /// Names a folder; nothing is read or made.
  public init(path: String) { self.path = path }

  /// Makes the folder and `steps/` in it, with parents, where missing.
  public func create() throws {
    let steps = "\(path)/steps"
    do {
      try FileManager.default.createDirectory(atPath: steps, withIntermediateDirectories: true)
    } catch {
      throw RunsError.file(
        action: "make the folder", path: steps, code: SystemReason.code(of: error) ?? EIO)
    }
  }

  /// Path of a file of this run.
  public func path(of file: String) -> String { "\(path)/\(file)" }
  /// `metrics.jsonl`.
  public var metricsPath: String { path(of: "metrics.jsonl") }
  /// `report.html`.
  public var reportPath: String { path(of: "report.html") }

  /// Writes any value as pretty JSON with sorted keys: `plan.json`, a step's own record.
  public func write(_ value: some Encodable, as file: String) throws {
    try AtomicFile.write(RecordCoding.encode(value), to: path(of: file))
  }

  /// Writes text (UTF-8): `recipe.yaml`, `report.html`, `result.md`.
  public func write(text: String, as file: String) throws {
    try AtomicFile.write(Data(text.utf8), to: path(of: file))
  }

  /// Reads a JSON record of any kind.
  public func read<Value: Decodable>(_ type: Value.Type, from file: String) throws -> Value {
    let path = path(of: file)
    return try RecordCoding.decode(type, from: FileBytes.read(path), path: path)
  }

  /// Writes `run.json`.
  public func write(_ run: RunRecord) throws { try write(run, as: "run.json") }
  /// Writes `scores.json`.
  public func write(_ scores: ScoreSheet) throws { try write(scores, as: "scores.json") }

  /// Reads `run.json`; refuses a newer schema.
  public func readRun() throws -> RunRecord {
    try checkSchema(of: "run.json", known: RunRecord.schema)
    return try read(RunRecord.self, from: "run.json")
  }

  /// Reads `scores.json`; refuses a newer schema.
  public func readScores() throws -> ScoreSheet {
    try checkSchema(of: "scores.json", known: ScoreSheet.schema)
    return try read(ScoreSheet.self, from: "scores.json")
  }

  private struct SchemaOnly: Decodable { var schema: Int }

  private func checkSchema(of file: String, known: Int) throws {
    let found = try read(SchemaOnly.self, from: file).schema
    guard found <= known else {
      throw RunsError.newerRecord(path: path(of: file), found: found, known: known)
    }
  }
}
