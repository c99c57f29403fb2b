// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Products of thin matrices, a run of elements at a time.
public enum LowRank {
  /// out ← out + scale · (L·R) on a run of elements of an m × n matrix in row-major order.
  ///
  /// Shapes: L is m × r, of which `left` holds the rows from `firstRow` on that the run touches,
  /// row after row; R is r × n. Each element's sum runs over r in order with fused multiply-adds,
  /// then one more adds it to `out`; so a number depends on its row and column alone, not on where
  /// the run begins. Cost: 2·r operations an element; R is read once for about 64 KB of `out`.
  /// - Parameters:
  ///   - start: the index in the whole matrix of the run's first element.
  ///   - output: the run; its length is the number of elements.
  /// Traps when `left` lacks a row of the run.
  public static func add(
    left: [Float], firstRow: Int, right: Matrix, scale: Float, start: Int,
    to output: MutableFloatChunk
  ) {
    let (r, n) = (right.rows, right.columns)
    guard output.count > 0, r > 0 else { return }
    let end = start + output.count
    let lastRow = (end - 1) / n
    precondition(
      start / n >= firstRow && (lastRow + 1 - firstRow) * r <= left.count,
      "rows \(start / n) to \(lastRow) of the left factor")
    withScratch(count: 16 * r + 64) { scratch in
      let (panel, tile) = (scratch[0..<(16 * r)], scratch[(16 * r)..<(16 * r + 64)])
      unsafe left.withUnsafeBufferPointer { left in
        unsafe right.values.withUnsafeBufferPointer { right in
          for column in stride(from: 0, to: n, by: 16) {
            let width = min(16, n - column)
            // Rows of R that lie a power of two apart would evict each other from the cache.
            for k in 0..<r {
              // Safety: row k of R from `column` on has `width` numbers, the panel 16 for each k.
              for j in 0..<width { unsafe panel.pointer[k * 16 + j] = right[k * n + column + j] }
            }
            for row in stride(from: start / n, through: lastRow, by: 4) {
              let height = min(4, lastRow + 1 - row)
              // Safety: `left` holds r numbers of each row up to `lastRow`, as checked above; a
              // group of fewer than four repeats its first row, whose sums are then not used.
              unsafe multiply(
                left, (row - firstRow) * r, height > 1 ? r : 0, height > 2 ? 2 * r : 0,
                height > 3 ? 3 * r : 0, panel, r, into: tile)
              for i in 0..<height {
                // The part of this row's columns that lies inside the run.
                let first = (row + i) * n + column
                let from = max(start, first)
                for index in from..<max(from, min(end, first + width)) {
                  // Safety: the index lies in the run, the lane in the tile's row i.
                  let sum = unsafe tile.pointer[i * 16 + index - first]
                  unsafe output.pointer[index - start].addProduct(scale, sum)
                }
              }
            }
          }
        }
      }
    }
  }

  /// Four rows of sixteen sums Σₖ lₖ · R[k, j].
  @inline(__always) @unsafe private static func multiply(
    _ left: UnsafeBufferPointer<Float>, _ first: Int, _ second: Int, _ third: Int, _ fourth: Int,
    _ panel: MutableFloatChunk, _ r: Int, into tile: MutableFloatChunk
  ) {
    var (a0, a1) = (SIMD8<Float>(), SIMD8<Float>())
    var (b0, b1) = (SIMD8<Float>(), SIMD8<Float>())
    var (c0, c1) = (SIMD8<Float>(), SIMD8<Float>())
    var (d0, d1) = (SIMD8<Float>(), SIMD8<Float>())
    // Safety: the caller's rows lie inside `left`; the panel holds 16·r floats, the tile 64.
    let rows = unsafe UnsafeRawPointer(panel.pointer)
    for k in 0..<r {
      let low = unsafe rows.loadUnaligned(fromByteOffset: k &* 64, as: SIMD8<Float>.self)
      let high = unsafe rows.loadUnaligned(fromByteOffset: k &* 64 &+ 32, as: SIMD8<Float>.self)
      let a = unsafe SIMD8<Float>(repeating: left[first + k])
      a0.addProduct(a, low)
      a1.addProduct(a, high)
      let b = unsafe SIMD8<Float>(repeating: left[first + second + k])
      b0.addProduct(b, low)
      b1.addProduct(b, high)
      let c = unsafe SIMD8<Float>(repeating: left[first + third + k])
      c0.addProduct(c, low)
      c1.addProduct(c, high)
      let d = unsafe SIMD8<Float>(repeating: left[first + fourth + k])
      d0.addProduct(d, low)
      d1.addProduct(d, high)
    }
    let target = unsafe UnsafeMutableRawPointer(tile.pointer)
    unsafe target.storeBytes(of: a0, toByteOffset: 0, as: SIMD8<Float>.self)
    unsafe target.storeBytes(of: a1, toByteOffset: 32, as: SIMD8<Float>.self)
    unsafe target.storeBytes(of: b0, toByteOffset: 64, as: SIMD8<Float>.self)
    unsafe target.storeBytes(of: b1, toByteOffset: 96, as: SIMD8<Float>.self)
    unsafe target.storeBytes(of: c0, toByteOffset: 128, as: SIMD8<Float>.self)
    unsafe target.storeBytes(of: c1, toByteOffset: 160, as: SIMD8<Float>.self)
    unsafe target.storeBytes(of: d0, toByteOffset: 192, as: SIMD8<Float>.self)
    unsafe target.storeBytes(of: d1, toByteOffset: 224, as: SIMD8<Float>.self)
  }
}
