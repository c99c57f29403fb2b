// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Tensors

/// Masks drawn by planes against digits drawn one at a time, bit for bit, and their statistics.
@Suite struct RandomMaskTests {
  private static let random = CounterRandom(seed: 1 << 33 | 5, stream: "mask")
  /// Around groups, and around whole vectors in them.
  private static let lengths = [1, 7, 8, 9, 255, 256, 257, 500, 4096]
  /// One digit, few, as many as there are, and more.
  private static let chances = [
    0, 0x1p-70, 0x1p-64, 0x1p-30, 0.1, 0.3, 0.5, 0.75, 1 - 0x1p-10, 1 - 0x1p-53, 1,
  ]

  private func mask(_ chance: Double) -> RandomMask { RandomMask(chance: chance, Self.random) }

  private func numbers(_ count: Int, _ stream: String) -> [Float] {
    let random = CounterRandom(seed: 3, stream: stream)
    return (0..<count).map { i in
      i % 5 == 0 ? 0 : Float(random.normal(at: i)) * (i % 7 == 0 ? 0x1p-130 : 1)
    }
  }

  /// The elements `start ..< start + count` of a longer tensor, drawn in two parts.
  private func drawn(_ count: Int, from start: Int, _ chance: Double) -> DrawnElements {
    let drawn = DrawnElements(count: start + count, mask(chance))
    let first = min(count, 256)
    drawn.draw(from: start, count: first)
    if count > first { drawn.draw(from: start + first, count: count - first) }
    return drawn
  }

