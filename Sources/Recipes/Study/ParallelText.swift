// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora
import Documents
import Evaluation

/// Text that links two languages: an entry of a recipe's section `parallel`, whose name may stand in
/// a `mix` beside languages.
///
/// The keys are those that `koine train` has under `parallel` and `code_switch` of a text; see
/// docs/mixing.md.
struct ParallelText: Sendable {
  /// How its documents are made.
  enum Form: Sendable {
    /// Of segments and their translations: bilingual or interlinear.
    case pairs(ParallelSettings)
    /// Of the first language's training text, with words of the second.
    case codeSwitched(CodeSwitchSettings)
  }

  /// The form's name where words are replaced; the others are those of `ParallelSettings.Form`.
  static let codeSwitched = "code_switched"

  var name: String
  /// Of the first side, or of the text whose words are replaced; and of the second.
  var languages: [String]
  var form: Form
  /// Recipe and line of the entry, for messages.
  var place: String

  /// Pairs or lexica, relative to the data folder; sources before targets.
  var files: [String] {
    switch form {
    case .pairs(let settings): settings.allFiles
    case .codeSwitched(let settings): settings.lexicon
    }
  }
}

extension ParallelText {
  /// Reads the section; none without it.
  ///
  /// - Parameters:
  ///   - taken: languages, whose codes name their own texts.
  ///   - seed: of what is drawn, where an entry has no `seed`.
  static func all(
    _ root: inout Settings, taken: [String], seed: UInt64
  ) throws -> [ParallelText] {
    guard var section = try root.optionalChild("parallel") else { return [] }
    return try section.keys.map { name in
      guard StepGraph.isUsableName("tokens-" + name) else {
        throw section.wrong(
          name, expected: "named by 1 to 93 letters, digits, `-`, `_` or `.`", found: "`\(name)`")
      }
      guard !taken.contains(name) else {
        throw section.wrong(name, expected: "no language's code", found: "`\(name)`")
      }
      let node = section.node(name)
      let place = StudyError.place(root.origin, node?.keyLine ?? node?.line)
      var entry = try section.child(name)
      let text = try ParallelText(&entry, name: name, place: place, seed: seed)
      try entry.finish()
      return text
    }
  }

  private init(_ entry: inout Settings, name: String, place: String, seed: UInt64) throws {
    self.name = name
    self.place = place
    languages = try entry.strings("languages")
    guard languages.count == 2, languages[0] != languages[1] else {
      throw entry.wrong(
        "languages", expected: "two languages, that of the first side and that of the second",
        found: languages.isEmpty ? "none" : languages.joined(separator: ", "))
    }
    let pairForms = ParallelSettings.Form.allCases.map(\.rawValue)
    let chosen = try entry.choice(
      "form", default: pairForms[0], of: pairForms + [Self.codeSwitched])
    if chosen == Self.codeSwitched {
      guard var child = try entry.optionalChild("code_switch") else {
        throw DocumentError.missingKey(
          "code_switch", path: entry.path, line: entry.line, origin: entry.origin)
      }
      var settings = try CodeSwitchSettings(&child)
      if !child.keys.contains("seed") { settings.seed = seed }
      try child.finish()
      try StudySettings.refuse(
        entry.keys.filter { !["languages", "form", "code_switch"].contains($0) }, in: entry,
        because: "code-switched text is the first language's own, which stands under `text`",
        next: "Remove it, or choose another `form`.")
      form = .codeSwitched(settings)
    } else {
      try StudySettings.refuse(
        ["code_switch"], in: entry, because: "pairs keep their words",
        next: "Remove it, or say `form: \(Self.codeSwitched)`.")
      var settings = try ParallelSettings(&entry)
      if !entry.keys.contains("seed") { settings.seed = seed }
      form = .pairs(settings)
    }
  }

  /// Throws for a language that the recipe does not have; one whose words are replaced must have
  /// text to train on.
  ///
  /// - Parameters:
  ///   - trained: languages with text to train on.
  ///   - known: these, those that are measured only, and those of the task.
  func check(trained: [String], known: [String]) throws {
    for (position, code) in languages.enumerated() {
      var allowed = known
      if position == 0, case .codeSwitched = form { allowed = trained }
      guard allowed.contains(code) else {
        throw StudyError.unknownLanguage(
          code, place: "\(place), `parallel.\(name).languages`", known: allowed)
      }
    }
  }
}

/// Makes the documents of a `ParallelText` and writes them to `train.jsonl`, as `TextStep` writes
/// those of a language.
///
/// Nothing that is measured is learnt from it: pairs, or of code-switched text documents, that share
/// thirteen words in a row with held-out text of either language, or with rows of the task in either
/// that choose merges or test, are left out (`Decontamination`).
struct ParallelTextStep: RecipeStep {
  static let kind = StepKind("parallel", version: 1)
  /// Words in a row: Brown et al. 2020 (GPT-3), arXiv:2005.14165, appendix C.
  static let sharedWords = 13

