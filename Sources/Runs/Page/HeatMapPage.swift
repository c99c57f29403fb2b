// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A page around a heat map: what was measured, the panels, tables and lists. One file that needs
/// neither network nor script, in the style of ``ReportPage`` and under the same security policy.
package struct HeatMapPage: Sendable {
  /// A heading with a table or with terms and what is said of them.
  package struct Section: Sendable {
    package var title: String
    package var table: TextTable?
    package var facts: [(term: String, text: String)]

    package init(
      _ title: String, table: TextTable? = nil, facts: [(term: String, text: String)] = []
    ) {
      self.title = title
      self.table = table
      self.facts = facts
    }
  }

  /// The line above the title.
  package var over: String
  package var title: String
  /// What came out, in a sentence or two.
  package var lead: String
  /// What was compared.
  package var facts: [(term: String, text: String)]
  package var map: HeatMap
  /// Sections without content are left out.
  package var sections: [Section]
  package var version: String

  package init(
    over: String, title: String, lead: String, facts: [(term: String, text: String)], map: HeatMap,
    sections: [Section], version: String
  ) {
    self.over = over
    self.title = title
    self.lead = lead
    self.facts = facts
    self.map = map
    self.sections = sections
    self.version = version
  }

  /// The page; equal content gives equal bytes.
  package func rendered() -> String {
    let shown = sections.filter { $0.table != nil || !$0.facts.isEmpty }
    let body = HTML(
      joining: shown.map { section -> HTML in
        """
        <section><h2>\(section.title)</h2>
        \(section.table.map(Self.table) ?? HTML())\(Self.list(section.facts))</section>

        """
      })
    let main: HTML = """
      <header><p class="over">\(over)</p>
      <h1>\(title)</h1>
      <p class="lead">\(lead)</p>
      \(Self.list(facts))</header>
      <section aria-label="Heat maps"><div class="maps">
      \(panels)</div></section>
      \(body)<footer>Made by Koine \(version). This file is complete: it loads nothing and runs no \
      script.</footer>

      """
    return HTML.page(
      title: title, version: version,
      style: HTML(joining: [Stylesheet.css, HeatMap.rules, Self.rules]), main: main
    ).text
  }

  private var panels: HTML {
    let (width, height) = map.panelSize
    return HTML(
      joining: map.panels.enumerated().map { index, panel -> HTML in
        """
        <figure tabindex="0"><svg class="plot map" role="img" aria-labelledby="t\(index) d\(index)" \
        width="\(width)" height="\(height)" viewBox="0 0 \(width) \(height)">\
        <title id="t\(index)">\(panel.title)</title>\
        <desc id="d\(index)">\(map.summary(of: panel))</desc>
        \(map.drawn(panel))</svg></figure>

        """
      })
  }

  private static func list(_ facts: [(term: String, text: String)]) -> HTML {
    guard !facts.isEmpty else { return HTML() }
    let items = HTML(
      joining: facts.map { fact -> HTML in
        "<dt>\(fact.term)</dt><dd>\(fact.text)</dd>\n"
      })
    return "<dl class=\"facts\">\n\(items)</dl>\n"
  }

  private static func table(_ table: TextTable) -> HTML {
    func cells(_ row: [(text: String, isNumber: Bool)], isHead: Bool) -> HTML {
      HTML(
        joining: row.enumerated().map { index, cell -> HTML in
          let name: HTML = cell.isNumber ? " class=\"n\"" : ""
          if isHead { return "<th scope=\"col\"\(name)>\(cell.text)</th>" }
          return index == 0
            ? "<th scope=\"row\"\(name)>\(cell.text)</th>" : "<td\(name)>\(cell.text)</td>"
        })
    }
    let head = cells(table.columns.map { ($0.title, $0.isNumber) }, isHead: true)
    let groups = HTML(
      joining: table.groups.map { group -> HTML in
        let rows = HTML(
          joining: group.map { row -> HTML in
            let pairs = zip(row, table.columns).map { (text: $0.text, isNumber: $1.isNumber) }
            return "<tr>\(cells(pairs, isHead: false))</tr>\n"
          })
        return "<tbody>\n\(rows)</tbody>\n"
      })
    return """
      <div class="scroll" tabindex="0"><table><thead><tr>\(head)</tr></thead>
      \(groups)</table></div>

      """
  }

  private static let rules: HTML = """
    .maps{display:flex;flex-wrap:wrap;gap:2.2rem 2.4rem;margin:2.4rem 0 0;overflow:visible}
    .maps figure{margin:0;max-width:100%;overflow-x:auto}
    svg.plot.map{width:auto;max-width:none}

    """
}
