// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Byte strings in a trie: all keys that a text begins with, in one walk.
///
/// Nodes are numbered as they are made; a child is found by one probe of a hash table, so that a
/// trie of any shape is built in one pass over its keys.
struct ByteTrie: Sendable {
  static let root: Int32 = 0

  private var edges = PairTable(minimumCapacity: 1024)
  /// The value of each node, or -1.
  private var values: [Int32] = [-1]

  /// Adds a key; of equal keys the last one's value counts. The empty key is never found.
  mutating func insert(_ key: some Sequence<UInt8>, value: Int32) {
    var node = Self.root
    for byte in key {
      let (index, isNew) = edges.intern(PairTable.key(node, Int32(byte)))
      if isNew { values.append(-1) }
      node = Int32(index + 1)
    }
    if node != Self.root { values[Int(node)] = value }
  }

  /// The node that a byte leads to.
  @inline(__always)
  func child(of node: Int32, _ byte: UInt8) -> Int32? {
    edges.find(PairTable.key(node, Int32(byte))).map { Int32(truncatingIfNeeded: $0 + 1) }
  }

  /// The value of the key that ends at a node, or -1.
  @inline(__always)
  func value(of node: Int32) -> Int32 { values[Int(node)] }

  /// The value and the end of the longest key that stands at `start`.
  func longest(in text: ArraySlice<UInt8>, at start: Int) -> (value: Int32, end: Int)? {
    var node = Self.root
    var best: (value: Int32, end: Int)?
    var position = start
    while position < text.endIndex, let next = child(of: node, text[position]) {
      node = next
      position += 1
      if values[Int(node)] >= 0 { best = (values[Int(node)], position) }
    }
    return best
  }
}
