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
  ///   - progress: told how many documents and text bytes are done, about every 256 documents.
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
      func encodeBatch() throws {
        for ids in concurrently(batch, encode) {
          let width = header.tokenWidth
          var bytes: [UInt8] = []
          bytes.reserveCapacity((ids.count + 1) * width)
          for id in ids + [header.endOfText] {
            guard id >= 0, id < header.vocabularySize else {
              throw CorpusError.tokenOutOfRange(
                path, document: header.documentCount, id: Int(id),
                vocabularySize: header.vocabularySize)
            }
            for k in 0..<width { bytes.append(UInt8(truncatingIfNeeded: id >> Int32(8 * k))) }
          }
          hasher.absorb(bytes)
          try sink.write(bytes)
          header.tokenCount += ids.count + 1
          header.documentCount += 1
          offsets.append(header.tokenCount)
        }
        batch.removeAll(keepingCapacity: true)
        progress?(header.documentCount, header.textByteCount)
      }
      for document in documents {
        let text = document.text
        header.textByteCount += text.utf8.count
        batch.append(text)
        if batch.count == 256 { try encodeBatch() }
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

  private static func concurrently(
    _ texts: [String], _ encode: @Sendable (String) -> [Int32]
  ) -> [[Int32]] {
    let results = [[Int32]](unsafeUninitializedCapacity: texts.count) { buffer, count in
      // Safety: every index is initialised exactly once, by the one iteration that owns it.
      nonisolated(unsafe) let start = buffer.baseAddress
      DispatchQueue.concurrentPerform(iterations: texts.count) { i in
        if let start { (start + i).initialize(to: encode(texts[i])) }
      }
      count = texts.count
    }
    return results
  }
}
