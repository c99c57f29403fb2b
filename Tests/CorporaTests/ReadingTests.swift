// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora
import Documents
import Testing

@Suite struct ReadingTests {
  let folder: TestFolder
  init() throws { folder = try TestFolder() }

  private func segments(_ name: String, _ boundary: DocumentBoundary = .automatic) throws
    -> [[String]]
  {
    try CorpusReader.documents(at: folder.path(name), boundary: boundary).map(\.segments)
  }

  @Test func `empty lines separate documents when there are any`() throws {
    try folder.write("a.txt", "one\ntwo\n\n \t\nthree\n\n")
    #expect(try segments("a.txt") == [["one", "two"], ["three"]])
    #expect(try segments("a.txt", .line) == [["one"], ["two"], ["three"]])
  }

  @Test func `without empty lines each line is a document unless told otherwise`() throws {
    // An empty line at the end separates nothing.
    try folder.write("a.txt", "\none\ntwo\n\n")
    #expect(try segments("a.txt") == [["one"], ["two"]])
    #expect(try segments("a.txt", .emptyLine) == [["one", "two"]])
  }

  @Test func `a byte-order mark and carriage returns are dropped and the last newline is optional`()
    throws
  {
    try folder.write("a.txt", "\u{FEFF}one\r\ntwo")
    #expect(try segments("a.txt", .line) == [["one"], ["two"]])
  }

  @Test func `gzip reads like plain text over block borders and several members`() throws {
    let long = (0..<40_000).map { "línja \($0)" }.joined(separator: "\n") + "\n"
    try folder.write("a.txt", long + "last\n")
    try folder.write("b.txt.gz", gzip(long) + gzip("last\n"))
    let plain = try segments("a.txt", .line)
    #expect(plain.count == 40_001)
    #expect(plain[39_999] == ["línja 39999"])
    #expect(try segments("b.txt.gz", .line) == plain)
  }

  @Test func `JSONL gives one document a line`() throws {
    let records =
      "{\"text\": \"one\\ntwo\", \"id\": 3}\n\n{\"text\": \"\"}\n{\"text\": \"ø\"}\n"
    try folder.write("a.jsonl", records)
    try folder.write("b.jsonl.gz", gzip(records))
    #expect(try segments("b.jsonl.gz") == [["one", "two"], ["ø"]])
    #expect(try segments("a.jsonl") == [["one", "two"], ["ø"]])
  }

