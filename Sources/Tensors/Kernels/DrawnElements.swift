// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The marks of a ``RandomMask``, drawn once and kept as a bit for each element, for a method that needs
/// sums of what is kept before it computes anything.
///
/// Different threads may draw different groups at a time; whoever asks must know that what it asks for has
/// been drawn.
// Safety: `marks` points to `groupCount` vectors from `init` to `deinit`. Groups are written by `draw`
// alone, whose callers divide the elements among threads and wait for them before anybody reads; a
// vector of integers needs no initialization, and those of groups nobody has drawn are not read.
@safe package final class DrawnElements: @unchecked Sendable {
  private let marks: UnsafeMutablePointer<RandomMask.Marks>
  private let groupCount: Int
  private let mask: RandomMask

  /// For `count` elements; none is drawn yet.
  package init(count: Int, _ mask: RandomMask) {
    precondition(count >= 0, "a draw of \(count)")
    groupCount = (count + RandomMask.groupLength - 1) / RandomMask.groupLength
    self.mask = mask
    unsafe marks = .allocate(capacity: max(1, groupCount))
    // Not filled, since whoever draws a group sets all of it, and threads that do are the first to touch
    // its pages.
  }

  deinit { unsafe marks.deallocate() }

  /// Draws the `count` elements from `start` on, a multiple of ``RandomMask/groupLength``.
  package func draw(from start: Int, count: Int) {
    precondition(start.isMultiple(of: RandomMask.groupLength), "a run from within a group")
    // Safety: `groups` has checked the range, and no other thread draws this group.
    for group in groups(start, count) { unsafe marks[group] = mask.marks(group: group) }
  }

  /// Σ |valueᵢ| of one block, and the part of it that is kept, as ``Summation/magnitudes(_:)`` sums
  /// them; `start` is the index of the block's first element, a multiple of ``RandomMask/groupLength``.
  package func magnitudes(
    _ values: FloatChunk, startingAt start: Int
  ) -> (whole: Double, kept: Double) {
    precondition(start.isMultiple(of: RandomMask.groupLength), "a run from within a group")
    var (whole, kept) = (SIMD8<Double>(), SIMD8<Double>())
    let vectorEnd = values.count & ~7
    for (number, group) in groups(start, values.count).enumerated() {
      // Safety: `groups` has checked the range.
      var marks = unsafe self.marks[group]
      var i = number &* RandomMask.groupLength
      let end = min(vectorEnd, i &+ RandomMask.groupLength)
      while i < end {
        let size = values.bits(at: i) & 0x7FFF_FFFF
        whole += SIMD8<Double>(RandomMask.floats(size))
        kept += SIMD8<Double>(RandomMask.floats(size & (marks &>> 31)))
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

  /// ``RandomMask/thin(_:startingAt:dividingBy:times:)``, with the marks that have been drawn.
  package func thin(
    _ values: MutableFloatChunk, startingAt start: Int, dividingBy divisor: Float,
    times factor: Float
  ) {
    _ = groups(start, values.count)
    RandomMask.thin(values, startingAt: start, dividingBy: divisor, times: factor) {
      // Safety: all groups of the run were checked above.
      unsafe marks[$0]
    }
  }

  /// Whether the element at `index`, which has been drawn, is kept.
  package func keeps(_ index: Int) -> Bool {
    let group = groups(index, 1).lowerBound
    // Safety: `groups` has checked the range.
    return unsafe RandomMask.isMarked(marks[group], index % RandomMask.groupLength)
  }

  /// The groups that a run of elements touches.
  private func groups(_ start: Int, _ count: Int) -> Range<Int> {
    precondition(start >= 0 && count >= 0, "elements outside the tensor")
    let first = start / RandomMask.groupLength
    let end = (start + count + RandomMask.groupLength - 1) / RandomMask.groupLength
    precondition(end <= groupCount, "elements outside the tensor")
    return first..<max(first, end)
  }
}
