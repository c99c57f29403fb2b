// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

@testable import Corpora

extension FuzzTarget {
  static let corpora = [parquetTarget, snappyTarget, tableTarget, packedTarget, exampleTarget]

  private static let parquetTarget = FuzzTarget(
    name: "parquet", usualCount: 4_000, parts: ["parquet"]
  ) { seed in
    var seeds: [FuzzInput] = []
    for name in parquetSeeds { seeds.append([try corpusFile(name + ".parquet")]) }
    let mutator = FuzzMutator(
      seeds: seeds, tokens: ["PAR1", "text", "prompt"], bytes: parquetBytes, seed: seed)
    return (mutator, readParquet)
  }

  private static let snappyTarget = FuzzTarget(name: "snappy", usualCount: 4_000, parts: ["snappy"])
  { seed in
    (
      FuzzMutator(
        seeds: snappySeeds.map { [$0] }, bytes: [[0xFC], [0xFE, 0xFF, 0xFF]], seed: seed),
      readSnappy
    )
  }

  private static let tableTarget = FuzzTarget(
    name: "table", usualCount: 2_000, parts: ["csv", "tsv"]
  ) { seed in
    (
      FuzzMutator(
        seeds: tableSeeds.map { $0.map { Array($0.utf8) } },
        tokens: [
          "\"", "\"\"", ",", "\t", "\r\n", "\n", "text", "\u{FEFF}", ",\"", "\",", "\"\n",
        ],
        seed: seed), readTables
    )
  }

  private static let packedTarget = FuzzTarget(
    name: "packed", usualCount: 1_000, parts: ["txt.zst", "txt.gz"]
  ) { seed in
    let mutator = FuzzMutator(
      seeds: [[try corpusFile("lines.txt.zst"), stored("ein\ntvey\n\ntrý\n")]],
      bytes: [[0x28, 0xB5, 0x2F, 0xFD], [0x1F, 0x8B, 8]], seed: seed)
    return (mutator, readPacked)
  }

  private static let exampleTarget = FuzzTarget(
    name: "examples", usualCount: 2_000, parts: ["jsonl"]
  ) { seed in
    (
      FuzzMutator(
        seeds: exampleSeeds.map { [Array($0.utf8)] },
        tokens: jsonTokens + [
          "\"messages\":", "\"role\":", "\"content\":null", "\"tool_calls\":[]", "\"prompt\":",
          "\"completion\":", "\"text\":", "\"tools\":", "{\"type\":\"text\",\"text\":\"a\"}",
          "\n",
        ], seed: seed), readExamples
    )
  }

  private static func corpusFile(_ name: String) throws -> [UInt8] {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Golden/corpora").standardized
    return [UInt8](try Data(contentsOf: folder.appending(path: name)))
  }

  /// Reads bytes from a file of the given ending, which goes afterwards.
  private static func withFile<Result>(
    _ bytes: [UInt8], _ ending: String, _ body: (String) throws -> Result
  ) throws -> Result {
    let path = FileManager.default.temporaryDirectory
      .appending(path: "koine-fuzz-\(ProcessInfo.processInfo.processIdentifier).\(ending)").path
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
  }

  // MARK: Parquet

  private static let parquetSeeds = [
    "none-pages-1", "none-pages-2", "snappy-pages-1", "zstd-pages-2", "gzip-pages-1", "plain",
    "delta_length_byte_array", "delta_byte_array", "empty", "nested", "latin1",
  ]

  /// Heads of fields, and numbers at the limits.
  private static let parquetBytes: [[UInt8]] = [
    [0x15, 0x00], [0x15, 0x10], [0x2C], [0x5C], [0x19, 0x1C], [0x19, 0xFC],
    [0xFF, 0xFF, 0xFF, 0xFF, 0x0F], [0xFE, 0xFF, 0xFF, 0xFF, 0x0F],
    [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], [0x80, 0x80, 0x04],
  ]

  private static func readParquet(_ input: FuzzInput) throws {
    let reader = try ParquetReader(
      Data(input[0]), path: "x.parquet", columns: ["text", "prompt"], invalidUTF8: .replace)
    var count = 0
    while let row = try reader.next() {
      guard row.count == reader.columns.count else { throw FuzzViolation("a row of other columns") }
      count += 1
      // A few bytes can stand for billions of rows.
      if count == 2_000 { return }
    }
    guard reader.columns.isEmpty || count == reader.rowCount else {
      throw FuzzViolation("\(count) rows of \(reader.rowCount)")
    }
  }