  @Test(arguments: lengths, [0, 256, 1 << 40])
  func `planes and single digits keep the same elements`(count: Int, start: Int) {
    for chance in Self.chances {
      let mask = mask(chance)
      for group in (start / 256)..<((start + count + 255) / 256) {
        let marks = mask.marks(group: group)
        for place in 0..<min(256, start + count - 256 * group) {
          let index = 256 * group + place
          #expect(
            RandomMask.isMarked(marks, place) == mask.keeps(index), "\(index), \(chance)")
        }
      }
    }
  }

  @Test(arguments: lengths, [0, 256, 4096])
  func `kept marks are those that are drawn`(count: Int, start: Int) {
    for chance in Self.chances {
      let drawn = drawn(count, from: start, chance)
      for i in start..<(start + count) {
        #expect(drawn.keeps(i) == mask(chance).keeps(i), "\(i), \(chance)")
      }
    }
  }

  @Test func `an element is kept where its uniform number is below the chance`() {
    // The number's first 64 digits, put together from the words that the documentation names.
    for index in [0, 17, 255, 300, 70_001] {
      var digits: UInt64 = 0
      for digit in 0..<64 {
        let block = 128 * (index / 256) + 8 * (digit / 4) + index % 8
        let word = Self.random.bits(at: 4 * block + digit % 4)
        digits = digits << 1 | UInt64(word >> UInt32(31 - index % 256 / 8) & 1)
      }
      // As many of them as a chance holds.
      let number = Double(digits >> 11) * 0x1p-53
      #expect(!mask(number).keeps(index))
      #expect(mask(number + 0x1p-53).keeps(index))
      #expect(!RandomMask.isMarked(mask(number).marks(group: index / 256), index % 256))
      #expect(RandomMask.isMarked(mask(number + 0x1p-53).marks(group: index / 256), index % 256))
    }
  }

  @Test func `a greater chance keeps what a smaller one keeps`() {
    let chances = [0.1, 0.25, 0.5, 0.50001, 0.9]
    for group in 0..<64 {
      let marks = chances.map { mask($0).marks(group: group) }
      for (less, more) in zip(marks, marks.dropFirst()) { #expect(less & ~more == SIMD8()) }
    }
  }

  @Test(arguments: [0.01, 0.1, 0.3, 0.5, 0.75, 0.9, 0.999])
  func `the share that is kept is the chance, of neighbours and streams independently`(
    chance: Double
  ) {
    let count = 1 << 17
    var kept: [Bool] = []
    var other: [Bool] = []
    for (seed, stream) in [(7 as UInt64, "dare/w/0"), (7, "dare/w/1")] {
      let mask = RandomMask(chance: chance, CounterRandom(seed: seed, stream: stream))
      let bits = (0..<(count / 256)).flatMap { group in
        let marks = mask.marks(group: group)
        return (0..<256).map { RandomMask.isMarked(marks, $0) }
      }
      if kept.isEmpty { kept = bits } else { other = bits }
    }
    func check(_ share: Double, _ expected: Double, _ what: String) {
      // Five standard deviations of a share; the seed is fixed, so a failure is one of the generator.
      let deviation = (expected * (1 - expected) / Double(count)).squareRoot()
      #expect((share - expected).magnitude < 5 * deviation, "\(what): \(share)")
    }
    func share(_ isBoth: (Int) -> Bool) -> Double {
      Double((0..<count).count(where: isBoth)) / Double(count)
    }
    check(share { kept[$0] }, chance, "kept")
    for distance in [1, 7, 8, 64, 256] {
      check(
        share { kept[$0] && kept[($0 + distance) % count] }, chance * chance,
        "\(distance) apart")
    }
    check(share { kept[$0] && other[$0] }, chance * chance, "two streams")
    // Of a group's 256 elements as many are kept as of independent ones: the variance says so.
    let counts = (0..<(count / 256)).map { group in
      Double((256 * group..<(256 * group + 256)).count { kept[$0] })
    }
    let variance =
      counts.reduce(0) { $0 + ($1 - 256 * chance) * ($1 - 256 * chance) } / Double(counts.count)
    let expected = 256 * chance * (1 - chance)
    // Of n groups it varies by √(2/n) of itself, 6 %, and more where few are kept or dropped.
    #expect((variance / expected - 1).magnitude < 0.4, "\(variance), not \(expected)")
  }

  @Test(arguments: lengths, [0, 256, 4096])
  func `sums equal those of repeated draws`(count: Int, start: Int) {
    let (source, base) = (numbers(count, "source"), numbers(count, "base"))
    for chance in Self.chances {
      var (changes, kept) = (
        [Float](repeating: 0, count: count), [Float](repeating: 0, count: count)
      )
      for i in 0..<count {
        changes[i] = source[i] - base[i]
        kept[i] = mask(chance).keeps(start + i) ? changes[i] : 0
      }
      let sums = changes.withChunk {
        drawn(count, from: start, chance).magnitudes($0, startingAt: start)
      }
      #expect(sums.whole.bitPattern == changes.withChunk { Summation.magnitudes($0) }.bitPattern)
      #expect(sums.kept.bitPattern == kept.withChunk { Summation.magnitudes($0) }.bitPattern)
    }
  }

  @Test(arguments: lengths, [0, 3, 256, 300, 4096])
  func `thinning equals its plain form, drawn before or on the way`(count: Int, start: Int) {
    let values = numbers(count, "values")
    for (chance, divisor, factor) in [
      (0.5, Float(1), Float(1)), (0.3, 0.3, 1), (0.7, 1, 1.4), (1, 1, 1), (0, 1, 2),
    ] {
      let mask = mask(chance)
      let plain = values.enumerated().map { i, value in
        let value = mask.keeps(start + i) ? value / divisor : 0
        return factor == 1 ? value : value * factor
      }
      var (drawn, fresh) = (values, values)
      let marks = DrawnElements(count: start + count, mask)
      marks.draw(from: 0, count: start + count)
      drawn.withMutableChunk {
        marks.thin($0, startingAt: start, dividingBy: divisor, times: factor)
      }
      fresh.withMutableChunk {
        mask.thin($0, startingAt: start, dividingBy: divisor, times: factor)
      }
      #expect(drawn.map(\.bitPattern) == plain.map(\.bitPattern))
      #expect(fresh.map(\.bitPattern) == plain.map(\.bitPattern))
    }
  }

  @Test func `threads that draw different groups draw what one thread does`() {
    let count = 64 * 4096
    let together = DrawnElements(count: count, mask(0.4))
    Parallel.forEach(count: 64, threads: 8) { together.draw(from: $0 * 4096, count: 4096) }
    for i in stride(from: 0, to: count, by: 37) {
      #expect(together.keeps(i) == mask(0.4).keeps(i))
    }
  }
}
