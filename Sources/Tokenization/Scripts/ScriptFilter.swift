// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Which tokens can continue a text written in some scripts, byte by byte.
///
/// A character may be spread over tokens. So what a token may be depends on the bytes before it that
/// are not a character yet: a token is allowed when every character it completes, with those bytes,
/// is of the scripts, and the bytes it leaves open can still become one that is. Then no sequence of
/// allowed tokens writes a character of another script, and none that is of these scripts becomes
/// impossible to write.
public struct ScriptFilter: Sendable {
  private let scripts: ScriptSet
  /// The bytes of each token; empty for special ones.
  private let bytes: [[UInt8]]
  /// Tokens that can only go on with a character.
  private let continuing: [Int32]
  /// For each token, whether it is allowed where no character is open. Special tokens always are.
  public let allowed: [Bool]

  /// - Cost: one pass over the vocabulary, some hundred nanoseconds a token.
  public init(_ scripts: ScriptSet, tokenizer: Tokenizer) {
    self.scripts = scripts
    let bytes = (0..<Int32(tokenizer.vocabularySize)).map { id in
      tokenizer.isSpecial(id) ? [] : tokenizer.bytes(of: id)
    }
    self.bytes = bytes
    continuing = bytes.indices.filter { bytes[$0].first.map(Self.isContinuation) ?? false }
      .map { Int32($0) }
    allowed = bytes.map { Self.isAllowed($0, scripts) }
  }

  /// The tokens whose judgement differs from ``allowed`` after these ids, and how.
  ///
  /// - Parameter ids: the text so far; only its last few are looked at.
  public func exceptions(after ids: some BidirectionalCollection<Int32>) -> [(
    id: Int32, isAllowed: Bool
  )] {
    let open = openBytes(after: ids)
    guard !open.isEmpty else { return [] }
    return continuing.compactMap { id in
      let judgement = Self.isAllowed(open + bytes[Int(id)], scripts)
      return judgement == allowed[Int(id)] ? nil : (id, judgement)
    }
  }

  /// The last bytes of a text that may become a character with what follows, three at most.
  func openBytes(after ids: some BidirectionalCollection<Int32>) -> [UInt8] {
    var tail: [UInt8] = []
    for id in ids.reversed() {
      guard tail.count < 3, bytes.indices.contains(Int(id)), !bytes[Int(id)].isEmpty else { break }
      tail = bytes[Int(id)].suffix(3) + tail
    }
    var scanner = Scanner(tail.suffix(3))
    while scanner.next() != nil {}
    return scanner.open
  }

  private static func isContinuation(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }

  static func isAllowed(_ bytes: [UInt8], _ scripts: ScriptSet) -> Bool {
    var scanner = Scanner(bytes[...])
    while let scalar = scanner.next() {
      if !scripts.contains(scalar) { return false }
    }
    guard let range = scanner.openRange else { return true }
    return scripts.intersects(range)
  }

  /// Well-formed UTF-8 out of bytes that may begin and end inside a character; what can be no part of
  /// a character is passed over.
  private struct Scanner {
    private var rest: ArraySlice<UInt8>
    /// What is left of a character that has only begun, at the end.
    private(set) var open: [UInt8] = []

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func next() -> Unicode.Scalar? {
      while let first = rest.first {
        let length = Self.length(first)
        guard length > 0 else {
          rest = rest.dropFirst()
          continue
        }
        let sequence = Array(rest.prefix(length))
        // As much of it as can belong together.
        var count = 1
        while count < sequence.count, Self.range(Array(sequence[...count]), length) != nil {
          count += 1
        }
        rest = rest.dropFirst(count)
        if count == length, let range = Self.range(sequence, length) {
          return Unicode.Scalar(range.lowerBound)
        }
        if rest.isEmpty, count == sequence.count, Self.range(sequence, length) != nil {
          open = sequence
        }
      }
      return nil
    }

    /// The scalars that the open bytes can become.
    var openRange: ClosedRange<UInt32>? {
      open.first.flatMap { Self.range(open, Self.length($0)) }
    }

    /// How many bytes a character with this first byte has; 0 for one that begins none.
    private static func length(_ first: UInt8) -> Int {
      switch first {
      case 0..<0x80: 1
      case 0xC2..<0xE0: 2
      case 0xE0..<0xF0: 3
      case 0xF0..<0xF5: 4
      default: 0
      }
    }

    /// The scalars of `length` bytes that begin with these; `nil` when there are none.
    private static func range(_ bytes: [UInt8], _ length: Int) -> ClosedRange<UInt32>? {
      let masks: [UInt8] = [0, 0x7F, 0x1F, 0x0F, 0x07]
      var value = UInt32(bytes[0] & masks[length])
      for byte in bytes.dropFirst() {
        guard ScriptFilter.isContinuation(byte) else { return nil }
        value = value << 6 | UInt32(byte & 0x3F)
      }
      let shift = UInt32(6 * (length - bytes.count))
      let smallest: [UInt32] = [0, 0, 0x80, 0x800, 0x1_0000]
      let low = max(value << shift, smallest[length])
      let high = min((value << shift) + (1 << shift) - 1, 0x10FFFF)
      guard low <= high else { return nil }
      // Surrogates are no scalars.
      if low >= 0xD800, high <= 0xDFFF { return nil }
      return low...high
    }
  }
}
