// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Edits that know what JSON, YAML and names have in common: lines, indents, brackets, quotes,
/// numbers in digits.
enum FuzzText {
  /// Numbers at the edges of types, and what readers of numbers trip over.
  private static let numbers = texts([
    "0", "1", "-1", "2", "255", "65536", "100000", "100001", "2147483647", "2147483648",
    "4294967296", "9007199254740993", "9223372036854775807", "-9223372036854775808",
    "9223372036854775808", "18446744073709551615", "18446744073709551616", "1e400", "-1e400",
    "1e-400", "1e9223372036854775807", "10e9223372036854775807", "0.1e-9223372036854775808",
    "1.5", "-0", "0.0", "00", "1e3", "1.0", ".5", "5.", "+1", "0x10", "1_000", "NaN", ".inf",
    "100000000000000000000000000000000000000000", "0.30000000000000000000000000000000004",
  ])
  /// Values of all kinds.
  private static let values = texts([
    "null", "true", "false", "\"\"", "[]", "{}", "[[]]", "{\"\":{}}", "\"a\"", "~", "''",
    "[null]", "\"\\u0000\"", "\"../x\"", "\"/etc/passwd\"", "..", "{\"a\":[{\"a\":1}]}",
    "\"\\ud800\"", "[0,0]", "[1,-1]", "- ", "\"{layer}\"", "\"{expert}\"",
  ])
  /// Openers and closers for nesting.
  private static let brackets: [(open: [UInt8], close: [UInt8])] = [
    ("[", "]"), ("{\"a\":", "}"), ("(", ")"), ("- ", ""), ("{a: ", "}"), ("[[", "]]"), ("a.0.", ""),
    ("(?:", "){2}"), ("? ", ""), ("\"", "\""),
  ].map { (Array($0.0.utf8), Array($0.1.utf8)) }
  /// Well-formed and ill-formed UTF-8 that texts are not prepared for: a byte order mark, a line
  /// separator, a change of direction, NUL, escape, two that are canonically equal, a joined emoji,
  /// combining marks without a base; then a surrogate, an overlong slash, beyond U+10FFFF, a lone
  /// continuation, a cut sequence.
  private static let troubles: [[UInt8]] =
    texts([
      "\u{FEFF}", "\u{2028}", "\u{202E}", "\0", "\u{1B}[31m", "\u{212B}", "\u{C5}",
      "\u{1F469}\u{200D}\u{1F4BB}", "\u{301}\u{301}\u{301}", "\u{85}", "\u{A0}", "\u{FFFF}", "\r",
      "\t", "\u{130}", "\u{DF}", "\u{10FFFF}", "\\",
    ]) + [
      [0xED, 0xA0, 0x80], [0xC0, 0xAF], [0xF4, 0x90, 0x80, 0x80], [0x80], [0xE2, 0x82],
      [0xFF, 0xFE],
    ]

  private static func texts(_ texts: [String]) -> [[UInt8]] { texts.map { Array($0.utf8) } }

  static func edit(_ bytes: inout [UInt8], donor: [UInt8], _ draw: inout FuzzDraw) {
    switch draw.below(11) {
    case 0, 1: editDigits(&bytes, &draw)
    case 2, 3: editLine(&bytes, donor: donor, &draw)
    case 4, 5, 6, 7: editValue(&bytes, donor: donor, &draw)
    case 8: nest(&bytes, &draw)
    case 9:
      bytes.insert(
        contentsOf: troubles[draw.below(troubles.count)], at: draw.below(bytes.count + 1))
    default:
      // Many of the same, for what counts or what takes time by the square.
      let stretch = Array(bytes[draw.stretch(bytes)])
      let copies = 2 << draw.below(7)
      bytes.insert(
        contentsOf: repeatElement(stretch, count: copies).joined(), at: draw.below(bytes.count + 1))
    }
  }

  /// The next run of decimal digits replaced by an awkward number.
  private static func editDigits(_ bytes: inout [UInt8], _ draw: inout FuzzDraw) {
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    let place = draw.below(bytes.count)
    guard let start = bytes[place...].firstIndex(where: digits.contains) else { return }
    let end = bytes[start...].firstIndex { !digits.contains($0) } ?? bytes.count
    bytes.replaceSubrange(start..<end, with: numbers[draw.below(numbers.count)])
  }

