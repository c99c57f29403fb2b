// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora
import Documents

/// Writes the laboratory languages, with texts and tasks where real data would lie.
struct LabStep: RecipeStep {
  static let kind = StepKind("lab", version: 1)

  let name = "lab"
  let lab: LabSettings
  /// The files that other steps read, below the data folder; each is an output of its own.
  let files: [String]

  var settings: JSON { lab.json }
  var outputs: [StepOutput] { [.folder] + files.map { StepOutput($0, path: "data/" + $0) } }

  func estimate(_ context: EstimateContext) -> StepEstimate {
    var estimate = StepEstimate(outputByteCount: lab.languages.reduce(0) { $0 + $1.textBytes })
    for language in lab.languages {
      estimate.namedByteCounts["text/\(language.code).txt"] = language.textBytes
    }
    return estimate
  }

  func run(_ context: StepContext) throws {
    try Lab.write(to: context.folder + "/data", settings: lab)
  }
}
