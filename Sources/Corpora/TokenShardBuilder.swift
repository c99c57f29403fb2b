// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Dispatch

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
    encode: @Sendable (String) -> [Int32],
    progress: ((_ documents: Int, _ textBytes: Int) -> Void)? = nil
  ) throws -> TokenShard {
    var header = header
    guard !documents.isEmpty else {
      throw CorpusError.emptyCorpus(path, reason: "no documents to encode")
    }
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
    try AtomicOutput.file(at: path) { sink in
      try sink.write(header.encoded)
      var offsets = [0]
      var hasher = ContentHasher()
      var batch: [String] = []
      var batchByteCount = 0
      let packing = Packing(header)
      func encodeBatch() throws {
        for document in concurrently(batch, { packing.pack(encode($0)) }) {
          if let id = document.wrongID {
            throw CorpusError.tokenOutOfRange(
              path, document: header.documentCount, id: Int(id),
              vocabularySize: header.vocabularySize)
          }
          hasher.absorb(document.bytes)
          try sink.write(document.bytes)
          header.tokenCount += document.bytes.count / header.tokenWidth
          header.documentCount += 1
          offsets.append(header.tokenCount)
        }
        batch.removeAll(keepingCapacity: true)
        batchByteCount = 0
        progress?(header.documentCount, header.textByteCount)
      }
      for document in documents {
        let text = document.text
        header.textByteCount += text.utf8.count
        batch.append(text)
        batchByteCount += text.utf8.count
        // Enough that no core waits long for the last document, and that starting costs little.
        if batchByteCount >= 1 << 20 || batch.count == 8192 { try encodeBatch() }
      }
      if !batch.isEmpty { try encodeBatch() }
      header.contentHash = hasher.finish()
      let end = TokenShardHeader.byteCount + header.tokenCount * header.tokenWidth
      try sink.write([UInt8](repeating: 0, count: header.offsetsStart - end))
      for offset in offsets {
        try sink.write((0..<8).map { UInt8(truncatingIfNeeded: offset >> (8 * $0)) })
      }
      try sink.overwriteStart(header.encoded)
    }
    return try TokenShard(path: path)
  }

  /// Ids to bytes, little-endian, with the end of the text behind them.
  private struct Packing: Sendable {
    struct Document: Sendable {
      var bytes: [UInt8] = []
      /// The first id outside the vocabulary.
      var wrongID: Int32?
    }

    private let width: Int
    private let vocabularySize: Int
    private let endOfText: Int32

    init(_ header: TokenShardHeader) {
      width = header.tokenWidth
      vocabularySize = header.vocabularySize
      endOfText = header.endOfText
    }

    func pack(_ ids: [Int32]) -> Document {
      var document = Document()
      document.bytes.reserveCapacity((ids.count + 1) * width)
      func append(_ id: Int32) {
        for k in 0..<width { document.bytes.append(UInt8(truncatingIfNeeded: id >> Int32(8 * k))) }
      }
      for id in ids {
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

  /// `body` of every text, on all cores, in the order of the texts.
  private static func concurrently<Output: Sendable>(
    _ texts: [String], _ body: @Sendable (String) -> Output
  ) -> [Output] {
    let results = [Output](unsafeUninitializedCapacity: texts.count) { buffer, count in
      // Safety: every index is initialised exactly once, by the one iteration that owns it.
      nonisolated(unsafe) let start = buffer.baseAddress
      DispatchQueue.concurrentPerform(iterations: texts.count) { i in
        if let start { (start + i).initialize(to: body(texts[i])) }
      }
      count = texts.count
    }
    return results
  }
}
