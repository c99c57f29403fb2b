// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension TokenShard {
  /// Encodes documents and writes them as a token file, atomically; then opens it.
  ///
  /// - Parameters:
  ///   - documents: in the order they are to have; at least one.
  ///   - header: the vocabulary; its counts are filled in.
  ///   - encode: text to ids without special tokens; called from several threads. The result does
  ///     not depend on their number.
  ///   - progress: told how many documents and text bytes are done, about every megabyte.
  ///
  /// Throws ``CorpusError``: no documents, an id outside the vocabulary, or a refused write; then
  /// `path` is as it was. Memory: one batch of documents and 8 bytes a document.
  @discardableResult
  public static func build(
    _ documents: some Collection<Document>, header: TokenShardHeader, to path: String,
    encode: @escaping @Sendable (String) -> [Int32],
    progress: ((_ documents: Int, _ textBytes: Int) -> Void)? = nil
  ) throws -> TokenShard {
    guard !documents.isEmpty else {
      throw CorpusError.emptyCorpus(path, reason: "no documents to encode")
    }
    let writer = try TokenShardWriter(
      TokenEncoder(header: header, encode: encode), path: path, workers: Workers())
    try AtomicOutput.file(at: path) { sink in
      try writer.begin(&sink)
      for document in documents {
        if try writer.append(document.text, to: &sink) {
          progress?(writer.header.documentCount, writer.header.textByteCount)
        }
      }
      try writer.finish(&sink)
      progress?(writer.header.documentCount, writer.header.textByteCount)
    }
    return try TokenShard(path: path)
  }
}

/// Encodes texts as they come, on several threads, and writes them behind each other.
///
/// Memory: one batch of texts, and 8 bytes a document for the offsets at the file's end.
final class TokenShardWriter {
  /// Counts of what was written; complete after ``finish(_:)``.
  private(set) var header: TokenShardHeader
  /// Documents cut to the most tokens, and tokens that were left out.
  private(set) var truncated = (documents: 0, tokens: 0)

  private let path: String
  private let packing: Packing
  private let encode: @Sendable (String) -> [Int32]
  private let workers: Workers
  private var offsets = [0]
  private var hasher = ContentHasher()
  private var batch: [String] = []
  private var batchByteCount = 0

  /// - Parameters:
  ///   - path: for messages.
  ///   - maximumTokens: of a document, its end not counted; 0 for any number.
  init(
    _ encoder: TokenEncoder, path: String, workers: Workers, maximumTokens: Int = 0
  ) throws {
    header = encoder.header
    encode = encoder.encode
    self.path = path
    self.workers = workers
    guard header.vocabularySize > 0, header.vocabularySize <= 1 << 31 else {
      throw CorpusError.setting(
        "vocabulary_size", expected: "between 1 and 2147483648", found: "\(header.vocabularySize)")
    }
    guard header.endOfText >= 0, header.endOfText < header.vocabularySize else {
      throw CorpusError.setting(
        "end-of-text id", expected: "an id below \(header.vocabularySize)",
        found: "\(header.endOfText)")
    }
    guard header.tokenizerHash.utf8.count <= 64 else {
      throw CorpusError.setting(
        "tokenizer hash", expected: "at most 64 bytes", found: header.tokenizerHash)
    }
    (header.tokenCount, header.documentCount, header.textByteCount) = (0, 0, 0)
    packing = Packing(header, maximumTokens: maximumTokens)
  }

  /// Keeps room for the header.
  func begin(_ sink: inout FileSink) throws { try sink.write(header.encoded) }

  /// Takes a text; whether a batch was encoded.
  func append(_ text: String, to sink: inout FileSink) throws -> Bool {
    header.textByteCount += text.utf8.count
    batch.append(text)
    batchByteCount += text.utf8.count
    // Enough that no core waits long for the last document, and that starting costs little.
    guard batchByteCount >= 1 << 20 || batch.count == 8192 else { return false }
    try encodeBatch(&sink)
    return true
  }

  /// Encodes what is left, and writes the offsets and the header.
  func finish(_ sink: inout FileSink) throws {
    if !batch.isEmpty { try encodeBatch(&sink) }
    header.contentHash = hasher.finish()
    let end = TokenShardHeader.byteCount + header.tokenCount * header.tokenWidth
    try sink.write([UInt8](repeating: 0, count: header.offsetsStart - end))
    for offset in offsets {
      try sink.write((0..<8).map { UInt8(truncatingIfNeeded: offset >> (8 * $0)) })
    }
    try sink.overwriteStart(header.encoded)
  }

  private func encodeBatch(_ sink: inout FileSink) throws {
    let (packing, encode) = (packing, encode)
    for document in workers.map(batch, { packing.pack(encode($0)) }) {
      if let id = document.wrongID {
        throw CorpusError.tokenOutOfRange(
          path, document: header.documentCount, id: Int(id), vocabularySize: header.vocabularySize)
      }
      hasher.absorb(document.bytes)
      try sink.write(document.bytes)
      header.tokenCount += document.bytes.count / header.tokenWidth
      header.documentCount += 1
      offsets.append(header.tokenCount)
      if document.leftOut > 0 {
        truncated.documents += 1
        truncated.tokens += document.leftOut
      }
    }
    batch.removeAll(keepingCapacity: true)
    batchByteCount = 0
  }

  /// Ids to bytes, little-endian, with the end of the text behind them.
  private struct Packing: Sendable {
    struct Document: Sendable {
      var bytes: [UInt8] = []
      /// The first id outside the vocabulary.
      var wrongID: Int32?
      /// Tokens behind the most that are kept.
      var leftOut = 0
    }

    private let width: Int
    private let vocabularySize: Int
    private let endOfText: Int32
    private let maximumTokens: Int

    init(_ header: TokenShardHeader, maximumTokens: Int) {
      width = header.tokenWidth
      vocabularySize = header.vocabularySize
      endOfText = header.endOfText
      self.maximumTokens = maximumTokens > 0 ? maximumTokens : .max
    }

    func pack(_ ids: [Int32]) -> Document {
      var document = Document()
      let kept = min(ids.count, maximumTokens)
      document.leftOut = ids.count - kept
      document.bytes.reserveCapacity((kept + 1) * width)
      func append(_ id: Int32) {
        for k in 0..<width { document.bytes.append(UInt8(truncatingIfNeeded: id >> Int32(8 * k))) }
      }
      for id in ids[..<kept] {
        guard id >= 0, id < vocabularySize else {
          document.wrongID = id
          return document
        }
        append(id)
      }
      append(endOfText)
      return document
    }
  }
}
