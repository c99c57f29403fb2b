// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// Where the rows of a tensor come from when it is aligned with another vocabulary. A row is all
/// that belongs to one token, whatever the axis.
struct RowSources: Sendable, Equatable {
  /// For each row of the result the row of the model's own tensor; −1 for one of `defaults`.
  var own: [Int32]
  /// Rows that the model lacks: the mean of some rows of some tensors, by their positions; zero for
  /// none.
  var defaults: [Int: [(tensor: Int, row: Int)]]
  /// Rows after those of `own`, each the mean of all before them.
  var padding: Int

  var count: Int { own.count + padding }

  /// Whether the rows are those of a tensor with `size` rows as they are.
  func isIdentity(size: Int) -> Bool {
    padding == 0 && own.count == size && own.indices.allSatisfy { own[$0] == Int32($0) }
  }

  static func == (a: Self, b: Self) -> Bool {
    a.own == b.own && a.padding == b.padding
      && a.defaults.mapValues { $0.map { [$0.tensor, $0.row] } }
        == b.defaults.mapValues { $0.map { [$0.tensor, $0.row] } }
  }
}

/// Gives the rows of one tensor in another order, and rows of other tensors among them; only rows
/// that are asked for are read. Padding costs one pass over the rows before it, at the first use.
struct RowGather: TensorReader {
  private let rows: RowSources
  /// The model's own tensor, then those that defaults name by position.
  private let own: any TensorReader
  private let tensors: [any TensorReader]
  private let layout: Layout
  private let padding: [Float]

  /// A tensor as `outer` blocks of rows, each row a run of `inner` elements in each block.
  struct Layout: Sendable {
    let outer: Int
    let inner: Int
    let size: Int
    let sizes: [Int]
  }

  /// The source with the rows of `rows`.
  ///
  /// - Parameters:
  ///   - tensors: all that `rows` may name, the own one among them at `position`; alike but on
  ///     `axis`.
  static func source(
    _ rows: RowSources, _ tensors: [TensorSource], position: Int, axis: Int
  ) -> TensorSource {
    let source = tensors[position]
    let shape = source.info.shape
    if rows.isIdentity(size: shape[axis]) { return source }
    var extents = shape.extents
    extents[axis] = rows.count
    let info = TensorInfo(elementType: source.info.elementType, shape: Shape(extents))
    let layout = Layout(
      outer: extents[..<axis].reduce(1, *), inner: extents[(axis + 1)...].reduce(1, *),
      size: shape[axis], sizes: tensors.map { $0.info.shape[axis] })
    return TensorSource(info: info, origin: source.origin) { () throws(CheckpointError) in
      var readers: [any TensorReader] = []
      for tensor in tensors { readers.append(try tensor.prepare()) }
      return try RowGather(rows, readers, position: position, layout)
    }
  }

  private init(
    _ rows: RowSources, _ tensors: [any TensorReader], position: Int, _ layout: Layout
  ) throws(CheckpointError) {
    self.init(rows: rows, own: tensors[position], tensors: tensors, layout: layout, padding: [])
    guard rows.padding > 0 else { return }
    var plain = rows
    plain.padding = 0
    let before = RowGather(
      rows: plain, own: own, tensors: tensors, layout: layout, padding: [])
    self.init(
      rows: rows, own: own, tensors: tensors, layout: layout, padding: try before.meanRow())
  }

  private init(
    rows: RowSources, own: any TensorReader, tensors: [any TensorReader], layout: Layout,
    padding: [Float]
  ) {
    self.rows = rows
    self.own = own
    self.tensors = tensors
    self.layout = layout
    self.padding = padding
  }

  func read(from start: Int, into output: MutableFloatChunk) throws(CheckpointError) {
    let block = rows.count * layout.inner
    var done = 0
    while done < output.count {
      let position = start + done
      let (outer, within) = position.quotientAndRemainder(dividingBy: block)
      let (row, column) = within.quotientAndRemainder(dividingBy: layout.inner)
      let left = output.count - done
      let count = min(layout.inner - column, left)
      if row >= rows.own.count {
        let first = outer * layout.inner + column
        for i in 0..<count { output[done + i] = padding[first + i] }
        done += count
      } else if rows.own[row] >= 0 {
        // Neighbours that stay neighbours are read at once.
        var last = row
        var run = count
        while run < left, last + 1 < rows.own.count, rows.own[last + 1] == rows.own[last] + 1 {
          last += 1
          run = min(left, run + layout.inner)
        }
        let from = (outer * layout.size + Int(rows.own[row])) * layout.inner + column
        try own.read(from: from, into: output[done..<(done + run)])
        done += run
      } else {
        try readDefault(row, outer, column, into: output[done..<(done + count)])
        done += count
      }
    }
  }

  private func readDefault(
    _ row: Int, _ outer: Int, _ column: Int, into output: MutableFloatChunk
  ) throws(CheckpointError) {
    let parts = rows.defaults[row] ?? []
    func read(
      _ part: (tensor: Int, row: Int), into output: MutableFloatChunk
    ) throws(CheckpointError) {
      let from = (outer * layout.sizes[part.tensor] + part.row) * layout.inner + column
      try tensors[part.tensor].read(from: from, into: output)
    }
    if parts.count == 1 { return try read(parts[0], into: output) }
    var sums = [Double](repeating: 0, count: output.count)
    for part in parts {
      try read(part, into: output)
      for i in output.indices { sums[i] += Double(output[i]) }
    }
    for i in output.indices { output[i] = parts.isEmpty ? 0 : Float(sums[i] / Double(parts.count)) }
  }

  /// The mean of all rows: `outer` × `inner` numbers, summed in the order of rows.
  private func meanRow() throws(CheckpointError) -> [Float] {
    var sums = [Double](repeating: 0, count: layout.outer * layout.inner)
    let perChunk = max(1, defaultChunkLength / max(1, layout.inner))
    for outer in 0..<layout.outer {
      for first in stride(from: 0, to: rows.own.count, by: perChunk) {
        let count = min(perChunk, rows.own.count - first)
        try withScratch(count: count * layout.inner) { (chunk) throws(CheckpointError) in
          try read(from: (outer * rows.own.count + first) * layout.inner, into: chunk)
          for row in 0..<count {
            for i in 0..<layout.inner {
              sums[outer * layout.inner + i] += Double(chunk[row * layout.inner + i])
            }
          }
        }
      }
    }
    return sums.map { Float($0 / Double(rows.own.count)) }
  }
}
