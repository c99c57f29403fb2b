// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Runs

@Suite struct ReportPageTests {
  @Test func `the same content gives the same bytes`() throws {
    let first = ReportPage.render(Fixture.report)
    #expect(first == ReportPage.render(Fixture.report))
    #expect(Plots.scatter(Fixture.report) == Plots.scatter(Fixture.report))
    // For looking at: KOINE_RENDER=/tmp/report swift test --filter ReportPageTests
    if let folder = ProcessInfo.processInfo.environment["KOINE_RENDER"] {
      let folder = RunFolder(path: folder)
      try folder.create()
      try folder.write(text: first, as: "report.html")
      try folder.write(text: Plots.scatter(Fixture.report), as: "scatter.svg")
      var small = Fixture.report
      small.models = [Fixture.models[2]]
      small.selection = Selection()
      small.curves = []
      small.samples = []
      try folder.write(text: ReportPage.render(small), as: "small.html")
      let table = ResultTable(models: Fixture.models)
      for width in [120, 80, 50] {
        print(table.rendered(TerminalStyle(width: width)))
      }
      print(table.markdown())
    }
  }
}

extension ReportPageTests {
  /// Text that tries to become markup in every place a string can go.
  private static let attack =
    #"</title></style></svg><script>alert(1)</script><img src=x onerror=alert(1)>"' onload='x" & {{"#

  @Test func `no string of the content becomes markup`() throws {
    let evil = Self.attack
    var content = Fixture.report
    content.title = evil
    content.task = evil
    content.sources = [.init(code: evil, name: evil)]
    content.target = .init(code: "\" onclick=\"x", name: evil)
    content.notes = [evil]
    content.facts = [.init(evil, evil)]
    content.reference = evil
    content.selection.description = evil
    content.selection.objective = evil
    for index in content.selection.grids.indices {
      content.selection.grids[index].model = evil
      for point in content.selection.grids[index].points.indices {
        content.selection.grids[index].points[point].settings.append(
          .init(evil, point % 2 == 0 ? evil : "0.5"))
        content.selection.grids[index].points[point].measures = [.init(evil, evil)]
      }
    }
    for index in content.models.indices {
      content.models[index].name = "\(evil)\(index)"
      content.models[index].settings = [.init(evil, evil)]
      for language in content.models[index].languages.indices {
        content.models[index].languages[language].language = "\(evil)\(language)"
      }
    }
    content.curves = content.curves.map {
      LossCurve(step: evil, training: $0.training, validation: $0.validation)
    }
    content.samples = [
      .init(language: evil, prompt: evil, completions: [.init(model: evil, text: evil)])
    ]
    content.data[0].language = evil
    content.data[0].use = evil
    content.data[0].dropped = [.init(reason: evil, documentCount: 1)]
    content.run.name = evil
    content.run.recipePath = evil
    content.run.recipeText = evil
    content.run.koineVersion = evil
    content.run.failure = evil
    content.run.environment.engine = evil
    content.run.environment.device = evil
    content.run.seeds = [.init(name: evil, value: 1)]
    for index in content.run.steps.indices {
      content.run.steps[index].name = evil
      content.run.steps[index].kind = evil
      content.run.steps[index].hash = evil
    }
    let page = ReportPage.render(content)
    for text in [page, Plots.scatter(content)] {
      let tags = text.matches(of: /<\/?([A-Za-z][A-Za-z0-9]*)([^>]*)>/)
      #expect(tags.count > 40)
      #expect(!tags.contains { ["script", "img", "iframe"].contains(String($0.1)) })
      // Every quote of a tag belongs to an attribute, and no attribute is a handler.
      for tag in tags {
        #expect(tag.2.wholeMatch(of: /(\s[a-z:A-Z-]+="[^"<>]*")*\s*\/?/) != nil, "\(tag.0)")
        let names = tag.2.matches(of: /\s([a-z:A-Z-]+)="[^"]*"/).map(\.1)
        #expect(!names.contains { $0.lowercased().hasPrefix("on") })
      }
    }
    #expect(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"))
  }

  @Test func `the page needs nothing from outside`() {
    let page = ReportPage.render(Fixture.report)
    #expect(!page.contains("<script") && !page.contains("<link") && !page.contains("url("))
    #expect(page.matches(of: /(src|href)="([^"]*)"/).allSatisfy { $0.2.hasPrefix("#") })
    #expect(page.contains("default-src 'none'"))
    #expect(page.contains("prefers-color-scheme:dark") && page.contains("@media print"))
  }

