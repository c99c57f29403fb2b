// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Testing

@testable import Templates

/// Files of Tests/Golden/templates.
enum TemplateGolden {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Golden/templates")

  static func json(_ name: String) throws -> JSON {
    try JSON.parse(Data(contentsOf: folder.appending(path: name)), origin: name)
  }

  static func text(_ name: String) throws -> String {
    String(decoding: try Data(contentsOf: folder.appending(path: name)), as: UTF8.self)
  }

  /// The time that make.py tells its templates: 26 July 2024, 15:04:05.678901.
  static let clock = TemplateClock.fixed(Date(timeIntervalSince1970: 1_722_006_245.678_901_2))
}

struct SnippetTests {
  @Test func `every snippet is rendered as by Jinja, and fails where Jinja fails`() throws {
    let golden = try TemplateGolden.json("snippets.json")
    let context = try #require(golden["context"]?.object)
    let rows = try #require(golden["rows"]?.array)
    #expect(rows.count > 900)
    for row in rows {
      let source = try #require(row.array?[0].string)
      let expected = row.array?[1].string
      var rendered: String?
      var problem = ""
      do throws(TemplateError) {
        rendered = try JinjaTemplate(source, name: "t").render(
          context, clock: TemplateGolden.clock
        ).text
      } catch {
        problem = error.description
        #expect(problem.split(separator: "\n", omittingEmptySubsequences: false).count == 3)
      }
      let isEqual = rendered.map(Array.init(_:)) == expected.map(Array.init(_:))
      #expect(
        isEqual && rendered?.utf8.count == expected?.utf8.count,
        "\(source.debugDescription): \(rendered?.debugDescription ?? problem), not \(expected?.debugDescription ?? "an error")"
      )
    }
  }
}
