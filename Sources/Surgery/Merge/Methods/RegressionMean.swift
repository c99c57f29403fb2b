// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors

/// RegMean: each linear layer becomes the one whose outputs are nearest, in least squares, to those
/// of every model on that model's own inputs. What is no linear layer is averaged.
///
/// With M the weighted mean and G̃ₖ = α·Gₖ + (1−α)·diag Gₖ, the solution Σ wₖ·Wₖ·G̃ₖ · A⁻¹ of the
/// normal equations, A = Σ wₖ·G̃ₖ, is computed as M + Σ wₖ·(Wₖ−M)·G̃ₖ · A⁻¹: equal where A is
/// invertible, exact where the models agree, and M in the directions that no input has.
///
/// - Shapes: weights [outputs, inputs], Gram matrices [inputs, inputs]; other ranks are averaged.
/// - Precision: products and the solution in `Double`, rounded once.
/// - Statistics: of kind `gram` for every source.
public struct RegressionMean: MergeMethod {
  public static let card = MethodCard(
    id: "regmean", title: "linear layers by least squares on their inputs, the rest averaged",
    formula: """
      G̃ₖ  = α·Gₖ + (1−α)·diag Gₖ                 Gₖ = XₖᵀXₖ/N of the layer's inputs Xₖ in model k
      out = Σ wₖ·xₖ·G̃ₖ · (Σ wₖ·G̃ₖ)⁻¹            linear layers, [outputs, inputs]
      out = Σ wₖ·xₖ / Σ wₖ                       embeddings, norms, biases
      """,
    source: "Jin et al. 2023, arXiv:2212.09849, eq. 2 and section 3.2",
    departs: "has weights; solved as a correction of the weighted mean, which stays where no input "
      + "reaches; the default α of 0.9 is not verified against the paper: "
      + "the authors' configurations (bloomberg/dataless-model-merging) have 0.1 for DeBERTa-large and "
      + "T5, and 1 where they say nothing, as for RoBERTa",
    cost: "for r × n weights of K models n³/6 + (K+1)·r·n² multiply-adds, and 12·n² + 28·r·n bytes",
    base: .isSource, perSource: [MethodCard.SourceParameter("weight", default: 1)],
    notes: [
      .share,
      .init("alpha", range: "0 to 1", "α, the share that stays of elements beside the diagonal"),
    ],
    laws: [.fixedPoint, .anyOrder, .scales, .zeroWeight], wholeTensors: (perSource: 0, besides: 20),
    statistics: .gram)

  public struct Parameters: MergeParameters {
    /// wₖ, one per source in recipe order; at least 0, not all 0.
    public var weights: [Double] = []
    /// α, from 0 (each input by itself) to 1 (plain least squares).
    public var alpha = 0.9
    public init() {}

    enum CodingKeys: String, CodingKey {
      case weights = "weight"
      case alpha
    }
  }

  private let weights: [Double]
  private let alpha: Double

  public init(_ parameters: Parameters) throws(MergeError) {
    weights = try checkedShares(ofSources: parameters.weights)
    try check("alpha", parameters.alpha, "a number from 0 to 1") { $0 >= 0 && $0 <= 1 }
    alpha = parameters.alpha
  }

  public func merge(
    _ group: borrowing TensorGroup, into output: inout TensorSink
  ) throws(CheckpointError) {
    let mean = WeightedMean(weights)
    guard group.hasGrams, let (rows, columns) = group.matrixShape else {
      group.map(into: &output) { chunk, out in mean(chunk, into: out) }
      return
    }
    var equations = NormalEquations(rows: rows, columns: columns, threads: group.threads)
    for (k, weight) in weights.enumerated() where weight > 0 {
      let difference = try group.elements { chunk, out in
        mean(chunk, into: out)
        Elementwise.subtract(chunk.source(k), out.reading, into: out)
      }
      equations.add(
        try group.gram(ofSource: k), weight: weight, alpha: alpha,
        differences: Matrix(rows: rows, columns: columns, values: difference))
    }
    var values = try group.elements { chunk, out in mean(chunk, into: out) }
    if equations.hasDifferences {
      let solution: (values: [Double], ridge: Double)
      do throws(LinearAlgebraError) {
        solution = try equations.solved()
      } catch {
        throw .operation(
          Diagnosis(
            what: "The Gram matrices of `\(group.name)` have no solution: \(error).",
            where: group.origins.joined(separator: " and "),
            next: "Make the statistics again with `koine statistics`, from more text."))
      }
      for i in values.indices { values[i] = Float(Double(values[i]) + solution.values[i]) }
      if solution.ridge > 0 {
        output.note(
          "its Gram matrices were not positive definite; their diagonal was raised by "
            + "\(solution.ridge) of itself.")
      }
    }
    group.fill(&output, with: values)
  }
}

/// Σ wₖ·Dₖ·G̃ₖ and Σ wₖ·G̃ₖ, summed source by source so that one Gram matrix is in memory at a time.
private struct NormalEquations {
  private let columns: Int
  private let threads: Int?
  private var matrix: [Double]
  private var right: [Double]
  private(set) var hasDifferences = false

  init(rows: Int, columns: Int, threads: Int?) {
    self.columns = columns
    self.threads = threads
    matrix = [Double](repeating: 0, count: columns * columns)
    right = [Double](repeating: 0, count: rows * columns)
  }

  mutating func add(_ gram: Matrix, weight: Double, alpha: Double, differences: Matrix) {
    let n = columns
    let diagonal = (0..<n).map { Double(gram.values[$0 * n + $0]) }
    for i in matrix.indices { matrix[i] += weight * alpha * Double(gram.values[i]) }
    for i in 0..<n { matrix[i * n + i] += weight * (1 - alpha) * diagonal[i] }
    guard differences.values.contains(where: { $0 != 0 }) else { return }
    hasDifferences = true
    let product = DoubleMatrix.product(differences, gram, threads: threads).values
    for row in 0..<differences.rows {
      for j in 0..<n {
        let i = row * n + j
        let own = Double(differences.values[i]) * diagonal[j]
        right[i] += weight * (alpha * product[i] + (1 - alpha) * own)
      }
    }
  }

  /// The right side times the inverse of the matrix; both are given up.
  mutating func solved() throws(LinearAlgebraError) -> (values: [Double], ridge: Double) {
    let elements = matrix
    matrix = []
    let (factors, ridge) = try Cholesky.regularized(
      size: columns, elements: elements, threads: threads)
    var values = right
    right = []
    factors.solve(&values, threads: threads)
    return (values, ridge)
  }
}
