// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora
import Documents
import Evaluation

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
