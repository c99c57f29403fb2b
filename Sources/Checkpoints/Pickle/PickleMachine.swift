// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Tensors

/// A reader of pickles that executes nothing.
///
/// A pickle is a program for a stack machine whose `REDUCE` calls any function its text names. Here
/// the opcodes are ``PickleOpcode`` and the names those of ``PickleGlobal``, each with a meaning
/// written in this folder; all others end the reading with their byte offset.
///
/// Cost and memory are bounded by the pickle's length: one pass, no recursion, no text or list
/// copied, and each opcode makes at most one value besides those it moves.
/// - Source: the opcodes' meanings are those of Python's `pickletools` (protocols 0 to 5).
/// - Departs: only what pickles of state dicts need; memo entries must be put in order, as all
///   picklers do; lists, bytes and big numbers keep nothing but their kind.
struct PickleMachine {
  typealias Fault = CheckpointError.PickleFault

  /// The longest pickle accepted: some 80,000 tensors. Storages are not in it.
  static let byteLimit = 16 << 20
  /// The most values made in all, so that a pickle of the longest length takes 300 MB at most.
  static let valueLimit = 8_000_000

  struct Dictionary {
    var pairs: [(key: PickleValue, value: PickleValue)] = []
    /// What BUILD set: the dictionary's Python attributes.
    var attributes: UInt32?
  }

  /// A storage as a persistent identifier describes it; unchecked but for kinds.
  struct Storage {
    /// `nil` counts bytes.
    let elementType: ElementType?
    let key: PickleRange
    let count: Int
    let offset: Int
  }

  /// A view of a storage as a rebuild function describes it; unchecked but for kinds.
  struct Tensor {
    let storage: UInt32
    let elementType: ElementType
    let start: Int
    let extents: PickleRange
    let strides: PickleRange
    let offset: Int
    var hasAttributes = false
  }

  let bytes: [UInt8]
  private var position = 0
  /// Where the current opcode stands.
  private(set) var offset = 0
  private var stack: [PickleValue] = []
  private var marks: [Int] = []
  private var memo: [PickleValue] = []
  /// What tuples hold.
  private(set) var elements: [PickleValue] = []
  var dictionaries: [Dictionary] = []
  var storages: [Storage] = []
  var tensors: [Tensor] = []
  /// The values made so far, wherever they are; at most four for each byte of the pickle.
  private(set) var valueCount = 0

  init(_ bytes: [UInt8]) {
    precondition(bytes.count <= Self.byteLimit, "a pickle of \(bytes.count) bytes")
    self.bytes = bytes
  }

  // MARK: The loop

  /// Runs the whole pickle and returns the value that it describes.
  mutating func run() throws(Fault) -> PickleValue {
    while true {
      offset = position
      guard position < bytes.count else {
        throw .truncated(opcode: "STOP", needed: 1, left: 0, offset: position)
      }
      guard let opcode = PickleOpcode(rawValue: bytes[position]) else {
        throw .opcode(bytes[position], offset: position)
      }
      position += 1
      if opcode == .stop { return try finish() }
      try step(opcode)
    }
  }

  private mutating func finish() throws(Fault) -> PickleValue {
    let result = try pop("STOP")
    guard stack.isEmpty, marks.isEmpty else {
      throw .operand(
        of: "STOP", expected: "the only value left", found: "\(grouped(stack.count + 1)) values",
        offset: offset)
    }
    guard position == bytes.count else {
      throw .trailingBytes(bytes.count - position, offset: position)
    }
    return result
  }

