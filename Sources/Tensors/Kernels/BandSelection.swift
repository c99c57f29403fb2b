// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Finds the k-th largest magnitude of numbers that are cheaper to compute again than to keep: what
/// ``RadixSelection`` finds, usually in one pass in place of three.
///
/// A pass counts the magnitudes above a band of bit patterns (which order as the numbers do), those
/// equal to a guess, and those in the band, in at most `binCount` bins of which it keeps the least
/// and the greatest pattern. If the k-th largest is the guess, or alone in its bin, it is known; else
/// the next band is that bin, or what lies above or below this band. The band comes from a sample,
/// which decides how many passes are needed and nothing else: the result is exact always, after at
/// most four passes.
///
/// - Source: the band is that of Floyd and Rivest 1975, "Expected time bounds for selection".
/// - Departs: bins in place of a recursion; the guess, for differences of narrow types have few
///   distinct values, and the one at the cut is then often shared by millions of elements.
package struct BandSelection: Sendable {
  static let binCount = 2048
  /// The pattern of the largest magnitude there is, a NaN's.
  private static let largest: UInt32 = 0x7FFF_FFFF

  /// One counting pass.
  package struct Pass: Sendable {
    let lower: UInt32
    let upper: UInt32
    /// Counted apart from the bins, wherever it lies.
    package let guess: UInt32
    let shift: UInt32

    init(lower: UInt32, upper: UInt32, guess: UInt32) {
      self.lower = lower
      self.upper = upper
      self.guess = guess
      var shift: UInt32 = 0
      while (upper - lower) >> shift >= UInt32(BandSelection.binCount) { shift += 1 }
      self.shift = shift
    }
  }

  /// What a pass has counted; those of parts of the data may be added in any order.
  package struct Counts: Sendable, Equatable {
    /// Magnitudes above the band, the guess not counted.
    var above = 0
    /// Magnitudes equal to the guess.
    package var equal = 0
    var bins = [Int](repeating: 0, count: BandSelection.binCount)
    var least = [UInt32](repeating: .max, count: BandSelection.binCount)
    var greatest = [UInt32](repeating: 0, count: BandSelection.binCount)

    package init() {}

    package mutating func add(_ other: Counts) {
      above += other.above
      equal += other.equal
      for bin in bins.indices {
        bins[bin] += other.bins[bin]
        least[bin] = min(least[bin], other.least[bin])
        greatest[bin] = max(greatest[bin], other.greatest[bin])
      }
    }

    @inline(__always) mutating func add(_ pattern: UInt32, _ pass: Pass) {
      let bin = Int((pattern - pass.lower) >> pass.shift)
      bins[bin] += 1
      least[bin] = min(least[bin], pattern)
      greatest[bin] = max(greatest[bin], pattern)
    }
  }

  /// The pass to run next; `nil` when the threshold is known.
  package private(set) var pass: Pass?
  /// How many are kept of the elements at the threshold, and how many there are, once it is known.
  package private(set) var remaining: Int
  package private(set) var equalCount = 0
  /// The bit pattern of the k-th largest magnitude, once it is known.
  package private(set) var pattern: UInt32 = 0
  private let kept: Int
  /// The threshold is known to lie here, ends included.
  private var bounds: ClosedRange<UInt32> = 0...Self.largest

  /// Looks for the `k` largest of `count` numbers, of which `sample` holds some; it may be empty.
  package init(keeping k: Int, of count: Int, sample: FloatChunk) {
    precondition(k >= 1 && k <= count, "a selection of \(k) among \(count)")
    kept = k
    remaining = k
    // Below some hundred numbers a sample says little.
    guard sample.count >= 256 else {
      pass = Pass(lower: 0, upper: Self.largest, guess: 0)
      return
    }
    let size = Double(sample.count)
    let share = Double(k) / Double(count)
    // Five standard deviations of a rank: nearby elements may be alike, which makes a sample worse
    // than a random one.
    let margin = 5 * (size * share * (1 - share)).squareRoot() + 2
    func pattern(_ rank: Double) -> UInt32 {
      let rank = min(sample.count, max(1, Int(rank)))
      return RadixSelection.threshold(keeping: rank, of: sample).pattern
    }
    let (first, last) = (share * size - margin, share * size + margin)
    pass = Pass(
      lower: last >= size ? 0 : pattern(last.rounded(.up)),
      upper: first < 1 ? Self.largest : pattern(first), guess: pattern(share * size))
  }

  /// Whether only some of the elements at the threshold are kept, so that their positions matter.
  package var needsTieBreak: Bool { pass == nil && equalCount > remaining }

  /// Takes the counts of the current pass over all elements.
  package mutating func finish(_ counts: Counts) {
    guard let current = pass else { preconditionFailure("the selection is complete") }
    let isGuessAbove = current.guess > current.upper
    var above = counts.above + (isGuessAbove ? counts.equal : 0)
    if above >= kept { return next(from: current.upper + 1, to: bounds.upperBound) }
    for bin in (0..<Self.binCount).reversed() {
      let lower = current.lower + UInt32(bin) << current.shift
      let holdsGuess =
        current.guess >= current.lower && current.guess <= current.upper
        && (current.guess - current.lower) >> current.shift == UInt32(bin)
      let count = counts.bins[bin] + (holdsGuess ? counts.equal : 0)
      guard above + count >= kept else {
        above += count
        continue
      }
      // The guess splits its bin in three.
      var (least, greatest) = (counts.least[bin], counts.greatest[bin])
      if holdsGuess, counts.equal > 0 {
        (least, greatest) = (min(least, current.guess), max(greatest, current.guess))
      }
      if least == greatest {
        return found(least, remaining: kept - above, of: count)
      }
      precondition(least >= lower, "a bin that begins at \(lower) holds \(least)")
      return next(from: least, to: greatest)
    }
    precondition(current.lower > bounds.lowerBound, "fewer elements than are to be kept")
    next(from: bounds.lowerBound, to: current.lower - 1)
  }

  private mutating func found(_ pattern: UInt32, remaining: Int, of count: Int) {
    pass = nil
    self.pattern = pattern
    self.remaining = remaining
    equalCount = count
  }

  private mutating func next(from lower: UInt32, to upper: UInt32) {
    bounds = lower...upper
    pass = Pass(lower: lower, upper: upper, guess: lower)
  }
}

