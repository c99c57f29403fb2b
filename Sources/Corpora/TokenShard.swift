// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// What a token file says of itself.
public struct TokenShardHeader: Equatable, Sendable {
  /// Ids are below this.
  public var vocabularySize: Int
  /// The id that ends each document.
  public var endOfText: Int32
  /// Which vocabulary made the ids: any text of at most 64 bytes of UTF-8, in practice the
  /// hexadecimal hash of tokenizer.json.
  public var tokenizerHash: String
  /// Tokens, the ends of documents included.
  public var tokenCount = 0
  /// Documents.
  public var documentCount = 0
  /// UTF-8 bytes of the text behind the tokens, for bits per byte.
  public var textByteCount = 0
  /// The fingerprint of all token bytes.
  public var contentHash = ContentHash([UInt8]())

  /// Makes the header of an empty file.
  public init(vocabularySize: Int, endOfText: Int32, tokenizerHash: String) {
    self.vocabularySize = vocabularySize
    self.endOfText = endOfText
    self.tokenizerHash = tokenizerHash
  }

  /// Bytes of one id: 2 when all ids fit, else 4.
  var tokenWidth: Int { Self.tokenWidth(vocabularySize: vocabularySize) }

  /// Bytes of an id in a token file of that vocabulary.
  package static func tokenWidth(vocabularySize: Int) -> Int { vocabularySize <= 1 << 16 ? 2 : 4 }
}

/// The documents of a text as token ids, in a mapped file. Each document ends with the end-of-text
/// token, which counts as its last token.
///
/// The file, little-endian: a header of 152 bytes (see ``TokenShardHeader``: `KOINETOK`, version,
/// width of an id, vocabulary size, end-of-text id, counts, fingerprint, tokenizer), the ids (2 or
/// 4 bytes each), zeros up to a multiple of 8, then documentCount + 1 offsets in tokens (8 bytes
/// each, the first 0, the last tokenCount).
///
/// Opening checks everything once, ids included (one pass over the file); afterwards reading cannot
/// fail. The file must not be changed while it is mapped; ours are replaced by renaming only.
public struct TokenShard: Sendable {
  /// Where it was opened.
  public let path: String
  /// What it holds.
  public let header: TokenShardHeader
  private let data: Data

  /// Maps and checks a token file. Throws ``CorpusError``.
  public init(path: String) throws {
    self.path = path
    guard FileManager.default.fileExists(atPath: path) else { throw CorpusError.missingFile(path) }
    do {
      data = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
    } catch {
      throw CorpusError.unreadable(path, reason: SystemReason.text(of: error))
    }
    header = try TokenShardHeader(decoding: data, path: path)
    try checkBody()
  }

  /// Tokens, the ends of documents included.
  public var tokenCount: Int { header.tokenCount }
  /// Documents.
  public var documentCount: Int { header.documentCount }

  /// The tokens of a document, as positions in the file. `document` must be below documentCount.
  public func range(ofDocument document: Int) -> Range<Int> {
    precondition(document >= 0 && document < documentCount)
    return offset(document)..<offset(document + 1)
  }

  /// The ids at `range`, which must lie in 0 ..< tokenCount.
  public func tokens(in range: Range<Int>) -> [Int32] {
    var tokens: [Int32] = []
    tokens.reserveCapacity(range.count)
    append(range, to: &tokens)
    return tokens
  }

  /// Appends the ids at `range` to `tokens`.
  func append(_ range: Range<Int>, to tokens: inout [Int32]) {
    precondition(range.lowerBound >= 0 && range.upperBound <= tokenCount)
    let start = TokenShardHeader.byteCount
    // Safety: the range is inside the tokens, whose bytes the constructor found in the file.
    data.withUnsafeBytes { bytes in
      if header.tokenWidth == 2 {
        for i in range {
          let id = bytes.loadUnaligned(fromByteOffset: start + 2 * i, as: UInt16.self)
          tokens.append(Int32(UInt16(littleEndian: id)))
        }
      } else {
        for i in range {
          let id = bytes.loadUnaligned(fromByteOffset: start + 4 * i, as: Int32.self)
          tokens.append(Int32(littleEndian: id))
        }
      }
    }
  }

  private func offset(_ document: Int) -> Int {
    let place = header.offsetsStart + 8 * document
    // Safety: `document` is at most documentCount, and the constructor checked the file's size.
    return data.withUnsafeBytes {
      Int(Int64(littleEndian: $0.loadUnaligned(fromByteOffset: place, as: Int64.self)))
    }
  }

  private func checkBody() throws {
    var last = 0
    for document in 0...documentCount {
      let next = offset(document)
      guard document == 0 ? next == 0 : next > last && next <= tokenCount else {
        throw CorpusError.shard(
          path, field: "offset of document \(document)",
          expected: document == 0 ? "0" : "above \(last) and at most \(tokenCount)",
          found: "\(next)")
      }
      last = next
    }
    guard last == tokenCount else {
      throw CorpusError.shard(
        path, field: "last offset", expected: "\(tokenCount)", found: "\(last)")
    }
    var document = 0
    while document < documentCount {
      let range = range(ofDocument: document)
      let ids = tokens(in: range)
      if let id = ids.first(where: { $0 < 0 || $0 >= header.vocabularySize }) {
        throw CorpusError.tokenOutOfRange(
          path, document: document, id: Int(id), vocabularySize: header.vocabularySize)
      }
      guard ids.last == header.endOfText else {
        throw CorpusError.shard(
          path, field: "last token of document \(document)", expected: "\(header.endOfText)",
          found: "\(ids.last ?? -1)")
      }
      document += 1
    }
    let start = TokenShardHeader.byteCount
    let end = start + tokenCount * header.tokenWidth
    let found = data.withUnsafeBytes { bytes in
      var hasher = ContentHasher()
      hasher.absorb(raw: UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
      return hasher.finish()
    }
    guard found == header.contentHash else {
      throw CorpusError.shard(
        path, field: "fingerprint", expected: header.contentHash.hex, found: found.hex)
    }
  }
}
