// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The ids of chunks that were encoded before.
///
/// Bounded: when it holds 98,304 chunks, 4 MiB of text or 1,048,576 ids (about 14 MB in all) it
/// forgets all and starts again; chunks longer than 96 bytes are never kept. What it holds never
/// changes a result. It is small at first and grows with what it sees.
struct ChunkCache: Sendable {
  /// Longer chunks are not kept.
  static let longestChunk = 96
  private static let chunkLimit = 98_304
  private static let byteLimit = 4 << 20
  private static let idLimit = 1 << 20

  private struct Entry {
    var hash: UInt64 = 0
    var keyStart: Int32 = 0
    var idStart: Int32 = 0
    var idCount: Int32 = 0
    /// 0 where nothing is kept.
    var keyCount: Int32 = 0
  }

  private var entries = [Entry](repeating: Entry(), count: 1 << 10)
  private var count = 0
  private var keys: [UInt8] = []
  private var ids: [Int32] = []

  /// Appends the ids of a chunk, if it is known.
  @inline(__always)
  func append(
    _ key: UnsafeBufferPointer<UInt8>, hash: UInt64, to result: inout [Int32]
  ) -> Bool {
    let entry = entries[slot(of: key, hash: Self.mix(hash))]
    guard entry.keyCount > 0 else { return false }
    let start = Int(entry.idStart)
    for index in start..<start + Int(entry.idCount) { result.append(ids[index]) }
    return true
  }

  /// Keeps the ids of a chunk that is not known, not empty and no longer than ``longestChunk``.
  mutating func insert(
    _ key: UnsafeBufferPointer<UInt8>, hash: UInt64, ids new: ArraySlice<Int32>
  ) {
    if count >= Self.chunkLimit || keys.count + key.count > Self.byteLimit
      || ids.count + new.count > Self.idLimit
    {
      for index in entries.indices { entries[index] = Entry() }
      keys.removeAll(keepingCapacity: true)
      ids.removeAll(keepingCapacity: true)
      count = 0
    } else if count * 2 >= entries.count {
      grow()
    }
    let hash = Self.mix(hash)
    entries[slot(of: key, hash: hash)] = Entry(
      hash: hash, keyStart: Int32(keys.count), idStart: Int32(ids.count),
      idCount: Int32(new.count), keyCount: Int32(key.count))
    keys.append(contentsOf: key)
    ids.append(contentsOf: new)
    count += 1
  }

  @inline(__always)
  private func slot(of key: UnsafeBufferPointer<UInt8>, hash: UInt64) -> Int {
    let mask = entries.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while entries[slot].keyCount > 0 {
      if entries[slot].hash == hash, equals(entries[slot], key) { return slot }
      slot = (slot + 1) & mask
    }
    return slot
  }

  @inline(__always)
  private func equals(_ entry: Entry, _ key: UnsafeBufferPointer<UInt8>) -> Bool {
    guard Int(entry.keyCount) == key.count else { return false }
    let start = Int(entry.keyStart)
    for index in 0..<key.count where keys[start + index] != key[index] { return false }
    return true
  }

  private mutating func grow() {
    let old = entries
    entries = [Entry](repeating: Entry(), count: old.count * 2)
    let mask = entries.count - 1
    for entry in old where entry.keyCount > 0 {
      var slot = Int(truncatingIfNeeded: entry.hash) & mask
      while entries[slot].keyCount > 0 { slot = (slot + 1) & mask }
      entries[slot] = entry
    }
  }

  /// Spreads the bits of FNV-1a, whose low ones depend on few bits of the text.
  @inline(__always)
  private static func mix(_ hash: UInt64) -> UInt64 {
    let mixed = (hash ^ (hash >> 32)) &* 0x9E37_79B9_7F4A_7C15
    return mixed ^ (mixed >> 29)
  }
}
