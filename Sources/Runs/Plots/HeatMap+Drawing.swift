// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// How large the parts of a panel are, in pixels; all panels of one map are alike.
private struct PanelLayout {
  let left: Double
  let cellWidth: Double
  /// The top and the height of each row.
  let bands: [(y: Double, height: Double)]
  /// Which rows have their label written.
  let labels: [String?]
  let showsValues: Bool
  let width: Double
  let height: Double

  static let top = 58.0
  /// Before the column and the row of totals.
  static let gap = 5.0
  /// Of the smallest text, and with a little room around it.
  static let labelHeight = 13.0

  init(_ map: HeatMap) {
    let layerCount = map.rows.count { $0.layer != nil }
    let rowHeight =
      layerCount <= 12 ? 24.0 : layerCount <= 30 ? 17 : layerCount <= 60 ? 11 : 8
    showsValues = rowHeight >= 17
    // Every layer's number is written where there is room, else every second, fifth, tenth …
    let stride =
      [1, 2, 5, 10, 20, 50, 100].first { Double($0) * rowHeight >= Self.labelHeight } ?? 1000
    var labels: [String?] = []
    var bands: [(y: Double, height: Double)] = []
    var y = Self.top
    for (index, row) in map.rows.enumerated() {
      let wasLayer = index > 0 ? map.rows[index - 1].layer != nil : row.layer != nil
      if index > 0, (row.layer != nil) != wasLayer || index == map.rows.count - 1 { y += Self.gap }
      let height = row.layer == nil ? max(rowHeight, Self.labelHeight) : rowHeight
      bands.append((y, height))
      y += height
      let isNumbered = row.layer.map { $0 % stride == 0 } ?? true
      labels.append(isNumbered ? Self.label(row) : nil)
    }
    // Whole pixels, for sharp edges.
    left =
      (labels.compactMap { $0 }.map { LabelPlacement.width(of: $0, size: 11) }.max() ?? 0)
      .rounded(.up) + 10
    let longest = map.columns.map { LabelPlacement.width(of: $0, size: 11) }.max() ?? 0
    cellWidth = max(36, (longest + 4).rounded(.up))
    self.bands = bands
    self.labels = labels
    let cells = left + cellWidth * Double(map.columns.count) + Self.gap
    let titles = map.panels.map {
      max(
        LabelPlacement.width(of: $0.title, size: 13.5),
        LabelPlacement.width(of: $0.caption, size: 11))
    }
    width = max(cells, ((titles.max() ?? 0) + 4).rounded(.up), 180)
    height = y + 44
  }

  /// The first layer of a stack has the stack's name, too.
  private static func label(_ row: HeatMap.Row) -> String {
    let text = DisplayWidth.printable(row.label)
    guard let layer = row.layer, layer > 0 else { return DisplayWidth.truncated(text, to: 22) }
    return String(layer)
  }

  func x(_ column: Int, of count: Int) -> Double {
    left + cellWidth * Double(column) + (column == count - 1 ? Self.gap : 0)
  }
}

extension HeatMap {
  /// The width and height of a panel.
  var panelSize: (width: Double, height: Double) {
    let layout = PanelLayout(self)
    return (layout.width, layout.height)
  }

  /// One panel, drawn from 0, 0.
  func drawn(_ panel: Panel) -> HTML {
    let layout = PanelLayout(self)
    var svg: HTML = """
      <text class="head" x="0" y="14">\(panel.title)</text>\
      <text class="tick" x="0" y="31">\(panel.caption)</text>

      """
    for (index, column) in columns.enumerated() {
      svg += """
        <text class="tick" x="\(layout.x(index, of: columns.count) + layout.cellWidth / 2)" \
        y="\(PanelLayout.top - 6)" text-anchor="middle">\(DisplayWidth.printable(column))</text>

        """
    }
    for (row, band) in layout.bands.enumerated() {
      if let label = layout.labels[row] {
        svg += """
          <text class="tick" x="\(layout.left - 6)" y="\(band.y + band.height / 2 + 4)" \
          text-anchor="end">\(label)</text>

          """
      }
      for (column, cell) in panel.cells[row].enumerated() {
        if let cell { svg += drawn(cell, of: panel, row, column, layout) }
      }
    }
    return svg + legend(panel, layout)
  }

  private func drawn(
    _ cell: Cell, of panel: Panel, _ row: Int, _ column: Int, _ layout: PanelLayout
  ) -> HTML {
    let band = layout.bands[row]
    let x = layout.x(column, of: columns.count)
    // A hair's breadth between cells; none between the flat ones of deep models.
    let inset = band.height >= 13 ? 1.0 : 0
    let tip = [rows[row].title, columns[column]].joined(separator: ", ") + ": " + cell.detail
    let name = cell.value.map { panel.scale.colorName($0) } ?? "none"
    var svg: HTML = """
      <rect class="\(name)" x="\(x)" y="\(band.y)" width="\(layout.cellWidth - 1)" \
      height="\(band.height - inset)"><title>\(tip)</title></rect>
      """
    if layout.showsValues {
      let text = cell.value.map { panel.short($0) } ?? "–"
      svg += """
        <text class="in" x="\((x + layout.cellWidth / 2).rounded(.down))" \
        y="\((band.y + band.height / 2 + 3).rounded(.down))">\(text)</text>
        """
    }
    return svg + "\n"
  }

