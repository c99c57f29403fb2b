// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Testing

@testable import Corpora

/// Streams of documents, tables, packed files, and what names stand for.
struct StreamTests {
  let folder: TestFolder

  init() throws { folder = try TestFolder() }

  private func documents(
    _ names: [String], _ change: (inout CorpusSettings) -> Void = { _ in }
  ) throws -> [SourceDocument] {
    var settings = CorpusSettings(name: "x", files: names)
    change(&settings)
    let stream = DocumentStream(
      files: try CorpusFiles.expand(names, relativeTo: folder.path), settings)
    var found: [SourceDocument] = []
    while let next = try stream.next() { found.append(next) }
    return found
  }

  private func texts(
    _ name: String, _ change: (inout CorpusSettings) -> Void = { _ in }
  ) throws -> [String] {
    try documents([name], change).map(\.document.text)
  }

  // MARK: Zstandard

  @Test func `zstd files of several frames are read like plain ones`() throws {
    let path = ParquetTests.golden + "lines.txt.zst"
    let found = try texts(path)
    #expect(found.count == 2000)
    #expect(found.first == "lína 0: tað er ein roynd")
    #expect(found.last == "lína 1999: tað er ein roynd")
  }

  @Test func `a zstd file that is cut, damaged or none is told`() throws {
    let whole = try Data(contentsOf: URL(fileURLWithPath: ParquetTests.golden + "lines.txt.zst"))
    let cut = try folder.write("cut.txt.zst", whole.prefix(whole.count - 9))
    #expect(lines { _ = try texts(cut) }.hasPrefix("The Zstandard stream is damaged: it ends too"))
    let plain = try folder.write("plain.jsonl.zst", #"{"text":"a"}"#)
    #expect(
      lines { _ = try texts(plain) } == """
        The name ends in .zst, the bytes are not Zstandard.
        \(plain)
        Remove .zst from the name or compress the file with zstd.
        """)
    let nothing = try folder.write("nothing.txt.zst", "")
    #expect(lines { _ = try texts(nothing) }.contains("are not Zstandard"))
    // Ours carry a checksum, so that no byte can change unseen.
    let ours = folder.path("ours.jsonl.zst")
    try DocumentWriter.write(to: ours, replacing: false) { write in
      for number in 0..<500 { try write(Document(segments: ["lína \(number)", "\(number * 7)"])) }
    }
    #expect(try texts(ours).count == 500)
    var changed = try Data(contentsOf: URL(fileURLWithPath: ours))
    changed[changed.count / 2] ^= 0x10
    try folder.write("ours.jsonl.zst", changed)
    #expect(throws: CorpusError.self) { _ = try texts(ours) }
  }

  // MARK: Tables

  @Test func `quoted fields hold separators, quotes and line ends`() throws {
    try folder.write(
      "a.csv",
      "\u{FEFF}id,text\r\n1,\"a, \"\"b\"\"\nc\"\r\n\r\n2,plain \"word\"\n3,\"\"\n4,\"last\"")
    let found = try documents(["a.csv"])
    #expect(found.map(\.document.segments) == [["a, \"b\"", "c"], ["plain \"word\""], ["last"]])
    #expect(found.map(\.line) == [2, 5, 7])
  }

  @Test func `a return in a quoted field stays, also before an empty field`() throws {
    let path = try folder.write("cr.csv", "text,n\n\"a\r\",\r\n\"b\",\"\"\n")
    let reader = try DelimitedReader(path: path, separation: .commas)
    #expect(try reader.next() == ["text", "n"])
    #expect(try reader.next() == ["a\r", ""])
    #expect(try reader.next() == ["b", ""])
    #expect(try reader.next() == nil)
  }

