// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora
import Documents
import Foundation
import Testing

@Suite struct LabWriterTests {
  let folder: TestFolder
  init() throws { folder = try TestFolder() }

  private func settings(_ yaml: String) throws -> LabSettings {
    try LabSettings(
      try Settings(try YAML.parse(yaml, origin: "recipe.yaml"), origin: "recipe.yaml"))
  }

  @Test func `the folder holds what recipes read and reads back as the world`() throws {
    let settings = try settings(
      """
      train_rows: 30
      dev_rows: 10
      test_rows: 20
      parallel_pairs: 12
      entity_rows: 5
      languages:
        - {code: qaa, text_bytes: 9000}
        - {code: qab, replaced_share: 0.4, sound_changes: 6, grammar_changes: 5, text_bytes: 4000}
        - {code: qac, sound_changes: 2}
      """)
    let path = folder.path("lab")
    var written: [String] = []
    let world = try Lab.write(to: path, settings: settings) { name, _ in written.append(name) }
    #expect(folder.names == ["lab"])
    var expected = ["lab.json", "tasks/labels.txt", "text/qaa.txt", "text/qab.txt"]
    for code in ["qaa", "qab", "qac"] {
      expected += ["dev", "test", "train"].map { "tasks/\(code)/\($0).tsv" }
      expected.append("entities/\(code).jsonl")
    }
    for pair in ["qaa-qab", "qaa-qac", "qab-qac"] {
      expected += ["lexicons/\(pair).tsv", "parallel/\(pair).align", "parallel/\(pair).tsv"]
    }
    #expect(written.sorted() == expected.sorted())

    let documents = try CorpusReader.documents(at: path + "/text/qab.txt")
    #expect(documents == (try world.documents(in: "qab", byteCount: 4000)))
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path + "/text/qab.txt")).count
    #expect(bytes >= 4000 && bytes < 5500)
    #expect(
      try TableReader.taskRows(at: path + "/tasks/qac/test.tsv")
        == (try world.taskRows(.test, in: "qac")))
    let pairs = try world.parallelPairs("qaa", "qab", count: 12)
    #expect(
      try TableReader.parallelPairs(at: path + "/parallel/qaa-qab.tsv")
        == pairs.map { ParallelPair(source: $0.source, target: $0.target) })
    let align = try String(contentsOfFile: path + "/parallel/qaa-qab.align", encoding: .utf8)
    #expect(align.split(separator: "\n").map(String.init) == pairs.map(\.pharaoh))
    let truth = try JSON.parse(
      try String(contentsOfFile: path + "/lab.json", encoding: .utf8), origin: "lab.json")
    #expect(truth["settings"]?["train_rows"]?.int == 30)
    #expect(truth["languages"]?.array?.count == 3)
    #expect(truth["concepts"]?.array?.count == world.lexicon.concepts.count)
    #expect(
      truth["concepts"]?.array?[7]["words"]?["qab"]?["stem"]?.string
        == (try world.language("qab")).words[7].stem)
  }

  @Test func `the same settings write the same bytes`() throws {
    let settings = try settings(
      "{train_rows: 5, dev_rows: 5, test_rows: 5, parallel_pairs: 3, entity_rows: 2, "
        + "languages: [{code: qaa, text_bytes: 2000}, {code: qab, sound_changes: 5}]}")
    for name in ["a", "b"] { try Lab.write(to: folder.path(name), settings: settings) }
    let files = try #require(FileManager.default.subpaths(atPath: folder.path("a"))).sorted()
    #expect(files == FileManager.default.subpaths(atPath: folder.path("b"))?.sorted())
    for file in files {
      #expect(
        FileManager.default.contents(atPath: folder.path("a/" + file))
          == FileManager.default.contents(atPath: folder.path("b/" + file)))
    }
    #expect(
      lines { try Lab.write(to: folder.path("a"), settings: settings) }.hasPrefix(
        "The output exists already."))
    try Lab.write(to: folder.path("a"), settings: settings, replacing: true)
  }

  @Test func `only a folder that the laboratory wrote is replaced`() throws {
    let folder = try TestFolder()
    let files = FileManager.default
    for (name, file, text) in [
      ("photos", "photos/summer.txt", "dear"), ("other", "other/lab.json", "{\"format\": \"x\"}"),
      ("empty", nil, ""),
    ] {
      try files.createDirectory(atPath: folder.path(name), withIntermediateDirectories: true)
      if let file { try text.write(toFile: folder.path(file), atomically: true, encoding: .utf8) }
      #expect(
        lines { try Lab.write(to: folder.path(name), replacing: true) } == """
          The folder holds no laboratory languages (no lab.json), so it is not replaced.
          \(folder.path(name))
          Choose another folder, or remove this one yourself.
          """)
      if let file {
        #expect(try String(contentsOfFile: folder.path(file), encoding: .utf8) == text)
      }
    }
  }

  @Test func `a laboratory folder with somebody's file in it is not replaced`() throws {
    let settings = try settings(
      "{train_rows: 5, dev_rows: 5, test_rows: 5, parallel_pairs: 3, entity_rows: 2, "
        + "languages: [{code: qaa}]}")
    let path = folder.path("lab")
    try Lab.write(to: path, settings: settings)
    try "mine".write(toFile: path + "/notes.txt", atomically: true, encoding: .utf8)
    #expect(
      lines { try Lab.write(to: path, settings: settings, replacing: true) }.hasPrefix(
        "The folder also holds `notes.txt`"))
    #expect(try String(contentsOfFile: path + "/notes.txt", encoding: .utf8) == "mine")
  }

  @Test func `settings are read over the defaults and written with the same keys`() throws {
    let read = try settings("{seed: 9, topical_share: 0.5, shared_labels: false}")
    #expect(read.seed == 9 && read.topicalShare == 0.5 && !read.sharedLabels)
    #expect(read.languages == LabSettings().languages)
    #expect(try settings(read.json.serialized()) == read)
  }

  @Test func `a misspelt key is refused with the nearest`() {
    #expect(
      lines { _ = try settings("topic_noun: 3") } == """
        Unknown key `topic_noun`.
        recipe.yaml, line 1
        Did you mean `topic_nouns`?
        """)
    #expect(
      lines { _ = try settings("languages: [{code: qaa, sound_change: 3}]") }.contains(
        "Did you mean `sound_changes`?"))
  }

  @Test(arguments: [
    ("{code: eng}", "`code` should be a code from qaa to qtz, found eng."),
    ("{code: qua}", "`code` should be a code from qaa to qtz, found qua."),
    ("{code: qaa}, {code: qaa}", "`languages` should be different codes, found qaa, qaa."),
  ])
  func `languages out of range are refused`(list: String, message: String) {
    #expect(lines { _ = try settings("languages: [\(list)]") }.hasPrefix(message))
  }

  @Test func `values out of range are refused whoever sets them`() {
    var settings = LabSettings()
    settings.topicalShare = 0.9
    settings.strayShare = 0.2
    #expect(lines { _ = try LabWorld(settings) }.hasPrefix("`topical_share + stray_share`"))
    settings = LabSettings()
    settings.topics = 1
    #expect(lines { _ = try LabWorld(settings) }.hasPrefix("`topics` should be 2 to 50, found 1."))
    settings = LabSettings()
    settings.minimumWords = 8
    settings.maximumWords = 5
    #expect(throws: CorpusError.self) { try LabWorld(settings) }
    settings = LabSettings()
    (settings.topicalShare, settings.trainRows) = (0, 10)
    settings.nameShare = 0
    #expect(
      lines { _ = try LabWorld(settings) }.hasPrefix(
        "`train_rows` should be fewer rows or more words and topical_share"))
  }
}
