// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// How records become JSON: sorted keys, ISO 8601 UTC times with milliseconds, "NaN", "Infinity"
/// and "-Infinity" as strings, so equal values give equal bytes.
package enum RecordCoding {
  /// The JSON of `value`; `pretty` breaks lines and ends with a newline.
  package static func encode(_ value: some Encodable, pretty: Bool = true) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    encoder.dateEncodingStrategy = .custom { date, encoder in
      var container = encoder.singleValueContainer()
      try container.encode(Timestamp.text(date))
    }
    var data = try encoder.encode(value)
    if pretty { data.append(UInt8(ascii: "\n")) }
    return data
  }

  /// Reads back what `encode` wrote; `path` and `line` are for the error.
  package static func decode<Value: Decodable>(
    _ type: Value.Type, from data: Data, path: String, line: Int? = nil
  ) throws -> Value {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    decoder.dateDecodingStrategy = .custom { decoder in
      let container = try decoder.singleValueContainer()
      let text = try container.decode(String.self)
      guard let date = Timestamp.date(text) else {
        throw DecodingError.dataCorruptedError(
          in: container, debugDescription: "`\(text)` is no ISO 8601 time")
      }
      return date
    }
    do {
      return try decoder.decode(type, from: data)
    } catch let error as DecodingError {
      throw RunsError.malformedRecord(path: path, line: line, problem: problem(error))
    }
  }

  private static func problem(_ error: DecodingError) -> String {
    let place = { (context: DecodingError.Context) in
      let keys = context.codingPath.map { key in key.intValue.map { "\($0)" } ?? key.stringValue }
      return keys.isEmpty ? "" : " in `\(keys.joined(separator: "."))`"
    }
    switch error {
    case .keyNotFound(let key, let context):
      return "the key `\(key.stringValue)` is missing\(place(context))"
    case .typeMismatch(let type, let context):
      return "expected \(type)\(place(context))"
    case .valueNotFound(let type, let context):
      return "expected \(type), found null\(place(context))"
    case .dataCorrupted(let context):
      return context.codingPath.isEmpty
        ? "it is not well-formed JSON" : "\(context.debugDescription)\(place(context))"
    @unknown default:
      return "it does not fit its schema"
    }
  }
}

/// Times as text: "2026-11-21T11:47:13.250Z", rounded to the nearest millisecond, so that a time
/// that was read back gives the same text again.
package enum Timestamp {
  /// ISO 8601 with milliseconds, UTC.
  package static func text(_ date: Date) -> String {
    let milliseconds = Int((date.timeIntervalSince1970 * 1000).rounded())
    let (seconds, fraction) = floorDivide(milliseconds, 1000)
    let whole = Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
    let digits = String(fraction)
    return whole.dropLast() + "." + String(repeating: "0", count: 3 - digits.count) + digits + "Z"
  }

  /// Reads ISO 8601 with or without fractional seconds.
  package static func date(_ text: String) -> Date? {
    let style = Date.ISO8601FormatStyle()
    guard let dot = text.firstIndex(of: ".") else { return try? style.parse(text) }
    let digits = text[text.index(after: dot)...].prefix { $0.isASCII && $0.isNumber }
    guard let fraction = Double("0." + digits),
      let whole = try? style.parse(String(text[..<dot]) + String(text[digits.endIndex...]))
    else { return nil }
    let seconds = whole.timeIntervalSince1970
    return Date(timeIntervalSince1970: ((seconds + fraction) * 1000).rounded() / 1000)
  }

  /// For people: "2026-11-21 11:47 UTC".
  package static func minutes(_ date: Date) -> String {
    let text = text(date)
    return text.prefix(10) + " " + text.dropFirst(11).prefix(5) + " UTC"
  }

  private static func floorDivide(_ a: Int, _ b: Int) -> (quotient: Int, remainder: Int) {
    let (quotient, remainder) = a.quotientAndRemainder(dividingBy: b)
    return remainder < 0 ? (quotient - 1, remainder + b) : (quotient, remainder)
  }
}
