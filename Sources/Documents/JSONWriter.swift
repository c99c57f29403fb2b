// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension JSON {
  /// The value as JSON text.
  ///
  /// Line ends are `\n`, none at the end; characters beyond ASCII stand as they are.
  ///
  /// - Parameters:
  ///   - pretty: two-space indentation and a line per member, as Hugging Face writes its files;
  ///     otherwise no white space at all.
  ///   - sortedKeys: keys in byte order, for hashing; otherwise in their own order.
  public func serialized(pretty: Bool = false, sortedKeys: Bool = false) -> String {
    var writer = JSONWriter(pretty: pretty, sortedKeys: sortedKeys)
    writer.write(self, indent: 0)
    return String(decoding: writer.output, as: UTF8.self)
  }
}

private struct JSONWriter {
  let pretty: Bool
  let sortedKeys: Bool
  var output: [UInt8] = []

  mutating func write(_ value: JSON, indent: Int) {
    switch value {
    case .null: put("null")
    case .bool(let flag): put(flag ? "true" : "false")
    case .number(let number): put(number.text)
    case .string(let text): put(quoted: text)
    case .array(let elements):
      list("[", "]", count: elements.count, indent: indent) { writer, index in
        writer.write(elements[index], indent: indent + 1)
      }
    case .object(let object):
      let members =
        sortedKeys
        ? object.members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        : object.members
      list("{", "}", count: members.count, indent: indent) { writer, index in
        writer.put(quoted: members[index].key)
        writer.put(writer.pretty ? ": " : ":")
        writer.write(members[index].value, indent: indent + 1)
      }
    }
  }

  private mutating func list(
    _ open: String, _ close: String, count: Int, indent: Int,
    element: (inout JSONWriter, Int) -> Void
  ) {
    put(open)
    for index in 0..<count {
      if index > 0 { put(",") }
      newline(indent + 1)
      element(&self, index)
    }
    if count > 0 { newline(indent) }
    put(close)
  }

  private mutating func newline(_ indent: Int) {
    guard pretty else { return }
    output.append(0x0A)
    for _ in 0..<indent { put("  ") }
  }

  mutating func put(_ text: String) { output.append(contentsOf: text.utf8) }

  mutating func put(quoted text: String) {
    output.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): put("\\\"")
      case UInt8(ascii: "\\"): put("\\\\")
      case 0x0A: put("\\n")
      case 0x0D: put("\\r")
      case 0x09: put("\\t")
      case 0x08: put("\\b")
      case 0x0C: put("\\f")
      case 0..<0x20, 0x7F:
        let digits = Array("0123456789abcdef".utf8)
        put("\\u00")
        output.append(digits[Int(byte >> 4)])
        output.append(digits[Int(byte & 15)])
      default: output.append(byte)
      }
    }
    output.append(UInt8(ascii: "\""))
  }
}
