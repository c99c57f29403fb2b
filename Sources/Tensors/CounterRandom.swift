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

  /// What the generator is started with, for loops elsewhere that draw the same words.
  package var start: (seed: UInt64, key: UInt64) { (seed, key) }

  /// The 32 random bits of element `index`, which is not negative.
  public func bits(at index: Int) -> UInt32 {
    let block = words(block: index >> 2)
    return block[index & 3]
  }

  /// A float in [0, 1) with 24 random bits; the value of element `index`.
  public func uniform(at index: Int) -> Float { Self.unit(bits(at: index)) }

  /// Fills `output` with the uniform floats of elements `start ..< start + output.count`.
  public func fillUniform(_ output: MutableFloatChunk, startingAt start: Int) {
    // Eight blocks of four elements at a time; what does not fill them, one at a time.
    var i = min(output.count, -start & 3)
    fillPlain(output[0..<i], startingAt: start)
    while i + 32 <= output.count {
      let words = words(eightBlocksFrom: (start + i) >> 2)
      output.setVector(Self.units(words.lowHalf.lowHalf), at: i)
      output.setVector(Self.units(words.lowHalf.highHalf), at: i + 8)
      output.setVector(Self.units(words.highHalf.lowHalf), at: i + 16)
      output.setVector(Self.units(words.highHalf.highHalf), at: i + 24)
      i += 32
    }
    fillPlain(output[i..<output.count], startingAt: start + i)
  }

  func fillPlain(_ output: MutableFloatChunk, startingAt start: Int) {
    for i in output.indices { output[i] = uniform(at: start + i) }
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

  @inline(__always) private static func units(_ bits: SIMD8<UInt32>) -> SIMD8<Float> {
    // Signed, for that conversion is an instruction; 24 bits fit.
    SIMD8<Float>(SIMD8<Int32>(truncatingIfNeeded: bits &>> 8)) * 0x1p-24
  }

  private func words(block: Int) -> SIMD4<UInt32> {
    let low = UInt64(bitPattern: Int64(block))
    return Self.philox(
      counter: SIMD4(
        UInt32(truncatingIfNeeded: low), UInt32(truncatingIfNeeded: low >> 32),
        UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)),
      key: SIMD2(UInt32(truncatingIfNeeded: key), UInt32(truncatingIfNeeded: key >> 32)))
  }

  /// Ten rounds of the Philox4x32 bijection.
  static func philox(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
    var counter = counter
    var key = key
    for _ in 0..<10 {
      let first = UInt64(0xD251_1F53) &* UInt64(counter[0])
      let second = UInt64(0xCD9E_8D57) &* UInt64(counter[2])
      // Not array literals: those are allocated.
      counter = SIMD4(
        UInt32(truncatingIfNeeded: second >> 32) ^ counter[1] ^ key[0],
        UInt32(truncatingIfNeeded: second),
        UInt32(truncatingIfNeeded: first >> 32) ^ counter[3] ^ key[1],
        UInt32(truncatingIfNeeded: first))
      key = key &+ SIMD2(0x9E37_79B9, 0xBB67_AE85)
    }
    return counter
  }

  /// Eight blocks side by side.
  private typealias Lanes = SIMD8<UInt64>

  /// The words of eight blocks, one after the other: ``philox(counter:key:)`` with a block per lane.
  @inline(__always) func words(eightBlocksFrom block: Int) -> SIMD32<UInt32> {
    let low32 = Lanes(repeating: 0xFFFF_FFFF)
    let (a, b, c, d) = lanes(eightBlocksFrom: block)
    // Little-endian: the first word of a pair is its low half.
    var pairs = SIMD16<UInt64>()
    pairs.evenHalf = (a & low32) | (b &<< 32)
    pairs.oddHalf = (c & low32) | (d &<< 32)
    // Safety: two vectors of the same size, of integers both.
    return unsafe unsafeBitCast(pairs, to: SIMD32<UInt32>.self)
  }

  /// The words of eight blocks by their place in the block: lane l of the first vector is the first word
  /// of block `block` + l.
  @inline(__always) func wordPlanes(
    eightBlocksFrom block: Int
  ) -> (SIMD8<UInt32>, SIMD8<UInt32>, SIMD8<UInt32>, SIMD8<UInt32>) {
    typealias Plane = SIMD8<UInt32>
    let (a, b, c, d) = lanes(eightBlocksFrom: block)
    return (
      Plane(truncatingIfNeeded: a), Plane(truncatingIfNeeded: b), Plane(truncatingIfNeeded: c),
      Plane(truncatingIfNeeded: d)
    )
  }

  /// The four words of eight blocks, each in the low half of its block's lane; the high halves hold
  /// anything.
  @inline(__always) private func lanes(
    eightBlocksFrom block: Int
  ) -> (Lanes, Lanes, Lanes, Lanes) {
    let low32 = Lanes(repeating: 0xFFFF_FFFF)
    let blocks =
      Lanes(repeating: UInt64(bitPattern: Int64(block))) &+ Lanes(0, 1, 2, 3, 4, 5, 6, 7)
    // Each lane holds a word in its low half. The high halves fill with what was multiplied; every
    // use masks them away, which the multiplication does for nothing.
    var (a, b) = (blocks, blocks &>> 32)
    var (c, d) = (Lanes(repeating: seed & 0xFFFF_FFFF), Lanes(repeating: seed >> 32))
    var keys = (UInt32(truncatingIfNeeded: key), UInt32(truncatingIfNeeded: key >> 32))
    @inline(__always) func round() {
      let first = (a & low32) &* 0xD251_1F53
      let second = (c & low32) &* 0xCD9E_8D57
      (a, b) = ((second &>> 32) ^ b ^ Lanes(repeating: UInt64(keys.0)), second)
      (c, d) = ((first &>> 32) ^ d ^ Lanes(repeating: UInt64(keys.1)), first)
      keys = (keys.0 &+ 0x9E37_79B9, keys.1 &+ 0xBB67_AE85)
    }
    // Not a loop: the compiler would reorder the lanes for the result in each of its turns.
    round()
    round()
    round()
    round()
    round()
    round()
    round()
    round()
    round()
    round()
    return (a, b, c, d)
  }
}