  @Test func `pictures have names and tables have scoped headers`() {
    let page = ReportPage.render(Fixture.report)
    for svg in page.matches(of: /<svg[^>]*>/) {
      #expect(svg.0.contains("aria-hidden=\"true\"") || svg.0.contains("role=\"img\""))
    }
    #expect(page.matches(of: /<th[\s>][^>]*/).allSatisfy { $0.0.contains("scope=") })
    let ids = page.matches(of: /\sid="([^"]*)"/).map { String($0.1) }
    #expect(Set(ids).count == ids.count)
    for label in page.matches(of: /aria-labelledby="([^"]*)"/) {
      #expect(label.1.split(separator: " ").allSatisfy { ids.contains(String($0)) })
    }
    // Open and close tags match: read by an XML parser's rules, save for the void elements.
    var open: [String] = []
    for tag in page.matches(of: /<(\/?)([a-z][a-z0-9]*)([^>]*?)(\/?)>/) {
      let name = String(tag.2)
      if ["meta", "br", "wbr"].contains(name) || !tag.4.isEmpty { continue }
      if tag.1.isEmpty { open.append(name) } else { #expect(open.popLast() == name) }
    }
    #expect(open.isEmpty)
  }

  @Test func `sections without content are left out`() {
    let empty = ReportContent(
      title: "Nothing yet", sources: [], target: .init(code: "fo", name: "Faroese"), task: "t",
      run: RunRecord(
        name: "x", recipePath: "r", recipeText: "", startedAt: .init(timeIntervalSince1970: 0),
        koineVersion: "0", environment: Fixture.environment), models: [])
    let page = ReportPage.render(empty)
    #expect(page.contains("No model has been scored in Faroese yet."))
    let heads = page.matches(of: /<h2 id="([a-z]+)"/).map { String($0.1) }
    #expect(heads == ["results", "versions"])
    #expect(Plots.scatter(empty).contains("No model has both numbers yet."))
    var one = empty
    one.models = [Fixture.models[2]]
    #expect(ReportPage.render(one).contains("The highest accuracy in Faroese is 0.18"))
  }

  @Test func `a merge that loses is said to lose`() {
    var content = Fixture.report
    content.models = content.models.filter { $0.kind != .merge }
    content.models.append(
      Fixture.model(
        "ties", .merge, source: (0.3, 2, 0.2), target: (0.2, 2, 0),
        difference: (-0.26, -0.34, -0.18)))
    let page = ReportPage.render(content)
    #expect(page.contains("No merge beats CT→SFT; ties is below it beyond chance."))
    #expect(page.contains("the floor Naive Bayes 3–5-grams at 0.52 is higher."))
  }

  @Test func `labels cover neither each other nor marks, also in a crowd`() {
    var models = Fixture.models
    for index in 0..<6 {
      models.append(
        Fixture.model(
          "crowded_merge_\(index)", .merge, source: (0.6, 1.9, 0.04 + Double(index) * 0.001),
          target: (0.51 + Double(index % 3) * 0.004, 1.8, -0.5), difference: (0, -0.1, 0.1)))
    }
    let svg = Plots.scatter(models: models, source: "source", target: "target", title: "crowd")
    let boxes = svg.matches(of: /<text class="label [a-z]+" x="([-0-9.]+)" y="([-0-9.]+)">([^<]*)</)
      .compactMap { match -> Box? in
        guard let x = Double(match.1), let y = Double(match.2) else { return nil }
        let width = LabelPlacement.width(of: String(match.3), size: 12)
        return Box(x: x, y: y - 12, width: width, height: 15)
      }
    #expect(boxes.count == 17)
    let frame = Box(x: 0, y: 0, width: 860, height: 480)
    for (index, box) in boxes.enumerated() {
      #expect(box.excess(of: frame) == 0)
      for other in boxes[..<index] { #expect(box.overlap(other) == 0) }
    }
  }

  @Test func `very long names and odd numbers stay on the page`() {
    var content = Fixture.report
    let name = String(repeating: "Donaudampfschifffahrtsgesellschaft", count: 6)
    content.models[9].name = name
    content.models[7].target?.accuracy = Estimate(.nan)
    content.models[8].source?.bitsPerByteChange = Estimate(.infinity)
    content.curves[0].training[3].loss = .nan
    content.curves.append(LossCurve(step: "one", training: [.init(iteration: 1, loss: 0)]))
    content.selection.grids[0].points[1].objective = .nan
    let page = ReportPage.render(content)
    #expect(page.contains(name))
    #expect(!page.contains("NaN") && !page.contains("nan\"") && !page.contains("inf\""))
    let svg = Plots.scatter(content)
    #expect(!svg.contains(">\(name)<") && svg.contains("Donaudampfschifffahrtsgesel…"))
  }

  @Test func `ticks are round and cover the data`() {
    let ticks = { (values: [Double], log: Bool) in
      Axis(covering: values, from: 0, to: 100, tickCount: 5, isLogarithmic: log).ticks.map(\.label)
    }
    #expect(ticks([0, 1], false) == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"])
    #expect(
      ticks([0.013, 0.071], false) == [
        "0.01", "0.02", "0.03", "0.04", "0.05", "0.06", "0.07", "0.08",
      ])
    #expect(
      ticks([-0.3, 0.9], false) == ["−0.4", "−0.2", "0.0", "0.2", "0.4", "0.6", "0.8", "1.0"])
    #expect(ticks([0, 25_000], false) == ["0", "5.00k", "10.0k", "15.0k", "20.0k", "25.0k"])
    #expect(ticks([0.1, 9], true) == ["0.1", "0.2", "0.5", "1", "2", "5"])
    #expect(ticks([1, 1e20], false).last == "100000000T" && ticks([1, 1e20], true).count > 1)
    #expect(ticks([], false).count > 1 && ticks([3, 3], false).count > 1)
  }
}