  @Test func `tabs, another column and packing`() throws {
    try folder.write("a.tsv.gz", gzip("body\tn\nein, tvey\t1\n\"a\tb\"\t2\n"))
    #expect(try texts("a.tsv.gz") { $0.textField = "body" } == ["ein, tvey", "a\tb"])
    #expect(
      lines { _ = try texts("a.tsv.gz") } == """
        The column or member `text` is missing; there is `body`, `n`.
        \(folder.path("a.tsv.gz")), line 1
        Set `text_field` to the one with the text.
        """)
  }

  /// The rows of a table with tabs; blocks end wherever a field can.
  private func rows(
    _ text: String, _ separation: DelimitedReader.Separation, after padding: Int = 0
  ) throws -> [[String]] {
    let path = try folder.write("rows.tsv", String(repeating: "x", count: padding) + text)
    let reader = try DelimitedReader(path: path, separation: separation)
    var rows: [[String]] = []
    while let row = try reader.next() { rows.append(row) }
    return rows
  }

  @Test func `between tabs a quote that opens no whole field stands for itself`() throws {
    let speech =
      "a\t\" Ja.\n\"No.\t\"Nei.\n\"b\" c\t\"d\"\ne\t\"\nf\t\"g \"\"h\"\"\"\r\n\"i\tj\"\n\""
    let read = [
      ["a", "\" Ja."], ["\"No.", "\"Nei."], ["\"b\" c", "d"], ["e", "\""], ["f", "g \"h\""],
      ["\"i", "j\""], ["\""],
    ]
    #expect(try rows(speech, .tabsInLines) == read)
    for cut in 1...speech.utf8.count {
      var found = try rows("\n" + speech, .tabsInLines, after: (1 << 17) - 1 - cut)
      found.removeFirst()
      #expect(found == read)
    }
  }

  @Test func `between tabs a quoted field of a table with a header may go over lines`() throws {
    let text = "id\ttext\n1\t\"one\ntwo\"\n2\t\" open\n3\t\"a\tb\"\n\"4\"\tc\"\n"
    let read = [
      ["id", "text"], ["1", "one\ntwo"], ["2", "\" open"], ["3", "a\tb"], ["4", "c\""],
    ]
    #expect(try rows(text, .tabs) == read)
    for cut in 1...text.utf8.count {
      #expect(try rows("\n" + text, .tabs, after: (1 << 17) - 1 - cut).dropFirst() == read[...])
    }
  }

  @Test func `tables that cannot be are told by line`() throws {
    try folder.write("open.csv", "text,n\nfine,1\n\"never closed,2\nmore\n")
    #expect(
      lines { _ = try texts("open.csv") }.hasPrefix(
        """
        The table cannot be read: a quote is opened here and never closed.
        \(folder.path("open.csv")), line 3
        """))
    try folder.write("after.csv", "text\n\"a\"b\n")
    #expect(lines { _ = try texts("after.csv") }.contains("text follows a closing quote"))
    try folder.write("short.csv", "text,n\na,1\nb\n")
    #expect(
      lines { _ = try texts("short.csv") }.contains("the row has 1 fields, the header 2"))
    #expect(lines { _ = try texts("short.csv") }.contains("short.csv, line 3"))
    try folder.write("twice.csv", "text,text\n")
    #expect(lines { _ = try texts("twice.csv") }.contains("has the column `text` twice"))
    try folder.write("none.csv", "")
    #expect(lines { _ = try texts("none.csv") }.contains("not even a header"))
  }

  @Test func `a field across blocks is whole, and bytes that are not UTF-8 have their place`()
    throws
  {
    let long = String(repeating: "tað er \"langt\", ", count: 30_000)
    let quoted = long.replacing("\"", with: "\"\"")
    try folder.write("long.csv", "text,n\n\"\(quoted)\",1\n")
    #expect(try texts("long.csv") == [long])
    try folder.write("bad.csv", Array("text\n\"a\nb".utf8) + [0xE6] + Array("\"\n".utf8))
    #expect(
      lines { _ = try texts("bad.csv") }.hasPrefix(
        """
        The text is not UTF-8: unexpected byte 0xe6.
        \(folder.path("bad.csv")), line 3,
        """))
    #expect(try texts("bad.csv") { $0.invalidUTF8 = .replace } == ["a\nb\u{FFFD}"])
  }

  // MARK: Text and records

  @Test func `documents carry the line they begin on`() throws {
    try folder.write("a.txt", "\nein\ntvey\n\n\ntrý\n")
    let found = try documents(["a.txt"])
    #expect(found.map(\.document.segments) == [["ein", "tvey"], ["trý"]])
    #expect(found.map(\.line) == [2, 6])
    #expect(try documents(["a.txt"]) { $0.boundary = .line }.map(\.line) == [2, 3, 6])
  }

  @Test func `an empty line far into a file still ends documents from its start`() throws {
    let many = String(repeating: "lína\n", count: 100_000)
    try folder.write("late.txt", many + "\nlast\n")
    #expect(try documents(["late.txt"]).map(\.document.segments.count) == [100_000, 1])
    try folder.write("never.txt", many + "\n\n")
    #expect(try documents(["never.txt"]).count == 100_000)
  }

  @Test func `invalid bytes are an error with file and line, or replaced and counted`() throws {
    try folder.write("a.txt", Array("gott\nb".utf8) + [0xE6] + Array("d\ngott\n".utf8))
    #expect(lines { _ = try texts("a.txt") }.contains("a.txt, line 2, byte 6"))
    var settings = CorpusSettings(name: "x", files: [])
    settings.invalidUTF8 = .replace
    let stream = DocumentStream(files: [folder.path("a.txt")], settings)
    var found: [String] = []
    while let next = try stream.next() { found.append(next.document.text) }
    #expect(found == ["gott", "b\u{FFFD}d", "gott"])
    #expect(stream.invalidCount == 1)
  }

  @Test func `null and empty records are counted, other types are errors`() throws {
    try folder.write("a.jsonl", "{\"text\":null}\n{\"text\":\"\"}\n{\"text\":\"a\"}\n")
    let stream = DocumentStream(
      files: [folder.path("a.jsonl")], CorpusSettings(name: "x", files: []))
    #expect(try stream.next()?.line == 3)
    #expect(try stream.next() == nil)
    #expect(stream.emptyRecordCount == 2)
    try folder.write("b.jsonl", "{\"text\":7}\n")
    #expect(lines { _ = try texts("b.jsonl") }.contains("its member `text` is not a string"))
  }

  @Test func `text that is not to be cleaned keeps its empty lines and indents`() throws {
    try folder.write("a.jsonl", #"{"text":"if x:\n\n  y\n"}"#)
    #expect(try texts("a.jsonl") { $0.cleansLines = false } == ["if x:\n\n  y"])
    #expect(try texts("a.jsonl") == ["if x:\n  y"])
  }

  @Test func `records are cut at every newline of Unicode`() {
    let text = "a\r\nb\u{B}c\u{C}d\u{85}e\u{2028}f\u{2029}\n\ng\u{2027}h\u{AA}"
    #expect(
      DocumentStream.segments(of: text, keepingEmpty: false)
        == ["a", "b", "c", "d", "e", "f", "g\u{2027}h\u{AA}"])
    #expect(
      DocumentStream.segments(of: text, keepingEmpty: false)
        == text.split(whereSeparator: \.isNewline).map(String.init))
    #expect(
      DocumentStream.segments(of: "\na\r\n\n b\n\n", keepingEmpty: true) == ["", "a\r", "", " b"])
    #expect(DocumentStream.segments(of: "", keepingEmpty: true).isEmpty)
  }

  // MARK: Names

  @Test func `folders and patterns give files in the order of their bytes, each once`() throws {
    for name in ["b.txt", "a.txt", "c.jsonl.gz", "notes.md", "B.txt", "d.json"] {
      try folder.write(name, "x\n")
    }
    for sub in ["sub", "sub/deep", ".hidden"] {
      try FileManager.default.createDirectory(
        atPath: folder.path(sub), withIntermediateDirectories: true)
    }
    for name in ["sub/e.txt", "sub/deep/f.txt", ".hidden/g.txt", ".h.txt"] {
      try folder.write(name, "x\n")
    }
    func names(_ inputs: [String]) throws -> [String] {
      try CorpusFiles.expand(inputs, relativeTo: folder.path).map {
        String($0.dropFirst(folder.path.count + 1))
      }
    }
    let all = ["B.txt", "a.txt", "b.txt", "c.jsonl.gz", "sub/deep/f.txt", "sub/e.txt"]
    #expect(try names(["."]).map { $0.hasPrefix("./") ? String($0.dropFirst(2)) : $0 } == all)
    #expect(try names(["*.txt"]) == ["B.txt", "a.txt", "b.txt"])
    #expect(try names(["[a-b].txt", "?.txt"]) == ["a.txt", "b.txt", "B.txt"])
    #expect(try names(["[!a]*.txt"]) == ["B.txt", "b.txt"])
    #expect(try names(["**/*.txt"]) == ["B.txt", "a.txt", "b.txt", "sub/deep/f.txt", "sub/e.txt"])
    #expect(try names(["sub/*/f.*"]) == ["sub/deep/f.txt"])
    #expect(try names(["b.txt", "*.txt"]) == ["b.txt", "B.txt", "a.txt"])
    #expect(try names(["notes.md"]) == ["notes.md"])
    #expect(
      lines { _ = try names(["*.parquet"]) } == """
        No file to read: the pattern matches none.
        \(folder.path("*.parquet"))
        Check the name; the endings read are \(CorpusFormat.endings.joined(separator: ", ")).
        """)
    #expect(lines { _ = try names([".hidden/none"]) }.contains("does not exist"))
    try FileManager.default.createDirectory(
      atPath: folder.path("empty"), withIntermediateDirectories: true)
    #expect(lines { _ = try names(["empty"]) }.contains("the folder holds none"))
    #expect(throws: CorpusError.unknownFormat(folder.path("notes.md"), known: CorpusFormat.endings))
    { _ = try documents(["notes.md"]) }
    #expect(try documents(["notes.md"]) { $0.format = .txt }.count == 1)
  }

  @Test func `formats go by the ending, in capitals too, and packed Parquet is none`() {
    #expect(CorpusFormat(path: "A.TXT") == .txt)
    #expect(CorpusFormat(path: "a.b.ndjson.zst") == .jsonl)
    #expect(CorpusFormat(path: "a.tsv.gz") == .tsv)
    #expect(CorpusFormat(path: "a.parquet") == .parquet)
    #expect(CorpusFormat(path: "a.parquet.gz") == nil)
    #expect(CorpusFormat(path: "a.json") == nil)
    #expect(CorpusFormat(path: "txt") == nil)
  }
}
