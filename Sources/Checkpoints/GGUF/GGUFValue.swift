// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A value in the head of a GGUF file.
public enum GGUFValue: Sendable, Equatable {
  case uint32(UInt32)
  case int32(Int32)
  case float32(Float)
  case bool(Bool)
  case string(String)
  case strings([String])
  case int32s([Int32])
  case float32s([Float])

  /// The format's number of the type.
  private var type: UInt32 {
    switch self {
    case .uint32: 4
    case .int32: 5
    case .float32: 6
    case .bool: 7
    case .string: 8
    case .strings, .int32s, .float32s: 9
    }
  }

  func encode(into bytes: inout [UInt8]) {
    bytes.append(little: type)
    switch self {
    case .uint32(let value): bytes.append(little: value)
    case .int32(let value): bytes.append(little: value)
    case .float32(let value): bytes.append(little: value.bitPattern)
    case .bool(let value): bytes.append(value ? 1 : 0)
    case .string(let value): bytes.append(text: value)
    case .strings(let values):
      bytes.append(little: UInt32(8))
      bytes.append(little: UInt64(values.count))
      for value in values { bytes.append(text: value) }
    case .int32s(let values):
      bytes.append(little: UInt32(5))
      bytes.append(little: UInt64(values.count))
      for value in values { bytes.append(little: value) }
    case .float32s(let values):
      bytes.append(little: UInt32(6))
      bytes.append(little: UInt64(values.count))
      for value in values { bytes.append(little: value.bitPattern) }
    }
  }
}

extension [UInt8] {
  /// Appends a number, least significant byte first.
  mutating func append<Number: FixedWidthInteger>(little value: Number) {
    for shift in 0..<(Number.bitWidth / 8) {
      append(UInt8(truncatingIfNeeded: value >> (8 * shift)))
    }
  }

  /// Appends a text after its number of bytes.
  mutating func append(text: String) {
    append(little: UInt64(text.utf8.count))
    append(contentsOf: text.utf8)
  }
}