extension BandSelection.Pass {
  /// Adds the magnitudes of `values` to `counts`.
  package func count(_ values: FloatChunk, into counts: inout BandSelection.Counts) {
    let (low, high) = (SIMD8(repeating: Int32(lower)), SIMD8(repeating: Int32(upper)))
    let wanted = SIMD8(repeating: Int32(guess))
    let (zero, one) = (SIMD8<Int32>(), SIMD8<Int32>(repeating: 1))
    var i = 0
    while i + 8 <= values.count {
      // Counters of 32 bits are emptied long before they are full.
      var (above, equal) = (SIMD8<Int32>(), SIMD8<Int32>())
      let end = min(values.count & ~7, i + 1 << 20)
      while i < end {
        let bits = values.bits(at: i) & 0x7FFF_FFFF
        let isEqual = bits .== wanted
        equal &+= zero.replacing(with: one, where: isEqual)
        above &+= zero.replacing(with: one, where: (bits .> high) .& .!isEqual)
        if any((bits .>= low) .& (bits .<= high) .& .!isEqual) {
          for lane in 0..<8 { tally(values[i + lane], into: &counts) }
        }
        i += 8
      }
      counts.above += Int(above.wrappedSum())
      counts.equal += Int(equal.wrappedSum())
    }
    countPlain(values[i..<values.count], into: &counts)
  }

  @inline(__always) private func tally(
    _ value: Float, into counts: inout BandSelection.Counts
  ) {
    let pattern = value.magnitude.bitPattern
    if pattern >= lower, pattern <= upper, pattern != guess { counts.add(pattern, self) }
  }

  /// As ``count(_:into:)``, one element at a time.
  func countPlain(_ values: FloatChunk, into counts: inout BandSelection.Counts) {
    for i in values.indices {
      let pattern = values[i].magnitude.bitPattern
      if pattern == guess {
        counts.equal += 1
      } else if pattern > upper {
        counts.above += 1
      } else if pattern >= lower {
        counts.add(pattern, self)
      }
    }
  }
}
