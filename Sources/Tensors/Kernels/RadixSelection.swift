// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Which elements of a tensor are its k largest by magnitude: a threshold and, for the elements
/// equal to it, a position.
///
/// Among equal magnitudes the lowest index wins, so the choice is exact and depends on the numbers
/// alone. (A sort, as reference tools use, leaves ties to the platform.)
public struct MagnitudeThreshold: Sendable, Equatable {
  /// The bit pattern of the k-th largest magnitude.
  public let pattern: UInt32
  /// Elements with exactly that magnitude are kept when their index is below this.
  public let tieEnd: Int

  public init(pattern: UInt32, tieEnd: Int) {
    self.pattern = pattern
    self.tieEnd = tieEnd
  }

  /// Keeps every element.
  public static let everything = MagnitudeThreshold(pattern: 0, tieEnd: .max)
  /// Keeps no element.
  public static let nothing = MagnitudeThreshold(pattern: .max, tieEnd: 0)

  /// Whether the element `value` at `index` is among the kept.
  @inlinable public func keeps(_ value: Float, at index: Int) -> Bool {
    let magnitude = value.magnitude.bitPattern
    return magnitude > pattern || (magnitude == pattern && index < tieEnd)
  }
}

/// Finds a ``MagnitudeThreshold`` in three counting passes over the data (eleven, ten and ten bits
/// of the magnitude's pattern, which orders as the numbers do), and a fourth only where the
/// threshold value occurs more often than it may be kept.
///
/// Counts are integers, so partial counts may be added in any order. NaN counts as larger than
/// infinity.
///
///     var selection = RadixSelection(keeping: k)
///     while let pass = selection.pass { selection.finish(counts: count(pass)) }
public struct RadixSelection: Sendable {
  /// One counting pass: the bins of all magnitudes whose high bits are the ones already found.
  public struct Pass: Sendable {
    /// The bits below which a bin's number ends.
    let shift: UInt32
    let binCount: Int
    /// The pattern's bits above this pass's bins.
    let prefix: UInt32
    let prefixShift: UInt32

    /// Zero for every bin.
    public var noCounts: [Int] { Array(repeating: 0, count: binCount) }

    /// The bin of `magnitudePattern`, or `nil` when an earlier pass has decided about it.
    @inline(__always) func bin(_ magnitudePattern: UInt32) -> Int? {
      if prefixShift < 32, magnitudePattern >> prefixShift != prefix { return nil }
      return Int(magnitudePattern >> shift) & (binCount - 1)
    }

    /// Adds the magnitudes of `values` to `counts`.
    public func count(_ values: FloatChunk, into counts: inout [Int]) {
      for i in values.indices {
        if let bin = bin(values[i].magnitude.bitPattern) { counts[bin] += 1 }
      }
    }
  }

  /// The pass to run next; `nil` when the threshold is known.
  public private(set) var pass: Pass?
  /// How many of the elements at the threshold are kept, once it is known.
  public private(set) var remaining: Int
  /// How many elements lie exactly at the threshold, once it is known.
  public private(set) var equalCount = 0
  /// The bit pattern of the k-th largest magnitude, once it is known.
  public private(set) var pattern: UInt32 = 0

  /// Looks for the `k` largest; `k` is at least 1 and at most the number of elements.
  public init(keeping k: Int) {
    precondition(k >= 1, "a selection keeps at least one element")
    remaining = k
    pass = Pass(shift: 20, binCount: 2048, prefix: 0, prefixShift: 32)
  }

  /// Takes the counts of the current pass over all elements.
  public mutating func finish(counts: [Int]) {
    guard let current = pass else { preconditionFailure("the selection is complete") }
    precondition(counts.reduce(0, +) >= remaining, "fewer elements than are to be kept")
    var bin = counts.count - 1
    while counts[bin] < remaining {
      remaining -= counts[bin]
      bin -= 1
    }
    pattern |= UInt32(bin) << current.shift
    switch current.shift {
    case 20: pass = Pass(shift: 10, binCount: 1024, prefix: pattern >> 20, prefixShift: 20)
    case 10: pass = Pass(shift: 0, binCount: 1024, prefix: pattern >> 10, prefixShift: 10)
    default:
      pass = nil
      equalCount = counts[bin]
    }
  }

  /// True when only some of the elements at the threshold are kept, so their positions matter.
  public var needsTieBreak: Bool { pass == nil && equalCount > remaining }

  /// The threshold of an array, found on the calling thread; `k` outside `1 ..< count` keeps
  /// nothing or everything.
  public static func threshold(keeping k: Int, of values: FloatChunk) -> MagnitudeThreshold {
    if k <= 0 { return .nothing }
    if k >= values.count { return .everything }
    var selection = RadixSelection(keeping: k)
    while let pass = selection.pass {
      var counts = pass.noCounts
      pass.count(values, into: &counts)
      selection.finish(counts: counts)
    }
    guard selection.needsTieBreak else {
      return MagnitudeThreshold(pattern: selection.pattern, tieEnd: .max)
    }
    var left = selection.remaining
    for i in values.indices where values[i].magnitude.bitPattern == selection.pattern {
      if left == 0 { return MagnitudeThreshold(pattern: selection.pattern, tieEnd: i) }
      left -= 1
    }
    return MagnitudeThreshold(pattern: selection.pattern, tieEnd: .max)
  }
}