  private mutating func step(_ opcode: PickleOpcode) throws(Fault) {
    switch opcode {
    case .stop: break  // The loop's.
    case .proto:
      let version = try number(opcode, 1)
      guard offset == 0, (2...5).contains(version) else {
        throw .operand(
          of: "PROTO", expected: "2 to 5 at byte 0", found: "\(version)", offset: offset)
      }
    case .frame: _ = try take(opcode, count: number(opcode, 8), advancing: false)
    case .mark: try mark()
    case .none: try push(.none)
    case .newTrue: try push(.bool(true))
    case .newFalse: try push(.bool(false))
    case .binInt: try push(.int(Int(Int32(truncatingIfNeeded: number(opcode, 4)))))
    case .binInt1: try push(.int(Int(number(opcode, 1))))
    case .binInt2: try push(.int(Int(number(opcode, 2))))
    case .long1: try push(long())
    case .binFloat:
      _ = try take(opcode, count: 8)
      try push(.float)
    case .shortBinUnicode: try push(.text(take(opcode, count: number(opcode, 1))))
    case .binUnicode: try push(.text(take(opcode, count: number(opcode, 4))))
    case .binUnicode8: try push(.text(take(opcode, count: number(opcode, 8))))
    case .shortBinBytes: try pushBytes(opcode, 1)
    case .binBytes: try pushBytes(opcode, 4)
    case .binBytes8: try pushBytes(opcode, 8)
    case .emptyList: try push(.list)
    case .emptyTuple: try push(.tuple(PickleRange(start: 0, count: 0)))
    case .emptyDict: try push(newDictionary())
    case .tuple1: try makeTuple(opcode, count: 1)
    case .tuple2: try makeTuple(opcode, count: 2)
    case .tuple3: try makeTuple(opcode, count: 3)
    case .tuple: try makeTuple(opcode, count: countAboveMark(opcode))
    case .append:
      _ = try pop(opcode.name)
      try expectList(opcode)
    case .appends:
      stack.removeLast(try countAboveMark(opcode))
      try expectList(opcode)
    case .setItem: try setItems(opcode, count: 2)
    case .setItems: try setItems(opcode, count: countAboveMark(opcode))
    case .binGet: try push(remembered(opcode, number(opcode, 1)))
    case .longBinGet: try push(remembered(opcode, number(opcode, 4)))
    case .binPut: try remember(opcode, number(opcode, 1))
    case .longBinPut: try remember(opcode, number(opcode, 4))
    case .memoize: try remember(opcode, UInt64(memo.count))
    case .global: try push(.global(lines()))
    case .stackGlobal: try stackGlobal()
    case .reduce:
      let arguments = try pop(opcode.name)
      let callee = try pop(opcode.name)
      try push(call(callee, arguments))
    case .build: try build()
    case .binPersID: try push(persistent(pop(opcode.name)))
    }
  }

  // MARK: The pickle's bytes

  /// The unsigned number of `count` bytes that follows the opcode.
  private mutating func number(_ opcode: PickleOpcode, _ count: Int) throws(Fault) -> UInt64 {
    let range = try take(opcode, count: UInt64(count))
    return littleEndian(bytes, at: Int(range.start), count: count)
  }

  /// The next `count` bytes.
  @discardableResult
  private mutating func take(
    _ opcode: PickleOpcode, count: UInt64, advancing: Bool = true
  ) throws(Fault) -> PickleRange {
    let left = bytes.count - position
    guard count <= UInt64(left) else {
      throw .truncated(
        opcode: opcode.name, needed: Int(clamping: count), left: left, offset: offset)
    }
    // Positions and counts are below the byte limit.
    let range = PickleRange(start: UInt32(position), count: UInt32(count))
    if advancing { position += Int(count) }
    return range
  }

  private mutating func pushBytes(_ opcode: PickleOpcode, _ width: Int) throws(Fault) {
    try take(opcode, count: number(opcode, width))
    try push(.bytes)
  }

  private mutating func long() throws(Fault) -> PickleValue {
    let range = try take(.long1, count: number(.long1, 1))
    let count = Int(range.count)
    if count > 8 { return .bigInt }
    if count == 0 { return .int(0) }
    let value = littleEndian(bytes, at: Int(range.start), count: count)
    let unused = UInt64(64 - 8 * count)
    // Shifted up and down again, so that the sign fills the upper bytes.
    return .int(Int(Int64(bitPattern: value << unused) >> Int64(unused)))
  }

  /// The module and name of GLOBAL: two lines.
  private mutating func lines() throws(Fault) -> PickleGlobal {
    var parts: [String] = []
    for _ in 0..<2 {
      // The longest name of the whitelist has some 40 bytes.
      let rest = bytes[position...].prefix(256)
      guard let end = rest.firstIndex(of: 0x0A) else {
        throw .operand(
          of: "GLOBAL", expected: "two lines of at most 255 bytes",
          found: "no line's end in \(rest.count)", offset: offset)
      }
      parts.append(String(decoding: bytes[position..<end], as: UTF8.self))
      position = end + 1
    }
    return try global(module: parts[0], name: parts[1])
  }

  private mutating func stackGlobal() throws(Fault) {
    let (name, module) = (try pop("STACK_GLOBAL"), try pop("STACK_GLOBAL"))
    guard case .text(let nameRange) = name, case .text(let moduleRange) = module else {
      throw .operand(
        of: "STACK_GLOBAL", expected: "two texts", found: "\(module.kind) and \(name.kind)",
        offset: offset)
    }
    func text(_ range: PickleRange) -> String {
      String(decoding: bytes[range.indices].prefix(256), as: UTF8.self)
    }
    try push(.global(global(module: text(moduleRange), name: text(nameRange))))
  }

