// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Tokenization

/// What turns text into ids for token files. A value; encodes on several threads at once.
public struct TokenEncoder: Sendable {
  /// The vocabulary, with counts of zero.
  public var header: TokenShardHeader
  /// Text to ids, without special tokens.
  public var encode: @Sendable (String) -> [Int32]

  /// Makes an encoder of any function.
  public init(header: TokenShardHeader, encode: @escaping @Sendable (String) -> [Int32]) {
    self.header = header
    self.encode = encode
  }

  /// Encodes with a tokenizer, whose end-of-text token ends documents.
  ///
  /// - Parameter hash: of tokenizer.json, at most 64 characters: what caches know it by.
  /// - Throws: ``CorpusError/setting(_:expected:found:)`` for a tokenizer without such a token.
  public init(_ tokenizer: Tokenizer, hash: String) throws(CorpusError) {
    guard let endOfText = tokenizer.eosID else {
      throw .setting("tokenizer", expected: "one with an end-of-text token", found: "none")
    }
    self.init(
      header: TokenShardHeader(
        vocabularySize: tokenizer.vocabularySize, endOfText: endOfText, tokenizerHash: hash),
      encode: { tokenizer.encode($0) })
  }
}

/// One corpus as token ids, and how it came to them.
public struct CorpusShard: Sendable {
  /// The corpus.
  public var name: String
  /// Its documents as ids.
  public var shard: TokenShard
  /// What was dropped and what is left.
  public var report: CorpusReport
  /// Whether it was built by an earlier call.
  public var isCached: Bool
}

/// How far reading and encoding have come.
public struct CorpusProgress: Sendable {
  /// The corpus.
  public var name: String
  /// Bytes read of its files, as they lie on disk.
  public var inputBytes: Int
  /// Bytes of its files together.
  public var totalInputBytes: Int
  /// Documents read.
  public var documents: Int
  /// Documents encoded.
  public var encodedDocuments: Int
  /// Bytes of text encoded.
  public var encodedBytes: Int
  /// Tokens so far.
  public var tokens: Int
  /// Since the corpus was begun.
  public var elapsed: Duration

  /// Bytes of text encoded a second.
  public var bytesPerSecond: Double {
    let seconds = elapsed / .seconds(1)
    return seconds > 0 ? Double(encodedBytes) / seconds : 0
  }
}

/// Turns corpora into token files, once: what is in the cache for the same inputs, settings and
/// vocabulary is not encoded again.
///
///     let builder = try CorpusShardBuilder(
///       [settings], encoder: TokenEncoder(tokenizer, hash: hash), cache: "cache/tokens")
///     let shards = try builder.build()
///
/// A cache file's name holds a hash of the contents of all input files (not of their names), of
/// the settings, the vocabulary and, where duplicates are looked for across corpora, of the corpora
/// before it. It is written under another name and renamed when it is whole, so that a build that is
/// killed leaves nothing that a later one could take for a result. The hash of a file that has
/// kept its size, time and inode is remembered.
///
/// Memory: as ``CorpusPipeline`` says, and 8 bytes a document.
public struct CorpusShardBuilder {
  /// Raised when the same inputs give other documents or ids than before.
  static let version = 1

  /// What a build would do for one corpus.
  public struct Plan: Sendable {
    /// The corpus.
    public var name: String
    /// Its files, in the order in which they are read.
    public var files: [String]
    /// Their bytes on disk.
    public var inputBytes: Int
    /// Where its token file lies or will lie.
    public var path: String
    /// What is known from an earlier build, tokens included; `nil` where it must be built.
    public var report: CorpusReport?
  }

  /// The corpora, in the order in which duplicates are looked for.
  public let corpora: [CorpusSettings]
  /// How many dropped documents of each reason a report keeps; only of what is built, not of what
  /// was in the cache.
  public var examplesPerReason = 0

  private let encoder: TokenEncoder
  private let cache: String
  private let folder: String?
  private let threads: Int?

  /// Makes a builder.
  ///
  /// - Parameters:
  ///   - cache: the folder of token files; made where it is missing.
  ///   - folder: that relative names of inputs start from; `nil` for the current one.
  ///   - threads: `nil` for one on each core.
  public init(
    _ corpora: [CorpusSettings], encoder: TokenEncoder, cache: String,
    relativeTo folder: String? = nil, threads: Int? = nil
  ) {
    self.corpora = corpora
    self.encoder = encoder
    self.cache = cache
    self.folder = folder
    self.threads = threads
  }

