// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Small whole numbers, as runs of equal ones and groups of eight packed into bits: which values
/// are null, and which entries of a dictionary they are. Numbers come one at a time, since a few
/// bytes can stand for billions.
struct RunDecoder {
  private let bytes: [UInt8]
  private var position: Int
  private let end: Int
  private let width: Int
  private var runLength = 0
  private var runValue = 0
  /// Numbers left in the current packed run, and the bit that the next begins at.
  private var packedLeft = 0
  private var bit = 0

  /// Reads `bytes[range]`; `width` is the bits of a number, at most 32.
  init?(_ bytes: [UInt8], _ range: Range<Int>, width: Int) {
    guard (0...32).contains(width) else { return nil }
    self.bytes = bytes
    self.width = width
    (position, end) = (range.lowerBound, range.upperBound)
  }

  /// The next number; `nil` where the bytes do not have it.
  mutating func next() -> Int? {
    while true {
      if runLength > 0 {
        runLength -= 1
        return runValue
      }
      if packedLeft > 0 {
        packedLeft -= 1
        var value: UInt64 = 0
        let first = bit / 8
        for k in 0..<(bit % 8 + width + 7) / 8 {
          guard first + k < end else { return nil }
          value |= UInt64(bytes[first + k]) << UInt64(8 * k)
        }
        defer { bit += width }
        return Int(value >> UInt64(bit % 8) & ((1 << UInt64(width)) - 1))
      }
      guard let head = unsignedNumber(bytes, &position, end) else { return nil }
      if head & 1 == 0 {
        runLength = head >> 1
        runValue = 0
        let size = (width + 7) / 8
        guard runLength > 0, size <= end - position else { return nil }
        for k in 0..<size { runValue |= Int(bytes[position + k]) << (8 * k) }
        position += size
      } else {
        let groups = head >> 1
        // The last group may be cut short.
        guard groups > 0, groups <= end else { return nil }
        packedLeft = 8 * groups
        bit = 8 * position
        position = min(end, position + groups * width)
      }
    }
  }
}

/// A number of seven bits a byte, the lowest first; at most 35 bits, which is more than any count.
func unsignedNumber(_ bytes: [UInt8], _ position: inout Int, _ end: Int) -> Int? {
  var value = 0
  for shift in stride(from: 0, to: 35, by: 7) {
    guard position < end else { return nil }
    let byte = bytes[position]
    position += 1
    value |= Int(byte & 0x7F) << shift
    if byte < 0x80 { return value }
  }
  return nil
}

/// Numbers as differences packed into bits: DELTA_BINARY_PACKED, as lengths of texts use it.
enum DeltaDecoder {
  /// More numbers in a page are refused: two hundred times what writers put into one.
  static let maximumCount = 1 << 22

  /// The numbers, and where the bytes behind them begin; `nil` for what is damaged.
  static func numbers(_ bytes: [UInt8], from start: Int) -> (numbers: [Int], end: Int)? {
    var position = start
    guard let blockSize = unsignedNumber(bytes, &position, bytes.count),
      let miniCount = unsignedNumber(bytes, &position, bytes.count),
      let count = unsignedNumber(bytes, &position, bytes.count),
      let first = signed(bytes, &position),
      blockSize > 0, blockSize % 128 == 0, blockSize <= 1 << 20,
      miniCount > 0, miniCount <= blockSize / 32, blockSize / miniCount % 32 == 0,
      count <= maximumCount
    else { return nil }
    guard count > 0 else { return ([], position) }
    let miniSize = blockSize / miniCount
    var numbers = [first]
    var last = first
    while numbers.count < count {
      guard let smallest = signed(bytes, &position), position + miniCount <= bytes.count else {
        return nil
      }
      let widths = bytes[position..<position + miniCount]
      position += miniCount
      for width in widths.map(Int.init) where numbers.count < count {
        guard width <= 64 else { return nil }
        let size = miniSize / 8 * width
        guard size <= bytes.count - position else { return nil }
        for k in 0..<min(miniSize, count - numbers.count) {
          var value: UInt64 = 0
          for bit in 0..<width {
            let place = k * width + bit
            value |= UInt64(bytes[position + place / 8] >> UInt8(place % 8) & 1) << UInt64(bit)
          }
          last = last &+ smallest &+ Int(truncatingIfNeeded: value)
          numbers.append(last)
        }
        position += size
      }
    }
    return (numbers, position)
  }

  private static func signed(_ bytes: [UInt8], _ position: inout Int) -> Int? {
    var value: UInt64 = 0
    for shift in stride(from: 0 as UInt64, to: 70, by: 7) {
      guard position < bytes.count else { return nil }
      let byte = bytes[position]
      position += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 {
        return Int(truncatingIfNeeded: value >> 1) ^ -Int(truncatingIfNeeded: value & 1)
      }
    }
    return nil
  }
}
