// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Corpora
import Documents
import Foundation
import Testing

@testable import koine

/// `koine corpus`.
@Suite struct CorpusCommandTests {
  private final class Folder {
    let root = FileManager.default.temporaryDirectory
      .appending(path: "koine-corpus-\(UUID().uuidString)").path
    init() throws {
      try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(atPath: root) }

    @discardableResult func write(_ name: String, _ text: String) throws -> String {
      try Data(text.utf8).write(to: URL(filePath: "\(root)/\(name)"))
      return "\(root)/\(name)"
    }
  }

  private let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.write("a.txt", "ein tvey trý\nein tvey trý\nstutt\nfýra fimm seks\n")
    try folder.write(
      "b.jsonl", #"{"text":"ein tvey trý"}"# + "\n" + #"{"text":"sjey átta níggju"}"#)
  }

  private func run(_ arguments: [String]) throws {
    var command = try Koine.parseAsRoot(["corpus"] + arguments)
    try command.run()
  }

  private func texts(_ path: String) throws -> [String] {
    try CorpusReader.documents(at: path).map(\.text)
  }

  @Test(arguments: ["clean.jsonl", "clean.jsonl.gz", "clean.jsonl.zst"])
  func `what is left is written in the packing of the name`(name: String) throws {
    let output = "\(folder.root)/\(name)"
    try run(["\(folder.root)/a.txt", "--output", output, "--set", "filters.min_words=2"])
    #expect(try texts(output) == ["ein tvey trý", "fýra fimm seks"])
    #expect(throws: CorpusError.outputExists(output)) {
      try run(["\(folder.root)/a.txt", "--output", output])
    }
    try run(["\(folder.root)/a.txt", "--output", output, "--force"])
    #expect(try texts(output).count == 3)
  }

  @Test func `a text section has several corpora, each with an output of its own`() throws {
    let settings = try folder.write(
      "train.yaml",
      """
      steps: 3
      text:
        one: {files: a.txt}
        two: {files: b.jsonl}
      """)
    let output = "\(folder.root)/{name}.jsonl"
    try run(["--settings", settings, "--data", folder.root, "--output", output])
    #expect(try texts("\(folder.root)/one.jsonl") == ["ein tvey trý", "stutt", "fýra fimm seks"])
    // What the first corpus has goes from the second.
    #expect(try texts("\(folder.root)/two.jsonl") == ["sjey átta níggju"])
    #expect(throws: ValidationError.self) {
      try run(["--settings", settings, "--data", folder.root, "--output", "x.jsonl"])
    }
  }

  @Test func `settings of the command line win over those of the file`() throws {
    let settings = try folder.write("c.yaml", "files: a.txt\nfilters: {min_words: 9}\n")
    let found = try CorpusSelection(
      files: ["\(folder.root)/b.jsonl"], settings: settings,
      changes: ["filters.min_words=2", "deduplicate.near=true", "max_bytes=1_000", "language=fao"]
    ).corpora
    #expect(found.count == 1)
    #expect(found[0].files == ["\(folder.root)/b.jsonl"])
    #expect(found[0].filters.ranges == [.words: 2...Double.infinity])
    #expect(found[0].deduplication.near != nil && found[0].maximumBytes == 1000)
    #expect(found[0].language == "fao")
    #expect(throws: DocumentError.self) {
      _ = try CorpusSelection(files: ["a"], settings: nil, changes: ["filters.min_wrods=2"])
    }
  }

  @Test func `the table tells what was read, dropped and kept`() throws {
    let pipeline = try CorpusPipeline([CorpusSettings(name: "x", files: ["\(folder.root)/a.txt"])])
    pipeline.examplesPerReason = 1
    let report = try pipeline.process(0) { _ in }
    let overview = CorpusOverview(
      report: report, files: ["a.txt"], output: nil, statistics: nil, seconds: 1)
    #expect(
      overview.text == """
        x: 1 file
                          documents  lines  bytes  of bytes
        read                      4      4     46   100.0 %
        − exact_document          1      1     13    28.3 %
        kept                      3      3     33    71.7 %
        7 words, 31 characters

        exact_document: \(folder.root)/a.txt, line 2
          ein tvey trý

        """)
    #expect(overview.json["kept"]?["bytes"]?.int == 33)
    #expect(overview.json["examples"]?.array?.count == 1)
  }

  @Test(arguments: [
    [], ["x", "--set", "filters"], ["x", "--show-dropped", "-1"], ["x", "--threads", "0"],
  ])
  func `wrong usage is told before anything is read`(arguments: [String]) {
    #expect(throws: (any Error).self) { _ = try Koine.parseAsRoot(["corpus"] + arguments) }
  }
}
