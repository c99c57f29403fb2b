// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// The three lines of the error that `body` throws; empty when it throws none.
func lines(of body: () throws(DocumentError) -> Void) -> String {
  do {
    try body()
    return ""
  } catch {
    return error.description
  }
}

/// The problem and place of a syntax error; empty when the text parses.
func problem(_ parse: () throws(DocumentError) -> Void) -> String {
  do {
    try parse()
    return ""
  } catch {
    guard case .syntax(_, let position, let problem) = error else { return error.description }
    return "\(position): \(problem)"
  }
}

/// SplitMix64, so that a printed seed repeats a test.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// `bytes` with one to four places overwritten, removed, doubled or filled with `fragments`.
  mutating func mutate(_ bytes: [UInt8], fragments: [String]) -> [UInt8] {
    var result = bytes
    for _ in 0..<Int.random(in: 1...4, using: &self) {
      let place = Int.random(in: 0...result.count, using: &self)
      let end = min(result.count, place + Int.random(in: 1...9, using: &self))
      switch Int.random(in: 0..<4, using: &self) {
      case 0: result.removeSubrange(place..<end)
      case 1: result.insert(contentsOf: result[place..<end], at: place)
      case 2 where place < end: result[place] = UInt8.random(in: 0...255, using: &self)
      default:
        result.insert(contentsOf: fragments.randomElement(using: &self)?.utf8 ?? "".utf8, at: place)
      }
    }
    return result
  }
}
