// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Recipes
import Runs
import Surgery

/// The sizes of a model's weights for people: text for a terminal, a page with heat maps.
struct NormsReport {
  let model: NamedModel
  let norms: ModelNorms
  let map: HeatMap

  init(_ model: NamedModel, _ norms: ModelNorms) {
    self.model = model
    self.norms = norms
    let table = norms.table
    func panel(
      _ title: String, _ caption: String, _ format: HeatMap.Format,
      _ value: (NormMeasures) -> Double?
    ) -> HeatMap.Panel {
      HeatMap.Panel(
        title, caption, table,
        // Norms are some ten times as large as matrices, and would leave these without colour.
        .magnitudes(table.values(value), span: 5), format, count: { $0.elementCount }, value: value)
    }
    var panels = [
      panel("RMS", "root of the mean square of the weights", .plain) { $0.rms },
      panel("Largest", "the largest magnitude", .plain) { $0.largest },
    ]
    if let total = table.total, total.zeroCount > 0 {
      panels.append(panel("Zeros (%)", "share of weights that are zero", .percent) { $0.zeroShare })
    }
    if let total = table.total, total.notFiniteCount > 0 {
      panels.append(
        panel("Not finite", "numbers that are NaN or infinite", .plain) {
          Double($0.notFiniteCount)
        })
    }
    map = HeatMap(
      title: "How large the weights of a model are", rows: table.mapRows,
      columns: table.mapColumns, panels: panels)
  }

  private var table: TextTable {
    let table = norms.table
    func row(_ label: String, _ measures: NormMeasures) -> [TextTable.Cell] {
      [
        TextTable.Cell(label), TextTable.Cell(NumberText.count(measures.elementCount)),
        TextTable.Cell(NumberText.significant(measures.norm)),
        TextTable.Cell(NumberText.significant(measures.rms)),
        TextTable.Cell(NumberText.significant(measures.largest)),
        TextTable.Cell(NumberText.significant(measures.zeroShare * 100) + " %"),
        TextTable.Cell(
          NumberText.grouped(measures.notFiniteCount),
          measures.notFiniteCount > 0 ? .bad : .plain),
      ]
    }
    return TextTable(
      columns: [
        .init("layer or kind", isNumber: false), .init("weights", rank: 2),
        .init("norm", rank: 3), .init("RMS"), .init("largest"), .init("zeros", rank: 1),
        .init("not finite"),
      ],
      groups: [
        table.rows.map { row($0.label, $0.total) },
        zip(table.kinds, table.kindTotals).map { row("all \($0.rawValue)", $1) },
        table.total.map { [row("all", $0)] } ?? [],
      ])
  }

  /// What is odd, each with its tensor.
  private var anomalies: [(term: String, text: String)] {
    norms.anomalies.map { anomaly in
      let text =
        switch anomaly {
        case .notFinite(_, let nan, let infinite, let first):
          "\(NumberText.grouped(nan)) NaN and \(NumberText.grouped(infinite)) infinite, the first "
            + "is element \(NumberText.grouped(first))"
        case .allZero: "zeros only"
        case .outlier(_, let rms, let median):
          "RMS \(NumberText.significant(rms)), where the median of its kind is "
            + NumberText.significant(median)
        }
      return (anomaly.tensor, text)
    }
  }

  private var lead: String {
    norms.anomalies.isEmpty
      ? "Nothing odd: no tensor of zeros alone, no number that is not finite, no layer whose RMS is "
        + "\(Int(ModelNorms.outlierFactor)) times that of the others."
      : "\(NumberText.grouped(norms.anomalies.count)) tensors stand out."
  }

  /// What follows the first lines of `koine inspect`.
  func text(_ style: TerminalStyle) -> String {
    var text = "\n" + table.rendered(style) + "\n"
    text += HeatBlocks(map, panel: 0).rendered(style)
    text += "\n" + style.paragraph(lead, norms.anomalies.isEmpty ? .plain : .bad)
    let shown = anomalies.prefix(20)
    for anomaly in shown {
      text += style.indented("\(DisplayWidth.printable(anomaly.term))  \(anomaly.text)")
    }
    if anomalies.count > shown.count {
      text += style.indented("… and \(anomalies.count - shown.count) more; --json has all")
    }
    return text
  }

  var page: HeatMapPage {
    HeatMapPage(
      over: "Koine inspect", title: map.title, lead: lead,
      facts: [("Model", "\(model.name): \(model.summary)")], map: map,
      sections: [
        .init("What stands out", facts: anomalies), .init("By layer and by kind", table: table),
      ], version: KoineVersion.current)
  }
}
