// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A map from a pair of token ids to a small number: merge ranks, and pair counts in training.
///
/// Open addressing with a multiplicative hash, because Swift's `Dictionary` spends most of a merge
/// loop in its keyed hash. Pairs are numbered in order of insertion, so iteration is deterministic.
struct PairTable: Sendable {
  private var slots: [Int32]
  private(set) var keys: [UInt64] = []

  init(minimumCapacity: Int = 16) {
    var size = 32
    while size < minimumCapacity * 2 { size *= 2 }
    slots = [Int32](repeating: -1, count: size)
  }

  /// How many pairs there are.
  var count: Int { keys.count }

  /// Both ids in one word; the order of keys is the order of (left, right) for ids ≥ 0.
  @inline(__always)
  static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  /// The ids of a key.
  static func pair(_ key: UInt64) -> (left: Int32, right: Int32) {
    (Int32(truncatingIfNeeded: key >> 32), Int32(truncatingIfNeeded: key))
  }

  /// The number of a pair, or `nil`.
  @inline(__always)
  func find(_ key: UInt64) -> Int? {
    let index = slots[slot(of: key)]
    return index < 0 ? nil : Int(index)
  }

  /// The number of a pair, added now if it is new.
  mutating func intern(_ key: UInt64) -> (index: Int, isNew: Bool) {
    let slot = slot(of: key)
    if slots[slot] >= 0 { return (Int(slots[slot]), false) }
    let index = keys.count
    slots[slot] = Int32(index)
    keys.append(key)
    if keys.count * 2 > slots.count { grow() }
    return (index, true)
  }

  @inline(__always)
  private func slot(of key: UInt64) -> Int {
    let mask = slots.count - 1
    var slot = Self.hash(key) & mask
    while slots[slot] >= 0, keys[Int(slots[slot])] != key { slot = (slot + 1) & mask }
    return slot
  }

  private mutating func grow() {
    slots = [Int32](repeating: -1, count: slots.count * 2)
    for (index, key) in keys.enumerated() { slots[slot(of: key)] = Int32(index) }
  }

  @inline(__always)
  private static func hash(_ key: UInt64) -> Int {
    let mixed = (key ^ (key >> 29)) &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: mixed >> 24)
  }
}
