// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Recipes
import Runs
import Surgery

/// A comparison for people: text for a terminal, a page with heat maps.
struct DifferenceReport {
  let first: NamedModel
  let second: NamedModel
  let base: NamedModel?
  let found: ModelDifference
  /// The maps that were asked for; none for the usual ones.
  let measures: [String]
  private let drawing: DifferenceMap

  init(
    first: NamedModel, second: NamedModel, base: NamedModel?, found: ModelDifference,
    measures: [String]
  ) {
    self.measures = measures
    self.first = first
    self.second = second
    self.base = base
    self.found = found
    drawing = DifferenceMap(
      found,
      title: base == nil
        ? "Where the weights of two models differ" : "How two models changed their base",
      hasBase: base != nil)
  }

  /// Who is who.
  private var models: [(term: String, text: String)] {
    [("A", "\(first.name): \(first.summary)"), ("B", "\(second.name): \(second.summary)")]
      + (base.map { [("base", "\($0.name): \($0.summary)")] } ?? [])
  }

  /// What came out, in a sentence or two.
  var lead: String {
    if found.isEmpty { return "The models are equal: weights, config and tokenizer." }
    guard let pair = found.pairs.total else { return "No weights could be compared." }
    guard pair.changedCount > 0 else {
      return "All weights that were compared are equal: \(NumberText.count(pair.elementCount))."
    }
    guard base != nil, let change = found.changes.total else {
      var text =
        "B differs from A in \(Self.percent(pair.changedShare)) of "
        + "\(NumberText.count(pair.elementCount)) weights, by "
        + "\(pair.relativeChange.map(Self.percent) ?? "more than any share") of A's length"
      if let angle = pair.angle { text += " and \(NumberText.significant(angle))°" }
      if let place = pair.largestElement {
        text +=
          ". The largest difference, \(NumberText.significant(pair.largest)), is in "
          + "\(place.tensor) at \(place.position)"
        if let token = place.token { text += ", the token `\(token)`" }
      }
      return text + "."
    }
    guard change.first.changedCount > 0, change.second.changedCount > 0 else {
      return "\(change.first.changedCount > 0 ? "B" : "A") changed no weight of the base."
    }
    let ratio = change.normRatio.map { NumberText.significant($0) } ?? "–"
    return "A's change of the base is \(ratio) times as long as B's; their cosine is "
      + "\(change.cosine.map { NumberText.fixed($0, 3) } ?? "–"). Their signs conflict in "
      + "\(Self.percent(change.conflictRate)) of the weights that both changed. A TIES election "
      + "would drop \(Self.percent(change.first.discardedMassShare)) of A's change, "
      + "\(Self.percent(change.second.discardedMassShare)) of B's, and "
      + "\(Self.percent(change.second.importantDiscardedShare)) of B's largest tenth."
  }

  // MARK: Tables

  /// Layers, then kinds, then all together.
  var table: TextTable { base == nil ? pairTable : changeTable }

  private var pairTable: TextTable {
    let table = found.pairs
    func row(_ label: String, _ pair: PairMeasures) -> [TextTable.Cell] {
      [
        label, NumberText.significant(pair.firstNorm), NumberText.significant(pair.secondNorm),
        NumberText.significant(pair.distance), pair.relativeChange.map(Self.percent) ?? "–",
        pair.angle.map { NumberText.significant($0) + "°" } ?? "–",
        pair.cosine.map { NumberText.fixed($0, 4) } ?? "–", Self.percent(pair.changedShare),
        NumberText.significant(pair.largest),
      ].map { TextTable.Cell($0) }
    }
    return TextTable(
      columns: [
        .init("layer or kind", isNumber: false), .init("‖A‖", rank: 3), .init("‖B‖", rank: 4),
        .init("‖A−B‖", rank: 1), .init("relative"), .init("angle"), .init("cosine", rank: 2),
        .init("changed"), .init("max |A−B|", rank: 5),
      ],
      groups: [
        table.rows.map { row($0.label, $0.total) },
        zip(table.kinds, table.kindTotals).map { row("all \($0.rawValue)", $1) },
        table.total.map { [row("all", $0)] } ?? [],
      ])
  }

