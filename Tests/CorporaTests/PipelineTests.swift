// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Synchronization
import Testing

@testable import Corpora

/// Corpora from files to token files.
struct PipelineTests {
  let folder: TestFolder

  init() throws { folder = try TestFolder() }

  private func settings(_ name: String, _ yaml: String) throws -> CorpusSettings {
    var settings = try Settings(YAML.parse(yaml, origin: "c.yaml"), origin: "c.yaml")
    let corpus = try CorpusSettings(&settings, name: name)
    try settings.finish()
    return corpus
  }

  private func run(
    _ corpora: [CorpusSettings], threads: Int? = nil
  ) throws -> [(texts: [String], report: CorpusReport)] {
    let pipeline = try CorpusPipeline(
      corpora, relativeTo: folder.path, threads: threads, scratch: folder.path)
    pipeline.examplesPerReason = 1
    return try corpora.indices.map { index in
      var texts: [String] = []
      let report = try pipeline.process(index) { texts.append($0.document.text) }
      return (texts, report)
    }
  }

  private func jsonl(_ name: String, _ texts: [String]) throws {
    let lines = texts.map { JSON(dictionaryLiteral: ("text", JSON($0))).serialized() + "\n" }
    try folder.write(name, lines.joined())
  }

  /// Words that share nothing, a text of its own for each number.
  private static func text(_ number: Int, words: Int = 40) -> String {
    (0..<words).map { "o\(SeededRandom.mix(UInt64(number * 10_000 + $0)) % 1_000_000)" }
      .joined(separator: " ")
  }

  // MARK: What goes and what stays