  /// What ``build(progress:)`` would do. Reads the input files once, where their hashes are not
  /// remembered. Throws ``CorpusError``.
  public func plan() throws -> [Plan] {
    let hashes = FileHashes(remembered: (cache as NSString).appendingPathComponent("files.json"))
    var keys: [String] = []
    var plans: [Plan] = []
    for (index, corpus) in corpora.enumerated() {
      let files = try CorpusFiles.expand(corpus.files, relativeTo: folder)
      var key: JSON = [
        "version": JSON(Self.version), "settings": corpus.identity,
        "tokenizer": .string(encoder.header.tokenizerHash),
        "vocabulary_size": JSON(encoder.header.vocabularySize),
        "end_of_text": JSON(Int(encoder.header.endOfText)),
      ]
      key["files"] = JSON(
        try files.map { file in
          let format = (corpus.format ?? CorpusFormat(path: file))?.rawValue ?? "unknown"
          return ["hash": .string(try hashes.hash(of: file)), "format": .string(format)] as JSON
        })
      if let codeSwitch = corpus.codeSwitch {
        let found = try CorpusFiles.expand(codeSwitch.lexicon, relativeTo: folder)
        key["lexicon"] = JSON(try found.map { .string(try hashes.hash(of: $0)) })
      }
      if let other = corpus.decontamination {
        let found = try CorpusFiles.expand(other.files, relativeTo: folder)
        key["decontaminate"] = [
          "text_field": .string(other.textField),
          "files": JSON(try found.map { .string(try hashes.hash(of: $0)) }),
        ]
      }
      if let language = corpus.filters.language {
        key["identifier"] = .string(
          try hashes.hash(of: CorpusFiles.resolved(language.identifier, relativeTo: folder)))
      }
      let earlier = (0..<index).filter { corpora[$0].deduplication.shares(corpus.deduplication) }
      key["earlier"] = JSON(earlier.map { .string(keys[$0]) })
      keys.append(ContentHash(key.serialized(sortedKeys: true).utf8).hex)
      let name = String(corpus.name.map { $0.isLetter || $0.isNumber || $0 == "-" ? $0 : "_" })
      let path = (cache as NSString).appendingPathComponent(
        "\(name)-\(keys[index].prefix(16)).tokens")
      plans.append(
        Plan(
          name: corpus.name, files: files, inputBytes: FileHashes.byteCount(of: files), path: path,
          report: Self.cachedReport(path, key: keys[index])))
    }
    return plans
  }

  /// The token files of all corpora, in their order; those that the cache lacks are built.
  ///
  /// Where a corpus must be built, earlier ones that it is compared with are read again, but not
  /// encoded. Throws ``CorpusError``, and what `progress` throws: that ends the work.
  public func build(
    progress: ((CorpusProgress) throws -> Void)? = nil
  ) throws -> [CorpusShard] {
    try build(only: Set(corpora.indices), progress: progress)
  }

  /// The same for some of the corpora, by their numbers in ``corpora``: several processes may share
  /// the work, each with others, and the files are those of one process.
  public func build(
    only wanted: Set<Int>, progress: ((CorpusProgress) throws -> Void)? = nil
  ) throws -> [CorpusShard] {
    do {
      try FileManager.default.createDirectory(atPath: cache, withIntermediateDirectories: true)
    } catch {
      throw CorpusError.cannotWrite(cache, reason: SystemReason.text(of: error))
    }
    guard !wanted.isEmpty else { return [] }
    let plans = try plan()
    var shards = plans.enumerated().map { index, plan -> CorpusShard? in
      guard wanted.contains(index), let report = plan.report else { return nil }
      // A file that was damaged since is built again.
      return (try? TokenShard(path: plan.path)).map {
        CorpusShard(name: plan.name, shard: $0, report: report, isCached: true)
      }
    }
    let pipeline = try CorpusPipeline(
      corpora, relativeTo: folder, threads: threads, scratch: cache)
    pipeline.examplesPerReason = examplesPerReason
    let missing = wanted.filter { shards[$0] == nil }
    for index in corpora.indices {
      if missing.contains(index) {
        shards[index] = try build(index, plans[index], pipeline, progress)
      } else if missing.contains(where: {
        $0 > index && corpora[index].deduplication.shares(corpora[$0].deduplication)
      }) {
        let start = ContinuousClock.now
        let tell = progress.map { progress in
          { (inputBytes: Int, documents: Int) in
            try progress(
              CorpusProgress(
                name: corpora[index].name, inputBytes: inputBytes,
                totalInputBytes: plans[index].inputBytes, documents: documents,
                encodedDocuments: 0, encodedBytes: 0, tokens: 0,
                elapsed: ContinuousClock.now - start))
          }
        }
        _ = try pipeline.process(index, progress: tell) { _ in }
      }
    }
    return shards.compactMap { $0 }
  }