  private var changeTable: TextTable {
    let table = found.changes
    func row(_ label: String, _ change: ChangeMeasures) -> [TextTable.Cell] {
      func lost(_ share: Double, _ side: ChangeMeasures.Side) -> String {
        side.mass > 0 ? Self.percent(share) : "–"
      }
      return [
        label, NumberText.significant(change.first.norm),
        NumberText.significant(change.second.norm),
        change.normRatio.map { NumberText.significant($0) } ?? "–",
        change.cosine.map { NumberText.fixed($0, 3) } ?? "–",
        change.bothChanged > 0 ? Self.percent(change.conflictRate) : "–",
        lost(change.first.discardedMassShare, change.first),
        lost(change.second.discardedMassShare, change.second),
        lost(change.first.importantDiscardedShare, change.first),
        lost(change.second.importantDiscardedShare, change.second),
      ].map { TextTable.Cell($0) }
    }
    return TextTable(
      columns: [
        .init("layer or kind", isNumber: false), .init("‖τA‖", rank: 4), .init("‖τB‖", rank: 3),
        .init("ratio", rank: 2), .init("cosine"), .init("conflicts"), .init("lost of A"),
        .init("lost of B"), .init("top A", rank: 5), .init("top B", rank: 1),
      ],
      groups: [
        table.rows.map { row($0.label, $0.total) },
        zip(table.kinds, table.kindTotals).map { row("all \($0.rawValue)", $1) },
        table.total.map { [row("all", $0)] } ?? [],
      ])
  }

  /// "23.0 %", "4.13 %"; what is tiny in powers of ten.
  private static func percent(_ share: Double) -> String {
    let percent = share * 100
    if percent == 0 || percent == 100 { return "\(Int(percent)) %" }
    if percent < 0.01 { return NumberText.significant(percent, 2) + " %" }
    return NumberText.fixed(percent, percent < 9.995 ? 2 : 1) + " %"
  }

  /// What the columns of the table with a base mean.
  private static let changeKey =
    "τ: change of the base; ratio: ‖τA‖ / ‖τB‖; conflicts: of the weights that both changed, those "
    + "with opposite signs; lost: the share of Σ |τ| that a TIES election drops; top: the share of "
    + "each tensor's largest tenth of changes."

  // MARK: Lists

  /// Everything beside the measures, as headings with terms; what is empty is left out.
  private func lists(limit: Int) -> [(title: String, facts: [(term: String, text: String)])] {
    func cut(
      _ title: String, _ facts: [(term: String, text: String)]
    ) -> (title: String, facts: [(term: String, text: String)]) {
      let title = facts.count > 1 ? "\(title) (\(facts.count))" : title
      guard facts.count > limit else { return (title, facts) }
      return (
        title, facts.prefix(limit) + [("…", "and \(facts.count - limit) more; --json has all")]
      )
    }
    func lone(_ tensors: [ModelDifference.Lone]) -> [(term: String, text: String)] {
      tensors.map { ($0.name, "\($0.info.shape) \($0.info.elementType.rawValue)") }
    }
    func value(_ json: JSON?) -> String {
      json.map { DisplayWidth.truncated($0.serialized(), to: 60) } ?? "not set"
    }
    func keys(_ differences: [KeyDifference]) -> [(term: String, text: String)] {
      differences.map { ($0.key, "\(value($0.first)) → \(value($0.second))") }
    }
    return [
      cut("Only in A", lone(found.onlyInFirst)), cut("Only in B", lone(found.onlyInSecond)),
      cut("Shapes that differ", found.reshaped.map { ($0.name, "\($0.first) → \($0.second)") }),
      cut("Not comparable", found.incomparable.map { ($0.name, $0.reason) }),
      cut("Types that differ", types),
      cut(
        "Buffers that differ",
        found.buffers.filter { !$0.isEqual }.map { ($0.name, "not the same bytes") }),
      cut(
        "Without a counterpart in the base",
        found.withoutBase.map { ($0, "compared as a pair only") }),
      cut("Rows matched by token", rows), cut("config.json, A → B", keys(found.config)),
      cut("Tokenizer, A → B", vocabulary + keys(found.tokenizer)),
      cut("Notes", found.notes.map { ("–", $0) }),
    ].filter { !$0.facts.isEmpty }
  }

