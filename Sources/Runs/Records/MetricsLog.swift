// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Synchronization

/// One number of a training or evaluation step.
public struct MetricPoint: Codable, Sendable, Equatable {
  /// Name of the step in the run.
  public var step: String
  /// Optimizer steps done, from 1; 0 for what is measured before training.
  public var iteration: Int
  /// mlx-lm's names: `train_loss`, `val_loss`, `learning_rate`, `tokens_per_second`,
  /// `trained_tokens`, `peak_memory` (GB); and any other.
  public var name: String
  /// The number; may be not finite.
  public var value: Double

  public init(step: String, iteration: Int, name: String, value: Double) {
    self.step = step
    self.iteration = iteration
    self.name = name
    self.value = value
  }
}

/// The metrics of one iteration: a line of `metrics.jsonl`.
///
///     {"iteration":10,"learning_rate":0.001,"step":"base","train_loss":5.25}
public struct MetricRecord: Sendable, Equatable {
  /// Name of the step in the run.
  public var step: String
  /// Optimizer steps done.
  public var iteration: Int
  /// Numbers by name; `step` and `iteration` are not allowed as names.
  public var values: [String: Double]

  public init(step: String, iteration: Int, values: [String: Double]) {
    self.step = step
    self.iteration = iteration
    self.values = values
  }

  /// The numbers as points, sorted by name.
  public var points: [MetricPoint] {
    values.keys.sorted().map {
      MetricPoint(step: step, iteration: iteration, name: $0, value: values[$0] ?? .nan)
    }
  }

  /// The line without its newline.
  func line() -> String {
    precondition(values["step"] == nil && values["iteration"] == nil, "reserved metric name")
    var members = JSONObject()
    for key in (values.keys + ["iteration", "step"]).sorted() {
      switch key {
      case "iteration": members[key] = JSON(iteration)
      case "step": members[key] = .string(step)
      default: members[key] = Self.json(values[key] ?? .nan)
      }
    }
    return JSON.object(members).serialized()
  }

  private static func json(_ value: Double) -> JSON {
    if value.isNaN { return .string("NaN") }
    if value.isInfinite { return .string(value > 0 ? "Infinity" : "-Infinity") }
    return JSON(value)
  }

  /// Reads a line back.
  init(line bytes: Data, path: String, number: Int) throws {
    let failure = { (problem: String) in
      RunsError.malformedRecord(path: path, line: number, problem: problem)
    }
    let json: JSON
    do { json = try JSON.parse(bytes, origin: path) } catch {
      throw failure("it is not well-formed JSON")
    }
    guard let members = json.object, let step = json["step"]?.string,
      let iteration = json["iteration"]?.int
    else { throw failure("expected an object with `step` and `iteration`") }
    self.init(step: step, iteration: iteration, values: [:])
    for key in members.keys where key != "step" && key != "iteration" {
      switch members[key] {
      case .number(let number)?: values[key] = number.double
      case .string("NaN")?: values[key] = .nan
      case .string("Infinity")?: values[key] = .infinity
      case .string("-Infinity")?: values[key] = -.infinity
      default: throw failure("`\(key)` should be a number")
      }
    }
  }
}

/// `metrics.jsonl`: one JSON object a line, only ever appended to.
///
/// Each record goes out in one `write` call, so a kill leaves whole lines and at most one torn
/// one at the end; opening for writing cuts a torn line off, reading ignores it. After a resume
/// the same iteration may stand there twice: the later line counts. One writer per file at a time.
public final class MetricsLog: Sendable {
  private let path: String
  private let state: Mutex<Int32>

  /// Opens for appending, making the file where missing.
  public init(appendingTo path: String) throws {
    self.path = path
    let descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw RunsError.file(action: "write", path: path, code: errno) }
    state = Mutex(descriptor)
    let bytes = try FileBytes.read(path)
    guard let last = bytes.last, last != UInt8(ascii: "\n") else { return }
    let kept = bytes.lastIndex(of: UInt8(ascii: "\n")).map { $0 - bytes.startIndex + 1 } ?? 0
    guard ftruncate(descriptor, off_t(kept)) == 0 else {
      throw RunsError.file(action: "write", path: path, code: errno)
    }
  }

  deinit { state.withLock { _ = close($0) } }

  /// Appends one line. After a failure (disk full) the file ends with a whole line again.
  public func append(_ record: MetricRecord) throws {
    let bytes = Data((record.line() + "\n").utf8)
    try state.withLock { descriptor in
      let end = lseek(descriptor, 0, SEEK_END)
      do {
        try FileBytes.writeAll(bytes, to: descriptor, path: path)
      } catch {
        _ = ftruncate(descriptor, end)
        throw error
      }
    }
  }

  /// Waits until all lines are on the disk; call at checkpoints, not at every line.
  public func synchronize() throws {
    try state.withLock { descriptor in
      guard fsync(descriptor) == 0 else {
        throw RunsError.file(action: "write", path: path, code: errno)
      }
    }
  }

  /// Drops the lines that `isKept` refuses, and one that is torn; the others stay byte for byte.
  ///
  /// The file is replaced as a whole: a kill leaves the old lines or the new ones. Nobody may have
  /// it open for appending.
  public static func keepLines(
    of path: String, where isKept: (MetricRecord) -> Bool
  ) throws {
    let bytes = try FileBytes.read(path)
    var kept = Data()
    var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    lines.removeLast()
    for (index, line) in lines.enumerated() where !line.isEmpty {
      guard isKept(try MetricRecord(line: line, path: path, number: index + 1)) else { continue }
      kept += line + [UInt8(ascii: "\n")]
    }
    if kept != bytes { try AtomicFile.write(kept, to: path) }
  }

  /// All records in file order, one per step and iteration: where an iteration was written more
  /// than once, values of later lines replace those of earlier ones, at the earlier place.
  ///
  /// A last line without a newline is ignored (it may be torn); any other bad line is an error
  /// with its number.
  public static func read(_ path: String) throws -> [MetricRecord] {
    struct Key: Hashable {
      var step: String
      var iteration: Int
    }
    let bytes = try FileBytes.read(path)
    var records: [MetricRecord] = []
    var places: [Key: Int] = [:]
    var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    lines.removeLast()
    for (index, line) in lines.enumerated() where !line.isEmpty {
      let record = try MetricRecord(line: line, path: path, number: index + 1)
      let key = Key(step: record.step, iteration: record.iteration)
      if let place = places[key] {
        records[place].values.merge(record.values) { $1 }
      } else {
        places[key] = records.count
        records.append(record)
      }
    }
    return records
  }
}
