// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora
import Documents
import Foundation

/// One language's text: read, cleaned, divided by document into `train.jsonl`, `selection.jsonl`
/// and `heldout.jsonl`.
///
/// Selection and held-out text are different documents, so that what chooses merge weights is not
/// what reports them. `train.jsonl` is missing for a language that is only measured.
struct TextStep: RecipeStep {
  static let kind = StepKind("text", version: 2)

  let language: String
  let files: [StepInput]
  let heldOut: HeldOutSettings
  /// Only measured: no document is trained on.
  let isHeldOutOnly: Bool
  /// At most so many bytes to train on, in the order of a seeded shuffle; 0 for all.
  let maximumBytes: Int
  /// Whether merges are chosen on held-out documents of it. Changes no result.
  var servesSelection = false

  var name: String { "text-\(language)" }
  var inputs: [StepInput] { files }
  var settings: JSON {
    [
      "language": .string(language), "share": JSON(heldOut.share),
      "held_out_bytes": JSON(heldOut.maximumBytes), "seed": JSON(Int(heldOut.seed)),
      "held_out_only": JSON(isHeldOutOnly), "max_bytes": JSON(maximumBytes),
    ]
  }

  func estimate(_ context: EstimateContext) -> StepEstimate {
    var total = 0
    var estimate = StepEstimate()
    for file in files {
      guard let size = context.byteCount(file.label) else { return StepEstimate() }
      // gzip shrinks text to about a third.
      let isPacked = context.input(file.label)?.hasSuffix(".gz") == true
      if isPacked || size.isRough { estimate.rough = [.bytes] }
      total += isPacked ? 3 * size.byteCount : size.byteCount
    }
    if maximumBytes > 0, !isHeldOutOnly {
      let heldOut = min(Int(Double(total) * heldOut.share), heldOut.maximumBytes)
      total = min(total, maximumBytes + heldOut)
    }
    estimate.outputByteCount = total
    return estimate
  }

  func run(_ context: StepContext) throws {
    let paths = try files.map { try context.input($0.label) }
    if isHeldOutOnly {
      let documents = try CorpusReader.documents(at: paths)
      let (cleaned, report) = try TextCleaner().clean(documents, language: language)
      try write(train: [], heldOut: cleaned, report, context)
    } else {
      let corpus = try PreparedCorpus(language: language, paths: paths, heldOut: heldOut)
      try write(train: limited(corpus.train), heldOut: corpus.heldOut, corpus.report, context)
    }
  }

  func limited(_ documents: [Document]) -> [Document] {
    guard maximumBytes > 0 else { return documents }
    var left = maximumBytes
    var order = Array(documents.indices)
    var random = SeededRandom(seed: heldOut.seed, name: "\(name)/max_bytes")
    random.shuffle(&order)
    var kept: Set<Int> = []
    for index in order where left > 0 {
      kept.insert(index)
      left -= documents[index].byteCount
    }
    return documents.indices.filter(kept.contains).map { documents[$0] }
  }

  private func write(
    train: [Document], heldOut: [Document], _ report: CleaningReport, _ context: StepContext
  ) throws {
    // Every other held-out document serves selection; a language that is only measured, and a
    // single document, serve the report.
    var (selection, test): ([Document], [Document]) = ([], [])
    for (index, document) in heldOut.enumerated() {
      if !isHeldOutOnly, index % 2 == 1 {
        selection.append(document)
      } else {
        test.append(document)
      }
    }
    if servesSelection, selection.isEmpty {
      throw StudyError.fewHeldOut(language, origin: files.map(\.label).joined(separator: ", "))
    }
    for (file, documents) in [
      ("train.jsonl", train), ("selection.jsonl", selection), ("heldout.jsonl", test),
    ] where !documents.isEmpty {
      let lines = documents.map { JSON.object(["text": $0.text]).serialized() + "\n" }.joined()
      try Disk.write(lines, to: context.folder + "/" + file, isShared: false)
    }
    var facts: JSON = [
      "train": Self.size(train), "selection": Self.size(selection), "heldout": Self.size(test),
    ]
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    facts["cleaning"] = try JSON.parse(Array(encoder.encode(report)), origin: "the report")
    context.setFact("sizes", facts)
  }

  private static func size(_ documents: [Document]) -> JSON {
    [
      "documents": JSON(documents.count),
      "bytes": JSON(documents.reduce(0) { $0 + $1.byteCount }),
    ]
  }
}

extension JSON {
  fileprivate static func object(_ members: [String: String]) -> JSON {
    var object = JSONObject()
    for key in members.keys.sorted() { object[key] = members[key].map { .string($0) } }
    return .object(object)
  }
}
