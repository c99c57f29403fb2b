// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Tensors

/// One input of a reader: the files, or parts of files, that it is made of.
typealias FuzzInput = [[UInt8]]

/// Damages inputs for tests of readers: input `index` is a function of the seed and the index alone,
/// so that any one of millions can be made again without the others.
///
/// Each input is one of `seeds` with one to four edits, seldom more and seldom none. Edits of bytes
/// (``FuzzBytes``) meet what a format's framing says; those of text (``FuzzText``) keep a document
/// well formed often enough to reach what is behind its parser.
struct FuzzMutator: Sendable {
  let seeds: [FuzzInput]
  /// Pieces of the format that chance would not find, such as opcodes or key words.
  let tokens: [[UInt8]]
  let seed: UInt64
  private let random: CounterRandom

  /// A part that edits have made longer is cut here, so that no input takes long by its size alone.
  static let partByteLimit = 1 << 16

  init(seeds: [FuzzInput], tokens: [String] = [], bytes: [[UInt8]] = [], seed: UInt64) {
    precondition(!seeds.isEmpty, "nothing to mutate")
    self.seeds = seeds
    self.tokens = tokens.map { Array($0.utf8) } + bytes
    self.seed = seed
    random = CounterRandom(seed: seed, stream: "fuzz")
  }

  /// The damaged input of this number.
  func input(_ index: Int) -> FuzzInput {
    var draw = FuzzDraw(
      state: UInt64(random.bits(at: 2 * index)) | UInt64(random.bits(at: 2 * index + 1)) << 32)
    var input = seeds[draw.below(seeds.count)]
    let edits =
      switch draw.below(32) {
      case 0: 0
      case 1, 2: 5 + draw.below(12)
      default: 1 + draw.below(4)
      }
    for _ in 0..<edits {
      let part = draw.below(input.count)
      edit(&input[part], part, &draw)
      if input[part].count > Self.partByteLimit {
        input[part].removeSubrange(Self.partByteLimit...)
      }
    }
    return input
  }

  private func edit(_ bytes: inout [UInt8], _ part: Int, _ draw: inout FuzzDraw) {
    // A stretch of the same part of another seed, or of any part of any.
    func other(_ draw: inout FuzzDraw) -> [UInt8] {
      let seed = seeds[draw.below(seeds.count)]
      return draw.below(4) > 0 && part < seed.count ? seed[part] : seed[draw.below(seed.count)]
    }
    switch draw.below(12) {
    case 0..<4:
      let donor = other(&draw)
      FuzzBytes.edit(&bytes, donor: donor, &draw)
    case 4..<6 where !tokens.isEmpty:
      let token = tokens[draw.below(tokens.count)]
      let place = draw.below(bytes.count + 1)
      let end = draw.below(2) == 0 ? place : min(bytes.count, place + token.count)
      bytes.replaceSubrange(place..<end, with: token)
    default:
      let donor = other(&draw)
      FuzzText.edit(&bytes, donor: donor, &draw)
    }
  }
}

/// Random numbers of one input (SplitMix64).
struct FuzzDraw {
  var state: UInt64

  mutating func bits() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// From 0 to below `bound`; 0 where that is empty.
  mutating func below(_ bound: Int) -> Int {
    Int(truncatingIfNeeded: ((bits() >> 32) &* UInt64(max(1, bound))) >> 32)
  }

  /// A short stretch of `bytes`, up to 128 bytes, mostly far fewer.
  mutating func stretch(_ bytes: [UInt8]) -> Range<Int> {
    let start = below(bytes.count)
    return start..<min(bytes.count, start + 1 + below(1 << (1 + below(7))))
  }
}
