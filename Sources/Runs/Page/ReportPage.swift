// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// `report.html`: one page that needs nothing else, neither network nor script.
///
/// Its content security policy forbids everything but its own styles, and all content goes
/// through `HTML`'s escaping, so a sample that looks like markup stays text. Equal content gives
/// equal bytes.
public enum ReportPage {
  /// The page.
  public static func render(_ content: ReportContent) -> String {
    let sections = sections(of: content).filter { !$0.body.isEmpty }
    let body = HTML(
      joining: sections.map { section -> HTML in
        """
        <section aria-labelledby="\(section.id)"><h2 id="\(section.id)">\(section.title)</h2>
        \(section.body)</section>

        """
      })
    let links = HTML(
      joining: sections.map { section -> HTML in
        "<a href=\"#\(section.id)\">\(section.title)</a>"
      }, separator: "\n")
    let main: HTML = """
      \(header(content))
      <nav aria-label="Sections">\(links)</nav>
      \(body)
      <footer>Made by Koine \(content.run.koineVersion). Intervals are 95%. This file is complete: \
      it loads nothing and runs no script.</footer>

      """
    return HTML.page(
      title: content.title, version: content.run.koineVersion, style: Stylesheet.css, main: main
    ).text
  }

  struct Section {
    var id: String
    var title: String
    var body: HTML
  }

  static func sections(of content: ReportContent) -> [Section] {
    [
      Section(id: "results", title: "Results", body: results(content)),
      Section(id: "notes", title: "Notes", body: notes(content)),
      Section(id: "seeds", title: "Seed by seed", body: seeds(content)),
      Section(id: "forgetting", title: "Gained and forgotten", body: picture(content)),
      Section(id: "languages", title: "Language by language", body: languages(content)),
      Section(id: "selection", title: "How settings were chosen", body: selection(content)),
      Section(id: "curves", title: "Training", body: curves(content)),
      Section(id: "samples", title: "In their own words", body: samples(content)),
      Section(id: "data", title: "Data", body: data(content)),
      Section(id: "steps", title: "Steps", body: steps(content)),
      Section(id: "recipe", title: "Recipe", body: recipe(content)),
      Section(id: "versions", title: "Versions and machine", body: versions(content)),
    ]
  }

  // MARK: Head

  static func header(_ content: ReportContent) -> HTML {
    let run = content.run
    let sources = content.sources.map(\.name).joined(separator: ", ")
    let when =
      run.endedAt.map { "ended \(Timestamp.minutes($0))" }
      ?? "started \(Timestamp.minutes(run.startedAt))"
    let state = run.status == .done ? "" : " · \(run.status.rawValue)"
    return """
      <header><p class="over">Koine report · \(run.name)</p>
      <h1>\(content.title)</h1>
      <p class="meta">\(sources.isEmpty ? "" : "\(sources) → ")\(content.target.name) · \
      \(content.task) · \(when)\(state)</p>
      <p class="lead">\(finding(content))</p>
      \(figures(content))</header>
      """
  }

  /// What came out, in two sentences, also when it is bad news.
  static func finding(_ content: ReportContent) -> HTML {
    let models = content.models
    guard let name = ResultTable.best(models), let best = models.first(where: { $0.name == name }),
      let accuracy = best.target?.accuracy
    else { return "No model has been scored in \(content.target.name) yet." }
    var text: HTML = """
      The highest accuracy in \(content.target.name) is \(accuracyText(accuracy)), by \
      <strong>\(best.name)</strong>
      """
    let floors = models.filter { $0.kind == .floor }
      .compactMap { model in model.target?.accuracy.map { (model.name, $0.value) } }
    if let floor = floors.max(by: { $0.1 < $1.1 }) {
      text +=
        floor.1 > accuracy.value
        ? "; the floor \(floor.0) at \(NumberText.fixed(floor.1, 2)) is higher."
        : "; the floor \(floor.0) is at \(NumberText.fixed(floor.1, 2))."
    } else {
      text += "."
    }
    let merges = models.filter { $0.kind == .merge && $0.againstReference != nil }
    guard !merges.isEmpty else { return text }
    let differences = { (sign: Double) in
      merges.filter {
        guard let difference = $0.againstReference?.difference else { return false }
        return (difference.interval?.excludesZero ?? false) && difference.value * sign > 0
      }.map(\.name)
    }
    let better = differences(1)
    let worse = differences(-1)
    let list = { (names: [String]) in names.joined(separator: ", ") }
    switch (better.isEmpty, worse.isEmpty) {
    case (true, true):
      text +=
        " No merge differs from \(content.reference) by more than chance (paired 95% interval)."
    case (true, false):
      text +=
        " No merge beats \(content.reference); \(list(worse)) \(worse.count == 1 ? "is" : "are") below it beyond chance."
    case (false, true):
      text +=
        " \(list(better)) \(better.count == 1 ? "beats" : "beat") \(content.reference) beyond chance (paired 95% interval)."
    case (false, false):
      text +=
        " \(list(better)) \(better.count == 1 ? "beats" : "beat") \(content.reference) beyond chance, \(list(worse)) \(worse.count == 1 ? "falls" : "fall") below it."
    }
    return text
  }

  static func accuracyText(_ estimate: Estimate) -> String {
    let value = NumberText.fixed(estimate.value, 2)
    return estimate.interval.map { "\(value) (\(NumberText.range($0, 2)))" } ?? value
  }

  private static func figures(_ content: ReportContent) -> HTML {
    var items: [(String, String, String)] = []
    let models = content.models
    let best = ResultTable.best(models).flatMap { name in models.first { $0.name == name } }
    if let best, let accuracy = best.target?.accuracy {
      items.append(
        (
          "\(content.target.name) accuracy, best", NumberText.fixed(accuracy.value, 2),
          best.name
        ))
    }
    let merges = models.filter { $0.kind == .merge }
    if let merge = ResultTable.best(merges).flatMap({ name in merges.first { $0.name == name } }),
      let difference = merge.againstReference?.difference
    {
      items.append(
        (
          "Best merge against \(content.reference)",
          NumberText.fixed(difference.value, 2, signed: true),
          merge.name + (difference.interval.map { ", \(NumberText.range($0, 2))" } ?? "")
        ))
    }
    if let best, best.kind != .base, let change = best.source?.bitsPerByteChange {
      items.append(
        (
          "Forgotten by \(best.name)", NumberText.fixed(change.value, 3, signed: true),
          "bits per byte, \(content.sourceName)"
        ))
    }
    let tokens = content.run.steps.compactMap(\.trainedTokens).reduce(0, +)
    let seconds = content.run.steps.reduce(0) { $0 + $1.wallSeconds }
    if seconds > 0 {
      items.append(
        (
          "Cost of all steps", NumberText.duration(seconds: seconds),
          "\(NumberText.count(tokens)) tokens trained, \(content.run.environment.coreCount) cores"
        ))
    }
    guard !items.isEmpty else { return HTML() }
    return """
      <dl class="figures">\(HTML(joining: items.map { item -> HTML in
        """
        <div><dt>\(item.0)</dt><dd class="big">\(item.1)</dd><dd class="small">\(item.2)</dd></div>

        """
      }))</dl>

      """
  }

  static func notes(_ content: ReportContent) -> HTML {
    guard !content.notes.isEmpty else { return HTML() }
    let items = HTML(joining: content.notes.map { note -> HTML in "<li>\(note)</li>\n" })
    return "<ul class=\"notes\">\(items)</ul>"
  }
}
