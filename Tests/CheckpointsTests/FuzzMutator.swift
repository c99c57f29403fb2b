// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Tensors

/// Damages inputs for tests of readers: input `index` is a function of the seed and the index alone,
/// so that any one of millions can be made again without the others.
///
/// Each input is one of `seeds` with one to four edits: bits and bytes changed, numbers (binary of
/// one to eight bytes, or in decimal digits) replaced by awkward ones, stretches removed, repeated,
/// taken from another seed or replaced by a token of the format, the end cut off.
struct FuzzMutator: Sendable {
  let seeds: [[UInt8]]
  /// Pieces of the format that chance would not find, such as opcodes or key words.
  let tokens: [[UInt8]]
  let seed: UInt64

  init(seeds: [[UInt8]], tokens: [[UInt8]] = [], seed: UInt64) {
    precondition(!seeds.isEmpty, "nothing to mutate")
    self.seeds = seeds
    self.tokens = tokens
    self.seed = seed
  }

  /// The damaged input of this number.
  func input(_ index: Int) -> [UInt8] {
    var draw = Draw(seed: seed, index: index)
    var bytes = seeds[draw.below(seeds.count)]
    for _ in 0...draw.below(4) { edit(&bytes, &draw) }
    return bytes
  }

  /// Numbers at the edges of types, as bit patterns.
  static let awkward: [UInt64] = [
    0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE,
    0xFFFF_FFFF, 0x1_0000_0000, 1 << 46, 1 << 61, 1 << 62, .max >> 1, 1 << 63, .max - 7, .max,
  ]

  private static let awkwardDigits = [
    "0", "1", "-1", "255", "65536", "2147483648", "4294967296", "9223372036854775807",
    "9223372036854775808", "18446744073709551616", "1e400", "1.5", "-0",
  ]

  private func edit(_ bytes: inout [UInt8], _ draw: inout Draw) {
    let place = draw.below(bytes.count)
    let stretch = place..<min(bytes.count, place + 1 + draw.below(1 << (1 + draw.below(7))))
    switch draw.below(11) {
    case 0 where !bytes.isEmpty: bytes[place] ^= 1 << UInt8(draw.below(8))
    case 1 where !bytes.isEmpty: bytes[place] = UInt8(draw.below(256))
    case 2: bytes.removeSubrange(stretch)
    case 3: bytes.insert(contentsOf: Array(bytes[stretch]), at: draw.below(bytes.count + 1))
    case 4: bytes.removeSubrange(place...)
    case 5: bytes.insert(UInt8(draw.below(256)), at: place)
    case 6:
      let other = seeds[draw.below(seeds.count)]
      let start = draw.below(other.count)
      let piece = other[start..<min(other.count, start + stretch.count)]
      bytes.replaceSubrange(stretch, with: piece)
    case 7 where !tokens.isEmpty:
      let token = tokens[draw.below(tokens.count)]
      let end = draw.below(2) == 0 ? place : min(bytes.count, place + token.count)
      bytes.replaceSubrange(place..<end, with: token)
    case 8: editDigits(&bytes, near: place, &draw)
    default: editNumber(&bytes, at: place, &draw)
    }
  }

  /// A little-endian number replaced by an awkward one, or stepped by a little.
  private func editNumber(_ bytes: inout [UInt8], at place: Int, _ draw: inout Draw) {
    let width = 1 << draw.below(4)
    guard place + width <= bytes.count else { return }
    var value: UInt64 = 0
    for i in 0..<width { value |= UInt64(bytes[place + i]) << UInt64(8 * i) }
    switch draw.below(3) {
    case 0: value = Self.awkward[draw.below(Self.awkward.count)]
    case 1: value &+= UInt64(1 + draw.below(16))
    default: value &-= UInt64(1 + draw.below(16))
    }
    for i in 0..<width { bytes[place + i] = UInt8(truncatingIfNeeded: value >> UInt64(8 * i)) }
  }

  /// The next run of decimal digits replaced by an awkward number.
  private func editDigits(_ bytes: inout [UInt8], near place: Int, _ draw: inout Draw) {
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    guard let start = bytes[place...].firstIndex(where: digits.contains) else { return }
    let end = bytes[start...].firstIndex { !digits.contains($0) } ?? bytes.count
    let text = Self.awkwardDigits[draw.below(Self.awkwardDigits.count)]
    bytes.replaceSubrange(start..<end, with: Array(text.utf8))
  }

  /// Random numbers of one input.
  private struct Draw {
    private let random: CounterRandom
    private var drawn: Int

    init(seed: UInt64, index: Int) {
      random = CounterRandom(seed: seed, stream: "fuzz")
      // An input draws some sixty numbers at most; each has a stretch of its own.
      drawn = index * 256
    }

    /// From 0 to below `bound`; 0 where that is empty.
    mutating func below(_ bound: Int) -> Int {
      drawn += 1
      return Int(random.bits(at: drawn)) % max(1, bound)
    }
  }
}
