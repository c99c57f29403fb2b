// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Hub
import Surgery

extension ModelResolver {
  /// Models and their statistics are folders of this machine, or repositories of a hub, fetched when
  /// they are first needed.
  public static func hub(_ models: HubModels) -> ModelResolver {
    .folders(
      locate: { stored in
        try models.folder(
          stored.location.path, revision: stored.location.revision,
          for: stored.isAdapter ? .adapter : .model)
      },
      // A single file will do as well, which no model is.
      locateStatistics: { path in
        FileManager.default.fileExists(atPath: path)
          ? path : try models.folder(path, for: .statistics)
      })
  }
}

extension HubModels {
  /// What fetching the models of a merge would take, each once; those left away that are here.
  public func missing(_ stored: [StoredModel]) throws -> [HubPlan] {
    var plans: [HubPlan] = []
    for stored in stored {
      let location = stored.location
      guard let model = try Self.model(location.path, revision: location.revision) else { continue }
      guard let plan = try missing(model, for: stored.isAdapter ? .adapter : .model) else {
        continue
      }
      // A branch and its commit are one model.
      let isPlanned = plans.contains {
        $0.folder == plan.folder && $0.purpose == plan.purpose
      }
      if !isPlanned { plans.append(plan) }
    }
    return plans
  }
}
