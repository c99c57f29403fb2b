// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension TokenShard {
  /// The documents of this file that are kept away from training to measure on.
  ///
  /// As in ``SplitCorpus``, a function of each document's ids and the seed alone: candidates are
  /// those whose hash, read as a fraction, is below the share; they are taken by ascending hash
  /// while they fit into the bytes; documents with the same ids go together; where none is taken so,
  /// the shortest is. Ids become text again by `decode`, which is what is measured: tokenizers that
  /// do not keep every byte are measured on what they keep.
  ///
  /// - Returns: positions of documents and their texts, in the order of the file.
  /// - Throws: ``CorpusError/cannotSplit(_:documentCount:)`` for fewer than two different documents.
  package func heldOut(
    _ settings: HeldOutSettings, name: String, decode: ([Int32]) -> String
  ) throws -> (documents: Set<Int>, texts: [String]) {
    var places: [ContentHash: [Int]] = [:]
    for document in 0..<documentCount {
      let bytes = tokens(in: range(ofDocument: document)).lazy.flatMap { id in
        (0..<4).map { UInt8(truncatingIfNeeded: id >> Int32(8 * $0)) }
      }
      places[ContentHash(Array(bytes), seed: settings.seed), default: []].append(document)
    }
    guard places.count >= 2 else {
      throw CorpusError.cannotSplit(name, documentCount: documentCount)
    }
    func text(_ document: Int) -> String {
      decode(Array(tokens(in: range(ofDocument: document)).dropLast()))
    }
    var taken: [Int: String] = [:]
    var kinds = 0
    var left = settings.maximumBytes
    for (hash, documents) in places.sorted(by: { $0.key < $1.key }) {
      guard Double(hash.high >> 11) * 0x1p-53 < settings.share, kinds < places.count - 1 else {
        break
      }
      let text = text(documents[0])
      let size = text.utf8.count * documents.count
      guard size <= left, !text.isEmpty else { continue }
      left -= size
      kinds += 1
      for document in documents { taken[document] = text }
    }
    if taken.isEmpty {
      let shortest = places.values.min { a, b in
        (range(ofDocument: a[0]).count, a[0]) < (range(ofDocument: b[0]).count, b[0])
      }
      for document in shortest ?? [] { taken[document] = text(document) }
    }
    return (Set(taken.keys), taken.sorted { $0.key < $1.key }.map(\.value))
  }

  /// Writes the documents that are not in `left` to a file of their own, atomically; opens it.
  ///
  /// - Parameter textByteCount: of the text of what is left out.
  package func dividing(
    leavingOut left: Set<Int>, textByteCount: Int, to path: String
  ) throws -> TokenShard {
    var header = header
    (header.tokenCount, header.documentCount) = (0, 0)
    header.textByteCount = max(0, header.textByteCount - textByteCount)
    try AtomicOutput.file(at: path) { sink in
      try sink.write(header.encoded)
      var offsets = [0]
      var hasher = ContentHasher()
      for document in 0..<documentCount where !left.contains(document) {
        var bytes: [UInt8] = []
        for id in tokens(in: range(ofDocument: document)) {
          for k in 0..<header.tokenWidth {
            bytes.append(UInt8(truncatingIfNeeded: id >> Int32(8 * k)))
          }
        }
        hasher.absorb(bytes)
        try sink.write(bytes)
        header.tokenCount += bytes.count / header.tokenWidth
        header.documentCount += 1
        offsets.append(header.tokenCount)
      }
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
}