  // MARK: Lines

  private static func line(of bytes: [UInt8], _ draw: inout FuzzDraw) -> Range<Int> {
    let place = draw.below(bytes.count)
    let start = bytes[..<place].lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    let end = bytes[place...].firstIndex(of: 0x0A).map { $0 + 1 } ?? bytes.count
    return start..<max(start, end)
  }

  /// A line removed, doubled, moved, indented otherwise, or taken from another seed.
  private static func editLine(_ bytes: inout [UInt8], donor: [UInt8], _ draw: inout FuzzDraw) {
    let range = line(of: bytes, &draw)
    let text = Array(bytes[range])
    switch draw.below(5) {
    case 0: bytes.removeSubrange(range)
    case 1: bytes.insert(contentsOf: text, at: range.lowerBound)
    case 2:
      bytes.removeSubrange(range)
      bytes.insert(contentsOf: text, at: line(of: bytes, &draw).lowerBound)
    case 3:
      let spaces = text.prefix { $0 == 0x20 }.count
      let wanted = max(0, spaces + [-4, -2, -1, 1, 2, 4][draw.below(6)])
      bytes.replaceSubrange(
        range.lowerBound..<(range.lowerBound + spaces), with: repeatElement(0x20, count: wanted))
    default:
      bytes.insert(contentsOf: donor[line(of: donor, &draw)], at: range.lowerBound)
    }
  }

  // MARK: Values

  /// The next word, quoted text or bracketed value from `place` on.
  private static func value(in bytes: [UInt8], from place: Int) -> Range<Int> {
    func isWord(_ byte: UInt8) -> Bool {
      (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || byte >= 0x80
        || "_.-+".utf8.contains(byte)
    }
    guard
      let start = bytes[min(place, bytes.count)...].firstIndex(where: {
        isWord($0) || "\"'[{(".utf8.contains($0)
      })
    else { return bytes.count..<bytes.count }
    if isWord(bytes[start]) {
      return start..<(bytes[start...].firstIndex { !isWord($0) } ?? bytes.count)
    }
    var depth = 0
    var quote: UInt8?
    var position = start
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      if let open = quote {
        if byte == UInt8(ascii: "\\") {
          position += 1
        } else if byte == open {
          quote = nil
        }
      } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
        quote = byte
      } else if "[{(".utf8.contains(byte) {
        depth += 1
      } else if "]})".utf8.contains(byte) {
        depth -= 1
      }
      if quote == nil, depth <= 0 { break }
    }
    return start..<min(position, bytes.count)
  }

  /// A value removed, replaced by another one, doubled with a comma between, or put inside itself.
  private static func editValue(_ bytes: inout [UInt8], donor: [UInt8], _ draw: inout FuzzDraw) {
    let range = value(in: bytes, from: draw.below(bytes.count))
    let text = Array(bytes[range])
    switch draw.below(8) {
    case 0:
      // With the comma behind it, if one is there.
      let hasComma = bytes[range.upperBound...].first == UInt8(ascii: ",")
      bytes.removeSubrange(range.lowerBound..<(range.upperBound + (hasComma ? 1 : 0)))
    case 1, 2: bytes.replaceSubrange(range, with: values[draw.below(values.count)])
    case 3: bytes.replaceSubrange(range, with: numbers[draw.below(numbers.count)])
    case 4, 5:
      bytes.replaceSubrange(
        range, with: donor[value(in: donor, from: draw.below(donor.count))])
    case 6: bytes.insert(contentsOf: text + [UInt8(ascii: ",")], at: range.lowerBound)
    default:
      let inner = value(in: bytes, from: range.lowerBound + draw.below(range.count))
      bytes.replaceSubrange(inner, with: text)
    }
  }

  /// Brackets around a value, up to some hundreds, seldom without their partners.
  private static func nest(_ bytes: inout [UInt8], _ draw: inout FuzzDraw) {
    let range = value(in: bytes, from: draw.below(bytes.count))
    let (open, close) = brackets[draw.below(brackets.count)]
    let depth = 1 << draw.below(10)
    if draw.below(4) > 0 {
      bytes.insert(
        contentsOf: repeatElement(close, count: depth).joined(), at: range.upperBound)
    }
    bytes.insert(contentsOf: repeatElement(open, count: depth).joined(), at: range.lowerBound)
  }
}
