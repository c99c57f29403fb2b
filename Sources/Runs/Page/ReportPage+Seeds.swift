// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension ReportPage {
  /// The models of each seed by themselves, where the result table has means over several.
  static func seeds(_ content: ReportContent) -> HTML {
    guard !content.models.seeds.isEmpty else { return HTML() }
    let groups = content.models.compactMap { model -> HTML? in
      guard let seeds = model.seeds else { return nil }
      return """
        <tbody><tr><th class="group" colspan="7" scope="rowgroup">\(model.name)</th></tr>
        \(HTML(joining: seeds.map { row($0, of: model, content) }))</tbody>

        """
    }
    return """
      <div class="scroll" role="region" aria-labelledby="seeds" tabindex="0"><table>
      <thead><tr><th scope="col">Seed</th>\
      <th scope="col" class="n">\(content.sourceName)<br>acc</th>\
      <th scope="col" class="n">\(content.target.name)<br>acc</th>\
      <th scope="col" class="n">\(content.sourceName)<br>bits/byte</th>\
      <th scope="col" class="n">\(content.target.name)<br>bits/byte</th>\
      <th scope="col" class="n">Δ \(content.reference)</th>\
      <th scope="col">Chosen settings</th></tr></thead>
      \(HTML(joining: groups))</table></div>
      <p class="caption">Everything after the base, done with each seed on the same base and data. \
      Intervals here cover test rows only. Δ: from \(content.reference) of the same seed, paired by \
      row.</p>
      """
  }

  private static func row(
    _ seed: ModelScores.SeedScores, of model: ModelScores, _ content: ReportContent
  ) -> HTML {
    let settings = seed.settings.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
    let difference: HTML =
      model.name == content.reference
      ? "<td class=\"n soft\">reference</td>"
      : cell(seed.againstReference?.difference, 2, signed: true)
    return """
      <tr><th scope="row">\(String(seed.seed))</th>\(cell(seed.source?.accuracy, 2))\
      \(cell(seed.target?.accuracy, 2))\(cell(seed.source?.bitsPerByte, 3, showsInterval: false))\
      \(cell(seed.target?.bitsPerByte, 3, showsInterval: false))\(difference)\
      <td>\(settings)</td></tr>

      """
  }

  private static func cell(
    _ estimate: Estimate?, _ digits: Int, signed: Bool = false, showsInterval: Bool = true
  ) -> HTML {
    guard let estimate else { return "<td class=\"n\"></td>" }
    let detail: HTML =
      showsInterval
      ? estimate.interval.map { "<small>\(NumberText.range($0, digits))</small>" } ?? HTML()
      : HTML()
    return
      "<td class=\"n\">\(NumberText.fixed(estimate.value, digits, signed: signed))\(detail)</td>"
  }
}
