// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Which elements of a tensor chance keeps: a function of (seed, stream, element index).
///
/// An element is kept where its uniform number u in [0, 1) is below the chance; u has 64 binary digits, so
/// the chance is met exactly, or below 2⁻¹¹ to within 2⁻⁶⁴. Nearly always the first digits in which u and
/// the chance differ are among the first ten. So digits are drawn for 256 elements at a time, a plane of
/// 256 bits for each digit, the most significant first, and only until all elements are decided: one plane
/// for a half, 10.6 on average where the chance has many digits, in place of 32 bits for each element.
///
/// The digit of weight 2⁻⁽ᵖ⁺¹⁾ of element 256g + 8j + l is bit 31 − j of word p mod 4 of the stream's block
/// 128g + 8⌊p/4⌋ + l.
///
/// - Source: digits until the first that differs are those of Knuth and Yao 1976, "The complexity of
///   nonuniform random number generation"; the words are ``CounterRandom``'s, Philox with ten rounds: seven
///   are the fewest that pass BigCrush (Salmon et al. 2011), and drawing has become too cheap to go
///   without their margin.
/// - Departs: 256 elements share their planes, which draws some digits that nobody needs.
package struct RandomMask: Sendable {
  /// How many elements share their planes.
  package static let groupLength = 256
  /// The marks of a group: element 8j + l is bit 31 − j of lane l, so that vectors of eight elements are
  /// marked and asked without leaving their lanes.
  package typealias Marks = SIMD8<Int32>

  private let random: CounterRandom
  /// The chance's 64 digits after the point.
  private let digits: UInt64
  private let keepsAll: Bool

  /// - Parameter chance: that of an element to be kept, from 0 to 1.
  package init(chance: Double, _ random: CounterRandom) {
    precondition(chance >= 0 && chance <= 1, "a chance of \(chance)")
    self.random = random
    keepsAll = chance == 1
    digits = keepsAll ? 0 : UInt64(chance * 0x1p64)
  }

  /// Which elements of the group numbered `group` are kept.
  package func marks(group: Int) -> Marks {
    if keepsAll { return Marks(repeating: -1) }
    typealias Plane = SIMD8<UInt32>
    // What is open has had the chance's digits so far.
    var (kept, open) = (Plane(), Plane(repeating: .max))
    var digits = digits
    var block = group &* (Self.groupLength / 2)
    // Behind the chance's last 1 no number is below it.
    while digits != 0 {
      let planes = random.wordPlanes(eightBlocksFrom: block)
      @inline(__always) func compare(_ plane: Plane) {
        let digit = Plane(repeating: UInt32(truncatingIfNeeded: Int64(bitPattern: digits) &>> 63))
        kept |= open & digit & ~plane
        open &= ~(plane ^ digit)
        digits &<<= 1
      }
      compare(planes.0)
      compare(planes.1)
      compare(planes.2)
      compare(planes.3)
      if Self.isEmpty(open) { break }
      block &+= 8
    }
    return Marks(truncatingIfNeeded: kept)
  }

  /// Whether the element at `index` is kept: ``marks(group:)`` digit by digit.
  package func keeps(_ index: Int) -> Bool {
    if keepsAll { return true }
    let (group, place) = (index / Self.groupLength, index % Self.groupLength)
    for digit in 0..<64 {
      let block = group * (Self.groupLength / 2) + 8 * (digit / 4) + place % 8
      let word = random.bits(at: 4 * block + digit % 4)
      let own = word >> UInt32(31 - place / 8) & 1
      let chances = UInt32(truncatingIfNeeded: digits >> UInt64(63 - digit)) & 1
      if own != chances { return own < chances }
    }
    return false
  }

  /// Replaces each value by value / divisor · factor where the element is kept, else by 0 · factor; a
  /// divisor or factor of 1 is none. `start` is the index of the first.
  package func thin(
    _ values: MutableFloatChunk, startingAt start: Int, dividingBy divisor: Float,
    times factor: Float
  ) {
    Self.thin(values, startingAt: start, dividingBy: divisor, times: factor) { marks(group: $0) }
  }

  /// As ``thin(_:startingAt:dividingBy:times:)`` with marks of any origin.
  @inline(__always) static func thin(
    _ values: MutableFloatChunk, startingAt start: Int, dividingBy divisor: Float,
    times factor: Float, marks: (_ group: Int) -> Marks
  ) {
    let (divisors, factors) = (SIMD8(repeating: divisor), SIMD8(repeating: factor))
    var i = 0
    while i < values.count {
      let (group, place) = ((start &+ i) / groupLength, (start &+ i) % groupLength)
      let end = min(values.count, i &+ groupLength &- place)
      let own = marks(group)
      // A run that begins within a group does not fill its vectors.
      let vectorEnd = place == 0 ? i &+ ((end &- i) & ~7) : i
      var shifted = own
      while i < vectorEnd {
        var value = values.vector(at: i)
        if divisor != 1 { value /= divisors }
        value = floats(bits(value) & (shifted &>> 31))
        if factor != 1 { value *= factors }
        values.setVector(value, at: i)
        shifted &+= shifted
        i &+= 8
      }
      while i < end {
        let value = isMarked(own, (start &+ i) % groupLength) ? values[i] / divisor : 0
        values[i] = factor == 1 ? value : value * factor
        i &+= 1
      }
    }
  }

  /// The mark of the element at `place` of its group.
  @inline(__always) static func isMarked(_ marks: Marks, _ place: Int) -> Bool {
    marks[place & 7] &<< Int32(truncatingIfNeeded: place >> 3) < 0
  }

  @inline(__always) private static func isEmpty(_ plane: SIMD8<UInt32>) -> Bool {
    // Safety: vectors of the same size, of integers both.
    let words = unsafe unsafeBitCast(plane, to: SIMD4<UInt64>.self)
    let halves = words.lowHalf | words.highHalf
    return halves[0] | halves[1] == 0
  }

  // Safety, both: vectors of the same size; every pattern of bits is a float, and an integer.
  @inline(__always) static func bits(_ floats: SIMD8<Float>) -> SIMD8<Int32> {
    unsafe unsafeBitCast(floats, to: SIMD8<Int32>.self)
  }

  @inline(__always) static func floats(_ bits: SIMD8<Int32>) -> SIMD8<Float> {
    unsafe unsafeBitCast(bits, to: SIMD8<Float>.self)
  }
}
