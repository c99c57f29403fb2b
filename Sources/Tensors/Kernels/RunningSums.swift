// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Sums over many arrays of one length, element by element, in double precision: means of squared
/// gradients, of products of activations.
///
/// A float's square is exact in a double, so the sum of n arrays has a relative error of at most
/// n · 10⁻¹⁶ and loses no small terms, as sums in floats do. Arrays are added one after the other by
/// one caller; each is added in parallel, and the result does not depend on the number of threads.
/// Memory: 8 bytes an element.
package final class RunningSums {
  private var sums: [Double]
  /// How many arrays have been added.
  package private(set) var arrayCount = 0

  package init(count: Int) { sums = [Double](repeating: 0, count: count) }

  package var count: Int { sums.count }

  /// sumᵢ ← sumᵢ + xᵢ².
  package func addSquares(_ values: FloatChunk, threads: Int? = nil) {
    add(values, threads: threads) { sum, x in sum + Double(x) * Double(x) }
  }

  /// sumᵢ ← sumᵢ + xᵢ.
  package func add(_ values: FloatChunk, threads: Int? = nil) {
    add(values, threads: threads) { sum, x in sum + Double(x) }
  }

  @inline(__always)
  private func add(
    _ values: FloatChunk, threads: Int?, _ step: @escaping @Sendable (Double, Float) -> Double
  ) {
    precondition(values.count == sums.count, "\(values.count) numbers for \(sums.count) sums")
    arrayCount += 1
    guard !sums.isEmpty else { return }
    let length = 1 << 16
    sums.withWindow { window in
      Parallel.forEach(
        count: (window.count + length - 1) / length,
        threads: window.count < 4 * length ? 1 : threads
      ) { index in
        for i in (index * length)..<min(window.count, (index + 1) * length) {
          // Safety: i is below the window's count, and no other index of the loop covers it.
          unsafe window.start[i] = step(window.start[i], values[i])
        }
      }
    }
  }

  /// The sums times `factor`, rounded to floats.
  package func scaled(by factor: Double) -> [Float] { sums.map { Float($0 * factor) } }
}
