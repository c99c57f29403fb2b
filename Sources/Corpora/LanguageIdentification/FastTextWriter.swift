// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Puts the numbers of a fastText file one after the other, little-endian.
struct FastTextWriter {
  private(set) var data = Data()

  private mutating func append(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { data.append(contentsOf: $0) }
  }

  mutating func append(int32 values: Int...) { for value in values { append(Int32(value)) } }

  mutating func append(int64 values: Int...) { for value in values { append(Int64(value)) } }

  mutating func append(flag: Bool) { data.append(flag ? 1 : 0) }

  /// An entry of the dictionary.
  mutating func append(_ text: [UInt8], count: Int, isLabel: Bool) {
    data.append(contentsOf: text)
    data.append(0)
    append(Int64(count))
    append(flag: isLabel)
  }

  mutating func append(matrix: [Float], width: Int) {
    append(int64: matrix.count / width, width)
    data.reserveCapacity(data.count + 4 * matrix.count)
    for value in matrix { append(value.bitPattern) }
  }
}
