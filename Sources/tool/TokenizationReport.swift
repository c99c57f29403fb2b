// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora
import Documents
import Foundation
import Runs
import Tokenization

/// What `koine tokenize --stats` finds: texts against tokenizers.
struct TokenizationReport {
  /// A tokenizer on a text.
  struct Row {
    var text: String
    var model: String
    var vocabularySize: Int
    var statistics: TokenizationStatistics
    var tornWords: [TornWords.Word]
  }

  private(set) var rows: [Row] = []
  private let profiles: [(model: String, profile: TokenizerProfile)]
  private let tornWordLimit: Int

  /// - Parameter tornWords: how many of the words that are torn apart most to list.
  init(models: [String], tornWords: Int) throws {
    profiles = try models.map {
      (
        $0,
        TokenizerProfile(
          try Tokenizer.load(directory: try ModelPlace.folder($0, for: .tokenizer)))
      )
    }
    tornWordLimit = tornWords
  }

  /// Measures a text given in words.
  mutating func add(text: String) {
    var measured = Measured(profiles.count)
    measured.add([text], profiles)
    close(measured, "text")
  }

  /// Measures a file, line by line; in `.jsonl` files the member `text` of every line.
  ///
  /// - Parameter name: what the report calls it.
  mutating func add(file path: String, as name: String) throws {
    var measured = Measured(profiles.count)
    let size = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
    // About a second's work.
    let work = (size ?? 0) >= 8_000_000 ? CommandWork(name) : nil
    let start = ContinuousClock.now
    if path.contains(".jsonl") {
      let texts = try CorpusReader.documents(at: path).map(\.text)
      for first in stride(from: 0, to: texts.count, by: Self.batchSize) {
        measured.add(Array(texts[first..<min(texts.count, first + Self.batchSize)]), profiles)
        work?.show(min(texts.count, first + Self.batchSize), of: texts.count, unit: "documents")
      }
    } else {
      let reader = try LineReader(path: path)
      // How long the text of a compressed file is, only its end tells.
      let total = path.hasSuffix(".gz") || path.hasSuffix(".zst") ? nil : size
      var batch: [String] = []
      while let line = try reader.next() {
        if !line.isEmpty { batch.append(line) }
        guard batch.count == Self.batchSize else { continue }
        measured.add(batch, profiles)
        batch.removeAll(keepingCapacity: true)
        work?.show(measured.byteCount, of: total, unit: "bytes")
      }
      measured.add(batch, profiles)
    }
    guard measured.byteCount > 0 else {
      throw CorpusError.emptyCorpus(path, reason: "no line with text")
    }
    work?.finish(
      seconds: (ContinuousClock.now - start) / .seconds(1), byteCount: measured.byteCount)
    close(measured, name)
  }

  /// The files that arguments mean, each under a name of its own: that of `NAME=FILE`, else as much of
  /// the end of its path as tells it from the others.
  static func named(_ arguments: [String]) -> [(name: String, path: String)] {
    let parts = arguments.map { argument -> (name: String?, path: String) in
      guard let sign = argument.firstIndex(of: "="), sign > argument.startIndex,
        !argument[..<sign].contains("/"), !FileManager.default.fileExists(atPath: argument)
      else { return (nil, argument) }
      return (String(argument[..<sign]), String(argument[argument.index(after: sign)...]))
    }
    func end(_ path: String, _ count: Int) -> String {
      path.split(separator: "/").suffix(count).joined(separator: "/")
    }
    return parts.map { part in
      if let name = part.name { return (name, part.path) }
      let most = part.path.split(separator: "/").count
      let count = (1...max(1, most)).first { count in
        parts.count { $0.name == nil && end($0.path, count) == end(part.path, count) } == 1
      }
      return (end(part.path, count ?? most), part.path)
    }
  }

  private static let batchSize = 8192

  private struct Measured {
    var statistics: [TokenizationStatistics]
    var words = TornWords()
    init(_ count: Int) { statistics = Array(repeating: TokenizationStatistics(), count: count) }
    var byteCount: Int { statistics.first?.byteCount ?? 0 }

    mutating func add(
      _ texts: [String], _ profiles: [(model: String, profile: TokenizerProfile)]
    ) {
      for index in profiles.indices { statistics[index].add(texts, profiles[index].profile) }
      words.add(texts)
    }
  }

  private mutating func close(_ measured: Measured, _ name: String) {
    for (index, (model, profile)) in profiles.enumerated() {
      rows.append(
        Row(
          text: name, model: model, vocabularySize: profile.tokenizer.vocabularySize,
          statistics: measured.statistics[index],
          tornWords: measured.words.worst(tornWordLimit, profile)))
    }
  }

