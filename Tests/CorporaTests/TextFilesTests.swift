// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Corpora

@Suite struct TextFilesTests {
  private func write(_ files: [(name: String, text: String)], _ body: ([String]) throws -> Void)
    throws
  {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "koine-texts-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for (name, text) in files {
      try Data(text.utf8).write(to: folder.appending(path: name))
    }
    try body(files.map { folder.appending(path: $0.name).path })
  }

  @Test func `lines and records come one by one, in the order of the files`() throws {
    try write([
      ("a.txt", "one\r\n\n \ntwo"), ("b.jsonl", "{\"text\": \"three\\nfour\"}\n\n"),
      ("c.txt", ""), ("d.txt", "five\n"),
    ]) { paths in
      let texts = try TextFiles(paths)
      #expect(Array(texts) == ["one", "two", "three\nfour", "five"])
      #expect(texts.textCount == 4 && texts.byteCount == 20)
      try texts.check()
      #expect(texts.next() == nil)
    }
  }

  @Test func `an error in a file ends the texts and is told`() throws {
    try write([("a.jsonl", "{\"text\": \"one\"}\n{\"txt\": 1}\n"), ("b.txt", "two\n")]) { paths in
      let texts = try TextFiles(paths)
      #expect(Array(texts) == ["one"])
      #expect(
        throws: CorpusError.badRecord(
          paths[0], line: 2, problem: "it has no member `text`, only `txt`")
      ) { try texts.check() }
      #expect(throws: CorpusError.missingFile("/nowhere.txt")) {
        try TextFiles([paths[1], "/nowhere.txt"])
      }
    }
    try write([("a.doc", "one\n")]) { paths in
      #expect(
        throws: CorpusError.unknownFormat(paths[0], known: CorpusFormat.endings)
      ) { try TextFiles(paths) }
    }
  }

  @Test func `lines that end in bare carriage returns are no line`() throws {
    try write([("a.txt", "one\rtwo\rthree")]) { paths in
      let texts = try TextFiles(paths)
      #expect(Array(texts).isEmpty)
      let error = #expect(throws: CorpusError.self) { try texts.check() }
      #expect(error == .carriageReturns(paths[0]))
      #expect(
        error?.description == """
          The lines end in bare carriage returns, so the file is a single line.
          \(paths[0])
          Convert it, such as with `tr '\\r' '\\n'`.
          """)
    }
    // One at the end of the only line is the rest of a line end.
    try write([("a.txt", "one\r"), ("b.txt", "a\rb\nc\n")]) { paths in
      let texts = try TextFiles(paths)
      #expect(Array(texts) == ["one", "a\rb", "c"])
    }
  }
}