  private static let snappySeeds: [[UInt8]] = [
    [12, 3 << 2, 97, 98, 99, 100, 7 << 2 | 2, 4, 0], [5, 4 << 2, 1, 2, 3, 4, 5],
    [70, 0, 97, 63 << 2 | 2, 1, 0, 4 << 2 | 2, 1, 0], [0],
    [8, 60 << 2, 3, 1, 2, 3, 4, 1, 4],
  ]

  private static func readSnappy(_ input: FuzzInput) throws {
    var count = 0
    for (index, byte) in input[0].prefix(5).enumerated() {
      count |= Int(byte & 0x7F) << (7 * index)
      if byte < 0x80 { break }
    }
    guard let output = Snappy.unpacked(input[0][...], count: count) else {
      throw CorpusError.damagedParquet("x", place: "page", problem: "not Snappy")
    }
    guard output.count == count else { throw FuzzViolation("another length than was said") }
  }

  // MARK: Text

  private static let tableSeeds = [
    ["id,text\r\n1,\"a, \"\"b\"\"\nc\"\r\n\r\n2,plain\n3,\"\"\n", "text\tn\na\t1\n\"b\tc\"\t2\n"],
    ["\u{FEFF}text\n\"góðan dag\"\n", "n\ttext\n\n1\tdagur"],
  ]

  private static func readTables(_ input: FuzzInput) throws {
    for (bytes, ending) in [(input[0], "csv"), (input[1], "tsv")] {
      try withFile(bytes, ending) { path in
        let stream = DocumentStream(files: [path], CorpusSettings(name: "x", files: []))
        var line = 0
        while let found = try stream.next() {
          guard found.line > line else { throw FuzzViolation("lines that do not ascend") }
          line = found.line
          guard found.document.segments.allSatisfy({ !$0.utf8.contains(10) }) else {
            throw FuzzViolation("a segment with a newline")
          }
        }
      }
    }
  }

  private static func readPacked(_ input: FuzzInput) throws {
    for (bytes, ending) in [(input[0], "txt.zst"), (input[1], "txt.gz")] {
      try withFile(bytes, ending) { path in
        var settings = CorpusSettings(name: "x", files: [])
        settings.invalidUTF8 = .replace
        let stream = DocumentStream(files: [path], settings)
        while try stream.next() != nil {}
      }
    }
  }

  /// A gzip member of one stored block.
  private static func stored(_ text: String) -> [UInt8] {
    let bytes = Array(text.utf8)
    var checksum: UInt32 = 0xFFFF_FFFF
    for byte in bytes {
      checksum ^= UInt32(byte)
      for _ in 0..<8 {
        checksum = checksum & 1 == 1 ? checksum >> 1 ^ 0xEDB8_8320 : checksum >> 1
      }
    }
    let length = [UInt8(bytes.count & 0xFF), UInt8(bytes.count >> 8)]
    return [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255, 1] + length + length.map { ~$0 } + bytes
      + (0..<4).map { UInt8(truncatingIfNeeded: ~checksum >> (8 * $0)) } + length + [0, 0]
  }

  private static let exampleSeeds = [
    #"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}"# + "\n"
      + #"{"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"1"}]}],"tools":[]}"#,
    #"{"prompt":"a","completion":"b"}"# + "\n" + #"{"prompt":"","completion":"c"}"#,
    #"{"text":"a\nb"}"# + "\n\n" + #"{"text":"c"}"#,
    #"{"messages":"[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}]"}"#,
  ]

  private static func readExamples(_ input: FuzzInput) throws {
    try withFile(input[0], "jsonl") { path in
      let reader = ExampleReader(files: [path])
      while let row = try reader.next() {
        if case .messages(let messages, _) = row.content {
          guard !messages.isEmpty, messages.allSatisfy({ !$0.role.isEmpty }) else {
            throw FuzzViolation("a conversation without messages or roles")
          }
        }
      }
    }
  }
}
