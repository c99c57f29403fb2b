// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Testing

@testable import Corpora

@Suite struct TokenShardTests {
  let folder: TestFolder
  init() throws { folder = try TestFolder() }

  private let texts = ["abc", "", "Føroyar", "x"]

  @Test func `what was written is read with an end after each document`() throws {
    let shard = try shard(texts, "a.tokens", in: folder)
    #expect(shard.documentCount == 4)
    #expect(shard.tokenCount == 3 + 0 + 8 + 1 + 4)
    #expect(shard.header.textByteCount == 12)
    for (i, text) in texts.enumerated() {
      #expect(shard.tokens(in: shard.range(ofDocument: i)) == byteIDs(text) + [256])
    }
    #expect(shard.header.tokenizerHash == "bytes")
    #expect(folder.names == ["a.tokens"])
  }

  @Test func `large vocabularies take four bytes an id`() throws {
    let header = TokenShardHeader(vocabularySize: 70_000, endOfText: 69_999, tokenizerHash: "")
    let shard = try TokenShard.build(
      [Document(segments: ["ab"])], header: header, to: folder.path("a"),
      encode: { $0.utf8.map { Int32($0) * 700 } })
    #expect(shard.tokens(in: 0..<3) == [67_900, 68_600, 69_999])
  }

  @Test func `the bytes do not depend on the number of batches in flight`() throws {
    let many = (0..<1000).map { Document(segments: ["line \($0 * $0)"]) }
    for name in ["a", "b"] {
      try TokenShard.build(many, header: byteHeader, to: folder.path(name)) { text in
        // Uneven work, so that threads finish out of order.
        if name == "b", text.hasSuffix("4") { usleep(300) }
        return byteIDs(text)
      }
    }
    let a = try Data(contentsOf: URL(fileURLWithPath: folder.path("a")))
    let b = try Data(contentsOf: URL(fileURLWithPath: folder.path("b")))
    #expect(a == b)
  }

  @Test func `an id outside the vocabulary is refused and nothing is left`() throws {
    let path = folder.path("a.tokens")
    for id in [-1, 257] as [Int32] {
      let text = lines {
        try TokenShard.build(
          ["x", "y"].map { Document(segments: [$0]) }, header: byteHeader, to: path,
          encode: { $0 == "y" ? [id] : [1] })
      }
      #expect(
        text == """
          Token id \(id) is outside the vocabulary of 257.
          \(path), document 1
          Encode the text with the tokenizer of the model, then build the file again.
          """)
    }
    #expect(folder.names == [])
  }

  @Test func `a failed build leaves the old file`() throws {
    let old = try shard(["old"], "a.tokens", in: folder)
    #expect(throws: CorpusError.self) {
      try TokenShard.build(
        [Document(segments: ["new"])], header: byteHeader, to: old.path, encode: { _ in [999] })
    }
    #expect(try TokenShard(path: old.path).tokens(in: 0..<3) == byteIDs("old"))
    #expect(folder.names == ["a.tokens"])
  }

  @Test func `no documents are refused`() {
    #expect(
      lines { _ = try shard([], "a.tokens", in: folder) }.hasPrefix(
        "The corpus is empty: no documents to encode."))
  }

  /// Ways in which a token file can lie: what is written where, and what the message names.
  static let lies: [(offset: Int, bytes: [UInt8], message: String)] = [
    (0, [0x51], "magic should be KOINETOK, found QOINETOK"),
    (8, [2], "version should be 1, found 2"),
    (12, [4], "width of an id should be 2 bytes, found 4"),
    (16, [0, 0], "vocabulary size should be between 1 and 2147483648, found 0"),
    (20, [1], "vocabulary size should be between 1 and 2147483648, found 4294967553"),
    (24, [9, 9], "end-of-text id should be below 257, found 2313"),
    (32, [15], "offset of document 4 should be above 14 and at most 15, found 16"),
    (32, [20], "size should be"),
    (39, [0x80], "token count should be at most"),
    (40, [17], "document count should be at most 16, found 17"),
    (40, [3], "size should be"),
    (55, [0x80], "text size should be at most"),
    (56, [0, 0, 0, 0, 0], "fingerprint should be"),
    (72, [65], "tokenizer should be at most 64 bytes of text"),
    (80, [0xFF], "tokenizer should be at most 64 bytes of text"),
    (152, [7, 3], "Token id 775 is outside the vocabulary of 257"),
    (152, [98], "fingerprint should be"),
    (158, [3], "last token of document 0 should be 256, found 259"),
    (184, [1], "offset of document 0 should be 0, found 1"),
    (192, [0], "offset of document 1 should be above 0 and at most 16, found 0"),
    (192, [200], "offset of document 1 should be above 0 and at most 16, found 200"),
    (199, [0x80], "offset of document 1 should be above 0 and at most 16, found -"),
    (216, [15], "last offset should be 16, found 15"),
  ]

  @Test(arguments: lies.indices)
  func `a lie in the file is found`(index: Int) throws {
    let lie = Self.lies[index]
    let path = try shard(texts, "a.tokens", in: folder).path
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    #expect(bytes.count == 152 + 32 + 5 * 8)
    // A vocabulary of 259 ids lets id 259 − 1 pass, so the check of document ends is reached.
    if lie.offset == 158 { bytes[16] = 4 }
    bytes.replaceSubrange(lie.offset..<(lie.offset + lie.bytes.count), with: lie.bytes)
    try folder.write("a.tokens", bytes)
    let found = lines { _ = try TokenShard(path: path) }
    #expect(found.contains(lie.message), "\(found)")
    #expect(kind { _ = try TokenShard(path: path) } == .malformedInput)
  }

  @Test func `every shortened file is refused`() throws {
    let path = try shard(texts, "a.tokens", in: folder).path
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    for count in stride(from: 0, to: bytes.count, by: 13) {
      try folder.write("a.tokens", bytes.prefix(count))
      #expect(throws: CorpusError.self) { _ = try TokenShard(path: path) }
    }
    try folder.write("a.tokens", bytes + [0])
    #expect(
      lines { _ = try TokenShard(path: path) } == """
        The token file's size should be 224 bytes, found 225.
        \(path)
        The file is damaged or not one of ours; delete it and run the step again.
        """)
  }
}

