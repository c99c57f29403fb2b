// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The Unicode classes that the split patterns ask for, one byte a scalar.
///
/// `letter` is `\p{L}`, `mark` `\p{M}`, `number` `\p{N}`, `space` the property White_Space (`\s`).
/// The values are those of Unicode 16, which the regular expressions of Hugging Face tokenizers
/// 0.23 know, whatever newer Unicode this Swift has: a letter of Unicode 17 is not yet assigned.
struct ScalarClass: OptionSet, Hashable, Sendable {
  let rawValue: UInt8
  static let letter = ScalarClass(rawValue: 1)
  static let mark = ScalarClass(rawValue: 2)
  static let number = ScalarClass(rawValue: 4)
  static let space = ScalarClass(rawValue: 8)
}

/// A value for each Unicode scalar in two stages: equal blocks of 256 scalars are stored once.
/// One array access for the block, one for the scalar.
struct ScalarTable<Value: Hashable & Sendable>: Sendable {
  private let blockOffsets: [Int32]
  private let values: [Value]

  /// - Parameter value: of every scalar value below 0x110000, surrogates included.
  init(_ value: (UInt32) -> Value) {
    var offsets: [Int32] = []
    var stored: [Value] = []
    var known: [[Value]: Int32] = [:]
    for first in stride(from: UInt32(0), to: 0x110000, by: 256) {
      let block = (first..<first + 256).map(value)
      if let offset = known[block] {
        offsets.append(offset)
      } else {
        known[block] = Int32(stored.count)
        offsets.append(Int32(stored.count))
        stored += block
      }
    }
    blockOffsets = offsets
    values = stored
  }

  /// The value of a scalar value below 0x110000.
  @inline(__always)
  subscript(scalar: UInt32) -> Value {
    values[Int(blockOffsets[Int(scalar >> 8)]) + Int(scalar & 255)]
  }
}

enum UnicodeClasses {
  /// The class of every scalar; surrogates have none. Built on first use, in about 0.1 s.
  static let table = ScalarTable { value in Unicode.Scalar(value).map(classify) ?? [] }

  /// The Unicode version of Oniguruma in Hugging Face tokenizers 0.23; a golden test compares
  /// every scalar.
  private static let newestUnicode = 16

  private static func classify(_ scalar: Unicode.Scalar) -> ScalarClass {
    let properties = scalar.properties
    guard let age = properties.age, age.major <= newestUnicode else { return [] }
    if properties.isWhitespace { return .space }
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
      return .letter
    case .nonspacingMark, .spacingMark, .enclosingMark: return .mark
    case .decimalNumber, .letterNumber, .otherNumber: return .number
    default: return []
    }
  }
}

/// Reads the scalar that starts at `position` of valid UTF-8; returns its value and byte count.
@inline(__always)
func decodeScalar(_ bytes: [UInt8], at position: Int) -> (value: UInt32, length: Int) {
  let lead = UInt32(bytes[position])
  if lead < 0x80 { return (lead, 1) }
  let second = UInt32(bytes[position + 1] & 0x3F)
  if lead < 0xE0 { return ((lead & 0x1F) << 6 | second, 2) }
  let third = UInt32(bytes[position + 2] & 0x3F)
  if lead < 0xF0 { return ((lead & 0x0F) << 12 | second << 6 | third, 3) }
  let fourth = UInt32(bytes[position + 3] & 0x3F)
  return ((lead & 0x07) << 18 | second << 12 | third << 6 | fourth, 4)
}
