// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Documents made of pairs of segments, one at a time, in the order of the files.
///
/// Pairs with one empty side are counted and left out; pairs with two end a document, as does the
/// end of a file and the number of pairs a document may have.
///
/// **Source:** Guo et al. 2024, *A Novel Paradigm Boosting Translation Capabilities of Large
/// Language Models*, arXiv:2403.11430 (interlinear documents as a second stage of pre-training).
/// **Departs:** both orders, since models learn only the directions that they see; tags and
/// separator can be set.
///
/// Memory: one document.
public final class PairDocuments {
  /// Pairs that were used.
  public private(set) var pairCount = 0
  /// Pairs that lack one side.
  public private(set) var oneSidedCount = 0
  /// Pairs left out because texts for measuring share a run of words with one of their sides.
  public private(set) var contaminatedCount = 0

  private let settings: ParallelSettings
  private let decontamination: Decontamination?
  private let reader: PairReader
  private var waiting: SourceDocument?
  private var blockCount = 0

  /// Finds the files of the settings. Throws ``CorpusError`` for a missing one.
  ///
  /// - Parameter decontamination: texts for measuring. Each side of a document's pairs is looked
  ///   through by itself, because the other side would hide a run that goes over two segments; only
  ///   the pairs that a run touches go.
  public convenience init(
    _ settings: ParallelSettings, relativeTo folder: String? = nil,
    decontamination: Decontamination? = nil
  ) throws {
    try self.init(
      settings, files: try CorpusFiles.expand(settings.allFiles, relativeTo: folder),
      decontamination: decontamination)
  }

  /// Reads files that ``CorpusFiles`` has found, sources before targets.
  init(
    _ settings: ParallelSettings, files: [String], decontamination: Decontamination? = nil
  ) throws {
    self.settings = settings
    self.decontamination = decontamination
    reader = try PairReader(settings, files: files)
  }

  /// Bytes read so far, as they lie on disk.
  var packedCount: Int { reader.packedCount }

  /// The pairs of the next document before any are left out, with the place of the first.
  private func nextBlock() throws -> (pairs: [SegmentPair], file: String, line: Int)? {
    var block: [SegmentPair] = []
    var place: (file: String, line: Int)?
    while let found = try reader.nextPair() {
      if found.pair.isEmpty {
        if block.isEmpty { continue }
        break
      }
      guard !found.pair.source.isEmpty, !found.pair.target.isEmpty else {
        oneSidedCount += 1
        continue
      }
      if place == nil { place = (found.file, found.line) }
      block.append(found.pair)
      if block.count == settings.pairsPerDocument { break }
    }
    return place.map { (block, $0.file, $0.line) }
  }

  /// The pairs that share no run of words with texts for measuring.
  private func clean(_ block: [SegmentPair]) -> [SegmentPair] {
    guard let decontamination else { return block }
    // In the form that texts for measuring have.
    let found = [\SegmentPair.source, \.target].map { side in
      decontamination.matches(in: block.map { TextCleaner.cleaned($0[keyPath: side]) })
    }
    let touched = found[0].union(found[1])
    contaminatedCount += touched.count
    return block.indices.filter { !touched.contains($0) }.map { block[$0] }
  }

  /// The next document, or `nil` after the last. Throws ``CorpusError``.
  public func next() throws -> SourceDocument? {
    if let document = waiting {
      waiting = nil
      return document
    }
    var block: [SegmentPair] = []
    var place: (file: String, line: Int) = ("", 0)
    while block.isEmpty {
      guard let found = try nextBlock() else { return nil }
      place = (found.file, found.line)
      block = clean(found.pairs)
      blockCount += 1
    }
    pairCount += block.count
    func document(_ isForward: Bool) -> SourceDocument {
      SourceDocument(
        document: Self.document(block, settings, isForward: isForward), file: place.file,
        line: place.line)
    }
    switch settings.order {
    case .forward: return document(true)
    case .backward: return document(false)
    case .both:
      waiting = document(false)
      return document(true)
    case .random:
      var random = SeededRandom(seed: settings.seed, name: "order of block \(blockCount - 1)")
      return document(random.chance(0.5))
    }
  }

  /// All documents that are left.
  public func all() throws -> [Document] {
    var documents: [Document] = []
    while let found = try next() { documents.append(found.document) }
    return documents
  }

  /// One document of a block of pairs.
  public static func document(
    _ pairs: [SegmentPair], _ settings: ParallelSettings, isForward: Bool
  ) -> Document {
    let (firstTag, secondTag) =
      isForward
      ? (settings.sourceTag, settings.targetTag) : (settings.targetTag, settings.sourceTag)
    let sides = pairs.map { isForward ? ($0.source, $0.target) : ($0.target, $0.source) }
    switch settings.form {
    case .interlinear:
      return Document(segments: sides.flatMap { [firstTag + $0, secondTag + $1] })
    case .bilingual:
      var first = sides.map(\.0)
      var second = sides.map(\.1)
      if let line = first.first { first[0] = firstTag + line }
      if let line = second.first { second[0] = secondTag + line }
      return Document(
        segments: first + (settings.separator.isEmpty ? [] : [settings.separator]) + second)
    }
  }
}
