// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Runs
import Surgery

extension HeatMap.Panel {
  /// A panel of one measure of a table.
  init<Measures>(
    _ title: String, _ caption: String, _ table: LayerTable<Measures>, _ scale: HeatMap.Scale,
    _ format: HeatMap.Format, count: (Measures) -> Int, value: (Measures) -> Double?
  ) {
    func cell(_ measures: Measures) -> HeatMap.Cell {
      let number = value(measures)
      let text =
        number.map { number in
          switch format {
          case .percent: NumberText.significant(number * 100) + " %"
          case .plain: NumberText.significant(number)
          }
        } ?? "not defined"
      return HeatMap.Cell(
        number, detail: "\(text) (\(NumberText.count(count(measures))) weights)")
    }
    var cells = table.rows.map { row in
      row.cells.map { $0.map(cell) } + [cell(row.total)]
    }
    cells.append(table.kindTotals.map(cell) + [table.total.map(cell)])
    self.init(title: title, caption: caption, scale: scale, format: format, cells: cells)
  }
}

extension LayerTable {
  /// Rows and columns of heat maps, with those of the totals.
  var mapRows: [HeatMap.Row] {
    rows.map { HeatMap.Row($0.label, layer: $0.layer) } + [HeatMap.Row("all")]
  }
  var mapColumns: [String] { kinds.map(\.rawValue) + ["all"] }

  /// The values that a map shows.
  func values(_ value: (Measures) -> Double?) -> [Double] {
    let cells = rows.flatMap { $0.cells.compactMap { $0 } + [$0.total] }
    return (cells + kindTotals).compactMap(value)
  }
}

/// The heat maps of a comparison.
struct DifferenceMap {
  /// What `--measure` calls the panels, in their order.
  static func names(hasBase: Bool) -> [String] {
    hasBase
      ? ["a", "b", "cosine", "conflicts", "lost-a", "lost-b", "top-a", "top-b"]
      : ["relative", "angle", "changed"]
  }

  /// All panels, in the order of `names`.
  let map: HeatMap
  private let names: [String]

  init(_ found: ModelDifference, title: String, hasBase: Bool) {
    names = Self.names(hasBase: hasBase)
    map =
      hasBase
      ? Self.changes(found.changes, title: title) : Self.pairs(found.pairs, title: title)
  }

  /// Some panels, in their order.
  func chosen(_ measures: [String]) -> HeatMap {
    var some = map
    some.panels = zip(names, map.panels).filter { measures.contains($0.0) }.map(\.1)
    return some
  }

  private static func pairs(_ table: LayerTable<PairMeasures>, title: String) -> HeatMap {
    func panel(
      _ title: String, _ caption: String, _ format: HeatMap.Format, _ scale: HeatMap.Scale? = nil,
      _ value: (PairMeasures) -> Double?
    ) -> HeatMap.Panel {
      HeatMap.Panel(
        title, caption, table, scale ?? .magnitudes(table.values(value)), format,
        count: { $0.elementCount }, value: value)
    }
    return HeatMap(
      title: title, rows: table.mapRows, columns: table.mapColumns,
      panels: [
        panel("Relative change (%)", "‖A − B‖ / ‖A‖", .percent) { $0.relativeChange },
        panel("Angle (degrees)", "between A and B", .plain) { $0.angle },
        panel(
          "Changed weights (%)", "share of weights that are not equal", .percent,
          .linear(low: 0, high: 1)
        ) { $0.changedShare },
      ])
  }

  private static func changes(_ table: LayerTable<ChangeMeasures>, title: String) -> HeatMap {
    typealias Value = (ChangeMeasures) -> Double?
    /// Two panels on one scale, so that their colours can be compared.
    func panels(
      _ titles: (String, String), _ caption: String, scale: ([Double]) -> HeatMap.Scale,
      _ values: (Value, Value)
    ) -> [HeatMap.Panel] {
      let shared = scale(table.values(values.0) + table.values(values.1))
      return [(titles.0, values.0), (titles.1, values.1)].map { title, value in
        HeatMap.Panel(
          title, caption, table, shared, .percent, count: { $0.elementCount }, value: value)
      }
    }
    let shares: ([Double]) -> HeatMap.Scale = { values in
      .linear(low: 0, high: max(0.01, values.max() ?? 1))
    }
    let cosine: Value = { $0.cosine }
    let conflicts: Value = { $0.bothChanged > 0 ? $0.conflictRate : nil }
    return HeatMap(
      title: title, rows: table.mapRows, columns: table.mapColumns,
      panels: panels(
        ("Change by A (%)", "Change by B (%)"), "length of the change / length of the base",
        scale: { .magnitudes($0) },
        ({ $0.relativeChanges.first }, { $0.relativeChanges.second }))
        + [
          HeatMap.Panel(
            "Cosine of the changes", "1 the same direction, −1 the opposite", table,
            .signed(table.values(cosine)), .plain, count: { $0.elementCount }, value: cosine),
          HeatMap.Panel(
            "Sign conflicts (%)", "of the weights that both changed", table,
            .linear(low: 0, high: 1), .percent, count: { $0.elementCount }, value: conflicts),
        ]
        + panels(
          ("Lost of A (%)", "Lost of B (%)"), "of Σ |change|, in a TIES election", scale: shares,
          (
            { $0.first.mass > 0 ? $0.first.discardedMassShare : nil },
            { $0.second.mass > 0 ? $0.second.discardedMassShare : nil }
          ))
        + panels(
          ("Lost of A's largest tenth (%)", "Lost of B's largest tenth (%)"),
          "of each tensor's largest changes", scale: shares,
          (
            { $0.first.mass > 0 ? $0.first.importantDiscardedShare : nil },
            { $0.second.mass > 0 ? $0.second.importantDiscardedShare : nil }
          )))
  }
}
