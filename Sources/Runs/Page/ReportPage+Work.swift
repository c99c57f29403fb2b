// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension ReportPage {
  // MARK: Selection

  static func selection(_ content: ReportContent) -> HTML {
    let selection = content.selection
    guard !selection.grids.isEmpty || !selection.description.isEmpty else { return HTML() }
    let panels = selection.grids.enumerated().map { index, grid -> HTML in
      let chart = GridChart(grid: grid, lowerIsBetter: selection.lowerIsBetter)
      let chosen = grid.chosen.flatMap { grid.points.indices.contains($0) ? grid.points[$0] : nil }
      let caption: HTML =
        chosen.map { "Chosen of \(grid.points.count): \($0.summary)" }
        ?? "None of \(grid.points.count) candidates was usable."
      let drawing: HTML =
        chart.drawn().map { svg, height in
          """
          <svg class="plot" role="img" aria-labelledby="g\(index)t g\(index)d" \
          viewBox="0 0 \(GridChart.width) \(height)"><title id="g\(index)t">\
          \(ModelScores.title(grid.model, seed: grid.seed)): \
          \(selection.objective) by setting</title><desc id="g\(index)d">\(caption)</desc>
          \(svg)</svg>

          """
        } ?? HTML()
      let title = ModelScores.title(grid.model, seed: grid.seed)
      return """
        <figure class="panel"><h3>\(title)</h3>\(drawing)<figcaption>\(caption)</figcaption></figure>

        """
    }
    let better = selection.lowerIsBetter ? "lower" : "higher"
    let reading: HTML =
      selection.grids.isEmpty
      ? HTML()
      : "<p class=\"soft\">Shown: \(selection.objective); \(better) is better. Ringed: chosen. In heat maps the stronger colour is the better.</p>"
    return """
      <p>\(selection.description)</p>\(reading)
      <div class="multiples">\(HTML(joining: panels))</div>
      """
  }

  // MARK: Training

  static func curves(_ content: ReportContent) -> HTML {
    let curves = content.curves.filter { !($0.training.isEmpty && $0.validation.isEmpty) }
    guard !curves.isEmpty else { return HTML() }
    let panels = curves.enumerated().map { index, curve -> HTML in
      let chart = LossChart(curve: curve)
      return """
        <figure class="panel"><h3>\(curve.step)</h3>
        <svg class="plot" role="img" aria-labelledby="c\(index)t c\(index)d" \
        viewBox="0 0 \(LossChart.width) \(LossChart.height)"><title id="c\(index)t">Loss of \
        \(curve.step)</title><desc id="c\(index)d">\(chart.summary)</desc>
        \(chart.drawn())</svg></figure>

        """
    }
    return """
      <p>Loss in nats per token. Each panel has its own scale.</p>
      <ul class="key"><li><svg class="plot" viewBox="0 0 18 14" aria-hidden="true"><path \
      class="train" d="M1 10L6 4L11 8L17 3"/></svg>training</li>\
      <li><svg class="plot" viewBox="0 0 18 14" aria-hidden="true"><path class="valid" \
      d="M1 10L17 4"/><circle class="dot" cx="9" cy="7" r="3"/></svg>held out</li></ul>
      <div class="multiples">\(HTML(joining: panels))</div>
      """
  }

  // MARK: Samples

  static func samples(_ content: ReportContent) -> HTML {
    guard !content.samples.isEmpty else { return HTML() }
    let blocks = content.samples.map { sample -> HTML in
      let language = languageAttribute(sample.language)
      let answers = sample.completions.map { completion -> HTML in
        let text: HTML =
          completion.text.isEmpty ? "<span class=\"soft\">(nothing)</span>" : "\(completion.text)"
        let model = ModelScores.title(completion.model, seed: completion.seed)
        return "<dt>\(model)</dt><dd\(language) dir=\"auto\">\(text)</dd>\n"
      }
      return """
        <div class="sample"><p class="prompt"\(language) dir="auto">\(sample.prompt)</p>
        <dl>\(HTML(joining: answers))</dl></div>

        """
    }
    return """
      <p>What each model writes after the same openings. Not selected for looks.</p>
      \(HTML(joining: blocks))
      """
  }

  /// ` lang="fo"` where the code can be one.
  private static func languageAttribute(_ code: String) -> HTML {
    let isCode =
      (2...16).contains(code.count)
      && code.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
    return isCode ? " lang=\"\(code)\"" : HTML()
  }

  // MARK: Data

  static func data(_ content: ReportContent) -> HTML {
    guard !content.data.isEmpty else { return HTML() }
    let rows = content.data.map { data -> HTML in
      let dropped = data.dropped.map { "\(NumberText.grouped($0.documentCount)) \($0.reason)" }
        .joined(separator: ", ")
      return """
        <tr><th scope="row">\(data.language)<small>\(data.use)</small></th>\
        <td class="n">\(NumberText.grouped(data.readDocumentCount))</td>\
        <td>\(dropped.isEmpty ? "–" : dropped)</td>\
        <td class="n">\(NumberText.grouped(data.trainDocumentCount))</td>\
        <td class="n">\(NumberText.bytes(data.trainByteCount))</td>\
        <td class="n">\(data.trainTokenCount.map(NumberText.count) ?? "")</td>\
        <td class="n">\(NumberText.grouped(data.heldOutDocumentCount))\
        <small>\(NumberText.bytes(data.heldOutByteCount))</small></td></tr>

        """
    }
    return """
      <div class="scroll" role="region" aria-labelledby="data" tabindex="0"><table>
      <thead><tr><th scope="col">Language</th><th scope="col" class="n">Read</th>\
      <th scope="col">Dropped</th><th scope="col" class="n">Training</th>\
      <th scope="col" class="n">Bytes</th><th scope="col" class="n">Tokens</th>\
      <th scope="col" class="n">Held out</th></tr></thead>
      <tbody>\(HTML(joining: rows))</tbody></table></div>
      <p class="caption">Documents after checking UTF-8, normalising to NFC and dropping exact duplicates, \
      split by document.</p>
      """
  }

  // MARK: Steps

  static func steps(_ content: ReportContent) -> HTML {
    let steps = content.run.steps
    guard !steps.isEmpty else { return HTML() }
    let longest = max(steps.map(\.wallSeconds).max() ?? 0, 1e-9)
    let rows = steps.map { step -> HTML in
      let state: HTML =
        step.state == .failed
        ? "<span class=\"bad\">failed</span>" : "\(step.state.rawValue)"
      let share = min(100, max(0, step.wallSeconds / longest * 100))
      return """
        <tr><th scope="row">\(step.name)<small>\(step.kind)</small></th><td>\(state)</td>\
        <td class="n">\(NumberText.duration(seconds: step.wallSeconds))</td>\
        <td style="min-width:7rem"><span class="time" style="width:\(share)%"></span></td>\
        <td class="n">\(step.trainedTokens.map(NumberText.count) ?? "")</td>\
        <td class="n">\(step.peakMemoryByteCount.map(NumberText.bytes) ?? "")</td>\
        <td><code title="\(step.hash)">\(String(step.hash.prefix(12)))</code></td></tr>

        """
    }
    return """
      <div class="scroll" role="region" aria-labelledby="steps" tabindex="0"><table>
      <thead><tr><th scope="col">Step</th><th scope="col">State</th>\
      <th scope="col" class="n">Time</th><th scope="col"><span aria-hidden="true"></span></th>\
      <th scope="col" class="n">Trained tokens</th><th scope="col" class="n">Peak memory</th>\
      <th scope="col">Hash</th></tr></thead>
      <tbody>\(HTML(joining: rows))</tbody></table></div>
      <p class="caption">The hash covers inputs, settings, seed and code version; a step whose hash is known is \
      not done again. Time of a cached step: when it was done.</p>
      """
  }

  // MARK: Recipe and versions

  static func recipe(_ content: ReportContent) -> HTML {
    guard !content.run.recipeText.isEmpty else { return HTML() }
    return """
      <p>Run it again with <code>koine run \(content.run.recipePath)</code>.</p>
      <pre tabindex="0"><code>\(content.run.recipeText)</code></pre>
      """
  }

  static func versions(_ content: ReportContent) -> HTML {
    let run = content.run
    let environment = run.environment
    var facts: [(String, String)] = [
      ("Koine", run.koineVersion), ("Engine", environment.engine), ("BLAS", environment.blas),
      ("Device", environment.device), ("System", environment.system),
      ("Processor", environment.processor), ("Cores", "\(environment.coreCount)"),
      ("Memory", environment.memoryByteCount.map(NumberText.bytes) ?? ""),
      ("Started", Timestamp.minutes(run.startedAt)),
      ("Ended", run.endedAt.map(Timestamp.minutes) ?? ""),
      ("Status", run.status.rawValue), ("Failure", run.failure ?? ""),
      ("Seeds", run.seeds.map { "\($0.name) \($0.value)" }.joined(separator: ", ")),
    ]
    facts += content.facts.map { ($0.name, $0.value) }
    let rows = facts.filter { !$0.1.isEmpty }.map { fact -> HTML in
      "<dt>\(fact.0)</dt><dd>\(fact.1)</dd>\n"
    }
    return "<dl class=\"facts\">\(HTML(joining: rows))</dl>"
  }
}
