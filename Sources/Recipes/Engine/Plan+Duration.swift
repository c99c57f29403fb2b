// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

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