  let text: ParallelText
  /// The files of the text, in its order.
  let files: [StepInput]
  /// Rows of the task that are measured on.
  let rows: [StepInput]
  /// Those of the languages that have held-out text.
  let measured: [String]

  var name: String { "text-\(text.name)" }
  var inputs: [StepInput] {
    files + rows + measured.map { .output("text-\($0)", of: "text-\($0)") }
  }
  var settings: JSON {
    var settings: JSON = [
      "languages": .array(text.languages.map { .string($0) }),
      "shared_words": JSON(Self.sharedWords),
    ]
    switch text.form {
    case .pairs(let pairs): settings["parallel"] = pairs.identity
    case .codeSwitched(let words): settings["code_switch"] = words.identity
    }
    return settings
  }

  /// Pairs are as large as their files, twice that in both orders; code-switched text is about as
  /// large as the text it is made of.
  func estimate(_ context: EstimateContext) -> StepEstimate {
    var estimate = StepEstimate()
    guard case .pairs(let pairs) = text.form else {
      let source = "text-\(text.languages[0])"
      estimate.outputByteCount =
        context.manifest(source)?.facts["sizes"]?["train"]?["bytes"]?.int
        ?? context.byteCount(source)?.byteCount
      estimate.rough = [.bytes]
      return estimate
    }
    var total = 0
    for file in files {
      guard let size = context.byteCount(file.label) else { return StepEstimate() }
      // gzip shrinks text to about a third.
      let isPacked = context.input(file.label)?.hasSuffix(".gz") == true
      total += isPacked ? 3 * size.byteCount : size.byteCount
    }
    estimate.outputByteCount = pairs.order == .both ? 2 * total : total
    estimate.rough = [.bytes]
    return estimate
  }

  func run(_ context: StepContext) throws {
    var decontamination = Decontamination(wordCount: Self.sharedWords)
    for input in rows {
      for row in try TableReader.taskRows(at: try context.input(input.label)) {
        decontamination.add(TextCleaner.cleaned(row.text))
      }
    }
    for code in measured {
      for file in ["selection.jsonl", "heldout.jsonl"] {
        let path = try context.input("text-\(code)") + "/" + file
        guard Disk.exists(path) else { continue }
        for document in try CorpusReader.documents(at: path) { decontamination.add(document.text) }
      }
    }
    let paths = try files.map { try context.input($0.label) }
    var sizes: JSON
    var documents: [Document]
    switch text.form {
    case .pairs(let settings):
      (documents, sizes) = try pairs(settings, paths, decontamination, context)
    case .codeSwitched(let settings):
      (documents, sizes) = try switched(settings, paths, decontamination, context)
    }
    let lines = documents.map { (["text": .string($0.text)] as JSON).serialized() + "\n" }
    try Disk.write(lines.joined(), to: context.folder + "/train.jsonl", isShared: false)
    sizes["train"] = [
      "documents": JSON(documents.count),
      "bytes": JSON(documents.reduce(0) { $0 + $1.byteCount }),
    ]
    context.setFact("sizes", sizes)
  }

  private func pairs(
    _ settings: ParallelSettings, _ paths: [String], _ decontamination: Decontamination,
    _ context: StepContext
  ) throws -> (documents: [Document], sizes: JSON) {
    var settings = settings
    switch settings.files {
    case .joint: settings.files = .joint(paths)
    case .aligned(let sources, _):
      settings.files = .aligned(
        source: Array(paths.prefix(sources.count)), target: Array(paths.dropFirst(sources.count)))
    }
    let reader = try PairDocuments(settings, decontamination: decontamination)
    var documents: [Document] = []
    var seen: Set<ContentHash> = []
    var duplicates = 0
    while let found = try reader.next() {
      try context.cancellation.check()
      let document = Document(
        segments: found.document.segments.map { TextCleaner.cleaned($0) }.filter { !$0.isEmpty })
      if document.segments.isEmpty { continue }
      if seen.insert(ContentHash(document.text.utf8)).inserted {
        documents.append(document)
      } else {
        duplicates += 1
      }
    }
    try requireText(documents, dropped: reader.contaminatedCount, unit: "pairs", paths)
    return (
      documents,
      [
        "read": ["documents": JSON(documents.count + duplicates)], "pairs": JSON(reader.pairCount),
        "contaminated": JSON(reader.contaminatedCount), "one_sided": JSON(reader.oneSidedCount),
        "duplicates": JSON(duplicates),
      ]
    )
  }

