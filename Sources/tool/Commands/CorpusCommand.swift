// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Corpora
import Documents
import Foundation
import Recipes
import Runs
import Tokenization

/// `koine corpus`: what is in texts, what filters and deduplication drop, and what is left.
struct CorpusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "corpus",
    abstract: "Read, clean, filter and deduplicate text; print what was dropped and why.",
    discussion: """
      Settings are those of a corpus in a training's `text:` section (docs/corpora.md), from a \
      file, from --set, or both: --set filters.min_words=5 --set deduplicate.near=true. A \
      settings file holds one corpus, or a section `text:` with several, by name.
      """)

  @Argument(help: "Files, folders and patterns; read as one corpus.", completion: .file())
  var files: [String] = []

  @Option(
    help: "A YAML file with the settings of one corpus or a `text:` section.",
    completion: .file(extensions: ["yaml", "yml"]))
  var settings: String?

  @Option(help: "A setting of every corpus, as KEY=VALUE; wins over the file. Repeatable.")
  var set: [String] = []

  @Option(
    help:
      "Write what is left as JSONL (.jsonl, .jsonl.gz, .jsonl.zst); `{name}` in it is the corpus.",
    completion: .file())
  var output: String?

  @Option(help: "Print so many dropped documents of each reason.")
  var showDropped = 0

  @Option(help: "Count tokens, too: a folder with a tokenizer.", completion: .directory)
  var tokenizer: String?

  @Option(help: "Threads (default: one on each core).")
  var threads: Int?

  @Option(help: "The folder that relative names of inputs start from.", completion: .directory)
  var data: String?

  @Flag(help: "Replace output files that are there.")
  var force = false

  @OptionGroup var format: FormatOptions

  func validate() throws {
    guard !files.isEmpty || settings != nil else {
      throw ValidationError("Name files, or a file of settings with --settings.")
    }
    guard showDropped >= 0 else { throw ValidationError("--show-dropped must not be negative.") }
    guard threads.map({ $0 >= 1 }) ?? true else {
      throw ValidationError("--threads must be at least 1.")
    }
    for entry in set where !entry.contains("=") || entry.hasPrefix("=") {
      throw ValidationError("--set takes KEY=VALUE, such as filters.min_words=5, not `\(entry)`.")
    }
  }

  func run() throws {
    let corpora = try CorpusSelection(files: files, settings: settings, changes: set).corpora
    if let output, corpora.count > 1, !output.contains("{name}") {
      throw ValidationError(
        "There are \(corpora.count) corpora: write {name} into --output, as in clean-{name}.jsonl.")
    }
    let outputs = corpora.map { corpus in
      output?.replacing("{name}", with: corpus.name)
    }
    for case let path? in outputs where !force && Disk.exists(path) {
      throw CorpusError.outputExists(path)
    }
    let profile = try tokenizer.map { TokenizerProfile(try Tokenizer.load(directory: $0)) }
    let cancellation = Cancellation()
    let signals = InterruptSignals(cancellation: cancellation) {}
    defer { withExtendedLifetime(signals) {} }
    let pipeline = try CorpusPipeline(
      corpora, relativeTo: data, threads: threads,
      scratch: output.map { $0.parentPath }.flatMap {
        $0.isEmpty ? nil : $0
      })
    pipeline.examplesPerReason = showDropped
    var reports: [CorpusOverview] = []
    for index in corpora.indices {
      let work = CommandWork("corpus \(corpora[index].name)")
      let start = ContinuousClock.now
      let size = pipeline.inputBytes(index)
      var counter = TokenCounter(profile)
      func process(_ keep: (Document) throws -> Void) throws -> CorpusReport {
        try pipeline.process(
          index,
          progress: { packed, _ in
            try cancellation.check()
            work.show(packed, of: size, unit: "bytes")
          },
          { found in
            counter.add(found.document.text)
            try keep(found.document)
          })
      }
      let report =
        if let path = outputs[index] {
          try DocumentWriter.write(to: path, replacing: force, process)
        } else {
          try process { _ in }
        }
      let seconds = (ContinuousClock.now - start) / .seconds(1)
      work.finish(seconds: seconds, byteCount: report.read.bytes)
      reports.append(
        CorpusOverview(
          report: report, files: pipeline.files[index], output: outputs[index],
          statistics: counter.finish(), seconds: seconds))
    }
    if format.json {
      Output.json(["schema": 1, "corpora": JSON(reports.map(\.json))])
    } else {
      Output.text(reports.map(\.text).joined(separator: "\n"))
    }
  }
}

/// The corpora that arguments and settings name.
struct CorpusSelection {
  let corpora: [CorpusSettings]

  init(files: [String], settings path: String?, changes: [String]) throws {
    let origin = path ?? "the command line"
    let root: Node
    if let path {
      root = try YAML.parse(try Disk.readText(path), origin: path)
    } else {
      root = Node(.mapping([]), line: 1)
    }
    var nodes: [(name: String, node: Node)] = []
    if let text = root["text"], case .mapping(let members) = text.content {
      nodes = members.map { ($0.key, $0.value) }
      guard files.isEmpty || nodes.count == 1 else {
        throw ValidationError("The settings name several corpora: leave the files to them.")
      }
    } else {
      nodes = [("text", root)]
    }
    corpora = try nodes.map { name, node in
      var node = node
      if !files.isEmpty {
        node = node.setting(
          ["files"][...],
          to: Node(
            .sequence(files.map { Node(.scalar(text: $0, isQuoted: true), line: 1) }), line: 1))
      }
      for change in changes {
        let parts = change.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let keys = parts[0].split(separator: ".").map(String.init)
        node = node.setting(
          keys[...], to: try YAML.parse(String(parts[1]), origin: "--set \(parts[0])"))
      }
      var settings = try Settings(node, origin: origin)
      let corpus = try CorpusSettings(&settings, name: name)
      // Of mixtures, not of reading.
      try settings.finish(known: ["parallel"])
      return corpus
    }
  }
}

extension Node {
  /// The mapping with a value put under a path of keys; what is no mapping on the way is replaced.
  fileprivate func setting(_ path: ArraySlice<String>, to value: Node) -> Node {
    guard let key = path.first else { return value }
    var members: [(key: String, value: Node)] = []
    if case .mapping(let found) = content { members = found }
    let old = members.firstIndex { $0.key == key }
    let empty = Node(.mapping([]), line: line)
    let new = (old.map { members[$0].value } ?? empty).setting(path.dropFirst(), to: value)
    if let old { members[old].value = new } else { members.append((key, new)) }
    return Node(.mapping(members), line: line)
  }
}

/// Counts the tokens of texts in batches, on all cores.
private struct TokenCounter {
  private let profile: TokenizerProfile?
  private var statistics = TokenizationStatistics()
  private var batch: [String] = []
  private var byteCount = 0

  init(_ profile: TokenizerProfile?) { self.profile = profile }

  mutating func add(_ text: String) {
    guard profile != nil else { return }
    batch.append(text)
    byteCount += text.utf8.count
    if byteCount >= 1 << 21 { flush() }
  }

  private mutating func flush() {
    if let profile { statistics.add(batch, profile) }
    batch.removeAll(keepingCapacity: true)
    byteCount = 0
  }

  mutating func finish() -> TokenizationStatistics? {
    flush()
    return profile == nil ? nil : statistics
  }
}
