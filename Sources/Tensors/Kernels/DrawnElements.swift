// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Which elements of a tensor a random draw keeps: drawn once, kept as a bit each.
///
/// Drawing costs more than all else that is done with an element, and a method that needs sums of what
/// is kept before it computes anything would draw twice. Element 8j + l of a group of 256 is bit
/// 31 − j of lane l, so that vectors of eight elements are marked and asked without leaving their lanes.
///
/// Memory: a bit for each element. Different threads may draw different groups at a time; whoever asks
/// must know that what it asks for has been drawn.
// Safety: `marks` points to `groupCount` vectors from `init` to `deinit`. Groups are written by `draw`
// alone, whose callers divide the elements among threads and wait for them before anybody reads; a
// vector of integers needs no initialization, and those of groups nobody has drawn are not read.
@safe package final class DrawnElements: @unchecked Sendable {
  /// Runs begin at multiples of this.
  package static let groupLength = 256

  private let marks: UnsafeMutablePointer<SIMD8<Int32>>
  private let groupCount: Int
  private let random: CounterRandom
  /// An element is kept where the 24 bits of its uniform number are below this.
  private let limit: Int32

  /// For `count` elements, each kept where its number of `random` is below `chance`; none is drawn yet.
  package init(count: Int, chance: Float, _ random: CounterRandom) {
    precondition(count >= 0 && chance >= 0 && chance <= 1, "a draw of \(count), chance \(chance)")
    groupCount = (count + Self.groupLength - 1) / Self.groupLength
    self.random = random
    // Exact: the product has the bits of `chance`, and a whole number is below it where it is below
    // the next whole one.
    limit = Int32((Double(chance) * 0x1p24).rounded(.up))
    unsafe marks = .allocate(capacity: max(1, groupCount))
    // Not filled, since whoever draws a group sets all of it, and threads that do are the first to touch
    // its pages.
  }

  deinit { unsafe marks.deallocate() }

  /// Draws the `count` elements from `start` on, a multiple of ``groupLength``.
  package func draw(from start: Int, count: Int) {
    for group in groups(start, count) {
      var group256 = SIMD8<Int32>()
      let limits = SIMD8(repeating: limit)
      for part in 0..<8 {
        let words = random.words(eightBlocksFrom: 64 &* group &+ 8 &* part)
        @inline(__always) func add(_ bits: SIMD8<UInt32>) {
          // Both are below 2²⁵, so their difference has a sign.
          let isKept = (SIMD8<Int32>(truncatingIfNeeded: bits &>> 8) &- limits) &>> 31
          group256 = group256 &+ group256 &- isKept
        }
        add(words.lowHalf.lowHalf)
        add(words.lowHalf.highHalf)
        add(words.highHalf.lowHalf)
        add(words.highHalf.highHalf)
      }
      // Safety: `groups` has checked the range, and no other thread draws this group.
      unsafe marks[group] = group256
    }
  }

  /// Σ |valueᵢ| of one block, and the part of it that is kept, as ``Summation/magnitudes(_:)`` sums
  /// them; `start` is the index of the block's first element.
  package func magnitudes(
    _ values: FloatChunk, startingAt start: Int
  ) -> (whole: Double, kept: Double) {
    var (whole, kept) = (SIMD8<Double>(), SIMD8<Double>())
    let vectorEnd = values.count & ~7
    for (number, group) in groups(start, values.count).enumerated() {
      // Safety: `groups` has checked the range.
      var marks = unsafe self.marks[group]
      var i = number &* Self.groupLength
      let end = min(vectorEnd, i &+ Self.groupLength)
      while i < end {
        let size = values.bits(at: i) & 0x7FFF_FFFF
        whole += SIMD8<Double>(Self.floats(size))
        kept += SIMD8<Double>(Self.floats(size & (marks &>> 31)))
        marks &+= marks
        i &+= 8
      }
    }
    for i in vectorEnd..<values.count {
      let size = Double(values[i].magnitude)
      whole[i - vectorEnd] += size
      kept[i - vectorEnd] += keeps(start + i) ? size : 0
    }
    return (Summation.fold(whole), Summation.fold(kept))
  }

  /// Replaces each value by value / divisor · factor where the element is kept, else by 0 · factor; a
  /// divisor or factor of 1 is none.
  package func thin(
    _ values: MutableFloatChunk, startingAt start: Int, dividingBy divisor: Float,
    times factor: Float
  ) {
    let (divisors, factors) = (SIMD8(repeating: divisor), SIMD8(repeating: factor))
    let vectorEnd = values.count & ~7
    for (number, group) in groups(start, values.count).enumerated() {
      // Safety: `groups` has checked the range.
      var marks = unsafe self.marks[group]
      var i = number &* Self.groupLength
      let end = min(vectorEnd, i &+ Self.groupLength)
      while i < end {
        var value = values.vector(at: i)
        if divisor != 1 { value /= divisors }
        value = Self.floats(Self.bits(value) & (marks &>> 31))
        if factor != 1 { value *= factors }
        values.setVector(value, at: i)
        marks &+= marks
        i &+= 8
      }
    }
    for i in vectorEnd..<values.count {
      let value = keeps(start + i) ? values[i] / divisor : 0
      values[i] = factor == 1 ? value : value * factor
    }
  }

  /// Whether the element at `index`, which has been drawn, is kept.
  package func keeps(_ index: Int) -> Bool {
    let group = groups(index / Self.groupLength * Self.groupLength, 1).lowerBound
    let place = index % Self.groupLength
    // Safety: `groups` has checked the range.
    return unsafe marks[group][place & 7] &<< Int32(place >> 3) < 0
  }

  // Safety, both: vectors of the same size; every pattern of bits is a float, and an integer.
  @inline(__always) private static func bits(_ floats: SIMD8<Float>) -> SIMD8<Int32> {
    unsafe unsafeBitCast(floats, to: SIMD8<Int32>.self)
  }

  @inline(__always) private static func floats(_ bits: SIMD8<Int32>) -> SIMD8<Float> {
    unsafe unsafeBitCast(bits, to: SIMD8<Float>.self)
  }

  private func groups(_ start: Int, _ count: Int) -> Range<Int> {
    precondition(start >= 0 && start % Self.groupLength == 0, "a run from within a group")
    let first = start / Self.groupLength
    let end = first + (count + Self.groupLength - 1) / Self.groupLength
    precondition(end <= groupCount, "elements outside the tensor")
    return first..<end
  }
}
