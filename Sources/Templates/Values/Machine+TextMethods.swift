// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Python's methods of `str`.
extension Machine {
  static let textMethods: Set<String> = [
    "capitalize", "casefold", "center", "count", "endswith", "expandtabs", "find", "format",
    "format_map", "index", "isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "isidentifier",
    "islower", "isnumeric", "isprintable", "isspace", "istitle", "isupper", "join", "ljust",
    "lower", "lstrip", "partition", "removeprefix", "removesuffix", "replace", "rfind", "rindex",
    "rjust", "rpartition", "rsplit", "rstrip", "split", "splitlines", "startswith", "strip",
    "swapcase", "title", "upper", "zfill",
  ]

  func textMethod(
    _ name: String, _ text: String, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    let scalars = text.unicodeScalars
    try step(text.utf8.count >> 6)
    func take(_ names: String..., required: Int = 0) throws -> [Value?] {
      try bind(arguments, name, names, required: required)
    }
    /// The result of a method without arguments that gives a text.
    func plain(_ make: (String) -> String) throws -> Value {
      _ = try take()
      try charge(byteCount: 3 * text.utf8.count)
      return value.like(make(text))
    }
    func every(_ isFine: (Unicode.Scalar) -> Bool) throws -> Value {
      _ = try take()
      return .bool(!text.isEmpty && scalars.allSatisfy(isFine))
    }
    switch name {
    case "upper": return try plain(PythonText.uppercased)
    case "lower": return try plain(PythonText.lowercased)
    case "casefold": return try plain(PythonText.caseFolded)
    case "title": return try plain(PythonText.titled)
    case "capitalize": return try plain(PythonText.capitalized)
    case "swapcase": return try plain(PythonText.caseSwapped)
    case "isalpha": return try every(\.isPythonLetter)
    case "isdigit": return try every(\.isPythonDigit)
    case "isdecimal": return try every { $0.properties.numericType == .decimal }
    case "isnumeric": return try every { $0.properties.numericType != nil }
    case "isalnum": return try every { $0.isPythonLetter || $0.properties.numericType != nil }
    case "isspace": return try every(\.isPythonSpace)
    case "isascii": return .bool(text.utf8.allSatisfy { $0 < 0x80 })
    case "isprintable": return .bool(scalars.allSatisfy(PythonText.isPrintable))
    case "isidentifier":
      return .bool(
        (scalars.first.map { $0 == "_" || $0.properties.isXIDStart } ?? false)
          && scalars.allSatisfy { $0.properties.isXIDContinue })
    case "islower":
      return .bool(
        scalars.contains { $0.properties.isLowercase }
          && !scalars.contains { $0.properties.isUppercase || $0.isTitlecase })
    case "isupper":
      return .bool(
        scalars.contains { $0.properties.isUppercase }
          && !scalars.contains { $0.properties.isLowercase || $0.isTitlecase })
    case "istitle": return .bool(isTitle(text))
    case "strip", "lstrip", "rstrip":
      return try stripped(text, value, try take("chars")[0], name)
    case "startswith", "endswith":
      let given = try take("prefix", "start", "end", required: 1)
      return .bool(try hasAffix(text, given, isSuffix: name == "endswith"))
    case "find", "rfind", "index", "rindex", "count":
      return try search(name, text, try take("sub", "start", "end", required: 1))
    case "replace":
      let given = try take("old", "new", "count", required: 2)
      let count = try integer(given[2], name, or: -1)
      let new = try string(given[1], name)
      var replacement = new
      if case .markup = value, case .string = given[1] { replacement = try escaped(new) }
      return value.like(
        try replacing(text, try string(given[0], name), replacement, count))
    case "split", "rsplit":
      let given = try take("sep", "maxsplit")
      return .list(
        try split(text, given[0], try integer(given[1], name, or: -1), fromEnd: name == "rsplit")
          .map { value.like($0) })
    case "splitlines":
      let keeps = try take("keepends")[0]?.isTrue ?? false
      try charge(byteCount: text.utf8.count)
      let lines = PythonText.lines(text, keepingEnds: keeps)
      try step(lines.count)
      return .list(lines.map { value.like($0) })
    case "partition", "rpartition":
      return try partition(text, try take("sep", required: 1)[0], value, name)
    case "removeprefix":
      let prefix = try string(try take("prefix", required: 1)[0], name)
      try charge(byteCount: text.utf8.count)
      return value.like(
        text.utf8.starts(with: prefix.utf8)
          ? String(decoding: text.utf8.dropFirst(prefix.utf8.count), as: UTF8.self) : text)
    case "removesuffix":
      let suffix = try string(try take("suffix", required: 1)[0], name)
      try charge(byteCount: text.utf8.count)
      return value.like(
        text.utf8.reversed().starts(with: suffix.utf8.reversed())
          ? String(decoding: text.utf8.dropLast(suffix.utf8.count), as: UTF8.self) : text)
    case "join":
      let given = try take("iterable", required: 1)[0] ?? .null
      var parts: [String] = []
      for element in try elements(of: given) {
        let part = try string(element, name)
        if case .markup = value, case .string = element {
          parts.append(try escaped(part))
        } else {
          parts.append(part)
        }
      }
      return value.like(try joined(parts, separator: text))
    case "center", "ljust", "rjust":
      let given = try take("width", "fillchar", required: 1)
      let fill = try given[1].map { try string($0, name) } ?? " "
      guard fill.unicodeScalars.count == 1 else {
        throw failure("`\(name)` fills with one character")
      }
      return value.like(
        try padded(text, try integer(given[0], name, or: 0), with: fill, how: name))
    case "zfill":
      let width = try integer(try take("width", required: 1)[0], name, or: 0)
      let hasSign = text.hasPrefix("-") || text.hasPrefix("+")
      let missing = max(0, width) - scalars.count
      try charge(byteCount: max(text.utf8.count, missing > 0 ? width : 0))
      guard missing > 0 else { return value }
      let zeros = String(repeating: "0", count: missing)
      return value.like(
        hasSign ? String(scalars.prefix(1)) + zeros + String(scalars.dropFirst()) : zeros + text)
    case "expandtabs":
      return value.like(try expanded(text, try integer(try take("tabsize")[0], name, or: 8)))
    case "format":
      return value.like(try braceFormat(text, arguments, escapes: value.isMarkup))
    case "format_map":
      guard case .dict(let members) = try take("mapping", required: 1)[0] else {
        throw failure("`format_map` needs a mapping")
      }
      try step(members.count)
      var named = Arguments()
      for (key, member) in zip(members.keys, members.values) {
        if let key = key.text { named.named.append((name: key, value: member)) }
      }
      return value.like(try braceFormat(text, named, escapes: value.isMarkup))
    default: throw failure("a string has no method `\(name)`")
    }
  }

