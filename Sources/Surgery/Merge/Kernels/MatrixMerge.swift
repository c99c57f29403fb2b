// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors

/// What the methods share that merge changes as matrices.
///
///     τₖ  = wₖ·δₖ, for the sources of a weight other than 0, n of them
///     out = b + λ·Δ, where the method makes Δ of the τₖ
///     Δ   = Σ τₖ/n for tensors that are no matrices, and for embeddings and heads unless asked for
///
/// An embedding's rows are looked up one by one, so that its singular vectors mix what never meets
/// in a product; the methods' published code works on vision models without one, its ports to
/// language models average embeddings and heads.
struct MatrixMerge: Sendable {
  private let weights: [Float]
  private let lambda: Float
  private let vocabulary: Bool

  init(weights: [Float], lambda: Float, vocabulary: Bool) throws(MergeError) {
    try checkFinite(weights)
    try check("lambda", Double(lambda), "a finite number") { _ in true }
    self.weights = weights
    self.lambda = lambda
    self.vocabulary = vocabulary
  }

  /// The changes of one tensor as matrices, read when they are asked for.
  struct Changes {
    let rows, columns: Int
    fileprivate let group: TensorGroup
    fileprivate let weights: [(position: Int, weight: Float)]

    var count: Int { weights.count }
    var threads: Int? { group.threads }

    /// τₖ.
    func change(_ k: Int) throws(CheckpointError) -> Matrix {
      let (position, weight) = weights[k]
      var values = try group.change(ofSource: position)
      if weight != 1 {
        values.withMutableChunk { chunk in for i in chunk.indices { chunk[i] *= weight } }
      }
      return Matrix(rows: rows, columns: columns, values: values)
    }

    /// Σ τₖ, in `Double` and rounded once.
    func sum() throws(CheckpointError) -> Matrix {
      var sums = [Double](repeating: 0, count: rows * columns)
      for k in 0..<count {
        try change(k).values.withChunk { chunk in
          for i in chunk.indices { sums[i] += Double(chunk[i]) }
        }
      }
      return Matrix(rows: rows, columns: columns, values: sums.map { Float($0) })
    }
  }

  /// Merges one tensor; `combine` makes Δ of the τₖ.
  ///
  /// - Parameter needsSide: matrices with fewer rows or columns than sources are averaged too.
  /// - Throws: errors of reading; a failed decomposition becomes one that names tensor and method.
  func merge(
    _ group: borrowing TensorGroup, into output: inout TensorSink, method: String,
    needsSide: Bool = false,
    _ combine: (Changes) throws -> Matrix
  ) throws(CheckpointError) {
    let group = copy group
    let active = weights.enumerated().filter { $0.element != 0 }.map { (position: $0, weight: $1) }
    guard let (rows, columns) = group.matrixShape, !active.isEmpty, lambda != 0,
      vocabulary || !group.isVocabulary, !needsSide || min(rows, columns) >= active.count
    else { return average(group, active, into: &output) }
    let changes = Changes(rows: rows, columns: columns, group: group, weights: active)
    let change = try Self.diagnosing(group, method) { try combine(changes) }
    var values = try group.elementsOfBase()
    let lambda = Double(lambda)
    change.values.withChunk { change in
      values.withMutableChunk { values in
        for i in values.indices where change[i] != 0 {
          values[i] = Float(Double(values[i]) + lambda * Double(change[i]))
        }
      }
    }
    group.fill(&output, with: values)
  }

  private func average(
    _ group: borrowing TensorGroup, _ active: [(position: Int, weight: Float)],
    into output: inout TensorSink
  ) {
    let factor = Double(lambda) / Double(max(1, active.count))
    let weights = active.map { (position: $0.position, weight: Double($0.weight)) }
    group.map(into: &output) { chunk, out in
      let base = chunk.base
      for i in out.indices {
        var sum = 0.0
        for (position, weight) in weights {
          sum += weight * Double(chunk.source(position)[i] - base[i])
        }
        let change = factor * sum
        out[i] = change == 0 ? base[i] : Float(Double(base[i]) + change)
      }
    }
  }

  private static func diagnosing(
    _ group: borrowing TensorGroup, _ method: String, _ body: () throws -> Matrix
  ) throws(CheckpointError) -> Matrix {
    do {
      return try body()
    } catch let error as CheckpointError {
      throw error
    } catch {
      throw .operation(
        Diagnosis(
          what: "`\(method)` cannot merge the tensor `\(group.name)` of shape \(group.shape): "
            + "\(error).",
          where: group.origins.isEmpty
            ? "tensor `\(group.name)`" : group.origins.joined(separator: " and "),
          next: "Merge with another method, such as `task_arithmetic`.", kind: .failed))
    }
  }
}

extension MethodCard.ParameterNote {
  static let vocabulary = Self(
    "vocabulary", "whether embeddings and heads are merged as matrices, not averaged")
}
