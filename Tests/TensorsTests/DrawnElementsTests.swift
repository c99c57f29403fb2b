// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Tensors

/// Masks that are kept against draws that are repeated, bit for bit.
@Suite struct DrawnElementsTests {
  private static let random = CounterRandom(seed: 1 << 33 | 5, stream: "mask")
  /// Around groups, and around whole vectors in them.
  private static let lengths = [1, 7, 8, 9, 255, 256, 257, 500, 4096]
  private static let chances: [Float] = [0, 0x1p-30, 0.1, 0.5, 1 - 0x1p-24, 1]

  private func numbers(_ count: Int, _ stream: String) -> [Float] {
    let random = CounterRandom(seed: 3, stream: stream)
    return (0..<count).map { i in
      i % 5 == 0 ? 0 : Float(random.normal(at: i)) * (i % 7 == 0 ? 0x1p-130 : 1)
    }
  }

  /// The elements `start ..< start + count` of a longer tensor, drawn in two parts.
  private func drawn(_ count: Int, from start: Int, _ chance: Float) -> DrawnElements {
    let drawn = DrawnElements(count: start + count, chance: chance, Self.random)
    let first = min(count, 256)
    drawn.draw(from: start, count: first)
    if count > first { drawn.draw(from: start + first, count: count - first) }
    return drawn
  }

  @Test(arguments: lengths, [0, 256, 4096])
  func `an element is kept where its uniform number is below the chance`(count: Int, start: Int) {
    for chance in Self.chances {
      let drawn = drawn(count, from: start, chance)
      for i in start..<(start + count) {
        #expect(drawn.keeps(i) == (Self.random.uniform(at: i) < chance), "\(i), \(chance)")
      }
    }
  }

  @Test func `a number on the limit is not kept, the next smaller one is`() throws {
    // The chance is exactly the number of an element, or the next there is.
    for i in [0, 17, 300] {
      let number = Self.random.uniform(at: i)
      #expect(!drawn(512, from: 0, number).keeps(i))
      #expect(drawn(512, from: 0, number.nextUp).keeps(i))
    }
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
        kept[i] = Self.random.uniform(at: start + i) < chance ? changes[i] : 0
      }
      let sums = changes.withChunk {
        drawn(count, from: start, chance).magnitudes($0, startingAt: start)
      }
      #expect(sums.whole.bitPattern == changes.withChunk { Summation.magnitudes($0) }.bitPattern)
      #expect(sums.kept.bitPattern == kept.withChunk { Summation.magnitudes($0) }.bitPattern)
    }
  }

  @Test(arguments: lengths, [0, 256, 4096])
  func `thinning equals that of repeated draws`(count: Int, start: Int) {
    let values = numbers(count, "values")
    let draws = (0..<count).map { Self.random.uniform(at: start + $0) }
    for (chance, divisor, factor) in [
      (Float(0.5), Float(1), Float(1)), (0.3, 0.3, 1), (0.7, 1, 1.4),
    ] {
      var (plain, fast) = (values, values)
      plain.withMutableChunk { out in
        draws.withChunk {
          Elementwise.thinPlain(out, draws: $0, chance: chance, dividingBy: divisor)
        }
        if factor != 1 { for i in out.indices { out[i] *= factor } }
      }
      fast.withMutableChunk {
        drawn(count, from: start, chance).thin(
          $0, startingAt: start, dividingBy: divisor, times: factor)
      }
      #expect(fast.map(\.bitPattern) == plain.map(\.bitPattern))
    }
  }

  @Test func `threads that draw different groups draw what one thread does`() {
    let count = 64 * 4096
    let together = DrawnElements(count: count, chance: 0.4, Self.random)
    Parallel.forEach(count: 64, threads: 8) { together.draw(from: $0 * 4096, count: 4096) }
    for i in stride(from: 0, to: count, by: 37) {
      #expect(together.keeps(i) == (Self.random.uniform(at: i) < 0.4))
    }
  }
}
