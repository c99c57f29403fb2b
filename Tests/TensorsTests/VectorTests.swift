// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Tensors

/// The fast forms of the kernels against their plain forms, bit for bit.
@Suite struct VectorTests {
  /// Around whole vectors, and long enough for several.
  private static let lengths = [0, 1, 7, 8, 9, 15, 16, 31, 32, 33, 100, 4096, 5003]

  /// Numbers of all sizes, with zeros of both signs, equal ones and the smallest there are.
  private func numbers(_ count: Int, _ stream: String) -> [Float] {
    let random = CounterRandom(seed: 11, stream: stream)
    return (0..<count).map { i in
      switch random.bits(at: 2 * i) % 8 {
      case 0: 0
      case 1: -0.0
      case 2: 1
      case 3: -1
      case 4: Float(bitPattern: random.bits(at: 2 * i + 1) & 0x807F_FFFF)
      default: Float(random.normal(at: i))
      }
    }
  }

  private func bits(_ count: Int, _ body: (MutableFloatChunk) -> Void) -> [UInt32] {
    var values = [Float](repeating: 7, count: count)
    values.withMutableChunk(body)
    return values.map(\.bitPattern)
  }

  @Test(arguments: lengths) func `one number that is not finite is seen anywhere`(count: Int) {
    var values = numbers(count, "finite")
    #expect(values.withChunk { Elementwise.isFinite($0) })
    for bad in [Float.nan, -.nan, .signalingNaN, .infinity, -.infinity] {
      for i in Set([0, count / 2, count - 1]) where values.indices.contains(i) {
        let good = values[i]
        values[i] = bad
        #expect(!values.withChunk { Elementwise.isFinite($0) })
        #expect(!values.withChunk { Elementwise.isFinitePlain($0) })
        values[i] = good
      }
    }
    let largest = [Float](repeating: -.greatestFiniteMagnitude, count: count)
    #expect(largest.withChunk { Elementwise.isFinite($0) })
  }

  @Test(arguments: lengths) func `trimming and counting equal their plain forms`(count: Int) {
    let values = numbers(count, "trim")
    let patterns = [
      0, 1, Float(1).bitPattern, Float(0.3).bitPattern, 0x7F80_0000, 0x7FFF_FFFF, .max,
    ]
    for pattern in patterns {
      let (fast, plain) = values.withChunk { values in
        (
          bits(count) { out in
            out.assign(values)
            Elementwise.trim(out, below: pattern)
          },
          bits(count) { out in
            out.assign(values)
            Elementwise.trimPlain(out, below: pattern)
          }
        )
      }
      #expect(fast == plain, "pattern \(pattern)")
      values.withChunk {
        #expect(
          Elementwise.count($0, equalTo: pattern) == Elementwise.countPlain($0, equalTo: pattern))
      }
    }
  }

  @Test(arguments: lengths, [true, false])
  func `votes and their sums equal the plain form`(count: Int, isElectionWeighted: Bool) {
    for (weights, voices) in [
      ([Float(0.6)], [Float(1)]), ([0.6, -0.5], [1, 2]), ([0.6, -0.5], [1, 1]), ([0, 2], [1, 1]),
      ([1, 0, 0.25], [1, 1, 3]),
    ] {
      for (normalize, smallest) in [(false, Float(0)), (true, 0), (true, 0.3)] {
        let consensus = ConsensusSum(
          weights: weights, voices: voices, isElectionWeighted: isElectionWeighted,
          normalize: normalize, smallestDivisor: smallest, lambda: 0.7)
        var changes = numbers(count * weights.count, "changes")
        // Differences of finite numbers may be infinite, and their sum is then no number.
        if let last = changes.indices.last {
          (changes[0], changes[last]) = (.infinity, .infinity)
        }
        changes.withChunk { changes in
          numbers(count, "base").withChunk { base in
            for base in [base, nil] {
              let fast = bits(count) { consensus.combine(changes, base: base, into: $0) }
              let plain = bits(count) {
                consensus.combinePlain(changes, base: base, 0..<count, into: $0)
              }
              #expect(fast == plain)
            }
          }
        }
      }
    }
  }

  @Test(arguments: lengths) func `sums equal those of the lanes one by one`(count: Int) {
    let (a, b) = (numbers(count, "a"), numbers(count, "b"))
    a.withChunk { a in
      b.withChunk { b in
        let dot = Summation.lanes(count: count) { Double(a[$0]) * Double(b[$0]) }
        let squares = Summation.lanes(count: count) { Double(a[$0]) * Double(a[$0]) }
        let magnitudes = Summation.lanes(count: count) { Double(a[$0].magnitude) }
        #expect(Summation.dot(a, b).bitPattern == dot.bitPattern)
        #expect(Summation.squares(a).bitPattern == squares.bitPattern)
        #expect(Summation.magnitudes(a).bitPattern == magnitudes.bitPattern)
      }
    }
  }

  @Test(arguments: lengths, [0, 1, 2, 3, 4, 8191, 1 << 34])
  func `uniform numbers equal those asked for one at a time`(count: Int, start: Int) {
    let random = CounterRandom(seed: 1 << 40 | 9, stream: "uniform")
    let fast = bits(count) { random.fillUniform($0, startingAt: start) }
    #expect(fast == bits(count) { random.fillPlain($0, startingAt: start) })
  }
}

