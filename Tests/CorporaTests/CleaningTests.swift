// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora
import Testing

@Suite struct CleaningTests {
  @Test(arguments: [
    ("plain text", "plain text"),
    ("  ends  ", "ends"),
    ("e\u{301}g", "\u{E9}g"),  // composed
    ("\u{1100}\u{1161}", "\u{AC00}"),  // Hangul
    ("\u{212B}", "\u{C5}"),  // Ångström sign
    ("\u{958}", "\u{915}\u{93C}"),  // a composition exclusion stays apart
    ("a\tb\u{B}c", "a b c"),
    ("a\u{0}b\u{7F}c\u{9F}", "abc"),
    ("a\u{85}b\u{2028}c", "a b c"),
    ("\u{FEFF}a", "a"),
    ("\u{6A9}\u{200C}a", "\u{6A9}\u{200C}a"),  // the non-joiner is spelling
    ("\u{1}", ""),
  ])
  func `a segment is composed and freed of controls`(raw: String, clean: String) {
    // By scalars: Swift's == takes canonically equal strings as equal.
    #expect(Array(TextCleaner.cleaned(raw).unicodeScalars) == Array(clean.unicodeScalars))
  }

  private let long = "This sentence is long enough to be counted as a repetition."

  @Test func `duplicates go and are counted`() throws {
    let documents = [
      Document(segments: ["Yes.", long, "a\u{301}"]),
      Document(segments: ["Yes.", long, "Something else."]),  // long again, Yes stays
      Document(segments: ["Yes.", long, "\u{E1}"]),  // equal to the first after NFC
      Document(segments: ["\u{1}"]),
      Document(segments: [long]),  // nothing left
    ]
    let (kept, report) = try TextCleaner().clean(documents, language: "xx")
    #expect(
      kept.map(\.segments) == [["Yes.", long, "\u{E1}"], ["Yes.", "Something else."]])
    #expect(report.read.documents == 5 && report.read.segments == 11)
    #expect(report.kept.documents == 2 && report.kept.segments == 5)
    #expect(report.kept.bytes == kept.reduce(0) { $0 + $1.text.utf8.count })
    #expect(report.duplicateDocuments == 1)
    #expect(report.duplicateSegments == 2)
    #expect(report.emptySegments == 1)
    #expect(report.normalizedSegments == 1)
    #expect(report.controlCharacters == 1)
  }

  @Test func `lines that are documents are dropped when repeated however short`() throws {
    let documents = ["a", "b", "a", "a"].map { Document(segments: [$0]) }
    let (kept, report) = try TextCleaner().clean(documents, language: "xx")
    #expect(kept.map(\.text) == ["a", "b"])
    #expect(report.duplicateDocuments == 2)
  }

  @Test func `a document that a dropped segment makes equal to an earlier one goes`() throws {
    let documents = [
      Document(segments: ["x"]), Document(segments: [long, "y"]), Document(segments: ["x", long]),
    ]
    let (kept, report) = try TextCleaner().clean(documents, language: "xx")
    #expect(kept.map(\.segments) == [["x"], [long, "y"]])
    #expect(report.duplicateDocuments == 1 && report.duplicateSegments == 0)
  }

  @Test func `nothing left is an error`() {
    #expect(
      lines { _ = try TextCleaner().clean([Document(segments: ["\u{1}"])], language: "fao") } == """
        The corpus is empty: 1 lines came in, none is left after cleaning.
        fao
        Give at least one file with text in it.
        """)
  }
}

@Suite struct SplitTests {
  private func documents(_ count: Int) -> [Document] {
    (0..<count).map { Document(segments: ["document \($0)", "its second line"]) }
  }

  @Test func `halves are disjoint complete and in order`() throws {
    let all = documents(2000)
    let split = try SplitCorpus(all, name: "x")
    #expect(Set(split.train.map(\.text)).isDisjoint(with: split.heldOut.map(\.text)))
    #expect(split.train.count + split.heldOut.count == 2000)
    #expect((60...140).contains(split.heldOut.count))
    var train = split.train[...]
    var heldOut = split.heldOut[...]
    for document in all {
      if document == train.first { train.removeFirst() } else { heldOut.removeFirst() }
    }
    #expect(train.isEmpty && heldOut.isEmpty)
  }

  @Test func `order and later text move no document while the limit is far`() throws {
    let all = documents(400)
    let whole = Set(try SplitCorpus(all, name: "x").heldOut.map(\.text))
    let reversed = Set(try SplitCorpus(all.reversed(), name: "x").heldOut.map(\.text))
    let part = Set(try SplitCorpus(Array(all.prefix(300)), name: "x").heldOut.map(\.text))
    #expect(whole == reversed)
    #expect(part == whole.intersection(all.prefix(300).map(\.text)))
    let other = try SplitCorpus(all, name: "x", settings: HeldOutSettings(seed: 1))
    #expect(Set(other.heldOut.map(\.text)) != whole)
  }

  @Test func `the limit holds in bytes`() throws {
    let split = try SplitCorpus(
      documents(2000), name: "x", settings: HeldOutSettings(share: 0.5, maximumBytes: 1000))
    let bytes = split.heldOut.reduce(0) { $0 + $1.byteCount }
    #expect(bytes <= 1000 && bytes > 900)
  }

  @Test func `two documents give one each however large`() throws {
    let pair = [
      Document(segments: [String(repeating: "a", count: 500)]), Document(segments: ["small"]),
    ]
    let split = try SplitCorpus(
      pair, name: "x", settings: HeldOutSettings(share: 0.001, maximumBytes: 1))
    #expect(split.heldOut.map(\.text) == ["small"] && split.train.count == 1)
    let most = try SplitCorpus(pair, name: "x", settings: HeldOutSettings(share: 0.999))
    #expect(most.train.count == 1 && most.heldOut.count == 1)
  }

  @Test func `equal documents stay together`() throws {
    let twice = documents(300) + documents(300)
    let split = try SplitCorpus(twice, name: "x", settings: HeldOutSettings(share: 0.3))
    #expect(Set(split.train.map(\.text)).isDisjoint(with: split.heldOut.map(\.text)))
  }

  @Test func `a single document cannot be divided`() {
    #expect(
      lines { _ = try SplitCorpus(documents(1), name: "fao") } == """
        Held-out text needs at least 2 documents, found 1.
        fao
        Separate documents with empty lines, or read each line as a document.
        """)
    #expect(
      lines {
        _ = try SplitCorpus(documents(3), name: "x", settings: HeldOutSettings(share: 1))
      }.hasPrefix("`held_out.share` should be a number between 0 and 1, found 1.0."))
  }
}
