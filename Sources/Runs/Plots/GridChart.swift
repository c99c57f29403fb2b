// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The candidates of one method and what selection thought of them: a line for one setting, a
/// heat map for two, one line per combination of the rest beyond that.
struct GridChart {
  let grid: Selection.Grid
  let lowerIsBetter: Bool

  /// Settings with more than one value, in their order.
  private var varying: [String] {
    var names: [String] = []
    for point in grid.points {
      for setting in point.settings where !names.contains(setting.name) {
        names.append(setting.name)
      }
    }
    return names.filter { values(of: $0).count > 1 }
  }

  /// The values of a setting: numbers ascending, then words in order of appearance.
  private func values(of name: String) -> [String] {
    var found: [String] = []
    for point in grid.points {
      if let value = point.value(of: name), !found.contains(value) { found.append(value) }
    }
    let numbers = found.compactMap { text in Double(text).map { (text, $0) } }
      .sorted { $0.1 < $1.1 }.map(\.0)
    return numbers + found.filter { Double($0) == nil }
  }

  static let width = 320.0

  /// The picture with its height, or `nil` when there is nothing to compare.
  func drawn() -> (svg: HTML, height: Double)? {
    let names = varying
    guard let first = names.first, grid.points.contains(where: { $0.objective.isFinite }) else {
      return nil
    }
    let numeric = values(of: first).allSatisfy { Double($0) != nil }
    if names.count == 1, numeric { return (line(first), 200) }
    return heat(column: first, rows: Array(names.dropFirst()))
  }

  private func line(_ name: String) -> HTML {
    let height = 200.0
    let points = grid.points.enumerated().compactMap { index, point in
      point.value(of: name).flatMap(Double.init).map { (index: index, x: $0, y: point.objective) }
    }.sorted { ($0.x, $0.index) < ($1.x, $1.index) }
    let x = Axis(
      covering: points.map(\.x), from: 54, to: Self.width - 16, tickCount: 5, roundEnds: false)
    let y = Axis(
      covering: points.map(\.y), from: height - 40, to: 14, tickCount: 4)
    var svg = HTML()
    for tick in y.ticks {
      let at = y.position(tick.value)
      svg += """
        <path class="grid" d="M54 \(at)H\(Self.width - 16)"/>\
        <text class="tick" x="48" y="\(at + 4)" text-anchor="end">\(tick.label)</text>

        """
    }
    for tick in x.ticks {
      svg += """
        <text class="tick" x="\(x.position(tick.value))" y="\(height - 24)" text-anchor="middle">\
        \(tick.label)</text>

        """
    }
    svg += LossChart.line(
      points.map { $0.y.isFinite ? (x.position($0.x), y.position($0.y)) : nil }, class: "path")
    for point in points where point.y.isFinite {
      let (cx, cy) = (x.position(point.x), y.position(point.y))
      let tip = grid.points[point.index].summary
      svg += """
        <circle class="tried" cx="\(cx)" cy="\(cy)" r="3.5"><title>\(tip)</title></circle>

        """
      if point.index == grid.chosen {
        svg += "<circle class=\"chosen\" cx=\"\(cx)\" cy=\"\(cy)\" r=\"7\"/>\n"
      }
    }
    svg += """
      <text class="name" x="\(Self.width - 16)" y="\(height - 6)" text-anchor="end">\
      \(DisplayWidth.truncated(name, to: 30))</text>

      """
    return svg
  }

  private func heat(column: String, rows names: [String]) -> (svg: HTML, height: Double) {
    let columns = values(of: column)
    var rows: [[String]] = []
    for point in grid.points {
      let key = names.map { point.value(of: $0) ?? "" }
      if !rows.contains(key) { rows.append(key) }
    }
    let orders = names.map { values(of: $0) }
    rows.sort { a, b in
      for (index, order) in orders.enumerated() where a[index] != b[index] {
        return (order.firstIndex(of: a[index]) ?? -1) < (order.firstIndex(of: b[index]) ?? -1)
      }
      return false
    }
    let labels = rows.map { DisplayWidth.truncated($0.joined(separator: " · "), to: 16) }
    let left = min(130, (labels.map { LabelPlacement.width(of: $0, size: 11) }.max() ?? 0) + 14)
    let cellWidth = (Self.width - left - 4) / Double(columns.count)
    let cellHeight = 26.0
    let top = 24.0
    let height = top + cellHeight * Double(rows.count) + 42
    let objectives = grid.points.map(\.objective).filter(\.isFinite)
    let low = objectives.min() ?? 0
    let span = max((objectives.max() ?? 0) - low, 1e-12)
    var svg = HTML()
    for (index, label) in labels.enumerated() {
      svg += """
        <text class="tick" x="\(left - 8)" y="\(top + cellHeight * (Double(index) + 0.5) + 4)" \
        text-anchor="end">\(label)</text>

        """
    }
    svg += """
      <text class="name" x="0" y="\(top - 9)">\
      \(DisplayWidth.truncated(names.joined(separator: " · "), to: 44))</text>

      """
    for (index, point) in grid.points.enumerated() {
      let key = names.map { point.value(of: $0) ?? "" }
      guard let row = rows.firstIndex(of: key), let value = point.value(of: column),
        let at = columns.firstIndex(of: value)
      else { continue }
      let box = Box(
        x: left + cellWidth * Double(at), y: top + cellHeight * Double(row), width: cellWidth - 2,
        height: cellHeight - 2)
      let part = point.objective.isFinite ? (point.objective - low) / span : 1
      let goodness = point.objective.isFinite ? (lowerIsBetter ? 1 - part : part) : 0
      svg += """
        <rect class="cell" x="\(box.x)" y="\(box.y)" width="\(box.width)" height="\(box.height)" \
        rx="2" fill-opacity="\(0.06 + 0.42 * goodness)"><title>\(point.summary)</title></rect>

        """
      if cellWidth >= 34 {
        svg += """
          <text x="\(box.x + box.width / 2)" y="\(box.y + 16)" text-anchor="middle" \
          pointer-events="none">\(NumberText.fixed(point.objective, cellWidth >= 42 ? 3 : 2))</text>

          """
      }
      if index == grid.chosen {
        svg += """
          <rect class="chosen" x="\(box.x)" y="\(box.y)" width="\(box.width)" \
          height="\(box.height)" rx="2"/>

          """
      }
    }
    for (index, value) in columns.enumerated() {
      svg += """
        <text class="tick" x="\(left + cellWidth * (Double(index) + 0.5) - 1)" \
        y="\(height - 28)" text-anchor="middle">\(DisplayWidth.truncated(value, to: 8))</text>

        """
    }
    svg += """
      <text class="name" x="\(Self.width - 4)" y="\(height - 8)" text-anchor="end">\
      \(DisplayWidth.truncated(column, to: 30))</text>

      """
    return (svg, height)
  }
}

extension Selection.Grid.Point {
  func value(of name: String) -> String? {
    settings.first { $0.name == name }.map { DisplayWidth.printable($0.value) }
  }

  /// "λ 0.6, density 0.4: 2.345 (target bpb 2.1, source acc 0.5)".
  var summary: String {
    let chosen = settings.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
    let parts = measures.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
    return "\(chosen): \(NumberText.fixed(objective, 4))" + (parts.isEmpty ? "" : " (\(parts))")
  }
}