@Suite struct AtomicOutputTests {
  let folder: TestFolder
  init() throws { folder = try TestFolder() }

  private struct Stop: Error {}

  @Test func `a folder is replaced only when asked and only when whole`() throws {
    let path = folder.path("out")
    try AtomicOutput.folder(at: path, replacing: false) {
      try "old".write(toFile: $0 + "/a", atomically: false, encoding: .utf8)
    }
    #expect(
      lines { try AtomicOutput.folder(at: path, replacing: false) { _ in } } == """
        The output exists already.
        \(path)
        Choose another name or say --force to replace it.
        """)
    #expect(throws: Stop.self) {
      try AtomicOutput.folder(at: path, replacing: true) {
        try "half".write(toFile: $0 + "/a", atomically: false, encoding: .utf8)
        throw Stop()
      }
    }
    #expect(try String(contentsOfFile: path + "/a", encoding: .utf8) == "old")
    #expect(folder.names == ["out"])
    try AtomicOutput.folder(at: path, replacing: true) {
      try "new".write(toFile: $0 + "/b", atomically: false, encoding: .utf8)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: path) == ["b"])
    #expect(folder.names == ["out"])
  }

  @Test func `what a killed process had begun is cleared away and a living one keeps its own`()
    throws
  {
    // No process has the greatest number; number 1 lives.
    try folder.write(".out.2147483647.partial", "half")
    try folder.write(".out.1.partial", "half")
    try folder.write(".outer.2147483647.partial", "half")
    try AtomicOutput.file(at: folder.path("out")) { try $0.write("whole") }
    #expect(folder.names == [".out.1.partial", ".outer.2147483647.partial", "out"])
  }

  @Test func `a place that cannot be written is a failure of the work`() throws {
    let file = try folder.write("file", "x")
    let path = file + "/below"
    let write = { try AtomicOutput.file(at: path) { try $0.write("x") } }
    #expect(
      lines(of: write) == """
        The output cannot be written: Not a directory.
        \(path)
        Free space or choose another folder; nothing half-written was left there.
        """)
    #expect(kind(of: write) == .failed)
    #expect(
      lines { try AtomicOutput.folder(at: path, replacing: false) { _ in } }.hasPrefix(
        "The output cannot be written: Not a directory.\n\(path)\n"))
  }

  #if os(Linux)
    @Test func `a full disk is a failure of the work`() throws {
      // /dev/full refuses every write as a full disk does.
      let write = {
        var sink = try FileSink(path: "/dev/full", shownAs: "out/text.tokens")
        try sink.write([UInt8](repeating: 0, count: 10))
        try sink.close()
      }
      #expect(
        lines(of: write) == """
          The output cannot be written: No space left on device.
          out/text.tokens
          Free space or choose another folder; nothing half-written was left there.
          """)
      #expect(kind(of: write) == .failed)
    }
  #endif
}
