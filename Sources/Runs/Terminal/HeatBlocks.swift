// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A panel of a ``HeatMap`` in characters: a block for the size of each value, and the value beside it
/// where the line is wide enough.
///
/// Blocks are in the terminal's own ink, negative values in its red, so that they can be read on
/// any background. Where output is no terminal there are only the numbers.
package struct HeatBlocks: Sendable {
  private let map: HeatMap
  private let panel: HeatMap.Panel

  package init(_ map: HeatMap, panel: Int) {
    self.map = map
    self.panel = map.panels[panel]
  }

  /// What a line has room for, from the richest form down.
  private struct Form {
    let hasValues: Bool
    let gap: Int
    let titleWidth: Int
  }

  private static let blocks: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

  /// Lines, each ending with a newline: title, columns, rows, and what the blocks mean.
  package func rendered(_ style: TerminalStyle) -> String {
    let values = panel.cells.map { $0.map { cell in cell.map { self.text($0) } ?? "" } }
    let rows = map.rows.map { DisplayWidth.truncated(DisplayWidth.printable($0.label), to: 24) }
    var labelWidth = rows.map { DisplayWidth.of($0) }.max() ?? 0
    let valueWidth = values.joined().map { DisplayWidth.of($0) }.max() ?? 0
    let blockWidth = style.isTerminal ? 2 : 0
    let forms = [
      Form(hasValues: true, gap: 2, titleWidth: 24), Form(hasValues: true, gap: 1, titleWidth: 24),
      Form(hasValues: true, gap: 1, titleWidth: valueWidth + blockWidth),
      Form(hasValues: !style.isTerminal, gap: 1, titleWidth: 24),
      Form(hasValues: !style.isTerminal, gap: 1, titleWidth: 4),
      Form(hasValues: !style.isTerminal, gap: 1, titleWidth: 2),
    ]
    func widths(_ form: Form) -> [Int] {
      map.columns.map { column in
        max(
          min(form.titleWidth, DisplayWidth.of(column)),
          form.hasValues ? valueWidth + blockWidth : blockWidth)
      }
    }
    func total(_ form: Form) -> Int {
      widths(form).reduce(labelWidth) { $0 + form.gap + $1 }
    }
    let form = forms.first { total($0) <= style.width } ?? forms[forms.count - 1]
    if total(form) > style.width { labelWidth = max(6, labelWidth + style.width - total(form)) }
    let cellWidths = widths(form)
    let gap = String(repeating: " ", count: form.gap)
    var text = style.apply(.bold, to: panel.title) + "\n"
    text += style.paragraph(panel.caption, .faint)
    let titles = zip(map.columns, cellWidths).map { column, width in
      DisplayWidth.padded(DisplayWidth.truncated(column, to: width), to: width, right: true)
    }
    text += line(DisplayWidth.padded("", to: labelWidth), titles, gap)
    for (row, label) in rows.enumerated() {
      let cells = zip(panel.cells[row].indices, cellWidths).map { column, width in
        cell(
          panel.cells[row][column], values[row][column], form.hasValues, width, style)
      }
      text += line(
        DisplayWidth.padded(DisplayWidth.truncated(label, to: labelWidth), to: labelWidth), cells,
        gap)
    }
    return text + key(style)
  }

  private func line(_ label: String, _ cells: [String], _ gap: String) -> String {
    var line = ([label] + cells).joined(separator: gap)
    while line.last == " " { line.removeLast() }
    return line + "\n"
  }

  private func cell(
    _ cell: HeatMap.Cell?, _ value: String, _ hasValues: Bool, _ width: Int, _ style: TerminalStyle
  ) -> String {
    guard style.isTerminal else { return DisplayWidth.padded(value, to: width, right: true) }
    guard let cell else { return String(repeating: " ", count: width) }
    guard let number = cell.value else {
      return DisplayWidth.padded("–", to: width, right: true)
    }
    let block = Self.block(panel.scale.position(number))
    let shown = style.apply(number < 0 ? .bad : .plain, to: String(block))
    if hasValues {
      return shown + DisplayWidth.padded(value, to: width - 1, right: true)
    }
    return String(repeating: " ", count: max(0, width - 2)) + shown + shown
  }

  private static func block(_ position: Double) -> Character {
    blocks[Int((position.magnitude * Double(blocks.count - 1)).rounded())]
  }

  private func text(_ cell: HeatMap.Cell) -> String {
    cell.value.map { panel.short($0) } ?? "–"
  }

  private func key(_ style: TerminalStyle) -> String {
    guard style.isTerminal else { return "" }
    let marks = panel.scale.marks.map { panel.long($0) }
    let text: String
    switch panel.scale {
    case .diverging:
      let last = Self.blocks[Self.blocks.count - 1]
      text = "▁ 0  \(last) ±\(marks[2])\(style.isStyled ? ", negative in red" : "")"
    case .linear: text = "▁ \(marks[0])  ▅ \(marks[1])  █ \(marks[2])"
    case .logarithmic:
      text = "▁ \(marks[0])  ▅ \(marks[1])  █ \(marks[2]) (logarithmic)"
    }
    return style.paragraph(text, .faint)
  }
}
