// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The seeds that the rows are means over, each by itself.
extension ResultTable {
  /// What the numbers of rows with seeds are.
  static func seedNote(_ models: [ModelScores]) -> String {
    let single = models.filter { $0.kind != .floor && $0.seeds == nil }.map(\.name)
    let rest = single.isEmpty ? "" : "; of \(single.joined(separator: ", ")) it covers rows only"
    return
      "Means over \(models.seedNames); a 95% interval covers other rows and other seeds\(rest)."
  }

  var seedLegend: [String] {
    ["Each seed by itself; Δ: from \(reference) of the same seed."]
  }

  /// A row for each model and seed, a group for each model.
  var seedTable: TextTable {
    let number = { (estimate: Estimate?, digits: Int, signed: Bool) in
      TextTable.Cell(estimate.map { NumberText.fixed($0.value, digits, signed: signed) } ?? "")
    }
    let groups = models.map { model in
      (model.seeds ?? []).map { seed -> [TextTable.Cell] in
        let settings = seed.settings.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
        return [
          TextTable.Cell(model.name), TextTable.Cell(String(seed.seed)),
          number(seed.source?.accuracy, 2, false), number(seed.target?.accuracy, 2, false),
          number(seed.source?.bitsPerByte, 3, false), number(seed.target?.bitsPerByte, 3, false),
          model.name == reference
            ? TextTable.Cell("ref.", .faint)
            : number(seed.againstReference?.difference, 2, true),
          TextTable.Cell(settings),
        ]
      }
    }
    return TextTable(
      columns: [
        .init("model", isNumber: false), .init("seed"), .init("\(source) acc", rank: 2),
        .init("\(target) acc"), .init("\(source) bpb", rank: 3),
        .init("\(target) bpb", rank: 4), .init("Δ \(reference)"),
        .init("settings", isNumber: false, rank: 1),
      ], groups: groups)
  }
}
