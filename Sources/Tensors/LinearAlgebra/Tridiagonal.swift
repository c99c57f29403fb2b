// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// T = QᵀSQ of a symmetric matrix S, with non-zeros on and beside the diagonal only.
///
/// The reflections of ``panel`` columns are collected before S is changed: a column then costs one
/// reading of half of S, and the change is a matrix product.
struct Tridiagonal {
  let n: Int
  private(set) var diagonal: [Double]
  /// `beside[i]` couples i and i + 1; the last is 0.
  private(set) var beside: [Double]
  /// β of the reflections H = I − β·v·vᵀ; v stands in row k of the matrix, from column k + 1 on.
  private var factors: [Double]

  private static let panel = 32
  /// Rows of S whose share in S·v is summed by itself; fixed, so that threads do not show.
  private static let rowsOfShare = 256

  /// Reduces the upper half of `matrix`, and leaves the reflections in it.
  init(_ matrix: inout [Double], n: Int, threads: Int?) {
    self.n = n
    diagonal = Array(repeating: 0, count: n)
    beside = Array(repeating: 0, count: n)
    factors = Array(repeating: 0, count: n)
    let limit = max(0, n - 2)
    // Row c of the first half is the c-th reflection's v, row c of the second its w.
    var pairs = [Double](repeating: 0, count: 2 * Self.panel * n)
    var flipped = pairs
    var shares = [Double](repeating: 0, count: n * ((n + Self.rowsOfShare - 1) / Self.rowsOfShare))
    for first in stride(from: 0, to: limit, by: Self.panel) {
      let end = min(limit, first + Self.panel)
      matrix.withWindow { matrix in
        pairs.withWindow { pairs in
          shares.withWindow { shares in
            for k in first..<end {
              reduce(k, from: first, matrix, pairs, shares, threads: threads)
            }
          }
          flipped.withWindow { flipped in
            update(from: end, count: end - first, matrix, pairs, flipped, threads: threads)
          }
        }
      }
    }
    for i in limit..<n {
      diagonal[i] = matrix[i * n + i]
      if i + 1 < n { beside[i] = matrix[i * n + i + 1] }
    }
  }

  /// Makes row k's reflection and its w, with S as it was before the panel began at `first`.
  private mutating func reduce(
    _ k: Int, from first: Int, _ matrix: DoubleWindow, _ pairs: DoubleWindow,
    _ shares: DoubleWindow, threads: Int?
  ) {
    let (n, length, done) = (n, n - k - 1, k - first)
    // Safety, for all of this function: row k from the diagonal on has length + 1 numbers, a row of
    // `pairs` has n.
    let row = unsafe matrix.start + k * n
    for c in 0..<done {
      let (v, w) = unsafe (pairs.start + c * n, pairs.start + (Self.panel + c) * n)
      unsafe DoubleRuns.add(-v[k], w + k, to: row + k, length + 1)
      unsafe DoubleRuns.add(-w[k], v + k, to: row + k, length + 1)
    }
    diagonal[k] = unsafe row[k]
    let (v, w) = unsafe (pairs.start + done * n, pairs.start + (Self.panel + done) * n)
    for i in 0..<n { unsafe (v[i], w[i]) = (0, 0) }
    let reflection = unsafe row + k + 1
    let norm = unsafe DoubleRuns.dot(reflection, reflection, length).squareRoot()
    if norm == 0 { return }
    let alpha = unsafe reflection[0] > 0 ? -norm : norm
    unsafe reflection[0] -= alpha
    beside[k] = alpha
    let factor = unsafe 2 / DoubleRuns.dot(reflection, reflection, length)
    factors[k] = factor
    for i in 0..<length { unsafe v[k + 1 + i] = reflection[i] }
    // w = β·(S·v − what the panel changes in it), then less a multiple of v.
    unsafe multiply(
      from: k + 1, matrix, DoubleWindow(start: v, count: n), shares,
      into: DoubleWindow(start: w, count: n), threads: threads)
    let (x, y) = unsafe (v + k + 1, w + k + 1)
    for c in 0..<done {
      let (before, other) = unsafe (
        pairs.start + c * n + k + 1, pairs.start + (Self.panel + c) * n + k + 1
      )
      let (byOther, byBefore) = unsafe (
        DoubleRuns.dot(other, x, length), DoubleRuns.dot(before, x, length)
      )
      unsafe DoubleRuns.add(-byOther, before, to: y, length)
      unsafe DoubleRuns.add(-byBefore, other, to: y, length)
    }
    unsafe DoubleRuns.scale(y, by: factor, length)
    unsafe DoubleRuns.add(-factor / 2 * DoubleRuns.dot(y, x, length), x, to: y, length)
  }