  /// Pairs of types, each with the number of its tensors.
  private var types: [(term: String, text: String)] {
    var counts: [String: Int] = [:]
    for tensor in found.tensors where tensor.firstType != tensor.secondType {
      counts["\(tensor.firstType.rawValue) → \(tensor.secondType.rawValue)", default: 0] += 1
    }
    return counts.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value) tensors") }
  }

  private var rows: [(term: String, text: String)] {
    found.tensors.compactMap { tensor in
      tensor.rows.map { rows in
        (
          tensor.name,
          "\(NumberText.grouped(rows.shared)) shared, of \(NumberText.grouped(rows.first)) in A "
            + "and \(NumberText.grouped(rows.second)) in B"
        )
      }
    }
  }

  private var vocabulary: [(term: String, text: String)] {
    guard let found = found.vocabulary else { return [] }
    func tokens(_ texts: [String]) -> String {
      let examples = texts.prefix(6).map { "`\($0)`" }.joined(separator: " ")
      return "\(NumberText.grouped(texts.count))" + (texts.isEmpty ? "" : ": \(examples)")
        + (texts.count > 6 ? " …" : "")
    }
    return [
      (
        "tokens",
        "\(NumberText.grouped(found.sameCount)) with the same id, "
          + "\(NumberText.grouped(found.movedCount)) with another"
      ), ("tokens only in A", tokens(found.onlyInFirst)),
      ("tokens only in B", tokens(found.onlyInSecond)),
    ]
  }

  // MARK: Text and page

  /// For the terminal, with one map where none was asked for.
  func text(_ style: TerminalStyle) -> String {
    var text = models.map { style.paragraph("\($0.term)  \($0.text)") }.joined()
    text += "\n" + style.paragraph(lead) + "\n"
    if table.groups.contains(where: { !$0.isEmpty }), !found.isEmpty {
      text += table.rendered(style)
      if base != nil { text += style.paragraph(Self.changeKey, .faint) }
      let map = drawing.chosen(measures.isEmpty ? [base == nil ? "relative" : "lost-b"] : measures)
      for panel in map.panels.indices {
        text += "\n" + HeatBlocks(map, panel: panel).rendered(style)
      }
    }
    for list in lists(limit: 12) {
      text += "\n" + style.paragraph(list.title, .bold)
      for fact in list.facts {
        text += style.indented("\(DisplayWidth.printable(fact.term))  \(fact.text)")
      }
    }
    return text
  }

  /// With all maps where none was asked for.
  var page: HeatMapPage {
    let map = measures.isEmpty ? drawing.map : drawing.chosen(measures)
    return HeatMapPage(
      over: "Koine diff", title: map.title, lead: lead, facts: models, map: map,
      sections: [
        .init(
          "By layer and by kind", table: table,
          facts: base == nil ? [] : [("Columns", Self.changeKey)])
      ] + lists(limit: 200).map { .init($0.title, facts: $0.facts) },
      version: KoineVersion.current)
  }
}

extension TerminalStyle {
  /// A line of a list, with what follows indented.
  func indented(_ text: String) -> String {
    let lines = DisplayWidth.wrapped(DisplayWidth.printable(text), to: max(20, width - 4))
    return lines.enumerated().map { ($0 == 0 ? "  " : "    ") + $1 + "\n" }.joined()
  }
}
