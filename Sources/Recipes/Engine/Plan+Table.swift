// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Runs

extension Plan {
  /// The plan for people: a line per step, then what there is left to do.
  ///
  /// Estimates stand for steps still to run; for finished steps the table shows what they took.
  public func table(_ style: TerminalStyle) -> String {
    let columns = [
      TextTable.Column("step", isNumber: false), TextTable.Column("kind", isNumber: false, rank: 2),
      TextTable.Column("state", isNumber: false), TextTable.Column("tokens"),
      TextTable.Column("output"), TextTable.Column("memory", rank: 1), TextTable.Column("time"),
      TextTable.Column("key", isNumber: false, rank: 3),
    ]
    var text = TextTable(columns: columns, groups: [entries.map(\.row)]).rendered(style)
    text += "\n" + summary + "\n"
    for entry in entries {
      if case .redo(let reason) = entry.state {
        text += "\(entry.step.name) is done again: \(reason).\n"
      }
      if let note = entry.estimate.note { text += "\(entry.step.name): \(note).\n" }
    }
    return text
  }

  private var summary: String {
    let waiting = entries.filter { $0.state != .done }
    guard !waiting.isEmpty else { return "All \(entries.count) steps are done." }
    var parts = ["\(entries.count - waiting.count) of \(entries.count) steps are done"]
    let estimates = waiting.map(\.estimate)
    let time = estimates.compactMap(\.duration).reduce(.zero, +) / .seconds(1)
    if time > 0 { parts.append("the rest takes about \(NumberText.duration(seconds: time))") }
    let byteCount = estimates.compactMap(\.outputByteCount).reduce(0, +)
    if byteCount > 0 { parts.append("writes about \(NumberText.bytes(byteCount))") }
    if let memory = estimates.compactMap(\.memoryByteCount).max() {
      parts.append("needs up to \(NumberText.bytes(memory)) of memory")
    }
    return parts.joined(separator: ", ") + "."
  }
}

extension Plan.Entry {
  fileprivate var row: [TextTable.Cell] {
    let output = manifest?.byteCount ?? estimate.outputByteCount
    let seconds = manifest?.seconds ?? estimate.duration.map { $0 / .seconds(1) }
    let shown = state == .done && step.storage == .cache ? "cached" : state.word
    let texts = [
      step.name, step.kind.name, shown, estimate.tokenCount.map(NumberText.count) ?? "",
      output.map(NumberText.bytes) ?? "", estimate.memoryByteCount.map(NumberText.bytes) ?? "",
      seconds.map { NumberText.duration(seconds: $0) } ?? "", key.short,
    ]
    return texts.map { TextTable.Cell($0, state == .done ? .faint : .plain) }
  }
}
