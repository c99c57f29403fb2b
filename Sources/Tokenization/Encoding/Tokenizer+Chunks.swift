// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension Tokenizer {
  /// Appends the ids of a text cut into chunks.
  func encodeChunks(
    of text: String, _ plan: ChunkPlan, _ cache: inout WordCache, into ids: inout [Int32]
  ) {
    var text = text
    text.withUTF8 { bytes in
      guard !matchers.raw.isEmpty else {
        encodeChunks(of: bytes, plan, &cache, into: &ids)
        return
      }
      for piece in matchers.raw.pieces(of: Array(bytes)) {
        if let id = piece.id {
          ids.append(id)
        } else {
          encodeChunks(
            of: UnsafeBufferPointer(rebasing: bytes[piece.range]), plan, &cache, into: &ids)
        }
      }
    }
  }

  // Safety: `bytes` is lent by the caller for the call, and no part of it is kept: the cache copies
  // what it keeps. All indices come from `chunkEnd`, which stays within `bytes`.
  private func encodeChunks(
    of bytes: UnsafeBufferPointer<UInt8>, _ plan: ChunkPlan, _ cache: inout WordCache,
    into ids: inout [Int32]
  ) {
    var start = 0
    while start < bytes.count {
      let keyStart = plan.dropsSpace && start > 0 ? start + 1 : start
      let (end, hash) = plan.chunkEnd(in: bytes, from: start, keyStart: keyStart)
      let chunk = UnsafeBufferPointer(rebasing: bytes[keyStart..<end])
      if chunk.count > ChunkCache.longestChunk {
        encodePlainly(chunk: chunk, &cache, into: &ids)
      } else if !cache.chunks.append(chunk, hash: hash, to: &ids) {
        let first = ids.count
        encodePlainly(chunk: chunk, &cache, into: &ids)
        cache.chunks.insert(chunk, hash: hash, ids: ids[first...])
      }
      start = end
    }
  }

  private func encodePlainly(
    chunk: UnsafeBufferPointer<UInt8>, _ cache: inout WordCache, into ids: inout [Int32]
  ) {
    appendNormalized(
      Array(chunk), String(decoding: chunk, as: UTF8.self), &cache, into: &ids)
  }

  /// The ids of texts, encoded on all cores; the same as one by one.
  public func encodeBatch(_ texts: [String]) -> [[Int32]] {
    // Slices of about equal bytes: many texts are short, and some are much longer than others.
    var slices: [Range<Int>] = []
    var start = 0
    var byteCount = 0
    for index in texts.indices {
      byteCount += texts[index].utf8.count
      if byteCount >= 1 << 16 || index == texts.count - 1 {
        slices.append(start..<index + 1)
        (start, byteCount) = (index + 1, 0)
      }
    }
    let ranges = slices
    return Concurrently.map(ranges.count) { slice in texts[ranges[slice]].map { encode($0) } }
      .flatMap { $0 }
  }
}
