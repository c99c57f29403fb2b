// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Tensors

/// The same run of elements of all tensors that are merged.
public struct MergeChunk: Sendable {
  /// What a method asks of a chunk's sources.
  enum Reading: Sendable {
    /// Their elements, and their changes of the base.
    case elements
    /// Their changes alone, which are then made from what is stored, with no step between.
    case changes
  }

  /// The index in the tensor of the run's first element.
  public let start: Int
  /// How many elements the run has.
  public let count: Int
  /// The base's elements where the group has a base; see ``MethodCard/BaseRole/optional``.
  public let optionalBase: FloatChunk?
  /// The sources in the order of the recipe; a difference stands as base plus difference. Empty
  /// where only changes were asked for.
  public let sources: [FloatChunk]
  /// For each source that is a difference, the difference; empty where none is.
  let differences: [FloatChunk?]
  /// The sources' statistics, where the method has some for each element; empty otherwise.
  let statistics: [FloatChunk]
  /// The sources where only their changes were asked for.
  private let rows: ChangeRows?

  init(
    start: Int, count: Int, base: FloatChunk?, sources: [FloatChunk],
    differences: [FloatChunk?] = [], statistics: [FloatChunk] = []
  ) {
    self.start = start
    self.count = count
    optionalBase = base
    self.sources = sources
    self.differences = differences
    self.statistics = statistics
    rows = nil
  }

  /// A chunk that knows its sources' changes alone.
  init(start: Int, count: Int, base: FloatChunk?, changes rows: ChangeRows) {
    self.start = start
    self.count = count
    optionalBase = base
    sources = []
    differences = []
    statistics = []
    self.rows = rows
  }

  /// The base's elements; traps for a method whose card requires no base.
  public var base: FloatChunk {
    guard let optionalBase else { preconditionFailure("this method's card requires no base") }
    return optionalBase
  }

  /// The elements of the source at `position`, from 0.
  public func source(_ position: Int) -> FloatChunk { sources[position] }

  /// The statistics of the source at `position`, an element for each of the tensor's; traps for a
  /// method whose card asks for none.
  public func statistics(_ position: Int) -> FloatChunk { statistics[position] }

  public var indices: Range<Int> { 0..<count }

  /// How many sources there are.
  var sourceCount: Int { rows?.count ?? sources.count }

  /// Fills `out` with the change of the base by the source at `position`: of a difference, itself;
  /// where there is no base, the source.
  func change(_ position: Int, into out: MutableFloatChunk) {
    if let rows {
      rows.change(position, of: optionalBase, into: out)
    } else if position < differences.count, let difference = differences[position] {
      out.assign(difference)
    } else if let optionalBase {
      Elementwise.subtract(sources[position], optionalBase, into: out)
    } else {
      out.assign(sources[position])
    }
  }

  /// A part of a chunk of elements.
  func extracting(_ range: Range<Int>) -> MergeChunk {
    precondition(rows == nil, "a chunk of changes is not divided")
    return MergeChunk(
      start: start + range.lowerBound, count: range.count, base: optionalBase?[range],
      sources: sources.map { $0[range] }, differences: differences.map { $0?[range] },
      statistics: statistics.map { $0[range] })
  }
}

/// The sources of a chunk whose changes alone are wanted: as they are stored where they can be read
/// from there, else as floats.
///
/// What a method never asks for is not looked at before ``findFault()``, which therefore comes last.
// Safety of sending: a chunk is made, used and dropped by one thread.
final class ChangeRows: @unchecked Sendable {
  enum Row {
    case stored(StoredRun)
    case elements(FloatChunk)
    /// A source that is a change itself.
    case difference(FloatChunk)
  }

  private let rows: [Row]
  /// Which sources have been found finite, or not.
  private var known: [Bool?]

  init(_ rows: [Row]) {
    self.rows = rows
    known = rows.map { if case .stored = $0 { nil } else { true } }
  }

  var count: Int { rows.count }

  /// See ``MergeChunk/change(_:into:)``. A source that is not finite has no change, so that nobody
  /// computes with it before ``findFault()`` says so.
  func change(_ position: Int, of base: FloatChunk?, into out: MutableFloatChunk) {
    switch (rows[position], base) {
    case (.stored(let run), let base?):
      let isFinite = run.subtract(base, into: out)
      known[position] = isFinite
      if !isFinite { out.fill(0) }
    case (.stored(let run), nil):
      let isFinite = run.decode(into: out)
      known[position] = isFinite
      if !isFinite { out.fill(0) }
    case (.elements(let source), let base?):
      Elementwise.subtract(source, base, into: out)
    case (.elements(let values), nil), (.difference(let values), _):
      out.assign(values)
    }
  }

  /// The first source with an element that is not finite, and the elements.
  func findFault() -> (position: Int, run: StoredRun)? {
    for (position, row) in rows.enumerated() {
      guard case .stored(let run) = row, known[position] != true else { continue }
      if known[position] == false || !run.isFinite { return (position, run) }
    }
    return nil
  }
}
