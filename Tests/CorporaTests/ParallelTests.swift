// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Testing

@testable import Corpora

@Suite struct ParallelTests {
  let folder: TestFolder
  init() throws { folder = try TestFolder() }

  private func documents(_ settings: ParallelSettings) throws -> [[String]] {
    try PairDocuments(settings, relativeTo: folder.path).all().map(\.segments)
  }

  private func table(
    _ text: String = "One.\tEitt.\nTwo.\tTvey.\n\t\nThree.\tTrý.\nFour.\t\n",
    _ change: (inout ParallelSettings) -> Void = { _ in }
  ) throws -> [[String]] {
    try folder.write("eng-fao.tsv", text)
    var settings = ParallelSettings(files: .joint(["eng-fao.tsv"]))
    change(&settings)
    return try documents(settings)
  }

  // MARK: Documents of pairs

  @Test func `bilingual documents come in both orders`() throws {
    #expect(
      try table() == [
        ["One.", "Two.", "Eitt.", "Tvey."], ["Eitt.", "Tvey.", "One.", "Two."],
        ["Three.", "Trý."], ["Trý.", "Three."],
      ])
    let set = try table {
      ($0.order, $0.sourceTag, $0.targetTag, $0.separator) = (.forward, "eng: ", "fao: ", "---")
    }
    #expect(set[0] == ["eng: One.", "Two.", "---", "fao: Eitt.", "Tvey."])
  }

  @Test func `interlinear documents alternate, with a tag before each segment`() throws {
    let found = try table { ($0.form, $0.sourceTag, $0.targetTag) = (.interlinear, "<e>", "<f>") }
    #expect(found[0] == ["<e>One.", "<f>Eitt.", "<e>Two.", "<f>Tvey."])
    #expect(found[1] == ["<f>Eitt.", "<e>One.", "<f>Tvey.", "<e>Two."])
  }

  @Test func `documents end at empty pairs, at their size and at the end of a file`() throws {
    let lines = (1...7).map { "s\($0)\tt\($0)" }.joined(separator: "\n")
    let found = try table(lines) { ($0.order, $0.pairsPerDocument) = (.forward, 3) }
    #expect(found.map { $0.count / 2 } == [3, 3, 1])
  }

  @Test func `pairs of which a side shares words with measured texts are left out, and no others`()
    throws
  {
    func words(_ name: String, _ range: Range<Int>) -> String {
      range.map { "\(name)\($0)" }.joined(separator: " ")
    }
    // A run of thirteen words goes over the second and third segment of the target side.
    var measured = Decontamination(wordCount: 13)
    measured.add(words("t", 6..<19) + ".")
    measured.add("Short texts of eight words are found whole.")
    let lines = [
      "s1\t" + words("t", 0..<6), "s2\t" + words("T", 6..<12), "s3\t" + words("t", 12..<20),
      "s4\t" + words("t", 20..<40), "short texts of eight words, are found whole\tt5", "s6\tt6",
    ]
    try folder.write("eng-fao.tsv", lines.joined(separator: "\n") + "\n")
    for form in ParallelSettings.Form.allCases {
      var settings = ParallelSettings(files: .joint([folder.path("eng-fao.tsv")]))
      settings.form = form
      let documents = try PairDocuments(settings, decontamination: measured)
      let found = try documents.all().map { Set($0.segments) }
      let kept: Set = ["s1", words("t", 0..<6), "s4", words("t", 20..<40), "s6", "t6"]
      #expect(found == [kept, kept])
      #expect((documents.pairCount, documents.contaminatedCount) == (3, 3))
      // Documents of which nothing is left are passed over.
      settings.pairsPerDocument = 1
      settings.order = .forward
      let single = try PairDocuments(settings, decontamination: measured).all()
      #expect(single.map { $0.segments[0] } == ["s1", "s2", "s3", "s4", "s6"])
    }
  }

  @Test func `an order by chance is the seed's and takes both`() throws {
    let lines = (1...60).map { "s\($0)\tt\($0)" }.joined(separator: "\n")
    func run(_ seed: UInt64) throws -> [[String]] {
      try table(lines) { ($0.order, $0.pairsPerDocument, $0.seed) = (.random, 1, seed) }
    }
    let forward = try run(1).count { $0[0].hasPrefix("s") }
    #expect((15...45).contains(forward))
    #expect(try run(1) == run(1))
    #expect(try run(1) != run(2))
  }

  @Test func `aligned files, JSONL and tables with headers hold pairs too`() throws {
    try folder.write("a.eng", "")
    try folder.write("eng.txt", "One.\n\nTwo.\n")
    try folder.write("fao.txt", "Eitt.\n\nTvey.\n")
    var settings = ParallelSettings(files: .aligned(source: ["eng.txt"], target: ["fao.txt"]))
    settings.order = .forward
    #expect(try documents(settings) == [["One.", "Eitt."], ["Two.", "Tvey."]])
    try folder.write("p.jsonl", "{\"en\": \"One\\n  two\", \"fo\": \"Eitt\"}\n")
    try folder.write("p.csv", "id,en,fo\n1,One,Eitt\n")
    for (file, line) in [("p.jsonl", "One two"), ("p.csv", "One")] {
      settings.files = .joint([file])
      (settings.sourceField, settings.targetField) = ("en", "fo")
      #expect(try documents(settings) == [[line, "Eitt"]])
    }
  }

  @Test func `parallel files that are wrong are told by place`() throws {
    try folder.write("eng.txt", "One.\nTwo.\n")
    try folder.write("fao.txt", "Eitt.\n")
    let aligned = ParallelSettings(files: .aligned(source: ["eng.txt"], target: ["fao.txt"]))
    #expect(
      lines { _ = try documents(aligned) }.hasPrefix(
        "The files are not aligned: \(folder.path("fao.txt")) ends before line 2 of the other."))
    #expect(lines { _ = try table("One\n") }.contains("eng-fao.tsv, line 1"))
    try folder.write("p.jsonl", "{\"en\": \"One\"}\n")
    var settings = ParallelSettings(files: .joint(["p.jsonl"]))
    (settings.sourceField, settings.targetField) = ("en", "fo")
    #expect(lines { _ = try documents(settings) }.contains("it has no member `fo`"))
    #expect(
      lines { _ = try documents(ParallelSettings(files: .joint(["no.tsv"]))) }.contains("no.tsv"))
  }

  @Test func `the section is read strictly, and a text has files of one kind`() throws {
    func read(_ yaml: String) throws -> CorpusSettings {
      var settings = try Settings(YAML.parse(yaml, origin: "c.yaml"), origin: "c.yaml")
      let result = try CorpusSettings(&settings, name: "pairs")
      try settings.finish()
      return result
    }
    let settings = try read("parallel: {files: a.tsv, form: interlinear, order: backward}")
    #expect(settings.parallel?.form == .interlinear && settings.files == ["a.tsv"])
    #expect(settings.identity != (try read("parallel: {files: a.tsv}")).identity)
    #expect(try read("{files: a.txt, code_switch: {lexicon: l.tsv}}").codeSwitch?.share == 0.15)
    #expect(lines { _ = try read("{files: a.txt, parallel: {files: a.tsv}}") }.contains("both"))
    #expect(
      lines { _ = try read("parallel: {source_files: [a, b], target_files: [c]}") }
        .contains("2 files, one for each"))
    #expect(
      lines { _ = try read("parallel: {files: a.tsv, frm: interlinear}") }
        .contains("Did you mean `form`?"))
    #expect(lines { _ = try read("{files: a, code_switch: {share: 0.1}}") }.contains("lexicon"))
  }

  @Test func `a stream of a text gives documents of its pairs and switched words`() throws {
    try folder.write("eng-fao.tsv", "The house.\tHúsið.\nThe dog.\tHundurin.\nOnly.\t\n")
    try folder.write("lexicon.tsv", "house\thús\tn\ndog\thundur\tn\n")
    var settings = CorpusSettings(name: "pairs", files: ["eng-fao.tsv"])
    var pairs = ParallelSettings(files: .joint(["eng-fao.tsv"]))
    pairs.order = .forward
    settings.parallel = pairs
    var codeSwitch = CodeSwitchSettings(lexicon: ["lexicon.tsv"])
    codeSwitch.share = 1
    settings.codeSwitch = codeSwitch
    let pipeline = try CorpusPipeline([settings], relativeTo: folder.path)
    var found: [[String]] = []
    let report = try pipeline.process(0) { found.append($0.document.segments) }
    #expect(found == [["The hús.", "The hundur.", "Húsið.", "Hundurin."]])
    #expect(report.emptyRecords == 1)
    #expect(report.codeSwitched?.replaced == 2 && report.codeSwitched?.words == 6)
    #expect(CorpusReport(report.json) == report)
  }

  // MARK: Code switching

  private func lexicon() -> Lexicon {
    var lexicon = Lexicon()
    for (word, translation) in [
      ("house", "hús"), ("dog", "hundur"), ("big", "stórur"), ("big dog", "stórhundur"),
      ("Monday", "mánadagur"), ("dog", "rakki"), ("smile", "🙂"),
    ] { lexicon.add(word, translation) }
    return lexicon
  }

  private func switched(_ text: String, share: Double = 1, seed: UInt64 = 0) -> String {
    var settings = CodeSwitchSettings(lexicon: [])
    (settings.share, settings.seed) = (share, seed)
    return CodeSwitcher(settings, lexicon: lexicon())
      .switched(Document(segments: [text])).document.text
  }

  @Test func `phrases win over words and case is kept`() {
    #expect(switched("A HOUSE, a House; a house.") == "A HÚS, a Hús; a hús.")
    #expect(switched("Big dog! Big, house") == "Stórhundur! Stórur, hús")
    #expect(switched("On monday houses smile.") == "On mánadagur houses smile.")
    #expect(["hundur", "rakki"].contains(switched("dog")))
    #expect(switched("") == "")
  }

  @Test func `the share of replaced words is met in the mean and by seed`() {
    var settings = CodeSwitchSettings(lexicon: [])
    settings.share = 0.23
    let switcher = CodeSwitcher(settings, lexicon: lexicon())
    var report = CodeSwitcher.Report()
    for i in 0..<400 {
      let text = "the house \(i)x and the house near a house"
      report += switcher.switched(Document(segments: [text, "a house"])).report
    }
    let share = Double(report.replaced) / Double(report.words)
    #expect(abs(share - 0.23) < 0.01, "\(share)")
    #expect(report.known == 1600)
    let text = String(repeating: "house and dog ", count: 20)
    #expect(switched(text, share: 0.2, seed: 1) == switched(text, share: 0.2, seed: 1))
    #expect(switched(text, share: 0.2, seed: 1) != switched(text, share: 0.2, seed: 2))
  }

  @Test func `the share is of all words, and never more than the lexicon knows`() {
    #expect(switched("one two three four house", share: 1) == "one two three four hús")
    var settings = CodeSwitchSettings(lexicon: [])
    settings.documents = 0.3
    settings.share = 1
    let switcher = CodeSwitcher(settings, lexicon: lexicon())
    let touched = (0..<300).count {
      switcher.switched(Document(segments: ["house \($0)"])).report.replaced > 0
    }
    #expect((60...120).contains(touched))
  }

  @Test func `lexicons are read from tables, either way`() throws {
    try folder.write("l.tsv", "house\thús\tn\nhouse\thús\tx\nhouse\theim\nI·\t!\n")
    let forward = try Lexicon(files: ["l.tsv"], relativeTo: folder.path)
    #expect(forward.translations(of: ["House"]) == ["hús", "heim"])
    #expect(forward.count == 1)
    let reversed = try Lexicon(files: ["l.tsv"], isReversed: true, relativeTo: folder.path)
    #expect(reversed.translations(of: ["hús"]) == ["house"])
    try folder.write("bad.tsv", "house\n")
    #expect(
      lines { _ = try Lexicon(files: ["bad.tsv"], relativeTo: folder.path) }.contains("line 1"))
    try folder.write("empty.tsv", "1\t2\n")
    #expect(
      lines { _ = try Lexicon(files: ["empty.tsv"], relativeTo: folder.path) }
        .contains("no word with a translation"))
  }

  @Test(.enabled(if: dataFolder != nil)) func `real parallel files and lexicons are read`() throws {
    let data = try #require(dataFolder)
    var settings = ParallelSettings(files: .joint(["parallel/eng-fao.john_acts.tsv.gz"]))
    settings.order = .forward
    let pairs = try PairDocuments(settings, relativeTo: data)
    let documents = try pairs.all()
    #expect(pairs.pairCount + pairs.oneSidedCount >= 1281 && documents.count >= 80)
    let lexicon = try Lexicon(files: ["lexicons/eng-fao.*.tsv.gz"], relativeTo: data)
    #expect(lexicon.count > 1000)
    var codeSwitch = CodeSwitchSettings(lexicon: [])
    codeSwitch.share = 0.1
    let switcher = CodeSwitcher(codeSwitch, lexicon: lexicon)
    var report = CodeSwitcher.Report()
    for document in documents { report += switcher.switched(document).report }
    #expect(abs(Double(report.replaced) / Double(report.words) - 0.1) < 0.01)
  }
}