  /// w ← S·v on the indices from `start` on, reading the upper half of S once.
  private func multiply(
    from start: Int, _ matrix: DoubleWindow, _ v: DoubleWindow, _ shares: DoubleWindow,
    into w: DoubleWindow, threads: Int?
  ) {
    let n = n
    let count = (n - start + Self.rowsOfShare - 1) / Self.rowsOfShare
    // A thread started for less than a millisecond of work costs more than it saves.
    let isSmall = n - start < 1536
    Parallel.forEach(count: count, threads: isSmall ? 1 : threads) { share in
      let top = start + share * Self.rowsOfShare
      // Safety: a share's sums are n numbers of its own; rows from the diagonal on lie in S.
      let sums = unsafe shares.start + share * n
      for i in top..<n { unsafe sums[i] = 0 }
      for i in top..<min(n, top + Self.rowsOfShare) {
        let row = unsafe matrix.start + i * n
        let sum = unsafe DoubleRuns.dotAdding(
          row + i + 1, v.start + i + 1, v.start[i], to: sums + i + 1, n - i - 1)
        unsafe sums[i] += row[i] * v.start[i] + sum
      }
    }
    for share in 0..<count {
      let top = start + share * Self.rowsOfShare
      unsafe DoubleRuns.add(1, shares.start + share * n + top, to: w.start + top, n - top)
    }
  }

  /// S ← S − v·wᵀ − w·vᵀ for the panel's pairs, on rows and columns from `start` on.
  private func update(
    from start: Int, count: Int, _ matrix: DoubleWindow, _ pairs: DoubleWindow,
    _ flipped: DoubleWindow, threads: Int?
  ) {
    let length = n - start
    for c in 0..<count {
      // Safety: rows of n numbers; v and w exchanged, and both without gaps between them.
      for i in start..<n {
        unsafe flipped.start[c * n + i] = pairs.start[(Self.panel + c) * n + i]
        unsafe flipped.start[(count + c) * n + i] = pairs.start[c * n + i]
        if count < Self.panel {
          unsafe pairs.start[(count + c) * n + i] = pairs.start[(Self.panel + c) * n + i]
        }
      }
    }
    // Safety: 2·count rows of `length` numbers from `start` on; the corner of S below and right.
    let (left, right) = unsafe (
      ProductView(pairs.start + start, rows: 2 * count, columns: length, down: n),
      ProductView(flipped.start + start, rows: 2 * count, columns: length, down: n)
    )
    let corner = unsafe ProductView(
      matrix.start + start * n + start, rows: length, columns: length, down: n)
    Product.subtract(left.transposed, right, from: corner, upperHalf: true, threads: threads)
  }

  /// Q, the product of the reflections, row after row.
  ///
  /// The reflections of a panel are I − VᵀTV with T upper triangular, so they are applied together.
  func basis(_ matrix: inout [Double], threads: Int?) -> [Double] {
    let n = n
    var basis = [Double](repeating: 0, count: n * n)
    for i in 0..<n { basis[i * n + i] = 1 }
    let limit = max(0, n - 2)
    guard limit > 0 else { return basis }
    let last = (limit - 1) / Self.panel * Self.panel
    for first in stride(from: last, through: 0, by: -Self.panel) {
      let count = min(limit, first + Self.panel) - first
      let length = n - first - 1
      var v = [Double](repeating: 0, count: count * length)
      for c in 0..<count {
        let row = (first + c) * n + first + 1
        for i in c..<length { v[c * length + i] = matrix[row + i] }
      }
      var turned = compact(&v, first, count)
      var inner = [Double](repeating: 0, count: count * length)
      basis.withWindow { basis in
        v.withWindow { v in
          turned.withWindow { turned in
            inner.withWindow { inner in
              // Safety: `count` rows of `length` numbers, and the corner of Q from first + 1 on.
              let vectors = unsafe ProductView(
                v.start, rows: count, columns: length, down: length)
              let corner = unsafe ProductView(
                basis.start + (first + 1) * (n + 1), rows: length, columns: length, down: n)
              let product = unsafe ProductView(
                inner.start, rows: count, columns: length, down: length)
              let weights = unsafe ProductView(
                turned.start, rows: count, columns: length, down: length)
              // inner = −(T·V)·Q; then Q + Vᵀ·inner.
              Product.subtract(weights, corner, from: product, threads: threads)
              unsafe DoubleRuns.scale(product.start, by: -1, count * length)
              Product.subtract(vectors.transposed, product, from: corner, threads: threads)
            }
          }
        }
      }
    }
    return basis
  }

  /// T·V of the panel that begins at `first`.
  private func compact(_ v: inout [Double], _ first: Int, _ count: Int) -> [Double] {
    let length = v.count / count
    var t = [Double](repeating: 0, count: count * count)
    v.withWindow { v in
      for j in 0..<count {
        let factor = factors[first + j]
        // Safety: rows of `length` numbers.
        let own = unsafe v.start + j * length
        let products = (0..<j).map { unsafe DoubleRuns.dot(v.start + $0 * length, own, length) }
        for i in 0..<j {
          var sum = 0.0
          for l in i..<j { sum += t[i * count + l] * products[l] }
          t[i * count + j] = -factor * sum
        }
        t[j * count + j] = factor
      }
    }
    var result = [Double](repeating: 0, count: v.count)
    v.withWindow { v in
      result.withWindow { result in
        for i in 0..<count {
          for j in i..<count {
            unsafe DoubleRuns.add(
              t[i * count + j], v.start + j * length, to: result.start + i * length, length)
          }
        }
      }
    }
    return result
  }
}
