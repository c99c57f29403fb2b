// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Runs
import Synchronization

extension StepContext {
  /// The fact that tells how many tokens a training went through, for the next one's duration.
  public static let seenTokens = "seen_tokens"
}

extension RunPlaces {
  /// What the step of that name and kind took when it last ran in this run folder with other
  /// settings or inputs; `nil` when it never did.
  ///
  /// Where both numbers of tokens are known, the time is scaled by them.
  func earlierDuration(of step: any RecipeStep, tokenCount: Int?) -> Duration? {
    let root = run + "/steps"
    // Estimates are a courtesy: what cannot be read is as good as never run.
    let names = (try? Disk.names(in: root)) ?? []
    let manifests = names.filter { name in
      guard name.hasPrefix(step.name + "-") else { return false }
      let key = name.dropFirst(step.name.count + 1)
      return key.count == StepKey.shortLength && key.allSatisfy(\.isHexDigit)
    }.compactMap { try? StepManifest(folder: root + "/" + $0) }
    let last = manifests.filter { $0.kind.name == step.kind.name && $0.seconds > 0 }
      .max { $0.finishedAt < $1.finishedAt }
    guard let last else { return nil }
    if let tokenCount, let seen = last.facts[StepContext.seenTokens]?.int, seen > 0 {
      return .seconds(last.seconds * Double(tokenCount) / Double(seen))
    }
    return .seconds(last.seconds)
  }
}

/// What steps of a kind took in the runs of one folder on this machine, for a recipe that has not
/// run yet. Read once, and only when asked for.
final class EarlierSteps: Sendable {
  private let places: RunPlaces
  private let known = Mutex<[String: [StepManifest]]>([:])

  init(places: RunPlaces) { self.places = places }

  /// The finished steps of that kind in the run folders beside this one, each result once. Runs
  /// that their record places on another machine do not count.
  func manifests(of kind: StepKind) -> [StepManifest] {
    if let found = known.withLock({ $0[kind.name] }) { return found }
    var byKey: [StepKey: StepManifest] = [:]
    for (folder, record) in places.runsBeside where Machine.isThis(record.environment) {
      for step in record.steps where step.kind == kind.name {
        guard let path = step.outputPath,
          let manifest = try? StepManifest(folder: folder + "/" + path), manifest.seconds > 0
        else { continue }
        byKey[manifest.key] = manifest
      }
    }
    let found = byKey.values.sorted { ($0.finishedAt, $0.key.hex) < ($1.finishedAt, $1.key.hex) }
    known.withLock { $0[kind.name] = found }
    return found
  }
}

extension RunPlaces {
  /// The run folders in the folder that holds this one, itself included, with their records.
  fileprivate var runsBeside: [(folder: String, record: RunRecord)] {
    let parent = run.parentPath
    return ((try? Disk.names(in: parent)) ?? []).compactMap { name in
      let folder = "\(parent)/\(name)"
      return (try? RunFolder(path: folder).readRun()).map { (folder, $0) }
    }
  }
}
