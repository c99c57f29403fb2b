// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The table of all models: what the run proves, in the terminal and in Markdown.
///
/// Rows by kind (floor, base, baselines, merges) in the order given; columns: accuracy in the
/// source and target languages with 95% intervals, bits per byte, the paired difference from the
/// reference, and the cost. Where the rows are means over several seeds, a second table shows each
/// seed by itself.
public struct ResultTable: Sendable {
  /// The rows.
  public var models: [ModelScores]
  /// Name of the row that others are compared with.
  public var reference: String
  /// The task languages whose mean the source side shows; several share the heading "source".
  public var sources: [String]
  /// Heading of the target side.
  public var target: String

  public init(
    models: [ModelScores], reference: String = "CT→SFT", sources: [String] = [],
    target: String = "target"
  ) {
    self.models = models
    self.reference = reference
    self.sources = sources
    self.target = target
  }

  /// For a terminal; ends with what the marks mean.
  public func rendered(_ style: TerminalStyle = TerminalStyle()) -> String {
    guard !models.isEmpty else { return "No model was evaluated.\n" }
    var text = table(intervals: NumberText.plusMinus, compact: false).rendered(style)
    if text.contains("Left out") {
      // Source intervals and half widths are worth less than a whole column.
      text = table(intervals: NumberText.plusMinus, compact: true).rendered(style)
    }
    for line in legend { text += style.paragraph(line, .faint) }
    guard !models.seeds.isEmpty else { return text }
    text += "\n" + seedTable.rendered(style)
    for line in seedLegend { text += style.paragraph(line, .faint) }
    return text
  }

  /// As a GitHub table, with the same legend below.
  public func markdown() -> String {
    guard !models.isEmpty else { return "No model was evaluated.\n" }
    let intervals = { (estimate: Estimate, digits: Int, signed: Bool) in
      let value = NumberText.fixed(estimate.value, digits, signed: signed)
      guard let interval = estimate.interval else { return value }
      return "\(value) (\(NumberText.range(interval, digits)))"
    }
    func lines(_ legend: [String]) -> String {
      "\n" + legend.map { TextTable.escapedMarkdown($0) }.joined(separator: " ") + "\n"
    }
    let text = table(intervals: intervals, compact: false).markdown() + lines(legend)
    return models.seeds.isEmpty
      ? text : text + "\n" + seedTable.markdown() + lines(seedLegend)
  }

  var source: String { sources.count == 1 ? sources[0] : "source" }

  private var legend: [String] {
    var lines = [
      "acc: accuracy with its 95% interval. bpb: bits per byte of held-out text, lower is better."
    ]
    if !models.seeds.isEmpty { lines.append(Self.seedNote(models)) }
    if sources.count > 1 { lines.append("source: \(sources.joined(separator: ", ")).") }
    if models.contains(where: { $0.againstReference != nil }) {
      lines.append(
        "Δ: \(target) acc minus that of \(reference), paired by row; * the 95% interval excludes 0."
      )
    }
    return lines
  }

  private typealias IntervalText = (Estimate, Int, Bool) -> String

  private func table(intervals: @escaping IntervalText, compact: Bool) -> TextTable {
    let best = Self.best(models)
    // Of one seed they are far below the differences between models, and tell nothing of others.
    let showsBits = !models.seeds.isEmpty && !compact
    let row = { (model: ModelScores) -> [TextTable.Cell] in
      let accuracy = { (scores: ModelScores.LanguageScores?, full: Bool) in
        scores?.accuracy.map {
          full ? intervals($0, 2, false) : NumberText.fixed($0.value, 2)
        } ?? ""
      }
      let bits = { (scores: ModelScores.LanguageScores?) in
        scores?.bitsPerByte.map {
          showsBits ? intervals($0, 3, false) : NumberText.fixed($0.value, 3)
        } ?? ""
      }
      let isBest = model.name == best
      return [
        TextTable.Cell(model.name, isBest ? .bold : .plain),
        TextTable.Cell(accuracy(model.source, !compact)),
        TextTable.Cell(accuracy(model.target, true), isBest ? .bold : .plain),
        TextTable.Cell(bits(model.source)), TextTable.Cell(bits(model.target)),
        difference(model, intervals, compact: compact),
        TextTable.Cell(model.trainedTokens.map(NumberText.count) ?? ""),
        TextTable.Cell(model.wallSeconds.map { NumberText.duration(seconds: $0) } ?? ""),
      ]
    }
    return TextTable(
      columns: [
        .init("model", isNumber: false), .init("\(source) acc", rank: 1),
        .init("\(target) acc"), .init("\(source) bpb", rank: 2), .init("\(target) bpb", rank: 3),
        .init("Δ \(reference)", rank: 0), .init("tokens", rank: 5), .init("time", rank: 4),
      ],
      groups: ModelScores.Kind.allCases.map { kind in models.filter { $0.kind == kind }.map(row) })
  }

