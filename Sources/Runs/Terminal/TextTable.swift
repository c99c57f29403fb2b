// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A table for the terminal or for Markdown. Cells are measured by display width.
package struct TextTable: Sendable {
  /// A cell: text and how it stands out.
  package struct Cell: Sendable, ExpressibleByStringInterpolation {
    /// What it says.
    package var text: String
    /// How it stands out.
    package var emphasis: TerminalStyle.Emphasis
    package init(_ text: String, _ emphasis: TerminalStyle.Emphasis = .plain) {
      self.text = text
      self.emphasis = emphasis
    }
    package init(stringLiteral value: String) { self.init(value) }
  }

  /// A column.
  package struct Column: Sendable {
    /// Heading.
    package var title: String
    /// Numbers stand on the right.
    package var isNumber: Bool
    /// Columns of high rank go first when the line is too narrow; 0 never goes.
    package var rank: Int
    package init(_ title: String, isNumber: Bool = true, rank: Int = 0) {
      self.title = title
      self.isNumber = isNumber
      self.rank = rank
    }
  }

  /// The columns, left to right.
  package var columns: [Column]
  /// Groups of rows, with a gap between groups; each row has a cell per column.
  package var groups: [[[Cell]]]

  package init(columns: [Column], groups: [[[Cell]]]) {
    self.columns = columns
    self.groups = groups.filter { !$0.isEmpty }
    precondition(groups.allSatisfy { $0.allSatisfy { $0.count == columns.count } })
  }

  /// Lines for a terminal, each ending with a newline. Where the line is too narrow, columns are
  /// left out by rank and named below; then the first column is cut.
  package func rendered(_ style: TerminalStyle) -> String {
    let gap = 2
    let cells = groups.map {
      $0.map { $0.map { Cell(DisplayWidth.printable($0.text), $0.emphasis) } }
    }
    var kept = Array(columns.indices)
    var widths = columns.indices.map { column in
      cells.joined().map { DisplayWidth.of($0[column].text) }
        .reduce(DisplayWidth.of(columns[column].title), max)
    }
    let total = { kept.reduce(-gap) { $0 + widths[$1] + gap } }
    var left: [Int] = []
    while total() > style.width,
      let goes = kept.filter({ columns[$0].rank > 0 }).max(by: {
        (columns[$0].rank, $0) < (columns[$1].rank, $1)
      })
    {
      kept.removeAll { $0 == goes }
      left.append(goes)
    }
    if let first = kept.first {
      widths[first] = max(min(8, widths[first]), widths[first] - max(0, total() - style.width))
    }
    let line = { (row: [Cell]) in
      let parts = kept.map { column in
        let text = DisplayWidth.truncated(row[column].text, to: widths[column])
        let spaces = String(repeating: " ", count: widths[column] - DisplayWidth.of(text))
        let shown = style.apply(row[column].emphasis, to: text)
        return columns[column].isNumber ? spaces + shown : shown + spaces
      }
      var text = parts.joined(separator: String(repeating: " ", count: gap))
      while text.last == " " { text.removeLast() }
      return text + "\n"
    }
    let rule = String(repeating: "─", count: max(1, total())) + "\n"
    var text = line(columns.map { Cell($0.title, .bold) }) + style.apply(.faint, to: rule)
    for (index, group) in cells.enumerated() {
      if index > 0 { text += "\n" }
      for row in group { text += line(row) }
    }
    if !left.isEmpty {
      let names = left.sorted().map { columns[$0].title }.joined(separator: ", ")
      text += style.paragraph("Left out for width: \(names).", .faint)
    }
    return text
  }

  /// A GitHub table; bold cells stay bold, everything else is text.
  package func markdown() -> String {
    let line = { (cells: [String]) in "| " + cells.joined(separator: " | ") + " |\n" }
    var text = line(columns.map { Self.escapedMarkdown($0.title) })
    text += line(columns.map { $0.isNumber ? "---:" : "---" })
    for row in groups.joined() {
      text += line(
        row.map {
          let cell = Self.escapedMarkdown(
            $0.text.last == " " ? String($0.text.dropLast()) : $0.text)
          return $0.emphasis == .bold && !cell.isEmpty ? "**\(cell)**" : cell
        })
    }
    return text
  }

  /// Text that Markdown shows as it is, on one line.
  static func escapedMarkdown(_ text: String) -> String {
    var result = ""
    for character in DisplayWidth.printable(text) {
      switch character {
      case "\\", "|", "*", "_", "`", "[", "]", "~", "#": result += "\\\(character)"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "&": result += "&amp;"
      default: result.append(character)
      }
    }
    return result
  }
}
