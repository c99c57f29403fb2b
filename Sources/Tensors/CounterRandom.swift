// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Random numbers as a function of (seed, stream name, element index).
///
/// There is no state to advance: any thread may ask for any element, in any order, and gets what
/// every other run gets. Streams of different names, and of different seeds, are independent.
///
/// - Source: Philox4x32-10 of Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy
///   as 1, 2, 3"; four 32-bit words per 128-bit counter and 64-bit key.
/// - Departs: nothing in the generator. Our layout: counter = (index / 4, seed), key = the 64-bit
///   FNV-1a hash of the stream's UTF-8 name.
public struct CounterRandom: Sendable {
  private let seed: UInt64
  private let key: UInt64

  /// The stream called `stream` (a tensor's name, say) under `seed`.
  public init(seed: UInt64, stream: String) {
    self.seed = seed
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in stream.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    key = hash
  }

  /// The 32 random bits of element `index`, which is not negative.
  public func bits(at index: Int) -> UInt32 {
    let block = words(block: index >> 2)
    return block[index & 3]
  }

  /// A float in [0, 1) with 24 random bits; the value of element `index`.
  public func uniform(at index: Int) -> Float { Self.unit(bits(at: index)) }

  /// Fills `output` with the uniform floats of elements `start ..< start + output.count`.
  public func fillUniform(_ output: MutableFloatChunk, startingAt start: Int) {
    var i = 0
    while i < output.count {
      let index = start + i
      let block = words(block: index >> 2)
      var lane = index & 3
      while lane < 4, i < output.count {
        output[i] = Self.unit(block[lane])
        lane += 1
        i += 1
      }
    }
  }

  /// A normally distributed number (mean 0, variance 1) for element `index`, by the Box–Muller
  /// transform in double precision; even and odd elements share a pair of uniforms.
  public func normal(at index: Int) -> Double {
    let block = words(block: index >> 1)
    // 32 bits each; the first is shifted into (0, 1] so that its logarithm is finite.
    let radius = (Double(block[0]) + 1) / 4_294_967_296
    let angle = Double(block[1]) / 4_294_967_296 * 2 * Double.pi
    let length = (-2 * Elementary.log(radius)).squareRoot()
    return length * (index & 1 == 0 ? Elementary.cos(angle) : Elementary.sin(angle))
  }

  private static func unit(_ bits: UInt32) -> Float { Float(bits >> 8) * 0x1p-24 }

  private func words(block: Int) -> SIMD4<UInt32> {
    let low = UInt64(bitPattern: Int64(block))
    return Self.philox(
      counter: [
        UInt32(truncatingIfNeeded: low), UInt32(truncatingIfNeeded: low >> 32),
        UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32),
      ],
      key: [UInt32(truncatingIfNeeded: key), UInt32(truncatingIfNeeded: key >> 32)])
  }

  /// Ten rounds of the Philox4x32 bijection.
  static func philox(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
    var counter = counter
    var key = key
    for _ in 0..<10 {
      let first = UInt64(0xD251_1F53) &* UInt64(counter[0])
      let second = UInt64(0xCD9E_8D57) &* UInt64(counter[2])
      counter = [
        UInt32(truncatingIfNeeded: second >> 32) ^ counter[1] ^ key[0],
        UInt32(truncatingIfNeeded: second),
        UInt32(truncatingIfNeeded: first >> 32) ^ counter[3] ^ key[1],
        UInt32(truncatingIfNeeded: first),
      ]
      key = key &+ [0x9E37_79B9, 0xBB67_AE85]
    }
    return counter
  }
}
