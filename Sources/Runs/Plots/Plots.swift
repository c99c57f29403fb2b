// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Pictures as stand-alone SVG files, for READMEs and papers: own background, light and dark by
/// the reader's preference, no script, no external font.
public enum Plots {
  /// Target accuracy against source forgetting, one mark per model with 95% whiskers, floors as
  /// dotted lines. `source` and `target` name the two sides ("English", "Faroese"). Equal input
  /// gives equal bytes.
  public static func scatter(
    models: [ModelScores], reference: String = "CT→SFT", source: String, target: String,
    title: String, width: Int = 860, height: Int = 480
  ) -> String {
    let plot = Scatter(
      models: models, reference: reference, source: DisplayWidth.printable(source),
      target: DisplayWidth.printable(target))
    let body: HTML =
      plot.points.isEmpty
      ? "<text class=\"name\" x=\"16\" y=\"70\">No model has both numbers yet.</text>"
      : plot.drawn(width: Double(width), height: Double(height), top: 40)
    let svg: HTML = """
      <svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" aria-labelledby="t d" \
      width="\(width)" height="\(height)" viewBox="0 0 \(width) \(height)">
      <title id="t">\(title)</title><desc id="d">\(plot.summary)</desc>
      <style>svg{\(PlotStyle.light)}@media(prefers-color-scheme:dark){svg{\(PlotStyle.dark)}}
      \(PlotStyle.rules)</style>
      <rect class="background" width="\(width)" height="\(height)" rx="6"/>
      <text class="title" x="16" y="28">\(title)</text>
      \(body)</svg>

      """
    return svg.text
  }

  /// The same for a report.
  public static func scatter(_ content: ReportContent, width: Int = 860, height: Int = 480)
    -> String
  {
    scatter(
      models: content.models, reference: content.reference, source: content.sourceName,
      target: content.target.name, title: content.title, width: width, height: height)
  }
}

extension ReportContent {
  /// The task languages as a phrase: "English, Icelandic"; more than two: "source languages".
  var sourceName: String {
    sources.isEmpty || sources.count > 2
      ? "source languages" : sources.map(\.name).joined(separator: ", ")
  }
}
