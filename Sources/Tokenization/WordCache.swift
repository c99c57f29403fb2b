// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// What an encoder remembers between words: the ids of words it has seen, and scratch memory.
///
/// Bounded: when it holds 32,768 words or 4 MiB of text it forgets all and starts again; words
/// longer than 128 bytes are never kept. What it holds never changes a result.
struct WordCache: Sendable {
  private static let wordLimit = 32_768
  private static let byteLimit = 4 << 20
  private static let longestWord = 128

  private var words = ByteTable(minimumCapacity: 4096)
  private var starts: [Int] = [0]
  private var ids: [Int32] = []
  private var scratch: ModelScratch
  /// The ids of whole chunks of text.
  var chunks = ChunkCache()

  /// - Parameter excluded: tokens that no text becomes.
  init(excluding excluded: Set<Int32> = []) { scratch = ModelScratch(excluded: excluded) }

  /// Appends the ids of `word` to `result`.
  mutating func encode(
    _ word: ArraySlice<UInt8>, with model: any TokenModel, into result: inout [Int32]
  ) {
    guard word.count <= Self.longestWord else {
      model.encode(word, into: &result, scratch: &scratch)
      return
    }
    if words.count >= Self.wordLimit || words.byteCount >= Self.byteLimit {
      words.removeAll()
      ids.removeAll(keepingCapacity: true)
      starts = [0]
    }
    let (index, isNew) = words.intern(word)
    if isNew {
      model.encode(word, into: &ids, scratch: &scratch)
      starts.append(ids.count)
    }
    result.append(contentsOf: ids[starts[index]..<starts[index + 1]])
  }
}

/// Caches lent to callers on any thread: each call has one to itself, so no word waits for a lock.
final class WordCachePool: Sendable {
  private let idle = Mutex<[WordCache]>([])
  private let excluded: Set<Int32>

  /// - Parameter excluded: tokens that no text becomes.
  init(excluding excluded: Set<Int32> = []) { self.excluded = excluded }

  /// Runs `body` with a cache of its own, and keeps the cache for later calls.
  func withCache(_ body: (inout WordCache) -> Void) {
    var cache = idle.withLock { $0.popLast() } ?? WordCache(excluding: excluded)
    body(&cache)
    idle.withLock { caches in
      // As many as there are ever callers at once; beyond that they are not worth their memory.
      if caches.count < 32 { caches.append(cache) }
    }
  }
}
