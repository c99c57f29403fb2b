// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// L(Δ) = Σₖ ‖(Δ − τₖ)·τₖᵀ‖²/‖τₖ‖² around Δ₀ = Σ τₖ, for matrices of m × c.
///
/// With D = Δ − Δ₀, ½∇L = E + D·H, where H = Σ τₖᵀτₖ/‖τₖ‖² is c × c and E = Σ (Δ₀ − τₖ)·τₖᵀτₖ/‖τₖ‖²
/// is the half gradient at Δ₀. E is exactly 0 where a single source has a change, so D stays 0.
///
/// H is BᵀB for the rows of all τₖ/‖τₖ‖ on top of each other, n·m × c; where these are few it is
/// cheaper to multiply by B and Bᵀ, and never to make H.
///
/// - Precision: E, H and the closed form in `Double`; D·H in Adam's steps in `Float`, as is the
///   published code; Adam's moments are kept in `Float` and computed in `Double`.
struct InterferenceProblem {
  private enum Curvature {
    /// H.
    case whole(DoubleMatrix)
    /// B, and (Δ₀ − τₖ)·τₖᵀ/‖τₖ‖ side by side, m × n·m, so that E is their product.
    case rows(Matrix, DoubleMatrix)
  }

  private let start: Matrix
  private let curvature: Curvature
  /// E.
  private let slope: DoubleMatrix
  private let threads: Int?

  /// Reads the changes.
  ///
  /// - Parameter forProducts: whether D·H is wanted many times, or a system is to be solved once.
  init(
    _ changes: MatrixMerge.Changes, from start: Matrix, forProducts: Bool
  ) throws(CheckpointError) {
    self.start = start
    threads = changes.threads
    let (m, c) = (start.rows, start.columns)
    let rowCount = changes.count * m
    if rowCount * (forProducts ? 2 : 1) < c {
      var rows: [Float] = []
      rows.reserveCapacity(rowCount * c)
      var sides = [Double](repeating: 0, count: m * rowCount)
      for k in 0..<changes.count {
        let (unit, away) = try Self.parts(changes.change(k), start, threads)
        let side = DoubleMatrix.product(away, unit, transposingSecond: true, threads: threads)
        for i in 0..<m {
          let place = i * rowCount + k * m
          sides.replaceSubrange(place..<(place + m), with: side.values[(i * m)..<((i + 1) * m)])
        }
        rows += unit.values
      }
      let side = DoubleMatrix(rows: m, columns: rowCount, values: sides)
      let stack = Matrix(rows: rowCount, columns: c, values: rows)
      curvature = .rows(stack, side)
      slope = DoubleMatrix.product(side, stack, threads: threads)
    } else {
      var sum = DoubleMatrix(rows: c, columns: c)
      var slope = DoubleMatrix(rows: m, columns: c)
      for k in 0..<changes.count {
        let (unit, away) = try Self.parts(changes.change(k), start, threads)
        let gram = unit.gram(threads: threads)
        slope.add(DoubleMatrix.product(away, gram, threads: threads))
        sum.add(gram)
      }
      curvature = .whole(sum)
      self.slope = slope
    }
  }

  /// τ/‖τ‖, zeros for a zero change, and Δ₀ − τ.
  private static func parts(
    _ change: Matrix, _ start: Matrix, _ threads: Int?
  ) -> (unit: Matrix, away: Matrix) {
    let norm = change.squaredNorm(threads: threads).squareRoot()
    var (unit, away) = (change, change)
    start.values.withChunk { start in
      unit.values.withMutableChunk { unit in
        away.values.withMutableChunk { away in
          for i in unit.indices {
            away[i] = start[i] - away[i]
            unit[i] = norm > 0 ? Float(Double(unit[i]) / norm) : 0
          }
        }
      }
    }
    return (unit, away)
  }

  // MARK: The published steps

  private static let firstDecay = 0.9
  private static let secondDecay = 0.999
  private static let epsilon = 1e-8

