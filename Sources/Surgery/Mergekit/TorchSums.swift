// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// PyTorch's sums and norms on an x86 CPU, addition by addition.
///
/// Goals in order: (1) for tensors below 32,768 elements the same bits as one build of PyTorch 2
/// with 256-bit vectors (above, PyTorch cuts a sum by its number of threads, and agreement ends
/// within an ulp or two); (2) accumulation in `Number` whatever the type. A plain running sum
/// differs in most last places. Nothing here rounds to the type: the caller does, once.
///
/// The order, read off from results: a sum of n rows adds them one after the other, in steps of
/// 2^p rows whose sums are again summed so, four levels deep; p = max(4, ⌈log₂ n⌉ / 4). Contiguous
/// elements are dealt out as rows of four vectors, whose lanes are added at the end.
extension WorkArithmetic {
  /// The sum of contiguous elements.
  static func sum(_ x: ArraySlice<Number>) -> Number {
    if x.count < lanes { return foldedSum(x) }
    let first = x.startIndex
    // A vector of a 16-bit type is two of floats, added when it is read.
    let width = MemoryLayout<Number>.size == 8 ? 4 : 8
    let halves = lanes / width
    let vectorCount = x.count / lanes
    let rowCount = vectorCount / 4
    var partial = cascade(rows: rowCount, width: 4 * width) { row, lane in
      let start = first + (row * 4 + lane / width) * lanes + lane % width
      return halves == 2 ? x[start] + x[start + width] : x[start]
    }
    for vector in (rowCount * 4)..<vectorCount {
      for lane in 0..<width {
        let start = first + vector * lanes + lane
        partial[lane] += halves == 2 ? x[start] + x[start + width] : x[start]
      }
    }
    for k in 1..<4 {
      for lane in 0..<width { partial[lane] += partial[k * width + lane] }
    }
    var total: Number = 0
    for i in (first + vectorCount * lanes)..<x.endIndex { total += x[i] }
    for lane in 0..<width { total += partial[lane] }
    return total
  }

  static func sum(_ x: [Number]) -> Number { sum(x[...]) }

  /// For each element the sum over `rows`, tensors of one shape: a sum along an outer axis.
  static func sumOverRows(_ rows: [[Number]]) -> [Number] {
    guard let first = rows.first else { return [] }
    if first.count == 1 { return [sum(rows.map { $0[0] })] }
    if rows.count < 5 {
      // All orders below agree.
      var total = [Number](repeating: 0, count: first.count)
      for row in rows { for i in total.indices { total[i] += row[i] } }
      return total
    }
    let block = first.count < lanes ? 4 : 4 * lanes
    let blocked = first.count / block * block
    return first.indices.map { column in
      if column < blocked {
        return cascade(rows: rows.count, width: 1) { row, _ in rows[row][column] }[0]
      }
      return foldedSum(rows.map { $0[column] }[...])
    }
  }

  /// Single elements dealt out to four sums, and those added.
  private static func foldedSum(_ x: ArraySlice<Number>) -> Number {
    let first = x.startIndex
    let rowCount = x.count / 4
    var partial = cascade(rows: rowCount, width: 4) { row, lane in x[first + row * 4 + lane] }
    for i in (first + rowCount * 4)..<x.endIndex { partial[0] += x[i] }
    return ((partial[0] + partial[1]) + partial[2]) + partial[3]
  }

  private static func cascade(
    rows: Int, width: Int, _ element: (_ row: Int, _ lane: Int) -> Number
  ) -> [Number] {
    let depth = 4
    let ceilLog = rows <= 2 ? 1 : Int.bitWidth - (rows - 1).leadingZeroBitCount
    let power = max(4, ceilLog / depth)
    var levels = [[Number]](repeating: [Number](repeating: 0, count: width), count: depth)
    for row in 0..<rows {
      for lane in 0..<width { levels[0][lane] += element(row, lane) }
      let done = row + 1
      if done & ((1 << power) - 1) != 0 { continue }
      for level in 1..<depth {
        for lane in 0..<width {
          levels[level][lane] += levels[level - 1][lane]
          levels[level - 1][lane] = 0
        }
        if done & (((1 << power) - 1) << (level * power)) != 0 { break }
      }
    }
    for level in 1..<depth {
      for lane in 0..<width { levels[0][lane] += levels[level][lane] }
    }
    return levels[0]
  }

  /// The Euclidean norm of contiguous elements, rounded to the type.
  static func norm(_ x: ArraySlice<Number>) -> Number { round(wideNorm(x)) }

  static func norm(_ x: [Number]) -> Number { norm(x[...]) }

  /// The Euclidean norm of contiguous elements, not rounded: that of the tensor widened first.
  ///
  /// Whole vectors are squared and added lane by lane; of the elements after them, groups of four
  /// are rounded after squaring, the rest is multiplied and added in one step.
  static func wideNorm(_ x: ArraySlice<Number>) -> Number {
    let width = MemoryLayout<Number>.size == 8 ? 4 : 8
    var partial = [Number](repeating: 0, count: width)
    let first = x.startIndex
    let vectorEnd = first + x.count / lanes * lanes
    for start in stride(from: first, to: vectorEnd, by: width) {
      for lane in 0..<width { partial[lane] += x[start + lane] * x[start + lane] }
    }
    var total = partial[0]
    for lane in 1..<width { total += partial[lane] }
    let separateEnd = vectorEnd + (x.endIndex - vectorEnd) / 4 * 4
    for i in vectorEnd..<separateEnd { total += x[i] * x[i] }
    for i in separateEnd..<x.endIndex { total = total.addingProduct(x[i], x[i]) }
    return total.squareRoot()
  }

  /// The norms of the columns of a matrix of `rows` rows, rounded to the type: element after
  /// element, each square rounded first.
  static func columnNorms(_ x: [Number], rows: Int, columns: Int) -> [Number] {
    var totals = [Number](repeating: 0, count: columns)
    for row in 0..<rows {
      for column in 0..<columns {
        let value = x[row * columns + column]
        totals[column] += value * value
      }
    }
    return totals.map { round($0.squareRoot()) }
  }
}