  @Test func `every document and byte that was read is kept or has a reason`() throws {
    var texts: [String] = []
    for k in 0..<400 {
      switch k % 8 {
      case 0: texts.append(Self.text(k / 16))  // again and again
      case 1: texts.append("  " + Self.text(k) + " \u{7}\n\n" + Self.text(k + 1000))
      case 2: texts.append("stutt \(k)")
      case 3: texts.append(Self.text(5000) + " eftir\n" + Self.text(k))
      case 4: texts.append("\u{1}\n \n")
      case 5: texts.append(Self.text(k) + "\ne\u{301} \(k)\n" + Self.text(6000))
      case 6: texts.append(String(repeating: "ha ", count: k + 20))
      default: texts.append(Self.text(k))
      }
    }
    try jsonl("a.jsonl", texts)
    try jsonl("held.jsonl", [Self.text(7), Self.text(15)])
    let corpus = try settings(
      "a",
      """
      files: a.jsonl
      decontaminate: held.jsonl
      filters: {min_words: 3, max_repetition: gopher}
      deduplicate: {exact: [document, line], near: {threshold: 0.7}}
      """)
    let (kept, report) = try run([corpus])[0]
    #expect(report.read.documents == texts.count)
    let droppedDocuments = report.dropped.reduce(0) { $0 + $1.size.documents }
    let droppedBytes = report.dropped.reduce(0) { $0 + $1.size.bytes }
    let droppedLines = report.dropped.reduce(0) { $0 + $1.size.lines }
    #expect(report.read.documents == report.kept.documents + droppedDocuments)
    #expect(report.read.bytes == report.kept.bytes + droppedBytes)
    #expect(report.read.lines == report.kept.lines + droppedLines)
    #expect(report.kept.documents == kept.count)
    #expect(report.kept.bytes == kept.reduce(0) { $0 + $1.utf8.count })
    #expect(report.characters == kept.reduce(0) { $0 + $1.unicodeScalars.count })
    #expect(
      report.words
        == kept.reduce(0) { $0 + $1.split(whereSeparator: { $0 == " " || $0 == "\n" }).count })
    #expect(
      report.dropped.map(\.reason) == [
        "cleaning", "empty", "words", "repetition.top_2gram", "contaminated", "exact_document",
        "exact_line",
      ])
    #expect(report.size(droppedFor: "empty").documents == 50)
    #expect(report.size(droppedFor: "words").documents == 50)
    #expect(report.size(droppedFor: "repetition.top_2gram").documents == 50)
    #expect(report.size(droppedFor: "contaminated").documents == 2 + 4)
    #expect(report.controlCharacters > 0 && report.normalizedLines == 50)
    #expect(Set(report.examples.map(\.reason)).isSuperset(of: ["empty", "words", "contaminated"]))
    #expect(report.examples.first { $0.reason == "words" }?.detail == "2 < 3")
    #expect(report.examples.first { $0.reason == "words" }?.line == 3)
    #expect(CorpusReport(report.json)?.json == report.json)
  }

  @Test func `near duplicates go, the first stays, and later corpora are compared with earlier`()
    throws
  {
    let base = Self.text(1, words: 120)
    try jsonl("a.jsonl", [Self.text(2), base, Self.text(3), base + " aftaná", "inn " + base])
    try jsonl("b.jsonl", [base + " umaftur", Self.text(4), Self.text(2)])
    let a = try settings("a", "{files: a.jsonl, deduplicate: {near: true}}")
    let b = try settings("b", "{files: b.jsonl, deduplicate: {near: true}}")
    let found = try run([a, b])
    #expect(found[0].texts == [Self.text(2), base, Self.text(3)])
    #expect(found[0].report.size(droppedFor: "near_duplicate").documents == 2)
    #expect(found[1].texts == [Self.text(4)])
    #expect(found[1].report.size(droppedFor: "near_duplicate").documents == 1)
    #expect(found[1].report.size(droppedFor: "exact_document").documents == 1)
    // The other way round, the other corpus keeps the first.
    #expect(try run([b, a])[0].texts.count == 3)
    // Other settings keep another trace; what keeps none is not compared.
    let free = try settings("b", "{files: b.jsonl, deduplicate: false}")
    #expect(try run([a, free])[1].texts.count == 3)
    #expect(folder.names == ["a.jsonl", "b.jsonl"])
  }

  @Test func `the result does not depend on the number of threads`() throws {
    var texts = (0..<3000).map { Self.text($0 % 1100, words: 40 + $0 % 5) }
    texts += (0..<200).map { Self.text($0, words: 41) + " x" }
    try jsonl("a.jsonl", texts)
    let corpus = try settings(
      "a",
      "{files: a.jsonl, filters: {max_repetition: gopher}, deduplicate: {exact: [document, line], near: {threshold: 0.6}}}"
    )
    let one = try run([corpus], threads: 1)[0]
    let four = try run([corpus], threads: 4)[0]
    #expect(one.texts == four.texts)
    #expect(one.report == four.report)
    #expect(one.report.size(droppedFor: "near_duplicate").documents > 100)
  }

  @Test func `max_bytes ends the corpus with the last document that fits`() throws {
    try jsonl("a.jsonl", (0..<100).map { Self.text($0) })
    let size = Self.text(0).utf8.count + Self.text(1).utf8.count + Self.text(2).utf8.count
    for near in [false, true] {
      let corpus = try settings(
        "a", "{files: a.jsonl, max_bytes: \(size + 5), deduplicate: {near: \(near)}}")
      let (texts, report) = try run([corpus])[0]
      #expect(texts == (0..<3).map { Self.text($0) })
      #expect(report.reachedLimit)
      #expect(report.kept.bytes == size)
    }
  }

  @Test func `repeated lines go only where they are long and asked for`() throws {
    let notice = "Hetta er ein áminning, sum stendur á hvørjari síðu."
    try jsonl("a.jsonl", [notice + "\nja", "ein\n" + notice + "\nja", notice])
    func texts(_ yaml: String) throws -> [String] {
      try run([settings("a", "{files: a.jsonl, deduplicate: {exact: \(yaml)}}")])[0].texts
    }
    #expect(try texts("document").count == 3)
    #expect(try texts("[document, line]") == [notice + "\nja", "ein\nja"])
    #expect(try texts("line, min_line_bytes: 0") == [notice + "\nja", "ein"])
    #expect(try texts("off").count == 3)
  }

  // MARK: Token files

  private func builder(
    _ corpora: [CorpusSettings], header: TokenShardHeader = byteHeader
  ) -> CorpusShardBuilder {
    CorpusShardBuilder(
      corpora, encoder: TokenEncoder(header: header, encode: byteIDs),
      cache: folder.path("cache"), relativeTo: folder.path)
  }

  /// Counts what is encoded.
  private final class Counter: Sendable {
    let count = Atomic(0)
    @Sendable func encode(_ text: String) -> [Int32] {
      count.add(1, ordering: .relaxed)
      return byteIDs(text)
    }
  }

  private func builder(
    _ corpora: [CorpusSettings], _ counter: Counter, tokenizer: String = "bytes"
  ) -> CorpusShardBuilder {
    var header = byteHeader
    header.tokenizerHash = tokenizer
    return CorpusShardBuilder(
      corpora, encoder: TokenEncoder(header: header, encode: counter.encode),
      cache: folder.path("cache"), relativeTo: folder.path, threads: 2)
  }

  // ecosystem.md §5.3, 7: tokenization of the corpus is repeated after a crash or in a second run.
  @Test func `a second build of the same corpora encodes nothing`() throws {
    try jsonl("a.jsonl", (0..<50).map { Self.text($0) })
    let corpus = try settings("føroyskt/a", "{files: a.jsonl}")
    let counter = Counter()
    let first = try builder([corpus], counter).build()[0]
    #expect(counter.count.load(ordering: .relaxed) == 50)
    #expect(!first.isCached && first.shard.documentCount == 50)
    #expect(try builder([corpus], counter).plan()[0].report == first.report)
    let second = try builder([corpus], counter).build()[0]
    #expect(counter.count.load(ordering: .relaxed) == 50)
    #expect(second.isCached && second.report == first.report)
    #expect(second.shard.header == first.shard.header)
    // A file of another name with the same bytes is the same input.
    try FileManager.default.moveItem(
      atPath: folder.path("a.jsonl"), toPath: folder.path("b.jsonl"))
    _ = try builder([settings("føroyskt/a", "{files: '*.jsonl'}")], counter).build()
    #expect(counter.count.load(ordering: .relaxed) == 50)
  }

  @Test func `corpora built one by one, in any order, have the bytes of all built together`() throws
  {
    // Lines of the first are in the second and third, which are compared with it.
    for (index, name) in ["a", "b", "c"].enumerated() {
      try jsonl("\(name).jsonl", (0..<30).map { Self.text($0 + index * 20) })
    }
    let corpora = try ["a", "b", "c"].map { try settings($0, "{files: \($0).jsonl}") }
    let counter = Counter()
    let together = try builder(corpora, counter).build()
    #expect(together.map(\.shard.documentCount) == [30, 20, 20])
    func bytes() throws -> [Data] {
      try together.flatMap { [$0.shard.path, $0.shard.path + ".json"] }
        .map { try Data(contentsOf: URL(fileURLWithPath: $0)) }
    }
    let expected = try bytes()
    for shard in together {
      try FileManager.default.removeItem(atPath: shard.shard.path)
    }
    for index in [2, 0, 1] {
      let before = counter.count.load(ordering: .relaxed)
      let built = try builder(corpora, counter).build(only: [index])
      #expect(
        built.map(\.name) == [corpora[index].name] && built[0].report == together[index].report)
      #expect(
        counter.count.load(ordering: .relaxed) - before == together[index].shard.documentCount)
    }
    #expect(try bytes() == expected)
    #expect(try builder(corpora, counter).build(only: []).isEmpty)
    #expect(try builder(corpora, counter).build().allSatisfy(\.isCached))
  }

  @Test func `what changes the result is encoded anew`() throws {
    try jsonl("a.jsonl", (0..<20).map { Self.text($0) })
    try jsonl("held.jsonl", [Self.text(3)])
    let counter = Counter()
    func encodes(_ yaml: String, tokenizer: String = "bytes") throws -> Int {
      let before = counter.count.load(ordering: .relaxed)
      _ = try builder([settings("a", yaml)], counter, tokenizer: tokenizer).build()
      return counter.count.load(ordering: .relaxed) - before
    }
    #expect(try encodes("{files: a.jsonl}") == 20)
    #expect(try encodes("{files: a.jsonl}", tokenizer: "other") == 20)
    #expect(try encodes("{files: a.jsonl, filters: {min_words: 2}}") == 20)
    #expect(try encodes("{files: a.jsonl, decontaminate: held.jsonl}") == 19)
    try jsonl("held.jsonl", [Self.text(3), Self.text(4)])
    #expect(try encodes("{files: a.jsonl, decontaminate: held.jsonl}") == 18)
    #expect(try encodes("{files: [a.jsonl, a.jsonl]}") == 0)
    try jsonl("a.jsonl", (0..<21).map { Self.text($0) })
    #expect(try encodes("{files: a.jsonl}") == 21)
    #expect(try encodes("{files: a.jsonl, language: fao_Latn}") == 0)
  }

  @Test func `an earlier corpus that changes makes later ones anew only where they are compared`()
    throws
  {
    try jsonl("a.jsonl", (0..<10).map { Self.text($0) })
    try jsonl("b.jsonl", (5..<25).map { Self.text($0) })
    let counter = Counter()
    func build(_ b: String) throws -> [(tokens: Int, isCached: Bool)] {
      try builder(
        [settings("a", "{files: a.jsonl}"), settings("b", b)], counter
      ).build().map { ($0.shard.documentCount, $0.isCached) }
    }
    var found = try build("{files: b.jsonl}")
    #expect(found[0] == (10, false) && found[1] == (15, false))
    // The first is read again for what it holds, but not encoded.
    let before = counter.count.load(ordering: .relaxed)
    found = try build("{files: b.jsonl, filters: {min_words: 1}}")
    #expect(found[0] == (10, true) && found[1] == (15, false))
    #expect(counter.count.load(ordering: .relaxed) == before + 15)
    let free = "{files: b.jsonl, deduplicate: false}"
    #expect(try build(free)[1] == (20, false))
    try jsonl("a.jsonl", (0..<9).map { Self.text($0) })
    found = try build(free)
    #expect(found[0] == (9, false) && found[1] == (20, true))
    #expect(try build("{files: b.jsonl}")[1] == (16, false))
  }

  // ecosystem.md §5.3, 7: a build that is killed.
  @Test func `a build that is stopped leaves nothing that counts`() throws {
    struct Stop: Error {}
    try jsonl("a.jsonl", (0..<4000).map { Self.text($0, words: 60) })
    let corpus = try settings("a", "{files: a.jsonl}")
    let counter = Counter()
    #expect(throws: Stop.self) {
      _ = try builder([corpus], counter).build { progress in
        if progress.encodedDocuments > 0 { throw Stop() }
      }
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path("cache"))
    #expect(names == ["files.json"])
    // As a kill between the two files leaves it, and as a damaged disk does.
    let shard = try builder([corpus], counter).build()[0].shard
    try FileManager.default.removeItem(atPath: shard.path + ".json")
    #expect(try !builder([corpus], counter).build()[0].isCached)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: shard.path))
    bytes[5000] ^= 1
    try bytes.write(to: URL(fileURLWithPath: shard.path))
    let again = try builder([corpus], counter).build()[0]
    #expect(!again.isCached && again.shard.documentCount == 4000)
  }

  // ecosystem.md §5.3, 5: end-of-text and padding in the data of pre-training.
  @Test func `every document ends with one end of text, and nothing pads`() throws {
    try jsonl("a.jsonl", ["ein", "tvey\ntrý"])
    let shard = try builder([settings("a", "{files: a.jsonl}")]).build()[0].shard
    #expect(
      shard.tokens(in: 0..<shard.tokenCount) == byteIDs("ein") + [256] + byteIDs("tvey\ntrý") + [
        256
      ])
  }

  @Test func `counts of tokens, and documents that are cut`() throws {
    try jsonl("a.jsonl", ["ein tvey", "seks orð í einum langum teksti"])
    let found = try builder([settings("a", "{files: a.jsonl, max_document_tokens: 8}")]).build()[0]
    #expect(found.report.tokens == 18 && found.shard.tokenCount == 18)
    #expect(found.report.words == 8)
    #expect(found.report.fertility == 2)
    #expect(found.report.truncatedDocuments == 1)
    #expect(found.report.truncatedTokens == "seks orð í einum langum teksti".utf8.count - 8)
    let whole = try builder([settings("a", "{files: a.jsonl}")]).build()[0]
    #expect(whole.report.bytesPerToken == 1)
    #expect(whole.report.truncatedDocuments == 0)
  }

  @Test func `progress tells bytes, documents and tokens, and ends with all`() throws {
    try jsonl("a.jsonl", (0..<9000).map { Self.text($0) })
    var calls: [CorpusProgress] = []
    let shard = try builder([settings("a", "{files: a.jsonl}")]).build { calls.append($0) }[0]
    #expect(calls.count > 3)
    for (a, b) in zip(calls, calls.dropFirst()) {
      #expect(a.encodedDocuments <= b.encodedDocuments && a.inputBytes <= b.inputBytes)
    }
    let last = try #require(calls.last)
    #expect(last.inputBytes == last.totalInputBytes && last.documents == 9000)
    #expect(last.encodedDocuments == 9000 && last.tokens == shard.report.tokens)
    #expect(last.encodedBytes == shard.report.kept.bytes)
  }

  @Test func `a corpus of which nothing is left is an error with the main reason`() throws {
    try jsonl("a.jsonl", ["ein", "tvey"])
    #expect(
      lines {
        _ = try builder([settings("a", "{files: a.jsonl, filters: {min_words: 2}}")]).build()
      } == """
        The corpus is empty: all 2 documents were dropped, most for `words`.
        a
        Give at least one file with text in it.
        """)
    let vocabulary = TokenShardHeader(vocabularySize: 100, endOfText: 0, tokenizerHash: "")
    #expect(throws: CorpusError.self) {
      _ = try builder([settings("a", "{files: a.jsonl}")], header: vocabulary).build()
    }
  }

  // MARK: Settings

  @Test func `all keys are read`() throws {
    let corpus = try settings(
      "fao",
      """
      files: [a.txt, "b/*.parquet"]
      format: txt
      text_field: body
      documents: empty_line
      language: fao_Latn
      max_bytes: 1_000
      invalid_utf8: replace
      clean: false
      filters: {min_characters: 10, max_repetition: {top_2gram: 0.5}, script: {codes: Latn}}
      deduplicate: {exact: line, min_line_bytes: 7, near: {threshold: 0.9, permutations: 64, ngram: 3, unit: character}}
      decontaminate: {files: held.txt, ngram: 8, text_field: t}
      max_document_tokens: 9
      """)
    #expect(corpus.files == ["a.txt", "b/*.parquet"] && corpus.format == .txt)
    #expect(corpus.textField == "body" && corpus.boundary == .emptyLine)
    #expect(corpus.language == "fao_Latn" && corpus.maximumBytes == 1000)
    #expect(corpus.invalidUTF8 == .replace && !corpus.cleansLines)
    #expect(corpus.filters.ranges == [.characters: 10...Double.infinity])
    #expect(corpus.filters.repetition?.topNgrams[2] == 0.5)
    #expect(corpus.filters.script?.codes == ["Latn"])
    #expect(!corpus.deduplication.exactDocuments && corpus.deduplication.exactLines == 7)
    let near = try #require(corpus.deduplication.near)
    #expect((near.threshold, near.permutations, near.ngram) == (0.9, 64, 3))
    #expect(near.unit == .character)
    #expect(
      corpus.decontamination
        == DecontaminationSettings(files: ["held.txt"], minimumWords: 8, textField: "t"))
    #expect(corpus.maximumDocumentTokens == 9)
  }

  @Test(arguments: [
    ("{}", "`files` should be at least one file, folder or pattern, found none."),
    ("{files: ''}", "`files` should be at least one file, folder or pattern, found an empty name."),
    ("{files: a, format: xml}", "`format` should be one of auto, txt, jsonl, csv, tsv, parquet"),
    ("{files: a, file: b}", "Unknown key `file`."),
    ("{files: a, filter: {}}", "Unknown key `filter`."),
    ("{files: a, deduplicate: {exact: [lines]}}", "`deduplicate.exact` should be document, line"),
    (
      "{files: a, deduplicate: {min_line_bytes: 3}}", "`deduplicate.min_line_bytes` should be given"
    ),
    ("{files: a, deduplicate: {near: {permutations: 100}}}", "`deduplicate.near.permutations`"),
    ("{files: a, deduplicate: {near: {treshold: 1}}}", "Unknown key `treshold`"),
    ("{files: a, decontaminate: {ngram: 3}}", "The key `files` is missing in `decontaminate`."),
  ])
  func `settings that cannot be are told`(yaml: String, what: String) {
    #expect(lines { _ = try settings("a", yaml) }.hasPrefix(what))
  }
}
