// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A matrix (R, D) of a fastText file, read where it lies.
///
/// - Source: the file format of fastText 0.9.2; product quantisation: Jégou et al. 2011, in the
///   form of Joulin et al. 2016, arXiv:1612.03651.
struct FastTextMatrix: Sendable {
  private enum Storage {
    /// The first float.
    case dense(start: Int)
    /// A byte for each part of a row, naming one of 256 centroids of that part; `norms`: a byte for
    /// each row, naming one of 256 lengths.
    case quantised(codes: Int, parts: Parts, norms: (codes: Int, centroids: Int)?)
  }

  /// How a row is cut: all parts have `width` columns, the last `lastWidth`.
  private struct Parts {
    let count: Int
    let width: Int
    let lastWidth: Int
    /// The first float of the centroids.
    let centroids: Int

    func width(of part: Int) -> Int { part == count - 1 ? lastWidth : width }

    /// The first float of centroid `code` of `part`.
    func centroid(_ part: Int, _ code: Int) -> Int {
      centroids + 4 * (256 * part * width + code * width(of: part))
    }
  }

  let rowCount: Int
  let columnCount: Int
  private let data: Data
  private let storage: Storage

  /// Reads a matrix from the cursor on.
  init(
    _ cursor: inout FastTextCursor, data: Data, isQuantised: Bool, name: String
  ) throws(CorpusError) {
    self.data = data
    let hasNorms = isQuantised ? try cursor.flag("norms of the \(name)") : false
    // Below 2⁶² together, whatever they are.
    rowCount = try cursor.count("rows of the \(name)", 0...1 << 31, wide: true)
    columnCount = try cursor.count("columns of the \(name)", 1...1 << 20, wide: true)
    guard isQuantised else {
      storage = .dense(start: try cursor.floats(rowCount * columnCount, name))
      return
    }
    let codeCount = try cursor.count("codes of the \(name)", 0...Int(Int32.max))
    let codes = cursor.position
    try cursor.skip(codeCount, "codes of the \(name)")
    let parts = try Self.parts(&cursor, columns: columnCount, name)
    guard codeCount == rowCount * parts.count else {
      throw cursor.damaged(
        "the \(name) has \(codeCount) codes for \(rowCount) rows of \(parts.count) parts")
    }
    guard hasNorms else {
      storage = .quantised(codes: codes, parts: parts, norms: nil)
      return
    }
    let normCodes = cursor.position
    try cursor.skip(rowCount, "norms of the \(name)")
    let norms = try Self.parts(&cursor, columns: 1, "norms of the \(name)")
    storage = .quantised(codes: codes, parts: parts, norms: (normCodes, norms.centroids))
  }

  private static func parts(
    _ cursor: inout FastTextCursor, columns: Int, _ name: String
  ) throws(CorpusError) -> Parts {
    let found = try cursor.int32("width of the \(name)")
    guard found == columns else {
      throw cursor.damaged("the quantiser of the \(name) has width \(found), not \(columns)")
    }
    let count = try cursor.count("parts of the \(name)", 1...columns)
    let width = try cursor.count("width of a part of the \(name)", 1...columns)
    let last = try cursor.count("width of the last part of the \(name)", 1...width)
    guard (count - 1) * width + last == columns else {
      throw cursor.damaged("the parts of the \(name) do not add up to \(columns)")
    }
    let centroids = try cursor.floats(256 * columns, "centroids of the \(name)")
    return Parts(count: count, width: width, lastWidth: last, centroids: centroids)
  }

  /// Adds a row to `sum` (D).
  func add(row: Int, to sum: inout [Float]) {
    forEach(row: row) { sum[$0] += $1 }
  }

  /// The scalar product of a row and `vector` (D).
  func dot(row: Int, _ vector: [Float]) -> Float {
    var sum: Float = 0
    forEach(row: row) { sum += vector[$0] * $1 }
    return sum
  }

  @inline(__always)
  private func forEach(row: Int, _ body: (_ column: Int, _ value: Float) -> Void) {
    precondition(row >= 0 && row < rowCount)
    // Safety: the constructor found all rows, codes and centroids inside the data; a code is a byte
    // and there are 256 centroids.
    data.withUnsafeBytes { bytes in
      func float(_ offset: Int) -> Float {
        Float(
          bitPattern: UInt32(
            littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
      }
      switch storage {
      case .dense(let start):
        let base = start + 4 * row * columnCount
        for column in 0..<columnCount { body(column, float(base + 4 * column)) }
      case .quantised(let codes, let parts, let norms):
        let norm = norms.map { float($0.centroids + 4 * Int(bytes[$0.codes + row])) } ?? 1
        for part in 0..<parts.count {
          let base = parts.centroid(part, Int(bytes[codes + row * parts.count + part]))
          for i in 0..<parts.width(of: part) {
            body(part * parts.width + i, norm * float(base + 4 * i))
          }
        }
      }
    }
  }
}
