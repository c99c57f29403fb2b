// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// A file that `tensorboard --logdir` shows: scalars over steps, only ever appended to.
///
/// Each event goes out in one `write` call. Opening for writing cuts off what a kill has torn, and
/// what belongs to steps after the one that a training resumes from; the events then go on in the
/// same file.
public final class EventFile: Sendable {
  /// What every file begins with.
  static let version = "brain.Event:2"
  private let path: String
  private let descriptor: Mutex<Int32>

  /// Opens for appending, making the file with its first event where missing.
  ///
  /// - Parameters:
  ///   - isKept: the first event that it refuses is dropped with all after it.
  ///   - now: seconds since 1970, for the first event.
  public init(
    appendingTo path: String, keepingWhile isKept: (EventRecord) -> Bool = { _ in true },
    now: Double = Date().timeIntervalSince1970
  ) throws {
    self.path = path
    let descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw RunsError.file(action: "write", path: path, code: errno) }
    self.descriptor = Mutex(descriptor)
    let bytes = Array(try FileBytes.read(path))
    var kept = 0
    for event in EventRecord.read(bytes).events {
      guard isKept(event) else { break }
      kept += event.frame.count
    }
    if kept < bytes.count, ftruncate(descriptor, off_t(kept)) != 0 {
      throw RunsError.file(action: "write", path: path, code: errno)
    }
    if kept == 0 { try append(EventRecord(wallTime: now, fileVersion: Self.version)) }
  }

  deinit { descriptor.withLock { _ = close($0) } }

  /// The name that TensorBoard looks for, in a folder of its own.
  public static func fileName(now: Double = Date().timeIntervalSince1970) -> String {
    "events.out.tfevents.\(Int(now)).koine"
  }

  /// Appends one event. After a failure (disk full) the file ends with a whole event again.
  public func append(_ event: EventRecord) throws {
    let bytes = Data(event.frame)
    try descriptor.withLock { descriptor in
      let end = lseek(descriptor, 0, SEEK_END)
      do { try FileBytes.writeAll(bytes, to: descriptor, path: path) } catch {
        _ = ftruncate(descriptor, end)
        throw error
      }
    }
  }

  /// All whole events of a file, in its order.
  public static func read(_ path: String) throws -> [EventRecord] {
    EventRecord.read(Array(try FileBytes.read(path))).events
  }
}