  private func difference(
    _ model: ModelScores, _ intervals: IntervalText, compact: Bool
  ) -> TextTable.Cell {
    if model.name == reference { return TextTable.Cell("ref.", .faint) }
    guard let comparison = model.againstReference else { return "" }
    let estimate = comparison.difference
    let settled = estimate.interval?.excludesZero ?? false
    let text =
      compact
      ? NumberText.fixed(estimate.value, 2, signed: true) : intervals(estimate, 2, true)
    return TextTable.Cell(
      text + (settled ? "*" : " "), settled ? (estimate.value > 0 ? .good : .bad) : .plain)
  }

  /// The model (no floor) with the highest target accuracy; the first one wins a tie.
  static func best(_ models: [ModelScores]) -> String? {
    var best: (name: String, accuracy: Double)?
    for model in models where model.kind != .floor {
      guard let accuracy = model.target?.accuracy?.value else { continue }
      if accuracy > best?.accuracy ?? -.infinity { best = (model.name, accuracy) }
    }
    return best?.name
  }
}

extension RunComparison {
  /// For a terminal: every metric of every common model, then what else differs.
  public func rendered(_ style: TerminalStyle = TerminalStyle()) -> String {
    var groups: [[[TextTable.Cell]]] = []
    for line in lines {
      let digits = line.metric.hasPrefix("acc") ? 2 : 3
      let cells: [TextTable.Cell] = [
        .init(line.model), .init("\(line.scope) \(line.metric)"),
        .init(NumberText.plusMinus(line.first, digits)),
        .init(NumberText.plusMinus(line.second, digits)),
        .init(
          NumberText.fixed(line.difference, digits, signed: true) + (line.isApart ? "*" : " "),
          line.isApart ? .bold : .plain),
      ]
      if groups.last?.first?.first?.text == line.model {
        groups[groups.count - 1].append(cells)
      } else {
        groups.append([cells])
      }
    }
    var text = ""
    if groups.isEmpty {
      text += "The runs have no scored model in common.\n"
    } else {
      text += TextTable(
        columns: [
          .init("model", isNumber: false), .init("metric", isNumber: false), .init(first),
          .init(second), .init("difference"),
        ], groups: groups
      ).rendered(style)
      text += "* the two 95% intervals do not meet.\n"
    }
    let list = { (title: String, names: [String]) in
      names.isEmpty
        ? "" : "\(title): \(names.map(DisplayWidth.printable).joined(separator: ", "))\n"
    }
    text += list("Only in \(first)", onlyInFirst)
    text += list("Only in \(second)", onlyInSecond)
    text += list("Steps with other inputs or settings", steps(.changed))
    text += list("Steps only in \(first)", steps(.onlyInFirst))
    text += list("Steps only in \(second)", steps(.onlyInSecond))
    for difference in environment {
      text +=
        DisplayWidth.printable(
          "\(difference.name): \(difference.first) → \(difference.second)") + "\n"
    }
    return text
  }

  private func steps(_ change: StepChange.Change) -> [String] {
    steps.filter { $0.change == change }.map(\.step)
  }
}
