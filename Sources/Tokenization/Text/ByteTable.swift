// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A set of byte strings numbered in order of arrival: vocabulary index, word counts, word cache.
///
/// Keys are compared byte by byte. (A Swift `String` key would compare by canonical equivalence,
/// and a vocabulary may well hold `Å` twice.) Numbers depend only on the order of insertion.
///
/// - Cost: one arena for all keys; finding or adding is one hash of the key and about one probe.
struct ByteTable: Sendable {
  private var slots: [Int32]
  private var hashes: [UInt64] = []
  private var ends: [Int] = [0]
  private var arena: [UInt8] = []

  init(minimumCapacity: Int = 16) {
    var size = 32
    while size < minimumCapacity * 2 { size *= 2 }
    slots = [Int32](repeating: -1, count: size)
  }

  /// How many keys there are.
  var count: Int { hashes.count }
  /// The size of all keys in bytes.
  var byteCount: Int { arena.count }

  /// The key with this number.
  subscript(index: Int) -> ArraySlice<UInt8> { arena[ends[index]..<ends[index + 1]] }

  /// The number of a key, or `nil`.
  func find(_ key: ArraySlice<UInt8>) -> Int? {
    let index = slots[slot(of: key, hash: Self.hash(key))]
    return index < 0 ? nil : Int(index)
  }

  /// The number of a key, or `nil`.
  func find(_ key: String) -> Int? { find(Array(key.utf8)[...]) }

  /// The number of a key, added now if it is new.
  mutating func intern(_ key: ArraySlice<UInt8>) -> (index: Int, isNew: Bool) {
    let hash = Self.hash(key)
    let slot = slot(of: key, hash: hash)
    if slots[slot] >= 0 { return (Int(slots[slot]), false) }
    let index = hashes.count
    slots[slot] = Int32(index)
    hashes.append(hash)
    arena.append(contentsOf: key)
    ends.append(arena.count)
    if hashes.count * 2 > slots.count { grow() }
    return (index, true)
  }

  /// Forgets all keys, keeps the memory.
  mutating func removeAll() {
    for index in slots.indices { slots[index] = -1 }
    hashes.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
    ends.append(0)
    arena.removeAll(keepingCapacity: true)
  }

  private func slot(of key: ArraySlice<UInt8>, hash: UInt64) -> Int {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] >= 0 {
      let index = Int(slots[slot])
      if hashes[index] == hash, equals(index, key) { return slot }
      slot = (slot + 1) & mask
    }
    return slot
  }

  private func equals(_ index: Int, _ key: ArraySlice<UInt8>) -> Bool {
    let start = ends[index]
    guard ends[index + 1] - start == key.count else { return false }
    let shift = start - key.startIndex
    for position in key.indices where arena[position + shift] != key[position] { return false }
    return true
  }

  private mutating func grow() {
    slots = [Int32](repeating: -1, count: slots.count * 2)
    let mask = slots.count - 1
    for (index, hash) in hashes.enumerated() {
      var slot = Int(truncatingIfNeeded: hash) & mask
      while slots[slot] >= 0 { slot = (slot + 1) & mask }
      slots[slot] = Int32(index)
    }
  }

  /// FNV-1a over the bytes, then a multiplication that spreads the high bits into the low ones.
  private static func hash(_ key: ArraySlice<UInt8>) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in key { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    hash ^= hash >> 32
    hash = hash &* 0x9E37_79B9_7F4A_7C15
    return hash ^ (hash >> 29)
  }
}
