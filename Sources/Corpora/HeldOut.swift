// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// How much of a language's text is kept away from training to measure on it.
public struct HeldOutSettings: Codable, Equatable, Sendable {
  /// The share of documents that are candidates, in (0, 1).
  public var share: Double
  /// The most UTF-8 bytes held out, so that measuring stays affordable.
  public var maximumBytes: Int
  /// Another seed divides anew.
  public var seed: UInt64

  /// Makes settings; the defaults hold out a twentieth, at most 200 kB.
  public init(share: Double = 0.05, maximumBytes: Int = 200_000, seed: UInt64 = 0) {
    self.share = share
    self.maximumBytes = maximumBytes
    self.seed = seed
  }
}

/// A language's documents, divided. No document text is in both halves.
public struct SplitCorpus: Equatable, Sendable {
  /// To learn from, in the original order.
  public var train: [Document]
  /// To measure on, in the original order.
  public var heldOut: [Document]

  /// Divides by document, as a function of each document's text and the seed alone, so that neither
  /// the order of the files nor text added later moves a document across (but for the limit).
  ///
  /// A document is a candidate when its hash, read as a fraction, is below `share`. Candidates are
  /// taken by ascending hash while they fit into `maximumBytes`; the others stay in train. If none
  /// is taken so, the smallest document is, whatever its size. Equal documents go together.
  /// Throws ``CorpusError/cannotSplit(_:documentCount:)`` for fewer than two different documents.
  public init(_ documents: [Document], name: String, settings: HeldOutSettings = .init()) throws {
    guard settings.share > 0, settings.share < 1 else {
      throw CorpusError.setting(
        "held_out.share", expected: "a number between 0 and 1", found: "\(settings.share)")
    }
    guard settings.maximumBytes > 0 else {
      throw CorpusError.setting(
        "held_out.maximum_bytes", expected: "positive", found: "\(settings.maximumBytes)")
    }
    let hashes = documents.map { ContentHash($0.text.utf8, seed: settings.seed) }
    var bytes: [ContentHash: Int] = [:]
    for (hash, document) in zip(hashes, documents) { bytes[hash, default: 0] += document.byteCount }
    guard bytes.count >= 2 else {
      throw CorpusError.cannotSplit(name, documentCount: documents.count)
    }
    var taken: Set<ContentHash> = []
    var total = 0
    for (hash, size) in bytes.sorted(by: { $0.key < $1.key }) {
      guard Double(hash.high >> 11) * 0x1p-53 < settings.share else { break }
      guard total + size <= settings.maximumBytes, taken.count < bytes.count - 1 else { continue }
      taken.insert(hash)
      total += size
    }
    if taken.isEmpty, let smallest = bytes.min(by: { ($0.value, $0.key) < ($1.value, $1.key) }) {
      taken.insert(smallest.key)
    }
    train = []
    heldOut = []
    for (hash, document) in zip(hashes, documents) {
      if taken.contains(hash) { heldOut.append(document) } else { train.append(document) }
    }
  }
}

/// One language's text, ready to be tokenized: read, cleaned, divided, counted.
public struct PreparedCorpus: Sendable {
  /// What cleaning did.
  public var report: CleaningReport
  /// To learn from.
  public var train: [Document]
  /// To measure on.
  public var heldOut: [Document]

  /// Reads `paths` in order, cleans and divides them. Throws ``CorpusError``.
  public init(
    language: String, paths: [String], boundary: DocumentBoundary = .automatic,
    cleaner: TextCleaner = .init(), heldOut settings: HeldOutSettings = .init()
  ) throws {
    let documents = try CorpusReader.documents(at: paths, boundary: boundary)
    let (cleaned, report) = try cleaner.clean(documents, language: language)
    let split = try SplitCorpus(cleaned, name: language, settings: settings)
    self.report = report
    train = split.train
    heldOut = split.heldOut
  }
}