  /// Schema 1: a member of `texts` for every text, with one of `tokenizers` for every tokenizer.
  var json: JSON {
    var texts: [JSON] = []
    for first in stride(from: 0, to: rows.count, by: profiles.count) {
      let group = rows[first..<first + profiles.count]
      guard let counts = group.first?.statistics else { continue }
      texts.append([
        "text": JSON(rows[first].text), "lines": JSON(counts.textCount),
        "bytes": JSON(counts.byteCount), "words": JSON(counts.wordCount),
        "tokenizers": JSON(group.map(Self.json)),
      ])
    }
    return ["schema": 1, "texts": .array(texts)]
  }

  private static func json(_ row: Row) -> JSON {
    func number(_ value: Double?) -> JSON { value.map { JSON($0) } ?? .null }
    let torn = row.tornWords.map { word -> JSON in
      [
        "word": JSON(word.text), "count": JSON(word.count),
        "pieces": JSON(word.pieces.map { JSON($0) }),
      ]
    }
    return [
      "model": JSON(row.model), "vocab_size": JSON(row.vocabularySize),
      "tokens": JSON(row.statistics.tokenCount),
      "tokens_per_word": number(row.statistics.tokensPerWord),
      "bytes_per_token": number(row.statistics.bytesPerToken),
      "unknown_share": number(row.statistics.unknownShare),
      "byte_share": number(row.statistics.byteTokenShare),
      "tokens_used": JSON(row.statistics.usedTokenCount), "torn_words": .array(torn),
    ]
  }

  /// Tables for people.
  func text(_ style: TerminalStyle) -> String {
    let columns =
      [TextTable.Column("text", isNumber: false)]
      + (profiles.count > 1 ? [TextTable.Column("tokenizer", isNumber: false)] : [])
      + [
        TextTable.Column("bytes", rank: 4), TextTable.Column("words", rank: 3),
        TextTable.Column("tokens", rank: 2), TextTable.Column("tokens a word"),
        TextTable.Column("bytes a token"), TextTable.Column("unknown %"),
        TextTable.Column("bytes %"), TextTable.Column("tokens used", rank: 1),
        TextTable.Column("of them %", rank: 1),
      ]
    let groups = stride(from: 0, to: rows.count, by: profiles.count).map { first in
      rows[first..<first + profiles.count].map { row in cells(row) }
    }
    // Texts of one line each need no gaps between them.
    var text = TextTable(
      columns: columns, groups: profiles.count > 1 ? groups : [groups.flatMap { $0 }]
    ).rendered(style)
    for row in rows where !row.tornWords.isEmpty {
      let model = profiles.count > 1 ? ", \(row.model)" : ""
      let cells = row.tornWords.map { word -> [TextTable.Cell] in
        [
          TextTable.Cell(word.text), TextTable.Cell(NumberText.grouped(word.count)),
          TextTable.Cell("\(word.pieces.count)"),
          TextTable.Cell(word.pieces.joined(separator: " ")),
        ]
      }
      text += "\nTorn apart most: \(row.text)\(model)\n"
      text += TextTable(
        columns: [
          TextTable.Column("word", isNumber: false), TextTable.Column("times"),
          TextTable.Column("tokens"), TextTable.Column("pieces", isNumber: false),
        ], groups: [cells]
      ).rendered(style)
    }
    return text
  }

  private func cells(_ row: Row) -> [TextTable.Cell] {
    func fixed(_ value: Double?, _ digits: Int) -> TextTable.Cell {
      TextTable.Cell(value.map { NumberText.fixed($0, digits) } ?? "n/a")
    }
    let statistics = row.statistics
    let used = Double(statistics.usedTokenCount) / Double(max(1, row.vocabularySize))
    return [TextTable.Cell(row.text)] + (profiles.count > 1 ? [TextTable.Cell(row.model)] : [])
      + [
        TextTable.Cell(NumberText.grouped(statistics.byteCount)),
        TextTable.Cell(NumberText.grouped(statistics.wordCount)),
        TextTable.Cell(NumberText.grouped(statistics.tokenCount)),
        fixed(statistics.tokensPerWord, 3), fixed(statistics.bytesPerToken, 2),
        fixed(statistics.unknownShare.map { 100 * $0 }, 2),
        fixed(statistics.byteTokenShare.map { 100 * $0 }, 2),
        TextTable.Cell(NumberText.grouped(statistics.usedTokenCount)), fixed(100 * used, 1),
      ]
  }
}