  private func isTitle(_ text: String) -> Bool {
    var followsLetter = false
    var hasLetter = false
    for scalar in text.unicodeScalars {
      let properties = scalar.properties
      if properties.isUppercase || scalar.isTitlecase {
        if followsLetter { return false }
        (followsLetter, hasLetter) = (true, true)
      } else if properties.isLowercase {
        if !followsLetter { return false }
        hasLetter = true
      } else {
        followsLetter = false
      }
    }
    return hasLetter
  }

  func stripped(
    _ text: String, _ value: Value, _ characters: Value?, _ name: String
  ) throws -> Value {
    try charge(byteCount: text.utf8.count)
    var set: Set<Unicode.Scalar>?
    if let characters, !characters.isNull {
      set = Set(try string(characters, name).unicodeScalars)
    }
    return value.like(
      PythonText.stripped(text, left: name != "rstrip", right: name != "lstrip") { scalar in
        set.map { $0.contains(scalar) } ?? scalar.isPythonSpace
      })
  }

  /// The bytes between two bounds in characters, and where they begin; `nil` beyond the end.
  private func window(
    _ text: String, _ start: Value?, _ end: Value?
  ) throws -> (bytes: [UInt8], start: Int)? {
    if start?.isNull ?? true, end?.isNull ?? true { return (Array(text.utf8), 0) }
    let scalars = text.unicodeScalars
    let (first, last) = try bounds(start, end, scalars.count)
    guard first <= last else { return nil }
    let part = scalars.dropFirst(first).prefix(last - first)
    return (Array(String(part).utf8), first)
  }

  private func hasAffix(_ text: String, _ given: [Value?], isSuffix: Bool) throws -> Bool {
    guard let (bytes, _) = try window(text, given[1], given[2]) else { return false }
    var affixes = [given[0] ?? .null]
    if case .tuple(let items) = given[0] { affixes = items.values }
    for affix in affixes {
      let affix = try string(affix, isSuffix ? "endswith" : "startswith").utf8
      try step(1 + affix.count >> 6)
      if isSuffix ? bytes.reversed().starts(with: affix.reversed()) : bytes.starts(with: affix) {
        return true
      }
    }
    return false
  }

  private func search(_ name: String, _ text: String, _ given: [Value?]) throws -> Value {
    let part = Array(try string(given[0], name).utf8)
    guard let (bytes, start) = try window(text, given[1], given[2]) else {
      guard name.hasSuffix("index") else { return .int(name == "count" ? 0 : -1) }
      throw failure("`\(name)` finds no such text")
    }
    try step(part.count >> 6)
    if name == "count" {
      let count = PythonText.findAll(part, in: bytes).count
      try step(count)
      return .int(count)
    }
    var place: Int?
    if name.hasPrefix("r") {
      let reversed = PythonText.find(part.reversed(), in: bytes.reversed(), from: 0)
      place = reversed.map { bytes.count - $0 - part.count }
    } else {
      place = PythonText.find(part, in: bytes, from: 0)
    }
    guard let place else {
      guard name.hasSuffix("index") else { return .int(-1) }
      throw failure("`\(name)` finds no such text")
    }
    let before = bytes[..<place].reduce(0) { $0 + ($1 & 0xC0 != 0x80 ? 1 : 0) }
    return .int(start + before)
  }

