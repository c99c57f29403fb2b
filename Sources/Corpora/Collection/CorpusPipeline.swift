// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// Corpora read, cleaned, filtered and freed of duplicates, one after the other in the order given.
///
/// For each document: cleaning → language → measures → script → repetition → decontamination → exact
/// duplicates → repeated lines → near duplicates → `max_bytes`. What is compared with earlier text
/// is compared over all corpora; see ``DeduplicationSettings``.
///
/// Memory: about a megabyte of text for each thread; 16 bytes for each document and each long line
/// where exact duplicates go, times two while tables grow; ``NearDuplicateIndex`` where near ones
/// go, for which the texts wait in an unnamed file in `scratch`. The result does not depend on the
/// number of threads.
public final class CorpusPipeline {
  /// The corpora.
  public let corpora: [CorpusSettings]
  /// The files of each corpus.
  public let files: [[String]]
  /// How many dropped documents of each reason a report keeps.
  public var examplesPerReason = 0

  private let workers: Workers
  private let folder: String?
  private let scratch: String
  private var documents: Set<ContentHash> = []
  private var lines: Set<ContentHash> = []
  private var near: [DeduplicationSettings.Near: NearDuplicateIndex] = [:]

  /// Reasons in the order in which they are looked at.
  static let reasons =
    ["cleaning", "empty"] + TextFilter.reasons
    + ["contaminated", "exact_document", "exact_line", "near_duplicate", "max_bytes"]

  /// Finds the files of all corpora. Throws ``CorpusError``.
  ///
  /// - Parameters:
  ///   - folder: that relative names start from; `nil` for the current one.
  ///   - threads: `nil` for one on each core.
  ///   - scratch: a folder for texts that wait; `nil` for the system's.
  public init(
    _ corpora: [CorpusSettings], relativeTo folder: String? = nil, threads: Int? = nil,
    scratch: String? = nil
  ) throws {
    self.corpora = corpora
    self.folder = folder
    self.scratch = scratch ?? NSTemporaryDirectory()
    workers = Workers(threads)
    files = try corpora.map { try CorpusFiles.expand($0.files, relativeTo: folder) }
  }

  /// Reads corpus number `index` and hands on what is left of it, in order.
  ///
  /// Corpora must be processed in their order, each once, since later ones are compared with
  /// earlier ones. Throws ``CorpusError`` and what `progress` and `body` throw.
  ///
  /// - Parameters:
  ///   - progress: told the bytes of the files and the documents read so far, about every megabyte.
  ///   - receive: gets each document that stays.
  public func process(
    _ index: Int, progress: ((_ packedBytes: Int, _ documents: Int) throws -> Void)? = nil,
    _ receive: (SourceDocument) throws -> Void
  ) throws -> CorpusReport {
    let settings = corpora[index]
    var run = try Run(settings, folder: folder)
    let switcher = try settings.codeSwitch.map { try CodeSwitcher($0, relativeTo: folder) }
    var switches = CodeSwitcher.Report()
    // Last of all, so that filters and duplicates go by the text as it was written.
    func body(_ source: SourceDocument) throws {
      guard let switcher else { return try receive(source) }
      var source = source
      let (document, done) = switcher.switched(source.document)
      source.document = document
      switches += done
      try receive(source)
    }
    let stream = DocumentStream(files: files[index], settings)
    let spool = settings.deduplication.near == nil ? nil : try DocumentSpool(in: scratch)
    var batch: [SourceDocument] = []
    var batchBytes = 0
    var isAtEnd = false
    while !isAtEnd, !run.report.reachedLimit {
      while batchBytes < workers.count << 20, batch.count < workers.count << 12 {
        guard let next = try stream.next() else {
          isAtEnd = true
          break
        }
        batchBytes += next.document.byteCount
        batch.append(next)
      }
      try take(batch, &run, spool, body)
      batch.removeAll(keepingCapacity: true)
      batchBytes = 0
      try progress?(stream.packedCount, run.report.read.documents)
    }
    run.report.invalidLines = stream.invalidCount
    run.report.emptyRecords = stream.emptyRecordCount
    if let spool { try release(spool, &run, body) }
    run.report.sortDropped(by: Self.reasons)
    if switcher != nil { run.report.codeSwitched = switches }
    return run.report
  }

  /// What one corpus needs while it is processed.
  private struct Run {
    let settings: CorpusSettings
    let filter: TextFilter
    let decontamination: Decontamination?
    let minHash: MinHash?
    var report: CorpusReport
    /// The number that the first spooled text has among the texts of the near duplicates' index.
    var firstNumber = -1