@Suite struct BandSelectionTests {
  /// Runs all passes, each over the data in three parts.
  private func find(
    _ values: [Float], _ k: Int, sample: [Float]
  ) -> (selection: BandSelection, passCount: Int) {
    var selection = sample.withChunk {
      BandSelection(keeping: k, of: values.count, sample: $0)
    }
    var passCount = 0
    while let pass = selection.pass {
      var total = BandSelection.Counts()
      var plain = BandSelection.Counts()
      values.withChunk { values in
        for part in 0..<3 {
          let range = (part * values.count / 3)..<((part + 1) * values.count / 3)
          var counts = BandSelection.Counts()
          pass.count(values[range], into: &counts)
          total.add(counts)
          pass.countPlain(values[range], into: &plain)
        }
      }
      #expect(total == plain)
      selection.finish(total)
      passCount += 1
    }
    return (selection, passCount)
  }

  private func check(_ values: [Float], sample: [Float], _ name: String) {
    for k in Set([1, 2, values.count / 3, values.count / 2, values.count - 1, values.count])
    where k >= 1 && k <= values.count {
      var expected = RadixSelection(keeping: k)
      while let pass = expected.pass {
        var counts = pass.noCounts
        values.withChunk { pass.count($0, into: &counts) }
        expected.finish(counts: counts)
      }
      let (found, passCount) = find(values, k, sample: sample)
      #expect(found.pattern == expected.pattern, "\(name), \(k)")
      #expect(found.remaining == expected.remaining, "\(name), \(k)")
      #expect(found.equalCount == expected.equalCount, "\(name), \(k)")
      #expect(found.needsTieBreak == expected.needsTieBreak, "\(name), \(k)")
      #expect(passCount <= 4)
    }
  }

  @Test func `it finds what the radix selection finds, with any sample`() {
    let random = CounterRandom(seed: 4, stream: "band")
    let count = 6007
    let smooth = (0..<count).map { Float(random.normal(at: $0)) }
    let coarse = smooth.map { ($0 * 8).rounded() / 8 }
    let equal = [Float](repeating: -2, count: count)
    let wide = (0..<count).map { Float(bitPattern: random.bits(at: $0)) }
    for (name, values) in [
      ("smooth", smooth), ("coarse", coarse), ("equal", equal), ("any bits", wide),
      ("one", [3]), ("zeros", [Float](repeating: 0, count: 300)),
    ] {
      check(values, sample: [], "\(name), no sample")
      check(values, sample: Array(values.prefix(2000)), "\(name), a good sample")
      check(values, sample: values.prefix(300).map { $0 * 100 }, "\(name), too large")
      check(values, sample: values.prefix(300).map { $0 / 100 }, "\(name), too small")
      check(values, sample: [Float](repeating: 1, count: 400), "\(name), no spread")
    }
  }

  @Test func `a good sample makes one pass of it`() {
    let random = CounterRandom(seed: 4, stream: "passes")
    // As many values as differences of bfloat16 numbers have.
    let values = (0..<60_000).map { Float((random.normal(at: $0) * 20).rounded()) / 8 }
    for k in [6000, 30_000, 45_000] {
      #expect(find(values, k, sample: Array(values.prefix(4096))).passCount == 1)
    }
  }
}

@Suite struct WorkspaceTests {
  @Test func `workspaces nest, do not overlap, and hold what does not fit the stack`() {
    for count in [0, 1, 1000, 400_000, 3_000_000] {
      withWorkspace(count: count) { outer in
        outer.fill(1)
        for _ in 0..<3 {
          withWorkspace(count: count) { inner in
            #expect(inner.count == count)
            inner.fill(2)
          }
          withScratch(count: count) { zeros in
            #expect(zeros.indices.allSatisfy { zeros[$0] == 0 })
            zeros.fill(3)
          }
        }
        #expect(outer.indices.allSatisfy { outer[$0] == 1 })
      }
    }
  }

  @Test func `threads have workspaces of their own`() {
    Parallel.forEach(count: 64, threads: 8) { index in
      withWorkspace(count: 5000) { memory in
        memory.fill(Float(index))
        for _ in 0..<20 { withWorkspace(count: 5000) { $0.fill(-1) } }
        #expect(memory.indices.allSatisfy { memory[$0] == Float(index) })
      }
    }
  }

  @Test func `an error gives the memory back`() {
    struct Failure: Error {}
    for _ in 0..<1000 {
      #expect(throws: Failure.self) {
        try withWorkspace(count: 100_000) { _ in throw Failure() }
      }
    }
    withWorkspace(count: 100_000) { #expect($0.count == 100_000) }
  }
}