  @Test func `quoted fields of a table are unquoted and stray quotes stay`() throws {
    let path = try folder.write(
      "a.tsv",
      "index_id\tcategory\ttext\n7\tsports\t\"He said \"\"no\"\".\"\n8\ttravel\t\"a\" or \"b\"\n")
    #expect(
      try TableReader.taskRows(at: path) == [
        TaskRow(id: "7", label: "sports", text: "He said \"no\"."),
        TaskRow(id: "8", label: "travel", text: "\"a\" or \"b\""),
      ])
  }

  @Test func `parallel tables may be compressed`() throws {
    let path = try folder.write("a.tsv.gz", gzip("one\teitt\ntwo\ttvey\n"))
    #expect(
      try TableReader.parallelPairs(at: path) == [
        ParallelPair(source: "one", target: "eitt"), ParallelPair(source: "two", target: "tvey"),
      ])
  }

  // MARK: Bad input

  @Test func `a missing file is named`() throws {
    let path = folder.path("no.txt")
    #expect(
      lines { _ = try CorpusReader.documents(at: path) } == """
        The file does not exist.
        \(path)
        Check the path; those in a recipe start from the folder given by --data or KOINE_DATA.
        """)
    #expect(kind { _ = try CorpusReader.documents(at: path) } == .malformedInput)
  }

  @Test func `a folder is no text`() throws {
    #expect(lines { _ = try LineReader(path: folder.path) }.contains("it is a folder"))
  }

  @Test(arguments: [
    ([0x61, 0x0A, 0x62, 0xE9, 0x63] as [UInt8], 2, 3, "0xe9"),  // Latin-1
    ([0x61, 0xC3], 1, 1, "0xc3"),  // cut inside a letter
    ([0xED, 0xA0, 0x80], 1, 0, "0xed"),  // a surrogate
    ([0x20, 0xC0, 0x80], 1, 1, "0xc0"),  // overlong
    ([0xF4, 0x90, 0x80, 0x80], 1, 0, "0xf4"),  // above U+10FFFF
  ])
  func `text that is not UTF-8 is refused with line and byte`(
    bytes: [UInt8], line: Int, byte: Int, value: String
  ) throws {
    let path = try folder.write("a.txt", bytes)
    #expect(
      lines { _ = try CorpusReader.documents(at: path) } == """
        The text is not UTF-8: unexpected byte \(value).
        \(path), line \(line), byte \(byte)
        Convert it, for example with `iconv -f ISO-8859-1 -t UTF-8`, or mend that line.
        """)
  }

  @Test func `an empty corpus is refused`() throws {
    let path = try folder.write("a.txt", " \n\n")
    #expect(
      lines { _ = try CorpusReader.documents(at: [path]) } == """
        The corpus is empty: no line with text.
        \(path)
        Give at least one file with text in it.
        """)
  }

  @Test func `gzip that is cut or changed or none is refused`() throws {
    let whole = gzip("one\ntwo\nthree\n")
    let cut = try folder.write("cut.txt.gz", whole.dropLast(12))
    #expect(
      lines { _ = try CorpusReader.documents(at: cut) }.hasPrefix(
        "The gzip stream is damaged: it ends too early.\n\(cut), after "))
    var changed = whole
    changed[whole.count - 7] ^= 1
    let wrong = try folder.write("wrong.txt.gz", changed)
    #expect(
      lines { _ = try CorpusReader.documents(at: wrong) }.hasPrefix(
        "The gzip stream is damaged: incorrect data check."))
    let plain = try folder.write("plain.txt.gz", "one\n")
    #expect(
      lines { _ = try CorpusReader.documents(at: plain) } == """
        The name ends in .gz, the bytes are not gzip.
        \(plain)
        Remove .gz from the name or compress the file with gzip.
        """)
  }

  @Test(arguments: [1, 2, 511, 300_000])
  func `zeros after a gzip member are padding, and other members may follow them`(
    count: Int
  ) throws {
    let zeros = [UInt8](repeating: 0, count: count)
    let first = gzip("one\n") + zeros
    try folder.write("end.txt.gz", first)
    try folder.write("between.txt.gz", first + gzip("two\n") + zeros + gzip("three\n"))
    #expect(try segments("end.txt.gz", .line) == [["one"]])
    #expect(try segments("between.txt.gz", .line) == [["one"], ["two"], ["three"]])
  }

  @Test(arguments: [
    [UInt8(ascii: "x")], [0x1F], [0x1F, 0x8C, 8, 0], Array("rubbish".utf8), [0, 0, 0x8B],
  ])
  func `bytes after a gzip member that are neither gzip nor zeros are refused`(
    rest: [UInt8]
  ) throws {
    // The end of the member lies at every place around the end of a block that is read.
    for extra in 0..<4 {
      let line = String(repeating: "x", count: (1 << 17) - 31 + extra)
      let whole = gzip(line + "\n")
      let path = try folder.write("rest.txt.gz", whole + rest)
      let zeros = rest.prefix { $0 == 0 }.count
      #expect(
        lines { _ = try CorpusReader.documents(at: path) } == """
          Bytes that are not gzip follow the end of the gzip stream.
          \(path), from byte \(whole.count + zeros) on
          Fetch the file again; if the rest may go, pack it anew with `gzip -dc FILE | gzip > NEW`.
          """)
    }
  }

  @Test func `a second gzip member that is cut is refused`() throws {
    for length in [2, 5, 12, 15] {
      let path = try folder.write("cut.txt.gz", gzip("one\n") + gzip("two\n").prefix(length))
      #expect(
        lines { _ = try CorpusReader.documents(at: path) }.hasPrefix(
          "The gzip stream is damaged: it ends too early.\n\(path), after 4 "), "\(length)")
    }
  }

  @Test func `an empty file and a file of one byte are plain text and no gzip`() throws {
    try folder.write("empty.txt", "")
    try folder.write("one.txt", "x")
    #expect(try segments("empty.txt") == [])
    #expect(try segments("one.txt") == [["x"]])
    for text in ["", "x"] {
      let path = try folder.write("none.txt.gz", text)
      #expect(
        lines { _ = try CorpusReader.documents(at: path) }.hasPrefix(
          "The name ends in .gz, the bytes are not gzip."))
    }
  }

  @Test func `an unknown ending is refused with the known ones`() throws {
    let path = try folder.write("a.docx", "x")
    #expect(
      lines { _ = try CorpusReader.documents(at: path) }.hasPrefix(
        "The file's ending is none of .txt, .txt.gz, .txt.zst, .jsonl, .jsonl.gz, .jsonl.zst, "
          + ".csv, .csv.gz, .csv.zst, .tsv, .tsv.gz, .tsv.zst, .parquet."))
  }

  @Test func `JSONL without text names the line and what it has`() throws {
    let path = try folder.write("a.jsonl", "{\"text\": \"x\"}\n{\"content\": \"y\"}\n")
    #expect(
      lines { _ = try CorpusReader.documents(at: path) } == """
        The record cannot be read: it has no member `text`, only `content`.
        \(path), line 2
        Each line must be a JSON object like {"text": "…"}.
        """)
    let broken = try folder.write("b.jsonl", "{\"text\": \"x\n")
    #expect(lines { _ = try CorpusReader.documents(at: broken) }.contains("\(broken), line 1"))
    let list = try folder.write("c.jsonl", "[1]\n")
    #expect(lines { _ = try CorpusReader.documents(at: list) }.contains("it is not an object"))
  }

  @Test func `a table with a wrong header or a short line is refused`() throws {
    let path = try folder.write("a.tsv", "index_id\tcategry\ttext\n1\ta\tb\n")
    #expect(
      lines { _ = try TableReader.taskRows(at: path) } == """
        The column `category` is missing; the header has `index_id`, `categry`, `text`.
        \(path), line 1
        Rename `categry` to `category`.
        """)
    let short = try folder.write("b.tsv", "index_id\tcategory\ttext\n1\ta\n")
    #expect(
      lines { _ = try TableReader.taskRows(at: short) }.hasPrefix(
        "The line should have 3 columns, it has 2.\n\(short), line 2"))
    let three = try folder.write("c.tsv", "a\tb\tc\n")
    #expect(
      lines { _ = try TableReader.parallelPairs(at: three) }.hasPrefix(
        "The line should have 2 columns, it has 3.\n\(three), line 1"))
    let none = try folder.write("d.tsv", "index_id\tcategory\ttext\n")
    #expect(lines { _ = try TableReader.taskRows(at: none) }.contains("a header without rows"))
  }

  // MARK: Real data

  @Test(.enabled(if: dataFolder != nil, "the data folder is missing"))
  func `every SIB-200 table has its rows and labels`() throws {
    let folder = try #require(dataFolder)
    var ids: [Set<String>] = []
    for language in ["fao_Latn", "kin_Latn", "run_Latn", "eng_Latn"] {
      for (split, count) in [("train", 701), ("dev", 99), ("test", 204)] {
        let rows = try TableReader.taskRows(at: "\(folder)/sib200/\(language)/\(split).tsv")
        #expect(rows.count == count)
        #expect(
          Set(rows.map(\.label)).isSubset(of: [
            "science/technology", "travel", "politics", "sports", "health", "entertainment",
            "geography",
          ]))
        if split == "test" { ids.append(Set(rows.map(\.id))) }
      }
    }
    #expect(ids.allSatisfy { $0 == ids[0] })
  }

  @Test(.enabled(if: dataFolder != nil, "the data folder is missing"))
  func `real text is read cleaned and divided`() throws {
    let folder = try #require(dataFolder)
    let corpus = try PreparedCorpus(
      language: "swh", paths: ["\(folder)/text/swh.stories.txt.gz"],
      heldOut: HeldOutSettings(share: 0.2, maximumBytes: 20_000))
    #expect(corpus.report.read.segments == 1447)
    #expect(corpus.report.read.documents > 100)
    #expect(corpus.train.count + corpus.heldOut.count == corpus.report.kept.documents)
    let bytes = corpus.heldOut.reduce(0) { $0 + $1.byteCount }
    #expect(bytes > 5_000 && bytes <= 20_000)
  }
}
