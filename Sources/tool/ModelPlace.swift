// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Hub
import Recipes
import Runs
import Synchronization

/// Where the models lie that a command line names: folders, and models of the hub, which are
/// fetched with progress on stderr.
///
/// Ctrl-C during a fetch ends the process where the command has no better way; what has come stays
/// for the next time in either case.
enum ModelPlace {
  /// The models of a command.
  ///
  /// - Parameter cancellation: of commands that take signals into their own hands.
  static func models(_ cancellation: Cancellation? = nil) -> HubModels {
    .environment(
      userAgent: userAgent, isStopped: { cancellation?.isRequested ?? false },
      observer: HubDisplay().observer)
  }

  /// The folder that a command's argument means.
  static func folder(_ text: String, for purpose: HubPurpose = .model) throws -> String {
    let folder: String
    do { folder = try models().folder(text, for: purpose) } catch let error as HubError {
      // A name that was mistyped looks like a model of the hub, which then is not there.
      switch error {
      case .name, .unauthorized, .noModel, .offline, .unreachable, .connection:
        Output.message(
          "There is no folder `\(text)` here, so it was taken for a model of the hub."
            + (nearestFolder(to: text).map { " Did you mean `\($0)`?" } ?? ""))
      default: break
      }
      throw error
    }
    if folder == text, !Disk.exists(text), let nearest = nearestFolder(to: text) {
      throw ModelArgumentError.missing(text, nearest: nearest)
    }
    return folder
  }

  /// The folder that a path was probably meant to name: beside where it leads, or, where that is
  /// nowhere, the same below a folder with a similar name.
  static func nearestFolder(to path: String) -> String? {
    let text = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    let name = (text as NSString).lastPathComponent
    var parent = text.parentPath
    if !parent.isEmpty, !Disk.exists(parent) {
      guard let found = nearestFolder(to: parent) else { return nil }
      parent = found
    }
    func joined(_ name: String) -> String {
      parent.isEmpty ? name : (parent as NSString).appendingPathComponent(name)
    }
    if Disk.identity(joined(name))?.isFolder == true { return joined(name) }
    let names = (try? Disk.names(in: parent.isEmpty ? "." : parent)) ?? []
    return nearestName(
      to: name,
      in: names.filter { !$0.hasPrefix(".") && Disk.identity(joined($0))?.isFolder == true }
        .sorted()
    ).map(joined)
  }

  static var userAgent: String { "koine/\(KoineVersion.current)" }
}

/// Shows downloads as the steps of runs are shown.
final class HubDisplay: Sendable {
  private let display = ProgressDisplay()
  private let model = Mutex("")

  var observer: HubObserver { { self.show($0) } }

  private func show(_ event: HubEvent) {
    switch event {
    case .started(let model, let commit, let fileCount, let byteCount):
      let files = fileCount == 1 ? "1 file" : "\(fileCount) files"
      display.message(
        "fetching \(model) at \(commit.prefix(8)): \(files), \(NumberText.bytes(byteCount))")
      self.model.withLock { $0 = "\(model)" }
      display.observer(
        .started(step: "\(model)", kind: "download", index: 1, count: 1, isResuming: false))
    case .progress(let progress):
      display.observer(
        .progress(
          step: model.withLock { $0 },
          StepProgress(
            done: progress.byteCount, total: progress.total, unit: "B",
            rate: progress.rate,
            detail: Self.detail(progress))))
    case .waiting(let file):
      display.message("\(file): another process fetches it; waiting for that.")
    case .retrying(let place, let reason, let delay):
      let seconds = NumberText.duration(seconds: delay / .seconds(1))
      display.message("\(place): \(reason); asking again in \(seconds).")
    case .usingCache(let model, let commit, let reason):
      display.message(
        "\(model): using the cache at \(commit.prefix(8)), for: \(reason.diagnosis.what)")
    case .finished(let model, _, let byteCount, let seconds):
      display.observer(.finished(step: "\(model)", seconds: seconds, byteCount: byteCount))
    }
  }

  /// "2 of 5 files; model-00001-of-00002.safetensors 41 %, 2 min".
  private static func detail(_ progress: HubProgress) -> String {
    var text = "\(progress.finishedCount) of \(progress.fileCount) files"
    if progress.fileByteCount < progress.fileTotal {
      let share = 100 * progress.fileByteCount / max(1, progress.fileTotal)
      text += "; \(progress.file) \(share) %"
      if let seconds = progress.fileRemaining {
        text += ", \(NumberText.duration(seconds: seconds))"
      }
    }
    return text
  }
}

extension HubPlan {
  /// What a dry run says of a model that is not here.
  var text: String {
    let rows = missing.map { "  \($0.path)  \(NumberText.bytes($0.byteCount))\n" }.joined()
    return "would fetch \(model) at \(commit): \(missing.count) of \(files.count) files, "
      + "\(NumberText.bytes(missingByteCount)), into \(folder)\n" + rows
  }

  var json: JSON {
    [
      "model": JSON(model.id), "revision": JSON(model.revision), "commit": JSON(commit),
      "path": JSON(folder), "bytes": JSON(byteCount), "missing_bytes": JSON(missingByteCount),
      "files": JSON(
        files.map { file -> JSON in
          [
            "name": JSON(file.path), "bytes": JSON(file.byteCount),
            "missing": JSON(missing.contains(file)),
          ]
        }),
    ]
  }
}
