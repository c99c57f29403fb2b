// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Runs

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// Heat maps as pictures, as pages and in the terminal.
@Suite struct HeatMapTests {
  /// `layers` rows between two others, `kinds` columns; values from a formula.
  private func map(
    layers: Int, kinds: Int, name: String = "kind", scale: HeatMap.Scale? = nil
  ) -> HeatMap {
    let rows =
      [HeatMap.Row("embed")] + (0..<layers).map { HeatMap.Row("\($0)", layer: $0) }
      + [HeatMap.Row("all")]
    let columns = (0..<kinds).map { "\(name)\($0)" } + ["all"]
    let cells = rows.indices.map { row in
      columns.indices.map { column -> HeatMap.Cell? in
        if row == 0, column < kinds { return nil }
        let value = sin(Double(row * 7 + column * 3)) * 0.5
        return HeatMap.Cell(row == 2 && column == 0 ? nil : value, detail: "value \(value)")
      }
    }
    let signed = HeatMap.Panel(
      title: "Signed", caption: "a caption", scale: scale ?? .diverging(limit: 0.5), cells: cells)
    var magnitudes = signed
    magnitudes.title = "Magnitudes (%)"
    magnitudes.format = .percent
    magnitudes.cells = cells.map {
      $0.map { cell in
        cell.map { HeatMap.Cell($0.value.map(abs), detail: $0.detail) }
      }
    }
    magnitudes.scale = .magnitudes(magnitudes.cells.joined().compactMap { $0?.value })
    return HeatMap(
      title: "A map", rows: rows, columns: columns, panels: [signed, magnitudes, signed])
  }

  private func page(_ map: HeatMap) -> String {
    HeatMapPage(
      over: "Over", title: map.title, lead: "Lead.", facts: [("A", "one")], map: map,
      sections: [
        .init(
          "Table",
          table: TextTable(
            columns: [.init("row", isNumber: false), .init("n")],
            groups: [[["x", "1"]], [["y", "2"]]])), .init("Left out"),
      ], version: "1"
    ).rendered()
  }

