// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Finds the k-th largest magnitude of numbers that are cheaper to compute again than to keep: what
/// ``RadixSelection`` finds, usually in one pass in place of three.
///
/// A pass counts the magnitudes above a band of bit patterns (which order as the numbers do), those
/// equal to a guess, and those in the band, in at most `binCount` bins of which it keeps the least
/// and the greatest pattern and their numbers. If the k-th largest is the guess, or one of these, it
/// is known; else the next band is what lies between them, or above or below this band. The band comes from a sample,
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
    var bins = [Bin](repeating: Bin(), count: BandSelection.binCount)

    package init() {}

    package mutating func add(_ other: Counts) {
      above += other.above
      equal += other.equal
      var bins = bins.mutableSpan
      for bin in bins.indices { bins[bin].add(other.bins[bin]) }
    }
  }

  /// The magnitudes that have fallen into a bin: the least and the greatest pattern with their numbers,
  /// and how many lie between. Mostly there is nothing between, and the bin is known entirely.
  struct Bin: Sendable, Equatable {
    private(set) var least = UInt32.max
    /// That of `least` where all are equal.
    private(set) var greatest = UInt32.max
    private var leastCount = 0
    /// 0 where all are equal.
    private var greatestCount = 0
    private(set) var between = 0

    var count: Int { leastCount + greatestCount + between }
    /// How many have the greatest pattern.
    var countOfGreatest: Int { least == greatest ? leastCount : greatestCount }
    /// How many have the least pattern.
    var countOfLeast: Int { leastCount }

    @inline(__always) mutating func add(_ pattern: UInt32) {
      if pattern == least {
        leastCount += 1
      } else if pattern == greatest {
        greatestCount += 1
      } else {
        insert(pattern, 1)
      }
    }

    mutating func add(_ other: Bin) {
      if other.leastCount > 0 { insert(other.least, other.leastCount) }
      if other.greatestCount > 0 { insert(other.greatest, other.greatestCount) }
      between += other.between
    }

    /// Adds `number` magnitudes of the same pattern.
    mutating func insert(_ pattern: UInt32, _ number: Int) {
      if count == 0 {
        (least, greatest, leastCount) = (pattern, pattern, number)
      } else if pattern == least {
        leastCount += number
      } else if pattern == greatest {
        greatestCount += number
      } else if pattern < least {
        if least == greatest { greatestCount = leastCount } else { between += leastCount }
        (least, leastCount) = (pattern, number)
      } else if pattern > greatest {
        between += greatestCount
        (greatest, greatestCount) = (pattern, number)
      } else {
        between += number
      }
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
      let count = counts.bins[bin].count + (holdsGuess ? counts.equal : 0)
      guard above + count >= kept else {
        above += count
        continue
      }
      var found = counts.bins[bin]
      if holdsGuess, counts.equal > 0 { found.insert(current.guess, counts.equal) }
      precondition(found.least >= lower, "a bin that begins at \(lower) holds \(found.least)")
      let needed = kept - above
      let ahead = found.countOfGreatest + found.between
      if needed <= found.countOfGreatest {
        return self.found(found.greatest, remaining: needed, of: found.countOfGreatest)
      }
      if needed > ahead {
        return self.found(found.least, remaining: needed - ahead, of: found.countOfLeast)
      }
      return next(from: found.least + 1, to: found.greatest - 1)
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
  /// As many elements as there are bits in eight words.
  private static let groupLength = 256

  /// Adds the magnitudes of `values` to `counts`.
  ///
  /// Vectors count what lies above the band and mark what lies in it, a bit for each element; the few
  /// that are marked are then gathered, and taken one by one, without a look at the others.
  package func count(_ values: FloatChunk, into counts: inout BandSelection.Counts) {
    let (low, high) = (SIMD8(repeating: Int32(lower)), SIMD8(repeating: Int32(upper)))
    let wanted = SIMD8(repeating: Int32(guess))
    let (zero, minusOne) = (SIMD8<Int32>(), SIMD8<Int32>(repeating: -1))
    let whole = values.count / Self.groupLength * Self.groupLength
    var (aboveCount, equalCount) = (0, 0)
    withWorkspace(count: Self.gatheredLength + Self.groupLength + 8) { gathered in
      var gatheredCount = 0
      var i = 0
      while i < whole {
        // Counters of 32 bits are emptied long before they are full. They run downwards, for in vectors
        // true is −1.
        var (above, equal) = (zero, zero)
        let end = min(whole, i + 1 << 20)
        while i < end {
          var marks = zero
          var mark = SIMD8<Int32>(repeating: 1)
          for number in 0..<32 {
            let bits = values.bits(at: i &+ 8 &* number) & 0x7FFF_FFFF
            let isEqual = zero.replacing(with: minusOne, where: bits .== wanted)
            let isAbove = zero.replacing(with: minusOne, where: bits .> high)
            let isBelow = zero.replacing(with: minusOne, where: low .> bits)
            equal &+= isEqual
            above &+= isAbove & ~isEqual
            marks |= mark & ~(isEqual | isAbove | isBelow)
            mark &+= mark
          }
          let group = values[i..<(i &+ Self.groupLength)]
          gatheredCount = gather(group, marks, into: gathered, at: gatheredCount)
          if gatheredCount > Self.gatheredLength {
            tally(gathered.reading[0..<gatheredCount], into: &counts)
            gatheredCount = 0
          }
          i &+= Self.groupLength
        }
        aboveCount -= Int(above.wrappedSum())
        equalCount -= Int(equal.wrappedSum())
      }
      tally(gathered.reading[0..<gatheredCount], into: &counts)
    }
    counts.above += aboveCount
    counts.equal += equalCount
    countPlain(values[whole..<values.count], into: &counts)
  }

  /// How many elements are gathered before they are taken.
  private static let gatheredLength = 1024

  /// Writes the elements of a group whose bits are set, that of element 8j + l being bit j of lane l, from
  /// `start` on, and up to seven that do not count.
  /// - Returns: where the next go.
  @inline(__always) private func gather(
    _ group: FloatChunk, _ marks: SIMD8<Int32>, into gathered: MutableFloatChunk, at start: Int
  ) -> Int {
    var next = start
    for lane in stride(from: 0, to: 8, by: 2) {
      var word =
        UInt64(UInt32(bitPattern: marks[lane])) | UInt64(UInt32(bitPattern: marks[lane + 1])) << 32
      let end = next &+ word.nonzeroBitCount
      // Four at a time, wanted or not: how many a word has nobody can guess.
      repeat {
        for place in 0..<4 {
          // Without a bit 64, which is within the group as well.
          let bit = word.trailingZeroBitCount
          word &= word &- 1
          gathered[next &+ place] = group[8 &* (bit & 31) &+ lane &+ (bit >> 5)]
        }
        next &+= 4
      } while next < end
      next = end
    }
    return next
  }

  /// Takes elements of the band.
  private func tally(_ values: FloatChunk, into counts: inout BandSelection.Counts) {
    var bins = counts.bins.mutableSpan
    for i in values.indices {
      let pattern = values[i].magnitude.bitPattern
      bins[Int((pattern &- lower) >> shift)].add(pattern)
    }
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
        counts.bins[Int((pattern - lower) >> shift)].add(pattern)
      }
    }
  }
}
