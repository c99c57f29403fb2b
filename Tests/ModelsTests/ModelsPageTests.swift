// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Foundation
  import Testing

  @testable import Models

  /// The table in docs/models.md.
  struct ModelsPageTests {
    private struct Row: Equatable {
      var name: String
      /// As written: upper bounds.
      var bounds: [Double]
    }

    private static let begin = "<!-- parity -->\n"
    private static let end = "<!-- /parity -->"
    private static let file = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appending(path: "docs/models.md")

    /// The least of 1, 2 and 5 times a power of ten that is not below twice `value`, at least 1e-6,
    /// as it is written: what is smaller is rounding and differs between machines.
    private static func bound(_ value: Double) -> String {
      guard value.isFinite else { return "1" }
      for exponent in -6..<0 {
        for digit in [1, 2, 5] {
          let text = "\(digit)e\(exponent)"
          if let number = Double(text), number >= 2 * value { return text }
        }
      }
      return "1"
    }

    private static func table(_ rows: [(name: String, bounds: [String])]) -> String {
      """
      | family, variant | batch | cache | loss | gradients |
      | --- | --- | --- | --- | --- |

      """
        + rows.map { "| \($0.name) | \($0.bounds.joined(separator: " | ")) |\n" }.joined()
    }

    private static func rows(_ table: some StringProtocol) -> [Row] {
      table.split(separator: "\n").dropFirst(2).map { line in
        let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
        return Row(name: cells.first ?? "", bounds: cells.dropFirst().compactMap { Double($0) })
      }
    }

    @Test func `the table of parity is as good as documented`() throws {
      let measured = try FamilyGolden.all.map { golden in
        let parity = try FamilyParity(golden)
        let (loss, gradients) = try parity.gradients()
        let values = try [parity.rightPadded(), parity.cachedLeftPadded(), loss, gradients]
        return (name: golden.testDescription, bounds: values.map(Self.bound))
      }
      let made = Self.table(measured)
      let page = try String(contentsOf: Self.file, encoding: .utf8)
      let begin = try #require(page.range(of: Self.begin)).upperBound
      let end = try #require(page.range(of: Self.end)).lowerBound
      let written = Self.rows(page[begin..<end])
      let found = Self.rows(made)
      // Another machine may round otherwise, within a few times what is written.
      let holds =
        written.map(\.name) == found.map(\.name)
        && zip(written, found).allSatisfy { written, found in
          written.bounds.count == 4
            && zip(written.bounds, found.bounds).allSatisfy {
              $1 <= min(1e-4, max(1e-5, 5 * $0)) && $0 <= 1e-4
            }
        }
      if holds { return }
      let fresh = FileManager.default.temporaryDirectory.appending(path: "models.md")
      try Data((page[..<begin] + made + page[end...]).utf8).write(to: fresh)
      Issue.record("docs/models.md is out of date; what it should be is in \(fresh.path)")
    }
  }
#endif
