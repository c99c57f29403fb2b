// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
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
    text += "\n" + style.paragraph(summary)
    let rows = entries.map(\.row).joined()
    let marks = [("~", "~ by a rule of thumb"), ("?", "? not known before it has run")]
      .filter { mark, _ in rows.contains { $0.text.hasPrefix(mark) } }.map(\.1)
    if !marks.isEmpty { text += style.paragraph(marks.joined(separator: "; ") + ".", .faint) }
    for entry in entries {
      if case .redo(let reason) = entry.state {
        text += style.paragraph("\(entry.step.name) is done again: \(reason.clause).")
      }
      if let note = entry.estimate.note { text += style.paragraph("\(entry.step.name): \(note).") }
    }
    return text
  }

  private var summary: String {
    let waiting = entries.filter { $0.state != .done }
    guard !waiting.isEmpty else { return "All \(entries.count) steps are done." }
    var parts = ["\(entries.count - waiting.count) of \(entries.count) steps are done"]
    let estimates = waiting.map(\.estimate)
    let durations = estimates.compactMap(\.duration)
    if !durations.isEmpty {
      let time = NumberText.duration(seconds: durations.reduce(.zero, +) / .seconds(1))
      let unknown = estimates.count - durations.count
      let left = unknown == 1 ? "1 step" : "\(unknown) steps"
      parts.append(
        "the rest takes about \(time)" + (unknown == 0 ? "" : " (\(left) of unknown time left out)")
      )
    }
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
    let shown = state == .done && step.storage == .cache ? "cached" : state.word
    let texts = [
      step.name, step.kind.name, shown, tokens,
      cell(manifest?.byteCount ?? estimate.outputByteCount, .bytes, NumberText.bytes),
      estimate.memoryByteCount.map(NumberText.bytes) ?? "",
      cell(manifest?.seconds ?? estimate.duration.map { $0 / .seconds(1) }, .seconds) {
        NumberText.duration(seconds: $0)
      }, key.short,
    ]
    return texts.map { TextTable.Cell($0, state == .done ? .faint : .plain) }
  }

  private var tokens: String {
    estimate.tokenCount == nil && !estimate.countsTokens
      ? "" : cell(estimate.tokenCount, .tokens, NumberText.count)
  }

  /// A number, with `~` before one by a rule of thumb; `?` for one that nobody knows.
  private func cell<Value>(
    _ value: Value?, _ part: StepEstimate.Part, _ text: (Value) -> String
  ) -> String {
    value.map { (estimate.rough.contains(part) ? "~" : "") + text($0) } ?? "?"
  }
}
