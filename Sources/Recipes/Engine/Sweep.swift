// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// Removes unfinished results that nobody will go on with: a run was killed, and its recipe has
/// changed since.
///
/// One goes only if all of this is so:
///
/// - it lies where the engine puts it, under a name that the engine gives: `<key>.partial` in a
///   folder of the cache, `<step>-<12 digits>.partial` in this run's `steps`;
/// - nothing in it was modified for seven days;
/// - no plan in sight holds its key: neither this one nor the last one of a run folder beside the
///   cache, beside this run, or of the run that began it, which it names;
/// - no process holds its lock, which the sweep itself takes while it works.
///
/// What cannot be read is kept, and so is everything while a plan in sight cannot be read.
struct Sweep {
  /// What was removed.
  struct Result: Equatable {
    var count = 0
    var byteCount = 0
  }

  /// The scratch file of an unfinished result in the cache that names the run folder it is for.
  static let ownerFileName = ".run"
  /// How long an unfinished result must have been left alone, in days.
  static let restDays = 7
  /// An unfinished result while it is removed; a killed sweep leaves one for the next.
  private static let removedSuffix = ".swept"
  private static let partialSuffix = ".partial"

  let plan: Plan
  var now = Date()

  /// Removes what may go. Failures are no reason to stop a run: what is left waits for the next.
  func run() -> Result {
    var result = Result()
    guard let wanted = try? keysInSight() else { return result }
    let steps = plan.places.run + "/steps"
    for name in folders(in: plan.places.cache) {
      let kind = plan.places.cache + "/" + name
      for stem in stems(in: kind, where: { isKey($0, length: 64) && !wanted.contains($0) }) {
        remove(stem, &result) { !ownerWants($0, key: (stem as NSString).lastPathComponent) }
      }
    }
    let own = Set(plan.entries.map(\.place.folder))
    for stem in stems(in: steps, where: isStep) where !own.contains(stem) {
      remove(stem, &result) { _ in true }
    }
    return result
  }

  /// Removes `<stem>.partial` if it may go, or what an earlier sweep left of it.
  private func remove(_ stem: String, _ result: inout Result, if mayGo: (String) -> Bool) {
    let (partial, removed) = (stem + Self.partialSuffix, stem + Self.removedSuffix)
    guard Disk.exists(removed) || isAtRest(partial), let lock = try? FolderLock.take(stem + ".lock")
    else { return }
    defer { withExtendedLifetime(lock) {} }
    do {
      try Disk.remove(removed)
      // Looked at again: only now nobody else can be at it.
      guard isAtRest(partial), mayGo(partial) else { return }
      let byteCount = try Disk.extent(of: partial).byteCount
      // Under another name first, so that a kill leaves no half of it to go on from.
      try Disk.move(partial, to: removed)
      result.count += 1
      result.byteCount += byteCount
      try Disk.remove(removed)
    } catch {}
  }

  private func isAtRest(_ folder: String) -> Bool {
    guard Disk.exists(folder), let extent = try? Disk.extent(of: folder) else { return false }
    let age = now.timeIntervalSince1970 - Double(extent.modified) / 1e9
    return age >= Double(Self.restDays) * 86_400
  }

  // MARK: Who wants it

  /// The keys in this plan and in the last plans of the runs that can be found.
  private func keysInSight() throws -> Set<String> {
    var keys = Set(plan.entries.map(\.key.hex))
    let parents = [plan.places.run, plan.places.cache].map {
      ($0 as NSString).deletingLastPathComponent
    }
    for parent in Set(parents) {
      for name in folders(in: parent) { keys.formUnion(try Self.keys(ofRun: "\(parent)/\(name)")) }
    }
    return keys
  }

  /// Whether the run that began an unfinished result still plans it, or might.
  private func ownerWants(_ partial: String, key: String) -> Bool {
    guard let text = try? Disk.readText(partial + "/" + Self.ownerFileName) else { return false }
    let run = text.trimmingCharacters(in: .newlines)
    // A run folder that was removed wants nothing; one on a disk that is not there now may.
    guard Disk.exists((run as NSString).deletingLastPathComponent) else { return true }
    return (try? Self.keys(ofRun: run).contains(key)) ?? true
  }

  /// The keys of a run folder's last plan; none where there is no plan.
  private static func keys(ofRun folder: String) throws -> [String] {
    let path = folder + "/plan.json"
    guard Disk.exists(path) else { return [] }
    let plan = try JSON.parse(try Disk.read(path), origin: path)
    guard let steps = plan["steps"]?.array else {
      throw DocumentError.missingKey("steps", path: "", line: nil, origin: path)
    }
    return steps.compactMap { $0["key"]?.string }
  }

  // MARK: Names

  private func folders(in parent: String) -> [String] {
    ((try? Disk.names(in: parent)) ?? []).filter {
      Disk.identity("\(parent)/\($0)")?.isFolder == true
    }
  }

  /// The paths without their endings of unfinished results in a folder.
  private func stems(in folder: String, where isOurs: (String) -> Bool) -> Set<String> {
    var found: Set<String> = []
    for name in folders(in: folder) {
      for suffix in [Self.partialSuffix, Self.removedSuffix] where name.hasSuffix(suffix) {
        let stem = String(name.dropLast(suffix.count))
        if isOurs(stem) { found.insert("\(folder)/\(stem)") }
      }
    }
    return found
  }

  private func isKey(_ text: some StringProtocol, length: Int) -> Bool {
    text.utf8.count == length
      && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }

  private func isStep(_ stem: String) -> Bool {
    let parts = stem.split(separator: "-")
    return parts.count > 1 && isKey(parts[parts.count - 1], length: StepKey.shortLength)
  }
}
