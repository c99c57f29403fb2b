// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora
import Documents
import Foundation
import Runs
import Tokenization

/// What `koine corpus` tells of one corpus.
struct CorpusOverview {
  let report: CorpusReport
  let files: [String]
  let output: String?
  /// Of the kept text, where a tokenizer was given.
  let statistics: TokenizationStatistics?
  let seconds: Double

  var text: String {
    var rows: [[String]] = [["", "documents", "lines", "bytes", "of bytes"]]
    func row(_ name: String, _ size: CorpusReport.Size) {
      let share = Double(size.bytes) / Double(max(1, report.read.bytes))
      rows.append([
        name, "\(size.documents)", "\(size.lines)", "\(size.bytes)",
        NumberText.fixed(100 * share, 1) + " %",
      ])
    }
    row("read", report.read)
    for (reason, size) in report.dropped { row("− " + reason, size) }
    row("kept", report.kept)
    var text = "\(report.name): \(files.count) \(files.count == 1 ? "file" : "files")\n"
    text += Self.table(rows)
    for (count, name) in [
      (report.emptyRecords, "records without text"),
      (report.normalizedLines, "lines brought to NFC"),
      (report.controlCharacters, "control characters removed"),
      (report.replacementCharacters, "characters U+FFFD in the text"),
      (report.invalidLines, "lines that were not UTF-8, mended"),
    ] where count > 0 {
      text += "\(count) \(name)\n"
    }
    if report.reachedLimit { text += "reading stopped at max_bytes\n" }
    text += "\(report.words) words, \(report.characters) characters\n"
    if let statistics, report.words > 0 {
      text +=
        "\(statistics.tokenCount) tokens, \(NumberText.fixed(fertility(statistics), 3)) a word, "
        + "\(NumberText.fixed(bytesPerToken(statistics), 3)) bytes a token\n"
    }
    if let output { text += "wrote \(output)\n" }
    for example in report.examples {
      text +=
        "\n\(example.reason)\(example.detail.isEmpty ? "" : " (\(example.detail))"): "
        + "\(example.file), line \(example.line)\n  "
        + example.text.split(whereSeparator: \.isNewline).joined(separator: "\n  ") + "\n"
    }
    return text
  }

  /// The first column to the left, the others to the right.
  private static func table(_ rows: [[String]]) -> String {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      row.enumerated().map { column, cell in
        let space = String(repeating: " ", count: widths[column] - cell.count)
        return column == 0 ? cell + space : space + cell
      }.joined(separator: "  ") + "\n"
    }.joined()
  }

  private func fertility(_ statistics: TokenizationStatistics) -> Double {
    Double(statistics.tokenCount) / Double(max(1, report.words))
  }

  private func bytesPerToken(_ statistics: TokenizationStatistics) -> Double {
    Double(report.kept.bytes) / Double(max(1, statistics.tokenCount))
  }

  var json: JSON {
    var json = report.json
    json["files"] = JSON(files.map { .string($0) })
    if let output { json["output"] = .string(output) }
    if let statistics {
      json["tokens"] = JSON(statistics.tokenCount)
      json["tokens_per_word"] = JSON(fertility(statistics))
      json["bytes_per_token"] = JSON(bytesPerToken(statistics))
    }
    json["seconds"] = JSON(seconds)
    if !report.examples.isEmpty {
      json["examples"] = JSON(
        report.examples.map { example in
          [
            "reason": .string(example.reason), "detail": .string(example.detail),
            "file": .string(example.file), "line": JSON(example.line),
            "text": .string(example.text),
          ] as JSON
        })
    }
    return json
  }
}