  private func switched(
    _ settings: CodeSwitchSettings, _ paths: [String], _ decontamination: Decontamination,
    _ context: StepContext
  ) throws -> (documents: [Document], sizes: JSON) {
    var settings = settings
    settings.lexicon = paths
    let switcher = try CodeSwitcher(settings)
    let path = try context.input("text-\(text.languages[0])") + "/train.jsonl"
    let read = try CorpusReader.documents(at: path)
    var report = CodeSwitcher.Report()
    var documents: [Document] = []
    for document in read where decontamination.firstMatch(in: document.text) == nil {
      try context.cancellation.check()
      let (result, done) = switcher.switched(document)
      report += done
      documents.append(result)
    }
    let dropped = read.count - documents.count
    try requireText(documents, dropped: dropped, unit: "documents", [path])
    return (
      documents,
      [
        "read": ["documents": JSON(read.count)], "contaminated": JSON(dropped),
        "words": JSON(report.words), "replaced": JSON(report.replaced),
      ]
    )
  }

  private func requireText(
    _ documents: [Document], dropped: Int, unit: String, _ paths: [String]
  ) throws {
    guard documents.isEmpty else { return }
    throw CorpusError.emptyCorpus(
      text.name,
      reason: dropped > 0
        ? "all \(dropped) \(unit) share words with held-out text or task rows"
        : "no \(unit) in \(paths.joined(separator: ", "))")
  }
}

extension ParallelText {
  /// What a laboratory writes for two languages each, if pairs are asked for.
  static func labFiles(_ lab: LabSettings) -> [String] {
    let codes = lab.languages.map(\.code)
    return codes.enumerated().flatMap { index, first in
      codes[(index + 1)...].flatMap { second in
        (lab.parallelPairs > 0 ? ["parallel/\(first)-\(second).tsv"] : [])
          + ["lexicons/\(first)-\(second).tsv"]
      }
    }
  }
}

extension StudySettings {
  /// The languages and parallel texts that a training draws text from.
  var mixedNames: Set<String> {
    Set([base?.mix, ct.mix, joint.mix].compactMap { $0 }.joined().map(\.language))
  }

  /// The parallel texts that a training draws from; the others take no step.
  var usedParallel: [ParallelText] { parallel.filter { mixedNames.contains($0.name) } }

  /// Their steps. Throws `StudyError.missingParallelFile`.
  func parallelSteps(_ data: StudyData) throws -> [ParallelTextStep] {
    try usedParallel.map { text in
      let files = text.files.enumerated().map { data.input("file-\($0.offset)", $0.element) }
      for file in files {
        if case .file(let path) = file.source, !Disk.exists(path) {
          throw StudyError.missingParallelFile(path, name: text.name, place: text.place)
        }
      }
      // The target's validation rows are read for nothing, and need not be there.
      let rows =
        languages.sources.flatMap { [($0, EvaluationSplit.validation), ($0, .test)] }
        + [(languages.target, .test)]
      return ParallelTextStep(
        text: text, files: files,
        rows: try rows.filter { text.languages.contains($0.0) }.map { code, split in
          data.input(
            "rows-\(code)-\(split.rawValue)",
            try TaskRowsInput.paths(task, code, split).rows)
        }, measured: texts.map(\.code).filter(text.languages.contains))
    }
  }
}

#if MLX
  import Runs

  extension StudyReport {
    /// What the parallel texts of the trainings came to, and what was left out of them.
    func parallelSizes() -> [ReportContent.DataSize] {
      study.settings.usedParallel.map { text in
        let sizes = plan["text-\(text.name)"]?.manifest?.facts["sizes"]
        func count(_ part: String, _ key: String) -> Int { sizes?[part]?[key]?.int ?? 0 }
        var unit = "pairs"
        if case .codeSwitched = text.form { unit = "documents" }
        let dropped = [
          ("\(unit) that share text with held-out text or task rows", "contaminated"),
          ("pairs without one side", "one_sided"), ("exact duplicates (documents)", "duplicates"),
        ]
        return ReportContent.DataSize(
          language: text.name, use: use(of: text.name),
          readDocumentCount: count("read", "documents"),
          trainDocumentCount: count("train", "documents"), heldOutDocumentCount: 0,
          trainByteCount: count("train", "bytes"), heldOutByteCount: 0,
          trainTokenCount: plan["tokens-\(text.name)"]?.manifest?.facts["tokens"]?.int,
          dropped: dropped.compactMap { title, key in
            guard let count = sizes?[key]?.int, count > 0 else { return nil }
            return ReportContent.DataSize.Dropped(reason: title, documentCount: count)
          })
      }
    }

    private func use(of name: String) -> String {
      let settings = study.settings
      return [("base", settings.base?.mix), ("CT", settings.ct.mix), ("joint", settings.joint.mix)]
        .filter { $0.1?.contains { $0.language == name } == true }.map(\.0)
        .joined(separator: ", ")
    }
  }
#endif