  private func build(
    _ index: Int, _ plan: Plan, _ pipeline: CorpusPipeline,
    _ progress: ((CorpusProgress) throws -> Void)?
  ) throws -> CorpusShard {
    let corpus = corpora[index]
    let start = ContinuousClock.now
    let writer = try TokenShardWriter(
      encoder, path: plan.path, workers: Workers(threads),
      maximumTokens: corpus.maximumDocumentTokens)
    var report = CorpusReport(name: corpus.name)
    var (packed, documents) = (0, 0)
    func tell() throws {
      try progress?(
        CorpusProgress(
          name: corpus.name, inputBytes: packed, totalInputBytes: plan.inputBytes,
          documents: documents, encodedDocuments: writer.header.documentCount,
          encodedBytes: writer.header.textByteCount, tokens: writer.header.tokenCount,
          elapsed: ContinuousClock.now - start))
    }
    try AtomicOutput.file(at: plan.path) { sink in
      try writer.begin(&sink)
      report = try pipeline.process(
        index,
        progress: {
          (packed, documents) = ($0, $1)
          try tell()
        },
        { found in
          if try writer.append(found.document.text, to: &sink) { try tell() }
        })
      guard report.kept.documents > 0 else {
        throw CorpusError.emptyCorpus(
          corpus.name,
          reason: report.read.documents == 0
            ? "no line with text in \(plan.files.joined(separator: ", "))"
            : "all \(report.read.documents) documents were dropped, most for "
              + "`\(report.mainReason)`")
      }
      try writer.finish(&sink)
    }
    try tell()
    report.tokens = writer.header.tokenCount
    report.truncatedDocuments = writer.truncated.documents
    report.truncatedTokens = writer.truncated.tokens
    let shard = try TokenShard(path: plan.path)
    // Named by the key, so that the token file counts only together with what tells of it.
    let record: JSON = [
      "key": .string(Self.key(in: plan.path)), "tokens": .string(shard.header.contentHash.hex),
      "report": report.json,
    ]
    try AtomicOutput.file(at: plan.path + ".json") { sink in
      try sink.write(record.serialized(pretty: true) + "\n")
    }
    return CorpusShard(name: corpus.name, shard: shard, report: report, isCached: false)
  }

  private static func key(in path: String) -> String {
    String((path as NSString).lastPathComponent.dropLast(".tokens".count).suffix(16))
  }

  private static func cachedReport(_ path: String, key: String) -> CorpusReport? {
    guard FileManager.default.fileExists(atPath: path),
      let text = FileManager.default.contents(atPath: path + ".json"),
      let record = try? JSON.parse(text, origin: path), let report = record["report"],
      record["key"]?.string == String(key.prefix(16)),
      let header = FileHandle(forReadingAtPath: path)?.readData(
        ofLength: TokenShardHeader.byteCount),
      header.count == TokenShardHeader.byteCount,
      record["tokens"]?.string == TokenShardHeader.contentHash(in: header)
    else { return nil }
    return CorpusReport(report)
  }
}

extension DeduplicationSettings {
  /// Whether text of one corpus can be a duplicate of the other's.
  func shares(_ other: Self) -> Bool {
    exactDocuments && other.exactDocuments || exactLines != nil && other.exactLines != nil
      || near != nil && near == other.near
  }
}

extension CorpusReport {
  /// What dropped the most documents.
  var mainReason: String {
    dropped.max { $0.size.documents < $1.size.documents }?.reason ?? "nothing"
  }
}