  func replacing(_ text: String, _ old: String, _ new: String, _ count: Int) throws -> String {
    let bytes = Array(text.utf8)
    let part = Array(old.utf8)
    try step(bytes.count >> 6 + part.count >> 6)
    let places = PythonText.findAll(part, in: bytes, limit: count < 0 ? .max : count)
    try step(places.count)
    let (added, overflow) = places.count.multipliedReportingOverflow(by: new.utf8.count)
    try charge(byteCount: overflow ? .max / 2 : added + bytes.count)
    guard !places.isEmpty else { return text }
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count + added)
    var start = 0
    for place in places {
      result += bytes[start..<place]
      result += new.utf8
      start = place + part.count
    }
    result += bytes[start...]
    return String(decoding: result, as: UTF8.self)
  }

  func split(_ text: String, _ separator: Value?, _ limit: Int, fromEnd: Bool) throws -> [String] {
    try charge(byteCount: text.utf8.count)
    let bytes = Array(text.utf8)
    var parts: [String] = []
    func part(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
    guard let separator, !separator.isNull else {
      return try splitAtSpace(Array(text.unicodeScalars), limit, fromEnd: fromEnd)
    }
    let mark = Array(try string(separator, "split").utf8)
    guard !mark.isEmpty else { throw failure("`split` needs a separator that is not empty") }
    let most = limit < 0 ? Int.max : limit
    var places: [Int]
    if fromEnd {
      let found = PythonText.findAll(mark.reversed(), in: bytes.reversed(), limit: most)
      places = found.reversed().map { bytes.count - $0 - mark.count }
    } else {
      places = PythonText.findAll(mark, in: bytes, limit: most)
    }
    try step(places.count)
    var start = 0
    for place in places {
      parts.append(part(start..<place))
      start = place + mark.count
    }
    parts.append(part(start..<bytes.count))
    return parts
  }

  private func splitAtSpace(
    _ scalars: [Unicode.Scalar], _ limit: Int, fromEnd: Bool
  ) throws -> [String] {
    // From the end it is the same on the text turned round.
    let scalars = fromEnd ? scalars.reversed() : scalars
    var parts: [String] = []
    var place = 0
    while true {
      while place < scalars.count, scalars[place].isPythonSpace { place += 1 }
      guard place < scalars.count else { break }
      var end = place
      if limit >= 0, parts.count == limit {
        end = scalars.count
      } else {
        while end < scalars.count, !scalars[end].isPythonSpace { end += 1 }
      }
      let part = scalars[place..<end]
      parts.append(
        fromEnd
          ? String(String.UnicodeScalarView(part.reversed()))
          : String(String.UnicodeScalarView(part)))
      try step()
      if limit >= 0, parts.count > limit { break }
      place = end
    }
    return fromEnd ? parts.reversed() : parts
  }

  private func partition(
    _ text: String, _ separator: Value?, _ value: Value, _ name: String
  ) throws -> Value {
    let mark = try string(separator, name)
    guard !mark.isEmpty else { throw failure("`\(name)` needs a separator that is not empty") }
    let parts = try split(text, separator, 1, fromEnd: name == "rpartition")
    if parts.count == 2 { return .tuple([parts[0], mark, parts[1]].map { value.like($0) }) }
    return .tuple((name == "partition" ? [text, "", ""] : ["", "", text]).map { value.like($0) })
  }

  func joined(_ parts: [String], separator: String) throws -> String {
    var count = 0
    for part in parts { count += part.utf8.count + separator.utf8.count }
    try charge(byteCount: count)
    return parts.joined(separator: separator)
  }

  func padded(_ text: String, _ width: Int, with fill: String, how: String) throws -> String {
    try step(text.utf8.count >> 6)
    let missing = max(0, width) - text.unicodeScalars.count
    guard missing > 0 else { return text }
    try charge(missing, timesBytes: fill.utf8.count)
    try charge(byteCount: text.utf8.count)
    func filling(_ count: Int) -> String { String(repeating: fill, count: count) }
    switch how {
    case "ljust": return text + filling(missing)
    case "rjust": return filling(missing) + text
    default:
      // CPython's rule for an odd rest.
      let left = missing / 2 + (missing & width & 1)
      return filling(left) + text + filling(missing - left)
    }
  }

  private func expanded(_ text: String, _ size: Int) throws -> String {
    try charge(byteCount: text.utf8.count)
    var result = String.UnicodeScalarView()
    var column = 0
    for scalar in text.unicodeScalars {
      if scalar == "\t" {
        guard size > 0 else { continue }
        let count = size - column % size
        try charge(byteCount: count)
        result.append(contentsOf: repeatElement(" ", count: count))
        column += count
      } else {
        result.append(scalar)
        column = scalar == "\n" || scalar == "\r" ? 0 : column + 1
      }
    }
    return String(result)
  }
}

extension Unicode.Scalar {
  fileprivate var isTitlecase: Bool { properties.generalCategory == .titlecaseLetter }
}
