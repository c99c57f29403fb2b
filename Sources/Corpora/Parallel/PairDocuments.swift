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

  private let settings: ParallelSettings
  private let reader: PairReader
  private var waiting: SourceDocument?
  private var blockCount = 0

  /// Finds the files of the settings. Throws ``CorpusError`` for a missing one.
  public convenience init(_ settings: ParallelSettings, relativeTo folder: String? = nil) throws {
    try self.init(
      settings, files: try CorpusFiles.expand(settings.allFiles, relativeTo: folder))
  }

  /// Reads files that ``CorpusFiles`` has found, sources before targets.
  init(_ settings: ParallelSettings, files: [String]) throws {
    self.settings = settings
    reader = try PairReader(settings, files: files)
  }

  /// Bytes read so far, as they lie on disk.
  var packedCount: Int { reader.packedCount }

  /// The next document, or `nil` after the last. Throws ``CorpusError``.
  public func next() throws -> SourceDocument? {
    if let document = waiting {
      waiting = nil
      return document
    }
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
    guard let place else { return nil }
    pairCount += block.count
    defer { blockCount += 1 }
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
      var random = SeededRandom(seed: settings.seed, name: "order of block \(blockCount)")
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