    init(_ settings: CorpusSettings, folder: String?) throws {
      self.settings = settings
      filter = try TextFilter(settings.filters, relativeTo: folder)
      minHash = settings.deduplication.near.map(MinHash.init)
      report = CorpusReport(name: settings.name)
      guard let wanted = settings.decontamination else {
        decontamination = nil
        return
      }
      var source = CorpusSettings(name: settings.name, files: wanted.files)
      source.textField = wanted.textField
      let stream = DocumentStream(
        files: try CorpusFiles.expand(wanted.files, relativeTo: folder), source)
      var index = Decontamination(wordCount: wanted.minimumWords)
      while let found = try stream.next() { index.add(found.document.text) }
      decontamination = index
    }
  }

  // MARK: One batch

  private func take(
    _ batch: [SourceDocument], _ run: inout Run, _ spool: DocumentSpool?,
    _ body: (SourceDocument) throws -> Void
  ) throws {
    let preparation = Preparation(run.settings, run.filter, run.decontamination)
    var kept: [PreparedDocument] = []
    for result in workers.map(batch, preparation.prepare) {
      guard let document = try exact(result.get(), &run, examples: examplesPerReason) else {
        if run.report.reachedLimit { break }
        continue
      }
      if spool != nil {
        kept.append(document)
      } else if try !pass(document, &run.report, run.settings, body) {
        return
      }
    }
    guard let spool, let minHash = run.minHash, let near = run.settings.deduplication.near else {
      return
    }
    let signatures = workers.map(kept) { minHash.signature(of: $0.document.text) }
    var index = self.near.removeValue(forKey: near) ?? NearDuplicateIndex(near)
    defer { self.near[near] = index }
    for (document, signature) in zip(kept, signatures) {
      // A text of symbols alone still has words; one of white space alone was dropped as empty.
      guard let signature else { continue }
      let number = index.insert(signature)
      if run.firstNumber < 0 { run.firstNumber = number }
      try spool.append(document)
    }
  }

  /// Counts a document, and looks for it and its lines among the earlier ones; `nil` when it goes.
  private func exact(
    _ prepared: PreparedDocument, _ run: inout Run, examples: Int
  ) throws -> PreparedDocument? {
    var found = prepared
    prepared.count(in: &run.report)
    func drop(_ reason: String, _ detail: String = "") {
      var size = CorpusReport.Size()
      size.add(found.document)
      run.report.drop(size, reason: reason)
      run.report.keepExample(found, reason: reason, detail: detail, limit: examples)
    }
    if let (reason, detail) = prepared.dropped {
      drop(reason, detail)
      return nil
    }
    let settings = run.settings.deduplication
    if settings.exactDocuments, !documents.insert(found.hash).inserted {
      drop("exact_document")
      return nil
    }
    guard let minimum = settings.exactLines else { return found }
    let before = found.document
    found.document.segments = before.segments.filter {
      $0.utf8.count < minimum || lines.insert(ContentHash($0.utf8)).inserted
    }
    guard found.document.segments.count < before.segments.count else { return found }
    let rest = found.document
    // What is left of it may be nothing, or an earlier document.
    guard rest.segments.contains(where: { !$0.isEmpty }),
      !settings.exactDocuments || documents.insert(ContentHash(rest.text.utf8)).inserted
    else {
      found.document = before
      drop("exact_line")
      return nil
    }
    var size = CorpusReport.Size()
    size.lines = before.segments.count - rest.segments.count
    size.bytes = before.byteCount - rest.byteCount
    run.report.drop(size, reason: "exact_line")
    found.recount()
    return found
  }

  /// Hands a document on; false when it does not fit into the corpus any more.
  private func pass(
    _ document: PreparedDocument, _ report: inout CorpusReport, _ settings: CorpusSettings,
    _ body: (SourceDocument) throws -> Void
  ) throws -> Bool {
    let limit = settings.maximumBytes
    if limit > 0, report.kept.bytes + document.document.byteCount > limit {
      report.reachedLimit = true
      var size = CorpusReport.Size()
      size.add(document.document)
      report.drop(size, reason: "max_bytes")
      return false
    }
    report.kept.add(document.document)
    report.characters += document.characters
    report.words += document.words
    try body(document.source)
    return true
  }

  // MARK: Near duplicates

  private func release(
    _ spool: DocumentSpool, _ run: inout Run, _ body: (SourceDocument) throws -> Void
  ) throws {
    guard let near = run.settings.deduplication.near,
      var index = self.near.removeValue(forKey: near)
    else { return }
    defer { self.near[near] = index }
    var number = run.firstNumber
    try spool.forEach { document in
      defer { number += 1 }
      let first = index.representative(of: number)
      if first != number {
        var size = CorpusReport.Size()
        size.add(document.document)
        run.report.drop(size, reason: "near_duplicate")
        run.report.keepExample(
          document, reason: "near_duplicate", detail: "", limit: examplesPerReason)
      } else if run.report.reachedLimit {
        var size = CorpusReport.Size()
        size.add(document.document)
        run.report.drop(size, reason: "max_bytes")
      } else {
        _ = try pass(document, &run.report, run.settings, body)
      }
    }
  }
}
