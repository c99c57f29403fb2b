// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A regular expression over module names, as PEFT's `rank_pattern` and `alpha_pattern` hold.
///
/// Literals, `.`, classes `[a-z]`, `\d \w \s` and their negations, escapes, `* + ? {m,n}` (also
/// lazy, which makes no difference to whether there is a match), groups, `|`, `^` and `$`. No
/// back-references and no looking around; these are errors.
///
/// Matching follows all alternatives at once (Thompson 1968), so it takes at most |name| ·
/// |pattern| steps: a pattern from a file cannot hang the reader, as it can a backtracking one.
struct ModulePattern: Sendable {
  /// Why a pattern cannot be read.
  struct Fault: Error, Equatable {
    let problem: String
  }

  /// What one character must be.
  enum CharacterSet: Sendable {
    case any
    case ranges([ClosedRange<UInt32>], isNegated: Bool)

    func contains(_ scalar: Unicode.Scalar) -> Bool {
      switch self {
      case .any: scalar != "\n"
      case .ranges(let ranges, let isNegated):
        ranges.contains { $0.contains(scalar.value) } != isNegated
      }
    }
  }

  /// A step of the compiled pattern; targets are indices of steps.
  enum Step: Sendable {
    case character(CharacterSet)
    case split(Int, Int)
    case jump(Int)
    case start, end
    case match
  }

  private let steps: [Step]

  /// Compiles a pattern.
  init(_ pattern: String) throws(Fault) {
    var parser = ModulePatternParser(pattern)
    let tree = try parser.parse()
    var compiler = ModulePatternCompiler()
    try compiler.add(tree)
    steps = compiler.steps + [.match]
  }

  /// Whether the whole name, or what follows one of its full stops, matches: PEFT's
  /// `(.*\.)?(pattern)$`.
  func matches(module name: String) -> Bool {
    let scalars = Array(name.unicodeScalars)
    let starts = [0] + scalars.indices.filter { scalars[$0] == "." }.map { $0 + 1 }
    return run(scalars, startingAt: Set(starts), mustEnd: true)
  }

  /// Whether some part of the name matches, as Python's `re.search` has it.
  func occurs(in name: String) -> Bool {
    let scalars = Array(name.unicodeScalars)
    return run(scalars, startingAt: Set(0...scalars.count), mustEnd: false)
  }

  private func run(_ text: [Unicode.Scalar], startingAt starts: Set<Int>, mustEnd: Bool) -> Bool {
    var current: [Int] = []
    for position in 0...text.count {
      var reached = [Bool](repeating: false, count: steps.count)
      var next: [Int] = []
      // Follow what consumes no character, from everything reached and from a fresh start.
      var pending = current
      if starts.contains(position) { pending.append(0) }
      while let index = pending.popLast() {
        if reached[index] { continue }
        reached[index] = true
        switch steps[index] {
        case .character(let set):
          if position < text.count, set.contains(text[position]) { next.append(index + 1) }
        case .split(let first, let second): pending += [first, second]
        case .jump(let target): pending.append(target)
        case .start: if position == 0 { pending.append(index + 1) }
        case .end: if position == text.count { pending.append(index + 1) }
        case .match: if !mustEnd || position == text.count { return true }
        }
      }
      current = next
    }
    return false
  }
}

/// A pattern as a tree.
indirect enum ModulePatternTree {
  case empty
  case character(ModulePattern.CharacterSet)
  case start, end
  case sequence([ModulePatternTree])
  case choice([ModulePatternTree])
  case repeated(ModulePatternTree, low: Int, high: Int?)
}

/// Reads a pattern.
struct ModulePatternParser {
  private let scalars: [Unicode.Scalar]
  private var position = 0
  private var depth = 0

  init(_ pattern: String) { scalars = Array(pattern.unicodeScalars) }

  mutating func parse() throws(ModulePattern.Fault) -> ModulePatternTree {
    let tree = try choice()
    guard position == scalars.count else {
      throw .init(problem: "a `)` without its `(`")
    }
    return tree
  }

  private var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

  private mutating func take() -> Unicode.Scalar? {
    guard let scalar = next else { return nil }
    position += 1
    return scalar
  }

  private mutating func choice() throws(ModulePattern.Fault) -> ModulePatternTree {
    var options = [try sequence()]
    while next == "|" {
      position += 1
      options.append(try sequence())
    }
    return options.count == 1 ? options[0] : .choice(options)
  }

  private mutating func sequence() throws(ModulePattern.Fault) -> ModulePatternTree {
    var parts: [ModulePatternTree] = []
    while let scalar = next, scalar != "|", scalar != ")" {
      let part = try atom()
      parts.append(try repetition(of: part))
    }
    return parts.isEmpty ? .empty : .sequence(parts)
  }

  private mutating func atom() throws(ModulePattern.Fault) -> ModulePatternTree {
    switch take() {
    case ".": return .character(.any)
    case "^": return .start
    case "$": return .end
    case "(":
      depth += 1
      guard depth <= 50 else { throw .init(problem: "more than 50 groups inside each other") }
      if next == "?" {
        position += 1
        guard take() == ":" else { throw .init(problem: "a `(?` other than `(?:`") }
      }
      let inner = try choice()
      guard take() == ")" else { throw .init(problem: "a `(` without its `)`") }
      depth -= 1
      return inner
    case "[": return .character(try characterClass())
    case "\\": return .character(.ranges(try escape(), isNegated: false))
    case "*", "+", "?": throw .init(problem: "nothing to repeat")
    case let scalar?: return .character(.ranges([scalar.value...scalar.value], isNegated: false))
    case nil: return .empty
    }
  }

