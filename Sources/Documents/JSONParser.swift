// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension JSON {
  /// Parses RFC 8259 JSON, strictly: one value, no trailing commas, no duplicate keys, valid UTF-8,
  /// no byte order mark, no `NaN`. Numbers of any size are kept as text.
  ///
  /// - Parameters:
  ///   - bytes: the whole text in UTF-8, without a byte order mark.
  ///   - origin: the file's name, for messages.
  ///   - maxDepth: how deep arrays and objects may nest before it is an error.
  /// - Throws: `DocumentError.syntax` with the byte's offset from 0.
  /// - Note: a lone surrogate escape such as `\ud800` is an error, as in Rust's serde_json, which
  ///   tokenizers and safetensors read with: it is no character, and UTF-8 cannot hold it.
  /// - Complexity: one pass over the bytes.
  public static func parse(
    _ bytes: some Collection<UInt8>, origin: String, maxDepth: Int = 128
  ) throws(DocumentError) -> JSON {
    var parser = JSONParser(bytes: ContiguousArray(bytes), origin: origin, maxDepth: maxDepth)
    return try parser.document()
  }

  /// Parses a text; see `parse(_:origin:maxDepth:)` over bytes.
  public static func parse(_ text: String, origin: String) throws(DocumentError) -> JSON {
    try parse(text.utf8, origin: origin)
  }
}

/// A recursive-descent reader over a byte array.
struct JSONParser {
  private let bytes: ContiguousArray<UInt8>
  private let origin: String
  private let maxDepth: Int
  private var position = 0

  init(bytes: ContiguousArray<UInt8>, origin: String, maxDepth: Int) {
    self.bytes = bytes
    self.origin = origin
    self.maxDepth = maxDepth
  }

