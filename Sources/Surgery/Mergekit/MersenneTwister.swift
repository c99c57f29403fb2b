// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The generator behind PyTorch's random numbers on a CPU: MT19937, seeded with one 32-bit word.
///
/// A copy is a snapshot: it goes on from where the original stood. A state takes 2.5 kB, which
/// copies share until one of them draws.
///
/// **Source** Matsumoto and Nishimura 1998, with the initialisation of 2002; **Departs** nothing.
public struct MersenneTwister: Sendable, Equatable {
  private static let length = 624
  private static let middle = 397

  private var state: [UInt32]
  /// The next word of `state` to hand out; `length` when all are spent.
  private var position: Int

  /// Starts the stream of a seed, of which PyTorch uses the low 32 bits only.
  public init(seed: UInt64) {
    var word = UInt32(truncatingIfNeeded: seed)
    state = []
    state.reserveCapacity(Self.length)
    state.append(word)
    for i in 1..<Self.length {
      word = 1_812_433_253 &* (word ^ (word >> 30)) &+ UInt32(i)
      state.append(word)
    }
    position = Self.length
  }

  /// The next 32 random bits.
  public mutating func next() -> UInt32 {
    if position == Self.length { renew() }
    var word = state[position]
    position += 1
    word ^= word >> 11
    word ^= (word << 7) & 0x9D2C_5680
    word ^= (word << 15) & 0xEFC6_0000
    word ^= word >> 18
    return word
  }

  /// The next 64 random bits, of two draws: the first is the high word.
  public mutating func next64() -> UInt64 {
    let high = UInt64(next())
    return high << 32 | UInt64(next())
  }

  /// A number in [0, 1) of 24 random bits, from one draw.
  public mutating func uniform() -> Float {
    Float(next() & 0xFF_FFFF) * 0x1p-24
  }

  /// A whole number in 0 ..< `bound` as `torch.randint` draws it: a remainder of one draw, from
  /// 2²⁸ on of two.
  public mutating func integer(below bound: Int) -> Int {
    bound < 1 << 28 ? Int(next()) % bound : Int(next64() % UInt64(bound))
  }

  /// Skips `draws` draws, as if `next()` had been called as often.
  ///
  /// Cost: a fraction of a nanosecond a draw; nothing when `draws` is 0.
  public mutating func advance(draws: Int) {
    precondition(draws >= 0, "a random stream does not run backwards")
    var left = draws
    while left > 0 {
      if position == Self.length { renew() }
      let step = min(left, Self.length - position)
      position += step
      left -= step
    }
  }

  private mutating func renew() {
    for i in 0..<Self.length {
      let next = state[i + 1 == Self.length ? 0 : i + 1]
      let mixed = (state[i] & 0x8000_0000) | (next & 0x7FFF_FFFF)
      let far = state[(i + Self.middle) % Self.length]
      state[i] = far ^ (mixed >> 1) ^ (mixed & 1 == 0 ? 0 : 0x9908_B0DF)
    }
    position = 0
  }
}
