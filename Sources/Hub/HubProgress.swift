// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// How far a download is.
public struct HubProgress: Sendable, Equatable {
  /// The file that just grew.
  public var file: String
  public var fileByteCount: Int
  public var fileTotal: Int
  /// All files together, what was there before included.
  public var byteCount: Int
  public var total: Int
  public var finishedCount: Int
  public var fileCount: Int
  /// Bytes per second that came since the start, of the file and of all; 0 while too
  /// few came to tell.
  public var fileRate: Double
  public var rate: Double

  /// Seconds that the file needs at its rate; `nil` where there is none yet.
  public var fileRemaining: Double? { Self.remaining(fileTotal - fileByteCount, fileRate) }
  /// Seconds that all need.
  public var remaining: Double? { Self.remaining(total - byteCount, rate) }

  private static func remaining(_ count: Int, _ rate: Double) -> Double? {
    rate > 0 ? Double(count) / rate : nil
  }
}

/// What happens during a download.
public enum HubEvent: Sendable {
  /// Files will be fetched; `byteCount` is what is still to come.
  case started(HubModel, commit: String, fileCount: Int, byteCount: Int)
  case progress(HubProgress)
  /// Another process, or another part of this one, fetches the same bytes.
  case waiting(file: String)
  /// Something is asked for again after a time.
  case retrying(place: String, reason: String, delay: Duration)
  /// The hub cannot be asked; the cache has what is needed.
  case usingCache(HubModel, commit: String, reason: HubError)
  /// All is there; `byteCount` came now.
  case finished(HubModel, folder: String, byteCount: Int, seconds: Double)
}

/// Hears what happens, on any thread, one at a time within a download.
public typealias HubObserver = @Sendable (HubEvent) -> Void

/// Counts the bytes of a download, and tells the observer every now and then.
final class HubMeter: Sendable {
  private struct Counts {
    var total: Int
    var done = 0
    var fetched = 0
    var finished = 0
    var files: [String: File] = [:]
  }

  private struct File {
    var done = 0
    var fetched = 0
    var told = 0
    var start: Duration
  }

  /// A file tells of itself when it has grown by so much.
  private static let step = 256 * 1024

  private let counts: Mutex<Counts>
  private let fileCount: Int
  private let system: HubSystem
  private let start: Duration
  private let observer: HubObserver

  init(files: [HubFile], _ system: HubSystem, _ observer: @escaping HubObserver) {
    counts = Mutex(Counts(total: files.reduce(0) { $0 + $1.byteCount }))
    fileCount = files.count
    self.system = system
    self.observer = observer
    start = system.now()
  }

  /// The bytes that came over the network so far.
  var fetchedByteCount: Int { counts.withLock { $0.fetched } }

  /// A file has so many bytes now, of which some came just now.
  func update(_ file: HubFile, done: Int, fetched: Int, isFinished: Bool = false) {
    counts.withLock { counts in
      let now = system.now()
      var own = counts.files[file.path] ?? File(start: now)
      counts.done += done - own.done
      counts.fetched += fetched
      own.done = done
      own.fetched += fetched
      if isFinished { counts.finished += 1 }
      if isFinished || abs(done - own.told) >= Self.step {
        own.told = done
        observer(
          .progress(
            HubProgress(
              file: file.path, fileByteCount: done, fileTotal: file.byteCount,
              byteCount: counts.done, total: counts.total, finishedCount: counts.finished,
              fileCount: fileCount, fileRate: Self.rate(own.fetched, now - own.start),
              rate: Self.rate(counts.fetched, now - start))))
      }
      counts.files[file.path] = own
    }
  }

  /// Another event, not in the middle of one.
  func tell(_ event: HubEvent) { counts.withLock { _ in observer(event) } }

  /// The first bytes come after a connection is made and say nothing of its rate.
  private static func rate(_ byteCount: Int, _ time: Duration) -> Double {
    byteCount >= 65536 && time > .zero ? Double(byteCount) / (time / .seconds(1)) : 0
  }
}
