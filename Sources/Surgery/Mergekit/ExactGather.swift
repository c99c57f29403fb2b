// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// Gives the rows of one tensor in the order of another vocabulary with mergekit's numbers: stored
/// elements are rounded to the work type first, means after each addition.
enum ExactGather {
  /// The source with the rows of `rows`, in the work type; unchanged where the rows are its own.
  ///
  /// - Parameters:
  ///   - tensors: all that `rows` may name, the own one among them at `position`; alike but on
  ///     `axis`.
  static func source(
    _ rows: RowSources, _ tensors: [TensorSource], position: Int, axis: Int, work: WorkType
  ) -> TensorSource {
    let own = tensors[position]
    if rows.isIdentity(size: own.info.shape[axis]) { return own }
    var extents = own.info.shape.extents
    extents[axis] = rows.count
    let info = TensorInfo(elementType: work.elementType, shape: Shape(extents))
    return TensorSource(info: info, origin: own.origin) { () throws(CheckpointError) in
      let bytes =
        switch work {
        case .float32: try gathered(Float32Work.self, rows, tensors, position, axis)
        case .bfloat16: try gathered(BFloat16Work.self, rows, tensors, position, axis)
        case .float16: try gathered(Float16Work.self, rows, tensors, position, axis)
        case .float64: try gathered(Float64Work.self, rows, tensors, position, axis)
        }
      return StoredReader(info: info, bytes: bytes)
    }
  }

  private static func gathered<W: WorkArithmetic>(
    _: W.Type, _ rows: RowSources, _ tensors: [TensorSource], _ position: Int, _ axis: Int
  ) throws(CheckpointError) -> [UInt8] {
    let shape = tensors[position].info.shape
    let outer = shape.extents[..<axis].reduce(1, *)
    let inner = shape.extents[(axis + 1)...].reduce(1, *)
    let own = try W.read(tensors[position].prepare(), 0..<shape.elementCount)
    var readers: [any TensorReader] = []
    for tensor in tensors { readers.append(try tensor.prepare()) }
    var result = [W.Number](repeating: 0, count: outer * rows.count * inner)
    for block in 0..<outer {
      let first = block * rows.count * inner
      for (row, from) in rows.own.enumerated() {
        let target = first + row * inner
        if from >= 0 {
          let start = (block * shape[axis] + Int(from)) * inner
          for i in 0..<inner { result[target + i] = own[start + i] }
          continue
        }
        let parts = rows.defaults[row] ?? []
        for part in parts {
          let start = (block * tensors[part.tensor].info.shape[axis] + part.row) * inner
          let values = try W.read(readers[part.tensor], start..<(start + inner))
          for i in 0..<inner {
            result[target + i] =
              parts.count == 1 ? values[i] : W.round(result[target + i] + values[i])
          }
        }
        guard parts.count > 1 else { continue }
        for i in 0..<inner {
          result[target + i] = W.round(result[target + i] / W.Number(parts.count))
        }
      }
      if rows.padding > 0 { pad(W.self, &result, first, rows, inner) }
    }
    return W.encode(result, as: W.type.elementType)
  }

  /// Fills the rows behind a block's own with their mean, which PyTorch takes in the wide type.
  private static func pad<W: WorkArithmetic>(
    _: W.Type, _ result: inout [W.Number], _ first: Int, _ rows: RowSources, _ inner: Int
  ) {
    let count = rows.own.count
    let matrix = (0..<count).map { row in
      Array(result[(first + row * inner)..<(first + (row + 1) * inner)])
    }
    let sums = W.Wide.sumOverRows(matrix)
    for row in count..<rows.count {
      for i in sums.indices {
        result[first + row * inner + i] = W.round(W.Wide.round(sums[i] / W.Number(count)))
      }
    }
  }
}
