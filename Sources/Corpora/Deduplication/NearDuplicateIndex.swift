// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Finds texts that are nearly the same, and joins them in clusters.
///
/// Texts that agree in a band are compared by their whole signatures; those with an estimated
/// similarity of at least the threshold are joined (union–find), so a cluster may hold two texts
/// that are alike only by way of a third. The first text of a cluster in the order of insertion
/// stands for it.
///
/// A text whose signature is that of an earlier one joins it and leaves no trace of its own, for
/// it would find the same neighbours. In a bucket where a text has found 64 of its own cluster, it
/// is not entered: templates with thousands of copies then cost no square of their number.
///
/// - Cost: 4 · permutations + 8 · bands + 16 bytes a text, about 700 with the defaults, times at
///   most two while tables grow; time is the comparisons in the buckets.
public struct NearDuplicateIndex: Sendable {
  /// The bands that were chosen.
  public let bands: SignatureBands
  private let permutations: Int
  /// Places that must agree.
  private let neededPlaces: Int
  private var signatures: [UInt32] = []
  /// For each entered text, its number among all.
  private var entered: [UInt32] = []
  /// For each text, a text of its cluster that came earlier, or itself.
  private var parents: [UInt32] = []
  /// For each band, entries by the hash of the band; each bucket is a chain through `links`.
  private var buckets: [[UInt64: UInt32]]
  private var links: [[UInt32]]
  /// Entries by the hash of the whole signature.
  private var whole: [UInt64: UInt32] = [:]

  static let none = UInt32.max
  private static let crowd = 64

  /// An empty index.
  public init(_ settings: DeduplicationSettings.Near) {
    permutations = settings.permutations
    bands = SignatureBands(threshold: settings.threshold, permutations: permutations)
    // A rounding error must not ask for one place more.
    neededPlaces = Int((settings.threshold * Double(permutations) - 1e-9).rounded(.up))
    buckets = Array(repeating: [:], count: bands.bandCount)
    links = Array(repeating: [], count: bands.bandCount)
  }

  /// How many texts were inserted; at most 2³² − 1.
  public var count: Int { parents.count }

  /// Inserts a text, and returns its number: 0, 1, 2, …
  @discardableResult
  public mutating func insert(_ signature: [UInt32]) -> Int {
    precondition(signature.count == permutations && parents.count < Int(Self.none))
    let number = UInt32(parents.count)
    parents.append(number)
    let wholeHash = Self.hash(signature[...])
    if let earlier = whole[wholeHash], agreeing(signature, with: earlier) == permutations {
      join(number, entered[Int(earlier)])
      return Int(number)
    }
    let entry = UInt32(entered.count)
    entered.append(number)
    if whole[wholeHash] == nil { whole[wholeHash] = entry }
    var compared: Set<UInt32> = []
    for band in 0..<bands.bandCount {
      let rows = signature[band * bands.rowCount..<(band + 1) * bands.rowCount]
      let hash = Self.hash(rows)
      let first = buckets[band][hash] ?? Self.none
      var candidate = first
      var ownCount = 0
      while candidate != Self.none {
        if compared.insert(candidate).inserted,
          agreeing(signature, with: candidate) >= neededPlaces
        {
          join(number, entered[Int(candidate)])
        }
        if representative(of: Int(entered[Int(candidate)])) == representative(of: Int(number)) {
          ownCount += 1
          if ownCount == Self.crowd { break }
        }
        candidate = links[band][Int(candidate)]
      }
      links[band].append(first)
      if ownCount < Self.crowd { buckets[band][hash] = entry }
    }
    signatures += signature
    return Int(number)
  }

  /// The first text of the cluster that a text belongs to.
  public mutating func representative(of text: Int) -> Int {
    var root = UInt32(text)
    while parents[Int(root)] != root { root = parents[Int(root)] }
    var step = UInt32(text)
    while parents[Int(step)] != root { (step, parents[Int(step)]) = (parents[Int(step)], root) }
    return Int(root)
  }

  private mutating func join(_ a: UInt32, _ b: UInt32) {
    let (x, y) = (representative(of: Int(a)), representative(of: Int(b)))
    // The earlier one is the root, so that it stands for the cluster.
    if x < y { parents[y] = UInt32(x) } else { parents[x] = UInt32(y) }
  }

  private func agreeing(_ signature: [UInt32], with entry: UInt32) -> Int {
    let start = Int(entry) * permutations
    return signature.withUnsafeBufferPointer { a in
      signatures.withUnsafeBufferPointer { b in
        var count = 0
        for k in 0..<permutations where a[k] == b[start + k] { count += 1 }
        return count
      }
    }
  }

  private static func hash(_ values: ArraySlice<UInt32>) -> UInt64 {
    values.reduce(0) { SeededRandom.mix($0 &+ UInt64($1) &+ 0x9E37_79B9_7F4A_7C15) }
  }
}