  mutating func document() throws(DocumentError) -> JSON {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
      throw error("a byte order mark, which JSON forbids; save the file as UTF-8 without it")
    }
    if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
      throw error("the text is UTF-16; save it as UTF-8")
    }
    let result = try value(depth: 0)
    skipSpace()
    guard position == bytes.count else { throw error("text after the end of the value") }
    return result
  }

  private func error(_ problem: String, at place: Int? = nil) -> DocumentError {
    .syntax(origin: origin, position: "byte \(place ?? position)", problem: problem)
  }

  private mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x0A, 0x0D, 0x09: position += 1
      default: return
      }
    }
  }

  private mutating func value(depth: Int) throws(DocumentError) -> JSON {
    guard depth <= maxDepth else { throw error("nested deeper than \(maxDepth) levels") }
    skipSpace()
    guard position < bytes.count else { throw error("the text ends where a value should stand") }
    switch bytes[position] {
    case UInt8(ascii: "{"): return try objectValue(depth: depth)
    case UInt8(ascii: "["): return try arrayValue(depth: depth)
    case UInt8(ascii: "\""): return .string(try stringValue())
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try numberValue()
    case UInt8(ascii: "N"), UInt8(ascii: "I"):
      throw error("no value can start here; JSON has no `NaN` or `Infinity`")
    default: throw error("no value can start here")
    }
  }

  private mutating func literal(_ word: StaticString, _ result: JSON) throws(DocumentError) -> JSON
  {
    let length = word.utf8CodeUnitCount
    let matches =
      position + length <= bytes.count
      && word.withUTF8Buffer { buffer in
        bytes[position..<position + length].elementsEqual(buffer)
      }
    guard matches else { throw error("expected `\(word)`") }
    position += length
    return result
  }

  private mutating func numberValue() throws(DocumentError) -> JSON {
    let start = position
    func digit(_ at: Int) -> Bool {
      at < bytes.count && bytes[at] >= UInt8(ascii: "0") && bytes[at] <= UInt8(ascii: "9")
    }
    if bytes[position] == UInt8(ascii: "-") { position += 1 }
    guard digit(position) else { throw error("a digit should follow") }
    if bytes[position] == UInt8(ascii: "0") {
      position += 1
      if digit(position) { throw error("a number with a leading zero") }
    } else {
      while digit(position) { position += 1 }
    }
    if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
      position += 1
      guard digit(position) else { throw error("a digit should follow the point") }
      while digit(position) { position += 1 }
    }
    if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
      position += 1
      if position < bytes.count,
        bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-")
      {
        position += 1
      }
      guard digit(position) else { throw error("a digit should follow the exponent") }
      while digit(position) { position += 1 }
    }
    return .number(JSONNumber(validated: String(decoding: bytes[start..<position], as: UTF8.self)))
  }

  private mutating func arrayValue(depth: Int) throws(DocumentError) -> JSON {
    position += 1
    var elements: [JSON] = []
    skipSpace()
    if position < bytes.count, bytes[position] == UInt8(ascii: "]") {
      position += 1
      return .array([])
    }
    while true {
      elements.append(try value(depth: depth + 1))
      skipSpace()
      guard position < bytes.count else { throw error("the text ends inside an array") }
      switch bytes[position] {
      case UInt8(ascii: ","): position += 1
      case UInt8(ascii: "]"):
        position += 1
        return .array(elements)
      default: throw error("expected `,` or `]`")
      }
    }
  }

  private mutating func objectValue(depth: Int) throws(DocumentError) -> JSON {
    position += 1
    var object = JSONObject()
    skipSpace()
    if position < bytes.count, bytes[position] == UInt8(ascii: "}") {
      position += 1
      return .object(object)
    }
    while true {
      skipSpace()
      guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
        throw error("expected a key in quotes")
      }
      let keyStart = position
      let key = try stringValue()
      guard !object.contains(key) else {
        throw error("the key `\(key.excerpt)` stands twice", at: keyStart)
      }
      skipSpace()
      guard position < bytes.count, bytes[position] == UInt8(ascii: ":") else {
        throw error("expected `:`")
      }
      position += 1
      object.append(key, try value(depth: depth + 1))
      skipSpace()
      guard position < bytes.count else { throw error("the text ends inside an object") }
      switch bytes[position] {
      case UInt8(ascii: ","): position += 1
      case UInt8(ascii: "}"):
        position += 1
        return .object(object)
      default: throw error("expected `,` or `}`")
      }
    }
  }

  private mutating func stringValue() throws(DocumentError) -> String {
    position += 1
    let start = position
    // Most strings have no escape: find the end, decode once.
    while position < bytes.count, bytes[position] != UInt8(ascii: "\""),
      bytes[position] != UInt8(ascii: "\\"), bytes[position] >= 0x20
    {
      position += 1
    }
    guard position < bytes.count else { throw error("the text ends inside a string") }
    if bytes[position] == UInt8(ascii: "\"") {
      guard let text = String(validating: bytes[start..<position], as: UTF8.self) else {
        throw error("a string that is not valid UTF-8", at: start - 1)
      }
      position += 1
      return text
    }
    var content = Array(bytes[start..<position])
    while true {
      guard position < bytes.count else { throw error("the text ends inside a string") }
      let byte = bytes[position]
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: content, as: UTF8.self) else {
          throw error("a string that is not valid UTF-8", at: start - 1)
        }
        position += 1
        return text
      case UInt8(ascii: "\\"):
        position += 1
        try escape(into: &content)
      case 0..<0x20: throw error("a control character inside a string")
      default:
        content.append(byte)
        position += 1
      }
    }
  }

  private mutating func escape(into content: inout [UInt8]) throws(DocumentError) {
    guard position < bytes.count else { throw error("the text ends inside an escape") }
    let byte = bytes[position]
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(byte)
    case UInt8(ascii: "b"): content.append(0x08)
    case UInt8(ascii: "f"): content.append(0x0C)
    case UInt8(ascii: "n"): content.append(0x0A)
    case UInt8(ascii: "r"): content.append(0x0D)
    case UInt8(ascii: "t"): content.append(0x09)
    case UInt8(ascii: "u"):
      let start = position - 2
      let unit = try hexUnit()
      var value = UInt32(unit)
      if UTF16.isLeadSurrogate(unit), position + 1 < bytes.count,
        bytes[position] == UInt8(ascii: "\\"), bytes[position + 1] == UInt8(ascii: "u")
      {
        position += 2
        let second = try hexUnit()
        if UTF16.isTrailSurrogate(second) {
          value = 0x10000 + (value - 0xD800) << 10 + (UInt32(second) - 0xDC00)
        }
      }
      guard let scalar = Unicode.Scalar(value) else {
        throw error("half of a surrogate pair, which is no character", at: start)
      }
      content.append(contentsOf: String(scalar).utf8)
    default: throw error("an unknown escape", at: position - 2)
    }
  }

  private mutating func hexUnit() throws(DocumentError) -> UInt16 {
    guard position + 4 <= bytes.count else { throw error("four hex digits should follow") }
    var unit: UInt16 = 0
    for byte in bytes[position..<position + 4] {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw error("four hex digits should follow")
      }
      unit = unit << 4 | UInt16(digit)
    }
    position += 4
    return unit
  }
}