  /// Δ after some steps of Adam from Δ₀.
  ///
  /// - Source: Kingma and Ba 2015, arXiv:1412.6980, algorithm 1, with the constants of PyTorch.
  func descend(steps: Int, rate: Double) -> Matrix {
    let (m, c) = (start.rows, start.columns)
    var moved = Matrix(rows: m, columns: c)
    var first = [Float](repeating: 0, count: m * c)
    var second = first
    let slope = slope.values.map { Float($0) }
    let curvature: Matrix =
      switch curvature {
      case .whole(let matrix): Matrix(rounding: matrix)
      case .rows(let rows, _): rows
      }
    var (firstPower, secondPower) = (1.0, 1.0)
    for _ in 0..<steps {
      firstPower *= Self.firstDecay
      secondPower *= Self.secondDecay
      let step = Step(
        rate: rate / (1 - firstPower), secondRoot: (1 - secondPower).squareRoot())
      let turned = product(moved, curvature)
      slope.withChunk { slope in
        turned.values.withChunk { turned in
          first.withMutableChunk { first in
            second.withMutableChunk { second in
              moved.values.withMutableChunk { moved in
                let ranges = chunkRanges(count: moved.count)
                Parallel.forEach(count: ranges.count, threads: threads) { index in
                  for i in ranges[index] {
                    let gradient = 2 * (Double(slope[i]) + Double(turned[i]))
                    moved[i] = step.move(moved[i], gradient, &first[i], &second[i])
                  }
                }
              }
            }
          }
        }
      }
    }
    return result(subtracting: moved.values.map { -Double($0) })
  }

  /// One step's constants.
  private struct Step: Sendable {
    let rate: Double
    let secondRoot: Double

    @inline(__always)
    func move(
      _ value: Float, _ gradient: Double, _ first: inout Float, _ second: inout Float
    ) -> Float {
      let mean = firstDecay * Double(first) + (1 - firstDecay) * gradient
      let square = secondDecay * Double(second) + (1 - secondDecay) * gradient * gradient
      first = Float(mean)
      second = Float(square)
      return Float(Double(value) - rate * mean / (square.squareRoot() / secondRoot + epsilon))
    }
  }

  /// D·H, by H or by B.
  private func product(_ moved: Matrix, _ curvature: Matrix) -> Matrix {
    switch self.curvature {
    case .whole: Matrix.product(moved, curvature, threads: threads)
    case .rows:
      Matrix.product(
        Matrix.product(moved, curvature, transposingSecond: true, threads: threads), curvature,
        threads: threads)
    }
  }

  // MARK: The closed form

  /// Δ₀ − E·(H + μ)⁻¹ with μ = damping · trace H / c.
  ///
  /// With E = S·B that is Δ₀ − S·(BBᵀ + μ)⁻¹·B.
  func solve(damping: Double) throws(LinearAlgebraError) -> Matrix {
    switch curvature {
    case .whole(var matrix):
      guard matrix.addToDiagonal(damping, perMeanOf: matrix.rows) else { return start }
      return result(subtracting: try solved(matrix, right: slope).values)
    case .rows(let rows, let side):
      var matrix = rows.gram(ofRows: true, threads: threads)
      // The mean is over the c eigenvalues of H, most of which are 0.
      guard matrix.addToDiagonal(damping, perMeanOf: rows.columns) else { return start }
      let factor = try solved(matrix, right: side)
      return result(subtracting: DoubleMatrix.product(factor, rows, threads: threads).values)
    }
  }

  /// X of X·S = B.
  private func solved(
    _ matrix: consuming DoubleMatrix, right: DoubleMatrix
  ) throws(LinearAlgebraError) -> DoubleMatrix {
    let size = matrix.rows
    let factors = try Cholesky(size: size, elements: matrix.takeValues(), threads: threads)
    var rows = right.values
    factors.solve(&rows, threads: threads)
    return DoubleMatrix(rows: right.rows, columns: right.columns, values: rows)
  }

  private func result(subtracting moved: [Double]) -> Matrix {
    let values = zip(start.values, moved).map { Float(Double($0) - $1) }
    return Matrix(rows: start.rows, columns: start.columns, values: values)
  }
}