  private func global(module: String, name: String) throws(Fault) -> PickleGlobal {
    let full = "\(module).\(name)"
    if let global = PickleGlobal.all[full] { return global }
    if PickleGlobal.unsupported.contains(full) { throw .unsupportedType(full, offset: offset) }
    throw .global(full, offset: offset)
  }

  // MARK: Stack and memo

  private mutating func count(_ made: Int) throws(Fault) {
    valueCount += made
    if valueCount > Self.valueLimit {
      throw .limit("values", limit: Self.valueLimit, offset: offset)
    }
  }

  private mutating func push(_ value: PickleValue) throws(Fault) {
    try count(1)
    stack.append(value)
  }

  private mutating func mark() throws(Fault) {
    try count(1)
    marks.append(stack.count)
  }

  /// The values above the last mark, which alone an opcode may take.
  private var available: Int { stack.count - (marks.last ?? 0) }

  private mutating func pop(_ opcode: String) throws(Fault) -> PickleValue {
    guard available > 0, let value = stack.popLast() else {
      throw .operand(of: opcode, expected: "a value", found: "none", offset: offset)
    }
    return value
  }

  private func top(_ opcode: String) throws(Fault) -> PickleValue {
    guard available > 0, let value = stack.last else {
      throw .operand(of: opcode, expected: "a value", found: "none", offset: offset)
    }
    return value
  }

  /// Removes the last mark and says how many values were above it.
  private mutating func countAboveMark(_ opcode: PickleOpcode) throws(Fault) -> Int {
    let count = available
    guard marks.popLast() != nil else {
      throw .operand(of: opcode.name, expected: "a mark", found: "none", offset: offset)
    }
    return count
  }

  private func remembered(_ opcode: PickleOpcode, _ place: UInt64) throws(Fault) -> PickleValue {
    guard place < UInt64(memo.count) else {
      throw .operand(
        of: opcode.name, expected: "one of \(grouped(memo.count)) values put before",
        found: "number \(grouped(place))", offset: offset)
    }
    return memo[Int(place)]
  }

  private mutating func remember(_ opcode: PickleOpcode, _ place: UInt64) throws(Fault) {
    let value = try top(opcode.name)
    guard place <= UInt64(memo.count) else {
      throw .operand(
        of: opcode.name, expected: "places in order, up to \(grouped(memo.count))",
        found: grouped(place), offset: offset)
    }
    if place < UInt64(memo.count) {
      memo[Int(place)] = value
    } else {
      try count(1)
      memo.append(value)
    }
  }

  // MARK: Containers

  mutating func newDictionary() throws(Fault) -> PickleValue {
    try count(1)
    dictionaries.append(Dictionary())
    return .dictionary(UInt32(dictionaries.count - 1))
  }

  private mutating func makeTuple(_ opcode: PickleOpcode, count: Int) throws(Fault) {
    guard stack.count >= count, opcode == .tuple || available >= count else {
      throw .operand(
        of: opcode.name, expected: "\(count) values", found: "\(available)", offset: offset)
    }
    let range = PickleRange(start: UInt32(elements.count), count: UInt32(count))
    try self.count(count)
    elements.append(contentsOf: stack.suffix(count))
    stack.removeLast(count)
    try push(.tuple(range))
  }

  private func expectList(_ opcode: PickleOpcode) throws(Fault) {
    let value = try top(opcode.name)
    guard value == .list else {
      throw .operand(of: opcode.name, expected: "a list", found: value.kind, offset: offset)
    }
  }

  /// Moves the uppermost `count` values, a key before each value, to the dictionary below them.
  private mutating func setItems(_ opcode: PickleOpcode, count: Int) throws(Fault) {
    let isMarked = opcode == .setItems
    guard count.isMultiple(of: 2), isMarked || available >= count else {
      throw .operand(
        of: opcode.name, expected: "pairs of key and value",
        found: "\(min(count, available)) values",
        offset: offset)
    }
    let pairs = Array(stack.suffix(count))
    stack.removeLast(count)
    guard case .dictionary(let number) = try top(opcode.name) else {
      throw .operand(
        of: opcode.name, expected: "a dictionary", found: try top(opcode.name).kind,
        offset: offset)
    }
    try self.count(count)
    for i in stride(from: 0, to: count, by: 2) {
      dictionaries[Int(number)].pairs.append((pairs[i], pairs[i + 1]))
    }
  }

  private mutating func build() throws(Fault) {
    let state = try pop("BUILD")
    let object = try top("BUILD")
    guard case .dictionary(let number) = object, case .dictionary(let attributes) = state,
      dictionaries[Int(number)].attributes == nil
    else {
      throw .operand(
        of: "BUILD", expected: "a dictionary and once its attributes",
        found: "\(object.kind) and \(state.kind)", offset: offset)
    }
    dictionaries[Int(number)].attributes = attributes
  }
}