  /// Elements and attributes of a document that is well-formed.
  private final class Reader: NSObject, XMLParserDelegate {
    var counts: [String: Int] = [:]
    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
      qualifiedName: String?, attributes: [String: String]
    ) {
      counts[name, default: 0] += 1
    }
  }

  @Test(arguments: [(0, 1), (2, 1), (2, 12), (40, 8), (80, 12)])
  func `a picture is well-formed and has a cell with a title for each value`(
    layers: Int, kinds: Int
  ) throws {
    let map = map(layers: layers, kinds: kinds)
    let svg = Plots.heatMap(map)
    #expect(svg == Plots.heatMap(map))
    let reader = Reader()
    let parser = XMLParser(data: Data(svg.utf8))
    parser.delegate = reader
    #expect(parser.parse(), "\(String(describing: parser.parserError))")
    let cells = map.panels.reduce(0) { $0 + $1.cells.joined().count { $0 != nil } }
    // The title of the picture is one more.
    #expect(reader.counts["title"] == cells + 1)
    // Legends have 21 steps each; the background is a rectangle, too.
    #expect(reader.counts["rect"] == cells + 3 * 21 + 1)
    // For looking at: KOINE_RENDER=/tmp/report swift test --filter HeatMapTests
    if let folder = ProcessInfo.processInfo.environment["KOINE_RENDER"] {
      let folder = RunFolder(path: folder)
      try folder.create()
      try folder.write(text: svg, as: "heat-\(layers)-\(kinds).svg")
      try folder.write(text: page(map), as: "heat-\(layers)-\(kinds).html")
    }
  }

  @Test func `no text becomes markup`() throws {
    let evil = #"</title></style></svg><script>alert(1)</script>"' onload='x" & {{"#
    var map = map(layers: 2, kinds: 2, name: evil)
    map.title = evil
    map.rows[1].label = evil
    map.panels[0].title = evil
    map.panels[0].caption = evil
    map.panels[0].cells[2][1] = .init(1, detail: evil)
    let parser = XMLParser(data: Data(Plots.heatMap(map).utf8))
    let reader = Reader()
    parser.delegate = reader
    #expect(parser.parse() && reader.counts["script"] == nil)
    #expect(!page(map).contains("<script"))
  }

  @Test func `a page has its tables, leaves empty sections out and loads nothing`() {
    let text = page(map(layers: 2, kinds: 2))
    #expect(text.contains("<th scope=\"row\">x</th><td class=\"n\">1</td>"))
    #expect(!text.contains("Left out") && text.contains("default-src 'none'"))
    #expect(!text.contains("http://www.w3.org/1999") && !text.contains("src="))
    #expect(text.contains("prefers-color-scheme:dark"))
  }

  @Test(arguments: ColorScale.Theme.allCases)
  func `colours are evenly light and lie in sRGB`(theme: ColorScale.Theme) throws {
    let sequential = (0...ColorScale.lastStep).map { ColorScale.sequential($0, theme) }
    let diverging = (-ColorScale.sideSteps...ColorScale.sideSteps).map {
      ColorScale.diverging($0, theme)
    }
    for color in sequential + diverging {
      // A colour that was cut off at the edge of sRGB would come back darker or lighter.
      #expect(abs(try lightness(ColorScale.hex(color)) - color.lightness) < 0.006, "\(color)")
    }
    for (left, right) in zip(diverging, diverging.reversed()) {
      #expect(abs(left.lightness - right.lightness) < 1e-12)
    }
    let steps = zip(sequential, sequential.dropFirst()).map { $1.lightness - $0.lightness }
    #expect(steps.allSatisfy { abs($0 - steps[0]) < 1e-12 })
  }

  /// OKLab's lightness of `#rrggbb`.
  private func lightness(_ hex: String) throws -> Double {
    let value = try #require(Int(hex.dropFirst(), radix: 16))
    let (r, g, b) = (linear(value >> 16), linear(value >> 8 & 255), linear(value & 255))
    let l = cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
    let m = cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
    let s = cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
    return 0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s
  }

  private func linear(_ byte: Int) -> Double {
    let value = Double(byte) / 255
    return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
  }

  @Test func `scales place their ends, zero and what lies outside`() {
    let linear = HeatMap.Scale.magnitudes([0, 1, 4])
    #expect(linear == .linear(low: 0, high: 4) && linear.position(1) == 0.25)
    let wide = HeatMap.Scale.magnitudes([0, 0.01, 1, 100])
    #expect(wide == .logarithmic(low: 0.01, high: 100) && abs(wide.position(1) - 0.5) < 1e-12)
    #expect(wide.position(0) == 0 && wide.position(100) == 1)
    let signed = HeatMap.Scale.signed([-2, 1])
    #expect(signed == .diverging(limit: 2) && signed.position(-2) == -1 && signed.position(0) == 0)
    #expect(signed.colorName(-2) == "n10" && signed.colorName(0) == "p0")
    #expect(HeatMap.Scale.magnitudes([]) == .linear(low: 0, high: 1))
    #expect(HeatMap.Scale.magnitudes([.nan, 0]) == .linear(low: 0, high: 1))
    #expect(HeatMap.Scale.signed([0]) == .diverging(limit: 1))
  }

  @Test func `numbers have significant digits`() {
    #expect(NumberText.significant(0.012345) == "0.0123")
    #expect(NumberText.significant(9.996) == "10.0" && NumberText.significant(1234.5) == "1230")
    #expect(NumberText.significant(0.5, isShort: true) == "0.5")
    #expect(NumberText.significant(-1.25e-7, 2) == "−1.2e−7")
    #expect(NumberText.significant(0) == "0" && NumberText.significant(.nan) == "–")
    #expect(NumberText.significant(3_000_000, isShort: true) == "3e6")
  }
}

extension HeatMapTests {
  @Test(arguments: [40, 60, 80, 120])
  func `lines in the terminal fit its width`(width: Int) {
    for style in [TerminalStyle(isTerminal: true, width: width), TerminalStyle(width: 120)] {
      let lines = HeatBlocks(map(layers: 2, kinds: 9), panel: 0).rendered(style)
        .split(separator: "\n")
      #expect(lines.allSatisfy { DisplayWidth.of($0) <= style.width })
    }
  }

  @Test func `a terminal shows blocks, a file the numbers alone`() {
    let map = map(layers: 2, kinds: 1)
    let terminal = HeatBlocks(map, panel: 0).rendered(
      TerminalStyle(isStyled: true, isTerminal: true, width: 60))
    #expect(terminal.contains("\u{1B}[31m") && terminal.contains("negative in red"))
    #expect(
      HeatBlocks(map, panel: 0).rendered(TerminalStyle(width: 60)) == """
        Signed
        a caption
               kind0    all
        embed          0.07
        0       0.33  −0.27
        1          –  −0.48
        all     0.42  −0.45

        """)
  }
}