  private func legend(_ panel: Panel, _ layout: PanelLayout) -> HTML {
    let y = layout.height - 32
    let colors = panel.scale.legend
    let room = layout.width - layout.left - 30
    let step = max(5, min(9, (room / Double(colors.count)).rounded(.down)))
    var svg = HTML()
    for (index, color) in colors.enumerated() {
      svg += """
        <rect class="\(color)" x="\(layout.left + step * Double(index))" y="\(y)" \
        width="\(step)" height="8"/>
        """
    }
    let end = layout.left + step * Double(colors.count)
    for (mark, x) in zip(panel.scale.marks, [layout.left, (layout.left + end) / 2, end]) {
      let anchor: HTML = x == layout.left ? "start" : x == end ? "end" : "middle"
      svg += """
        <text class="tick" x="\(x)" y="\(y + 21)" text-anchor="\(anchor)">\
        \(panel.long(mark))</text>
        """
    }
    return svg + "\n"
  }

  /// A sentence about a panel for readers who do not see it.
  func summary(of panel: Panel) -> String {
    let named = zip(rows, panel.cells).flatMap { row, cells in
      zip(columns, cells).compactMap { column, cell -> (name: String, value: Double)? in
        cell?.value.map { ("\(row.title), \(column)", $0) }
      }
    }
    guard let low = named.min(by: { $0.value < $1.value }),
      let high = named.max(by: { $0.value < $1.value })
    else { return "\(panel.title): nothing to show." }
    return "\(panel.title) by layer and kind of tensor: from "
      + "\(panel.long(low.value)) (\(low.name)) to \(panel.long(high.value)) "
      + "(\(high.name))."
  }
}

extension HeatMap.Row {
  /// "layer 7", "encoder 7", "embed".
  var title: String {
    let text = DisplayWidth.printable(label)
    return layer.map { text == String($0) ? "layer \(text)" : text } ?? text
  }
}

extension HTML {
  static func + (left: HTML, right: HTML) -> HTML {
    var sum = left
    sum += right
    return sum
  }
}

extension Plots {
  /// All panels of a heat map as one picture, as many side by side as fit into `width`. Equal input
  /// gives equal bytes.
  package static func heatMap(_ map: HeatMap, width: Int = 1080) -> String {
    let (panelWidth, panelHeight) = map.panelSize
    let (margin, gap) = (20.0, 34.0)
    let perRow = max(
      1, min(map.panels.count, Int((Double(width) - 2 * margin + gap) / (panelWidth + gap))))
    let rowCount = (map.panels.count + perRow - 1) / perRow
    let title = DisplayWidth.printable(map.title)
    let full =
      max(
        Double(perRow) * (panelWidth + gap) - gap, LabelPlacement.width(of: title, size: 15))
      + 2 * margin
    let height = 56 + Double(rowCount) * (panelHeight + 26) - 10
    var body = HTML()
    for (index, panel) in map.panels.enumerated() {
      let (row, column) = index.quotientAndRemainder(dividingBy: perRow)
      body += """
        <g transform="translate(\(margin + Double(column) * (panelWidth + gap)) \
        \(56 + Double(row) * (panelHeight + 26)))">
        \(map.drawn(panel))</g>

        """
    }
    let summary = map.panels.map { map.summary(of: $0) }.joined(separator: " ")
    let svg: HTML = """
      <svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" aria-labelledby="t d" \
      width="\(full)" height="\(height)" viewBox="0 0 \(full) \(height)">
      <title id="t">\(title)</title><desc id="d">\(summary)</desc>
      <style>svg{\(PlotStyle.light)}@media(prefers-color-scheme:dark){svg{\(PlotStyle.dark)}}
      \(PlotStyle.rules)\(HeatMap.rules)</style>
      <rect class="background" width="\(full)" height="\(height)" rx="6"/>
      <text class="title" x="\(margin)" y="31">\(title)</text>
      \(body)</svg>

      """
    return svg.text
  }
}

extension HeatMap {
  /// The rules of heat maps, beside those of ``PlotStyle``.
  static var rules: HTML {
    """
    .plot .head{font-size:13.5px;font-weight:600}
    .plot .in{font-size:10px;text-anchor:middle;pointer-events:none}
    .plot .none{fill:none;stroke:var(--rule);stroke-dasharray:2 2}
    \(ColorScale.rules(.light))
    @media(prefers-color-scheme:dark){\(ColorScale.rules(.dark))}

    """
  }
}
