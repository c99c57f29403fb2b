// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension ReportPage {
  // MARK: Result table

  static func results(_ content: ReportContent) -> HTML {
    guard !content.models.isEmpty else { return "<p>No model was evaluated.</p>" }
    let best = ResultTable.best(content.models)
    let groups = ModelScores.Kind.allCases.compactMap { kind -> HTML? in
      let rows = content.models.filter { $0.kind == kind }
      guard !rows.isEmpty else { return nil }
      return """
        <tbody><tr><th class="group" colspan="8" scope="rowgroup">\(groupName(kind, content))</th></tr>
        \(HTML(joining: rows.map { row($0, content, isBest: $0.name == best) }))</tbody>

        """
    }
    return """
      <div class="scroll" role="region" aria-labelledby="results" tabindex="0"><table>
      <thead><tr><th scope="col">Model</th>\
      <th scope="col" class="n">\(content.sourceName)<br>acc</th>\
      <th scope="col" class="n">\(content.target.name)<br>acc</th>\
      <th scope="col" class="n">\(content.sourceName)<br>bits/byte</th>\
      <th scope="col" class="n">\(content.target.name)<br>bits/byte</th>\
      <th scope="col" class="n">Δ \(content.reference)</th>\
      <th scope="col" class="n">Trained<br>tokens</th><th scope="col" class="n">Time</th></tr></thead>
      \(HTML(joining: groups))</table></div>
      <p class="caption">acc: accuracy, by the log-likelihood of each answer, with its 95% interval; norm: acc_norm, \
      by the length-normalised one. \(rowCounts(content)) \(seedNote(content))Bits per byte of held-out text: lower is better; below it the change \
      from the base. Δ: difference in \(content.target.name) accuracy from \(content.reference), \
      paired by row, with its 95% interval; coloured where that excludes zero. \
      Each interval stands for itself: none is widened for the number of models compared.</p>
      """
  }

  private static func seedNote(_ content: ReportContent) -> String {
    content.models.seeds.isEmpty ? "" : ResultTable.seedNote(content.models) + " "
  }

  private static func groupName(_ kind: ModelScores.Kind, _ content: ReportContent) -> String {
    switch kind {
    case .floor: "Floors: no language model"
    case .base: "The base"
    case .baseline: "Trained from the base"
    case .merge: "Merges"
    }
  }

  private static func row(_ model: ModelScores, _ content: ReportContent, isBest: Bool) -> HTML {
    let settings = model.settings.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
    let note: HTML = settings.isEmpty ? HTML() : "<small>\(settings)</small>"
    return """
      <tr\(isBest ? " class=\"best\"" as HTML : HTML())><th scope="row">\(breakable(model.name))\(note)</th>\
      \(accuracy(model.source, class: "n"))\(accuracy(model.target, class: "n acc"))\
      \(bits(model.source, content))\(bits(model.target, content))\(difference(model, content))\
      <td class="n">\(model.trainedTokens.map(NumberText.count) ?? "")</td>\
      <td class="n">\(model.wallSeconds.map { NumberText.duration(seconds: $0) } ?? "")</td></tr>

      """
  }

  /// "Rows: 204 in English, 204 in Faroese." as far as the counts agree.
  private static func rowCounts(_ content: ReportContent) -> String {
    let count = { (scores: (ModelScores) -> ModelScores.LanguageScores?) -> Int? in
      let counts = Set(content.models.compactMap { scores($0)?.accuracy?.count })
      return counts.count == 1 ? counts.first : nil
    }
    let parts = [(count(\.source), content.sourceName), (count(\.target), content.target.name)]
      .compactMap { count, name in count.map { "\($0) in \(name)" } }
    return parts.isEmpty ? "" : "Rows: \(parts.joined(separator: ", "))."
  }

  /// A name that may break behind its underscores on a narrow page.
  static func breakable(_ name: String) -> HTML {
    let parts = name.split(separator: "_", omittingEmptySubsequences: false)
    return HTML(joining: parts.map { part -> HTML in "\(String(part))" }, separator: "_<wbr>")
  }

  private static func accuracy(
    _ scores: ModelScores.LanguageScores?, class name: String
  ) -> HTML {
    guard let scores, let accuracy = scores.accuracy else { return "<td class=\"\(name)\"></td>" }
    let detail = accuracy.interval.map { NumberText.range($0, 2) } ?? ""
    let count = accuracy.count.map { "\($0) rows" } ?? ""
    let norm: HTML =
      scores.normalizedAccuracy.map {
        "<small>norm \(NumberText.fixed($0.value, 2))</small>"
      } ?? HTML()
    return """
      <td class="\(name)" title="\(count)">\(NumberText.fixed(accuracy.value, 2))\
      <small>\(detail)</small>\(norm)</td>
      """
  }

  private static func bits(
    _ scores: ModelScores.LanguageScores?, _ content: ReportContent
  ) -> HTML {
    guard let scores, let bits = scores.bitsPerByte else { return "<td class=\"n\"></td>" }
    let change: HTML =
      scores.bitsPerByteChange.map { change in
        let note = change.interval.map { " (\(NumberText.range($0, 3)))" } ?? ""
        return
          "<small title=\"\("change from the base\(note)")\">\(NumberText.fixed(change.value, 3, signed: true))</small>"
      } ?? HTML()
    let range = bits.interval.map { NumberText.range($0, 3) }
    // Seeds are what this interval is looked at for; that of rows alone is narrow.
    let shown: HTML =
      content.models.seeds.isEmpty ? HTML() : range.map { "<small>\($0)</small>" } ?? HTML()
    return """
      <td class="n" title="\(range.map { "95%: \($0)" } ?? "")">\(NumberText.fixed(bits.value, 3))\
      \(shown)\(change)</td>
      """
  }

  private static func difference(_ model: ModelScores, _ content: ReportContent) -> HTML {
    if model.name == content.reference {
      return "<td class=\"n soft\">reference</td>"
    }
    guard let comparison = model.againstReference else { return "<td class=\"n\"></td>" }
    let estimate = comparison.difference
    let settled = estimate.interval?.excludesZero ?? false
    let tone = settled ? (estimate.value > 0 ? "n settled good" : "n settled bad") : "n"
    var detail = estimate.interval.map { NumberText.range($0, 2) } ?? ""
    if let p = comparison.pValue {
      detail +=
        (detail.isEmpty ? "" : ", ")
        + (p < 0.001 ? "p < 0.001" : "p = \(NumberText.fixed(p, p < 0.1 ? 3 : 2))")
    }
    let largest =
      content.models.compactMap(\.againstReference?.difference)
      .flatMap { [$0.value, $0.interval?.low ?? 0, $0.interval?.high ?? 0] }
      .filter(\.isFinite).map(abs).max() ?? 1
    return """
      <td class="\(tone)">\(NumberText.fixed(estimate.value, 2, signed: true))\(settled ? "*" : "")\
      <small>\(detail)</small>\(whisker(estimate, largest: largest, settled: settled))</td>
      """
  }

  /// The difference with its interval as a small picture, all rows on one scale around zero.
  private static func whisker(_ estimate: Estimate, largest: Double, settled: Bool) -> HTML {
    guard estimate.value.isFinite, largest > 0 else { return HTML() }
    let at = { (value: Double) in 60 + 56 * max(-1, min(1, value / largest)) }
    let line: HTML =
      estimate.interval.map { "<path d=\"M\(at($0.low)) 6H\(at($0.high))\"/>" } ?? HTML()
    return """
      <svg class="whisk" viewBox="0 0 120 12" aria-hidden="true"><path class="zero" d="M60 0V12"/>\
      <g class="\(settled ? "settled" : "open")">\(line)\
      <circle cx="\(at(estimate.value))" cy="6" r="3"/></g></svg>
      """
  }

  // MARK: Picture

  static func picture(_ content: ReportContent) -> HTML {
    let plot = Scatter(
      models: content.models, reference: content.reference,
      source: DisplayWidth.printable(content.sourceName),
      target: DisplayWidth.printable(content.target.name))
    guard plot.points.contains(where: { $0.kind != .base }) else { return HTML() }
    let draw = { (id: String, name: String, width: Double, height: Double) -> HTML in
      """
      <svg class="plot \(name)" role="img" aria-labelledby="\(id)t \(id)d" \
      viewBox="0 0 \(width) \(height)"><title id="\(id)t">\(content.target.name) accuracy against \
      forgetting</title><desc id="\(id)d">\(plot.summary)</desc>
      \(plot.drawn(width: width, height: height))</svg>

      """
    }
    return """
      <ul class="key"><li><svg class="plot" viewBox="0 0 18 14" aria-hidden="true"><rect \
      class="mark base" x="4" y="2" width="10" height="10"/></svg>base</li>\
      <li><svg class="plot" viewBox="0 0 18 14" aria-hidden="true"><circle class="mark baseline" \
      cx="9" cy="7" r="5.5"/></svg>trained from it (ringed: \(content.reference))</li>\
      <li><svg class="plot" viewBox="0 0 18 14" aria-hidden="true"><path class="mark merge" \
      d="M9 0l7 7l-7 7l-7-7z"/></svg>merge</li></ul>
      <figure><div class="panel">\(draw("w", "wide", 940, 520))\(draw("s", "slim", 380, 460))</div>
      <figcaption>Up: better at the task in \(content.target.name). Left: less forgotten of \
      \(content.sourceName). Whiskers are 95% intervals of each model by itself; the paired \
      differences in the table are sharper. Dotted: floors.</figcaption></figure>
      """
  }

  // MARK: Languages

  /// Only where there is more to say than the aggregates do.
  static func languages(_ content: ReportContent) -> HTML {
    var codes: [String] = []
    for model in content.models {
      for scores in model.languages where !codes.contains(scores.language) {
        codes.append(scores.language)
      }
    }
    guard codes.count > 2 else { return HTML() }
    let names = Dictionary(
      (content.sources + [content.target]).map { ($0.code, $0.name) },
      uniquingKeysWith: { a, _ in a })
    let heads = HTML(
      joining: codes.map { code -> HTML in
        "<th scope=\"col\" class=\"n\">\(names[code] ?? code)</th>"
      })
    let rows = content.models.filter { !$0.languages.isEmpty }.map { model -> HTML in
      let cells = codes.map { code -> HTML in
        guard let scores = model.languages.first(where: { $0.language == code }) else {
          return "<td class=\"n\"></td>"
        }
        let accuracy = scores.accuracy.map { NumberText.plusMinus($0, 2) } ?? ""
        let bits = scores.bitsPerByte.map { "\(NumberText.fixed($0.value, 3)) bits/byte" } ?? ""
        return "<td class=\"n\">\(accuracy)<small>\(bits)</small></td>"
      }
      return "<tr><th scope=\"row\">\(model.name)</th>\(HTML(joining: cells))</tr>\n"
    }
    return """
      <div class="scroll" role="region" aria-labelledby="languages" tabindex="0"><table>
      <thead><tr><th scope="col">Model</th>\(heads)</tr></thead>
      <tbody>\(HTML(joining: rows))</tbody></table></div>
      <p class="caption">Accuracy with the half width of its 95% interval; bits per byte of held-out text \
      below.</p>
      """
  }
}