  private mutating func repetition(
    of part: ModulePatternTree
  ) throws(ModulePattern.Fault) -> ModulePatternTree {
    var bounds: (Int, Int?)?
    switch next {
    case "*": bounds = (0, nil)
    case "+": bounds = (1, nil)
    case "?": bounds = (0, 1)
    case "{":
      guard let (low, high, length) = counts() else { return part }
      guard low <= 1000, high ?? 0 <= 1000, low <= high ?? low else {
        throw .init(problem: "a repetition of more than 1000, or of fewer than its least")
      }
      bounds = (low, high)
      position += length - 1
    default: return part
    }
    position += 1
    if next == "?" { position += 1 }
    guard let (low, high) = bounds else { return part }
    if let scalar = next, ["*", "+", "?"].contains(scalar) {
      throw .init(problem: "a repetition of a repetition")
    }
    return .repeated(part, low: low, high: high)
  }

  /// `{m}`, `{m,}`, `{,n}` or `{m,n}` at the position, and how long it is; `nil` for other text,
  /// which is literal.
  private func counts() -> (low: Int, high: Int?, length: Int)? {
    // Two numbers of nine digits at most; a search to the end at each `{` would take the square.
    guard let close = scalars[position...].prefix(24).firstIndex(of: "}") else { return nil }
    let body = String(String.UnicodeScalarView(scalars[(position + 1)..<close]))
    let parts = body.split(separator: ",", omittingEmptySubsequences: false)
    let numbers = parts.map { Int($0) }
    let isNumeric = parts.allSatisfy { $0.utf8.count < 10 && $0.allSatisfy(\.isASCII) }
    guard isNumeric, (1...2).contains(parts.count), body != ",", body != "" else { return nil }
    for (part, number) in zip(parts, numbers) where !part.isEmpty && number ?? -1 < 0 { return nil }
    let low = numbers[0] ?? 0
    return (low, parts.count == 1 ? low : numbers[1], close - position + 1)
  }

  private mutating func characterClass() throws(ModulePattern.Fault) -> ModulePattern.CharacterSet {
    let isNegated = next == "^"
    if isNegated { position += 1 }
    var ranges: [ClosedRange<UInt32>] = []
    var isFirst = true
    while let scalar = take() {
      if scalar == "]", !isFirst { return .ranges(ranges, isNegated: isNegated) }
      isFirst = false
      if scalar == "\\" {
        ranges += try escape()
        continue
      }
      if next == "-", position + 1 < scalars.count, scalars[position + 1] != "]" {
        position += 1
        guard let upper = take(), upper != "\\", upper >= scalar else {
          throw .init(problem: "a range of characters that ends before it begins")
        }
        ranges.append(scalar.value...upper.value)
      } else {
        ranges.append(scalar.value...scalar.value)
      }
    }
    throw .init(problem: "a `[` without its `]`")
  }

  /// The characters of what follows a backslash.
  private mutating func escape() throws(ModulePattern.Fault) -> [ClosedRange<UInt32>] {
    let digits: [ClosedRange<UInt32>] = [0x30...0x39]
    let words: [ClosedRange<UInt32>] = [0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A]
    let spaces: [ClosedRange<UInt32>] = [0x09...0x0D, 0x20...0x20]
    switch take() {
    case "d": return digits
    case "w": return words
    case "s": return spaces
    case "D": return Self.complement(digits)
    case "W": return Self.complement(words)
    case "S": return Self.complement(spaces)
    case nil: throw .init(problem: "a backslash at the end")
    case let scalar? where !scalar.properties.isAlphabetic && !("0"..."9").contains(scalar):
      return [scalar.value...scalar.value]
    case let scalar?: throw .init(problem: "the escape `\\\(scalar)`")
    }
  }

  /// All other characters; `ranges` are in order and apart.
  private static func complement(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
    var result: [ClosedRange<UInt32>] = []
    var start: UInt32 = 0
    for range in ranges {
      if range.lowerBound > start { result.append(start...(range.lowerBound - 1)) }
      start = range.upperBound + 1
    }
    return result + [start...0x10FFFF]
  }
}

/// Turns a tree into steps.
private struct ModulePatternCompiler {
  private(set) var steps: [ModulePattern.Step] = []
  private static let limit = 2_000

  mutating func add(_ tree: ModulePatternTree) throws(ModulePattern.Fault) {
    guard steps.count < Self.limit else { throw .init(problem: "it is too long when spelt out") }
    switch tree {
    case .empty: break
    case .character(let set): steps.append(.character(set))
    case .start: steps.append(.start)
    case .end: steps.append(.end)
    case .sequence(let parts):
      for part in parts { try add(part) }
    case .choice(let options):
      var exits: [Int] = []
      for (number, option) in options.enumerated() {
        let isLast = number == options.count - 1
        let fork = steps.count
        if !isLast { steps.append(.split(fork + 1, 0)) }
        try add(option)
        if isLast { continue }
        exits.append(steps.count)
        steps.append(.jump(0))
        steps[fork] = .split(fork + 1, steps.count)
      }
      for exit in exits { steps[exit] = .jump(steps.count) }
    case .repeated(let part, let low, let high):
      for _ in 0..<low {
        let count = steps.count
        try add(part)
        // Nothing stays nothing, however often; nested, it would be repeated for years.
        if steps.count == count { break }
      }
      if let high {
        var forks: [Int] = []
        for _ in low..<max(low, high) {
          forks.append(steps.count)
          steps.append(.split(0, 0))
          try add(part)
        }
        for fork in forks { steps[fork] = .split(fork + 1, steps.count) }
      } else {
        let fork = steps.count
        steps.append(.split(0, 0))
        try add(part)
        steps.append(.jump(fork))
        steps[fork] = .split(fork + 1, steps.count)
      }
    }
  }
}
