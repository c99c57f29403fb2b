// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A stream of random numbers that is the same on every machine and in every release of Swift.
///
/// Number k of the stream is `mix(key + (k + 1) · γ)`: SplitMix64, so position `counter` can be
/// saved and restored, and streams with different names are independent for our purposes. Not
/// for secrets. **Source**: Steele, Lea, Flood 2014 (OOPSLA), constants of variant 13 by Stafford.
public struct SeededRandom: Equatable, Sendable {
  private let key: UInt64
  /// How many numbers were drawn.
  public private(set) var counter: UInt64 = 0

  /// The stream `name` of `seed`.
  public init(seed: UInt64, name: String) { key = Self.key(seed: seed, name: name) }

  /// The next 64 random bits.
  public mutating func next() -> UInt64 {
    counter &+= 1
    return Self.mix(key &+ counter &* 0x9E37_79B9_7F4A_7C15)
  }

  /// A number in 0 ..< `count`; the bias is below `count` / 2⁶⁴. `count` must be positive.
  public mutating func below(_ count: Int) -> Int {
    precondition(count > 0)
    return Int(next().multipliedFullWidth(by: UInt64(count)).high)
  }

  /// A number in [0, 1) with 53 random bits.
  public mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// True with the given probability.
  public mutating func chance(_ probability: Double) -> Bool { unit() < probability }

  /// Shuffles by Fisher and Yates, from the back.
  public mutating func shuffle<Element>(_ elements: inout [Element]) {
    for i in stride(from: elements.count - 1, to: 0, by: -1) { elements.swapAt(i, below(i + 1)) }
  }

  /// One element; the array must not be empty.
  public mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[below(elements.count)]
  }

  static func key(seed: UInt64, name: String) -> UInt64 {
    ContentHash(name.utf8, seed: seed).high
  }

  static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// A shuffled order of 0 ..< `count` that needs no table: position in, element out.
///
/// Four rounds of a Feistel network over the next even power of two, walked until the result is
/// inside the range (on average fewer than four walks). The same key gives the same order.
public struct Permutation: Equatable, Sendable {
  /// How many elements are ordered.
  public let count: Int
  private let key: UInt64
  private let halfBits: UInt64

  /// The order number `epoch` of stream `name` under `seed`.
  public init(count: Int, seed: UInt64, name: String, epoch: Int) {
    precondition(count > 0)
    self.count = count
    key = SeededRandom.mix(SeededRandom.key(seed: seed, name: name) &+ UInt64(epoch))
    let bits = UInt64(Int.bitWidth - (count - 1).leadingZeroBitCount)
    halfBits = max(1, (bits + 1) / 2)
  }

  /// The element at `position`, which must be in 0 ..< `count`.
  public subscript(position: Int) -> Int {
    precondition(position >= 0 && position < count)
    let mask = (UInt64(1) << halfBits) - 1
    var value = UInt64(position)
    repeat {
      var left = value >> halfBits
      var right = value & mask
      for round in 0..<4 as Range<UInt64> {
        let f = SeededRandom.mix(key &+ (round << 56) &+ right &* 0x9E37_79B9_7F4A_7C15) & mask
        (left, right) = (right, left ^ f)
      }
      value = left << halfBits | right
    } while value >= UInt64(count)
    return Int(value)
  }
}
