// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Runs
import Surgery

/// What a planned merge reads, writes and takes, for `koine merge --dry-run`.
struct MergeOverview {
  /// The stage's.
  let name: String
  let plan: MergePlan
  let outline: CheckpointWriter.Outline
  let estimate: MergeEstimate
  let out: String
  /// What is written before this.
  let bytesBefore: Int

  /// The line that ends a merge.
  static func line(_ plan: MergePlan, out: String, verb: String) -> String {
    "\(verb) \(out): \(plan.method), \(NumberText.count(plan.checkpoint.parameterCount)) parameters "
      + "in \(plan.checkpoint.names.count) tensors, \(NumberText.bytes(plan.checkpoint.byteCount))\n"
  }

  var json: JSON {
    var json: JSON = [
      "name": JSON(name), "out": JSON(out), "finished": false,
      "inputs": JSON(
        plan.models.map { model -> JSON in
          [
            "model": JSON(model.name), "tensors": JSON(model.checkpoint.names.count),
            "dtypes": JSON(Self.types(model.checkpoint).map { JSON($0) }),
            "bytes": JSON(model.checkpoint.byteCount),
          ]
        }),
      "merged": JSON(count(.merge)), "copied": JSON(count(.copy)),
      "buffers": JSON(count(.equalBuffer)),
      "dtypes": JSON(Self.types(plan.checkpoint).map { JSON($0) }),
      "bytes": JSON(outline.byteCount), "files": JSON(outline.fileNames.map { JSON($0) }),
      "memory_bytes": JSON(estimate.workingByteCount),
      "estimated_seconds": estimate.seconds.map { JSON($0) } ?? .null,
      "free_bytes": outline.freeByteCount.map { JSON($0) } ?? .null,
    ]
    if let warning { json["warning"] = JSON(warning) }
    return json
  }

  func text(_ style: TerminalStyle) -> String {
    let columns = [
      TextTable.Column("reads", isNumber: false), TextTable.Column("tensors", isNumber: true),
      TextTable.Column("dtype", isNumber: false), TextTable.Column("size", isNumber: true),
    ]
    func row(_ name: String, _ checkpoint: Checkpoint) -> [TextTable.Cell] {
      [
        TextTable.Cell(name), TextTable.Cell(String(checkpoint.names.count)),
        TextTable.Cell(Self.types(checkpoint).joined(separator: " ")),
        TextTable.Cell(NumberText.bytes(checkpoint.byteCount)),
      ]
    }
    let inputs = plan.models.map { row($0.name, $0.checkpoint) }
    let table = TextTable(columns: columns, groups: [inputs, [row(out, plan.checkpoint)]])
    var lines = [Self.line(plan, out: out, verb: "would write") + table.rendered(style)]
    var actions = ["\(count(.merge)) merged"]
    if count(.copy) > 0 { actions.append("\(count(.copy)) passed through") }
    if count(.equalBuffer) > 0 { actions.append("\(count(.equalBuffer)) equal buffers") }
    let files = outline.fileNames.count
    lines.append(
      "\(actions.joined(separator: ", ")); \(files) file\(files == 1 ? "" : "s") of weights\n")
    let time = estimate.seconds.map { "about \(NumberText.duration(seconds: $0))" } ?? "unknown"
    lines.append(
      "memory up to \(NumberText.bytes(estimate.workingByteCount)) besides the system's cache of the "
        + "files; time \(time), without waiting for the disk\n")
    if let free = outline.freeByteCount { lines.append("free there: \(NumberText.bytes(free))\n") }
    if let warning { lines.append(style.paragraph("Warning: \(warning)")) }
    return lines.joined()
  }

  private var warning: String? {
    let needed = outline.byteCount + bytesBefore
    guard let free = outline.freeByteCount, free < needed else { return nil }
    return "\(bytesBefore > 0 ? "the stages up to this need" : "the result needs") "
      + "\(NumberText.bytes(needed)), and \(NumberText.bytes(free)) are free."
  }

  private func count(_ action: MergePlan.Tensor.Action) -> Int {
    plan.tensors.count { $0.action == action }
  }

  private static func types(_ checkpoint: Checkpoint) -> [String] {
    Set(checkpoint.names.compactMap { checkpoint.info($0)?.elementType.rawValue }).sorted()
  }
}
