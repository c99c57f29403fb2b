// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A text that equals another only if their UTF-8 bytes do.
///
/// Swift's own `==` treats `Å` (U+00C5), `Å` (U+212B) and `A` with a ring (U+0041 U+030A) as one
/// text; vocabularies and configuration files hold them as different keys.
package struct ExactText: Hashable, Sendable {
  package let text: String

  package init(_ text: String) {
    var text = text
    // Free for native strings; it lets `hash` see the bytes in one piece.
    text.makeContiguousUTF8()
    self.text = text
  }

  package static func == (a: ExactText, b: ExactText) -> Bool { a.text.isExactly(b.text) }

  package func hash(into hasher: inout Hasher) {
    let wasHashed: Void? = text.utf8.withContiguousStorageIfAvailable {
      hasher.combine(bytes: UnsafeRawBufferPointer($0))
    }
    if wasHashed == nil { hasher.combine(text.utf8.count) }
  }
}

extension String {
  /// Whether both texts have the same UTF-8 bytes.
  package func isExactly(_ other: String) -> Bool {
    utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
  }

  /// The text for a message: line breaks and other control characters escaped, long ones cut.
  package var excerpt: String {
    let limit = 80
    let isLong = utf8.count > limit && unicodeScalars.dropFirst(limit).first != nil
    guard isLong else { return singleLine }
    return String(String.UnicodeScalarView(unicodeScalars.prefix(limit - 20))).singleLine + "…"
  }

  /// The text with line breaks and other control characters as escapes.
  package var singleLine: String {
    guard unicodeScalars.contains(where: \.breaksLine) else { return self }
    var result = ""
    for scalar in unicodeScalars {
      switch scalar {
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where scalar.breaksLine: result += "\\u{\(String(scalar.value, radix: 16))}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

extension Unicode.Scalar {
  fileprivate var breaksLine: Bool {
    value < 0x20 || (0x7F...0x9F).contains(value) || value == 0x2028 || value == 0x2029
  }
}
