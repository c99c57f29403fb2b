// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Testing

@testable import Corpora

/// The Parquet reader against files that Arrow C++ wrote (Tests/Golden/corpora).
struct ParquetTests {
  static let golden =
    URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Golden/corpora").path + "/"

  private static func expected() throws -> [[String?]] {
    let reader = try RecordReader(path: golden + "rows.jsonl", format: .jsonl, fields: [])
    var rows: [[String?]] = []
    while let record = try reader.next() {
      rows.append([record.value["text"]?.string, record.value["prompt"]?.string])
    }
    return rows
  }

  private static func rows(
    _ path: String, _ columns: [String] = ["text", "prompt"]
  ) throws -> [[String?]] {
    let reader = try ParquetReader(path: path, columns: columns)
    var rows: [[String?]] = []
    while let row = try reader.next() { rows.append(row) }
    return rows
  }

  @Test(
    arguments: ["none", "snappy", "gzip", "zstd"].flatMap { ["\($0)-pages-1", "\($0)-pages-2"] }
      + ["plain", "delta_length_byte_array", "delta_byte_array"])
  func `every packing, version and encoding gives the rows that were written`(
    name: String
  ) throws {
    let expected = try Self.expected()
    #expect(expected.count == 300)
    #expect(try Self.rows(Self.golden + name + ".parquet") == expected)
    // One column alone, and in another order.
    #expect(
      try Self.rows(Self.golden + name + ".parquet", ["prompt", "text"])
        == expected.map { [$0[1], $0[0]] })
  }

  @Test func `a file without rows has none`() throws {
    #expect(try Self.rows(Self.golden + "empty.parquet", ["text"]).isEmpty)
  }

  @Test func `documents come with their rows and nulls are counted`() throws {
    let path = Self.golden + "zstd-pages-2.parquet"
    let stream = DocumentStream(files: [path], CorpusSettings(name: "x", files: [path]))
    var found: [SourceDocument] = []
    while let next = try stream.next() { found.append(next) }
    let expected = try Self.expected().enumerated().filter { !($0.element[0] ?? "").isEmpty }
    #expect(found.map(\.line) == expected.map { $0.offset + 1 })
    #expect(
      found.map(\.document.segments)
        == expected.map { ($0.element[0] ?? "").split(separator: "\n").map(String.init) })
    #expect(stream.emptyRecordCount == 300 - expected.count)
  }

  @Test func `what is not read is named`() throws {
    func message(_ name: String, _ column: String) -> String {
      lines { _ = try Self.rows(Self.golden + name, [column]) }
    }
    #expect(
      message("brotli.parquet", "text") == """
        The Parquet file has pages packed by BROTLI, which is not read.
        \(Self.golden)brotli.parquet, column `text`
        Convert it to JSONL, or write it anew with plain columns of text.
        """)
    #expect(message("nested.parquet", "messages").contains("columns inside this one"))
    #expect(message("plain.parquet", "id").contains("values other than text in this column"))
    let path = Self.golden + "plain.parquet"
    var settings = CorpusSettings(name: "x", files: [path])
    settings.textField = "txt"
    #expect(
      lines { _ = try DocumentStream(files: [path], settings).next() } == """
        The column or member `txt` is missing; there is `id`, `text`, `prompt`.
        \(path), line 1
        Did you mean `text`? Set `text_field`.
        """)
  }

  @Test func `bytes that are not UTF-8 are refused or replaced`() throws {
    let path = Self.golden + "latin1.parquet"
    #expect(
      lines { _ = try Self.rows(path, ["text"]) }.hasPrefix(
        """
        The text is not UTF-8: unexpected byte 0xe6.
        \(path), line 2, byte 1
        """))
    let reader = try ParquetReader(path: path, columns: ["text"], invalidUTF8: .replace)
    #expect(try reader.next() == ["good"])
    #expect(try reader.next() == ["b\u{FFFD}d"])
    #expect(reader.invalidCount == 1)
  }

  @Test func `a file cut short anywhere or with a byte changed never traps`() throws {
    let whole = try Data(contentsOf: URL(fileURLWithPath: Self.golden + "snappy-pages-1.parquet"))
    func read(_ data: Data) -> Int? {
      do {
        let reader = try ParquetReader(data, path: "x", columns: ["text", "prompt"])
        var count = 0
        while count < 1000, try reader.next() != nil { count += 1 }
        return count
      } catch {
        #expect(error is CorpusError)
        return nil
      }
    }
    #expect(read(whole) == 300)
    for count in stride(from: 0, to: whole.count, by: 7) {
      #expect(read(whole.prefix(count)) == nil)
    }
    var random = SeededRandom(seed: 1, name: "parquet")
    for _ in 0..<500 {
      var damaged = whole
      damaged[random.below(whole.count)] ^= UInt8(1 << random.below(8))
      _ = read(damaged)
    }
  }

  @Test func `snappy refuses what reaches out of its bytes`() {
    // "abcd" as a literal, then a copy of 8 from 4 back.
    let good: [UInt8] = [12, 3 << 2, 97, 98, 99, 100, 7 << 2 | 2, 4, 0]
    #expect(Snappy.unpacked(good[...], count: 12) == Array("abcdabcdabcd".utf8))
    #expect(Snappy.unpacked(good[...], count: 11) == nil)
    #expect(Snappy.unpacked(good.dropLast(), count: 12) == nil)
    var far = good
    far[7] = 5
    #expect(Snappy.unpacked(far[...], count: 12) == nil)
    far[7] = 0
    #expect(Snappy.unpacked(far[...], count: 12) == nil)
    #expect(Snappy.unpacked([], count: 0) == nil)
    #expect(Snappy.unpacked([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], count: 1 << 32) == nil)
  }
}
