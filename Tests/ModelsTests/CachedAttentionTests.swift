// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Foundation
  import Tensors
  import Testing

  @testable import Models

  /// Attention over memory written in place, against a graph over concatenated arrays.
  struct CachedAttentionTests {
    struct Case: CustomTestStringConvertible, Sendable {
      var batch, heads, groups, size: Int
      var steps: [Int]
      var starts: [Int]?
      var window: Int?
      var softcap: Float?
      var testDescription: String {
        "B\(batch) H\(heads) G\(groups) K\(size) \(steps) starts \(starts ?? []) "
          + "window \(window ?? 0) cap \(softcap ?? 0)"
      }
    }

    static let cases = [
      Case(batch: 1, heads: 1, groups: 1, size: 2, steps: [1, 1, 1]),
      Case(batch: 1, heads: 9, groups: 3, size: 64, steps: [32, 1, 1, 1]),
      Case(batch: 2, heads: 4, groups: 2, size: 10, steps: [5, 1, 1, 7, 1], starts: [0, 3]),
      Case(batch: 3, heads: 3, groups: 1, size: 24, steps: [40, 1, 30, 1], starts: [17, 0, 39]),
      Case(batch: 1, heads: 14, groups: 2, size: 16, steps: [70, 1, 1], window: 9),
      Case(
        batch: 2, heads: 2, groups: 2, size: 48, steps: [3, 60, 1], starts: [2, 0], window: 16),
      Case(batch: 1, heads: 4, groups: 4, size: 32, steps: [20, 1], softcap: 1.5),
      Case(
        batch: 2, heads: 8, groups: 2, size: 20, steps: [33, 1, 1], starts: [0, 30], window: 5,
        softcap: 3),
    ]

    private func numbers(_ name: String, _ count: Int) -> [Float] {
      let random = CounterRandom(seed: 13, stream: name)
      return (0..<count).map { Float(random.normal(at: $0)) }
    }

    /// The results of all steps, padding as zeros; `rows` are kept before the last step.
    private func run(
      _ test: Case, _ kernels: Kernels, keeping rows: [Int]? = nil
    ) throws -> [[Float]] {
      try Engine.run {
        let cache = KeyValueCache(layerCount: 1, starts: test.starts)
        let rule = AttentionRule(
          scale: 1 / Float(test.size).squareRoot(), window: test.window, softcap: test.softcap)
        var results: [[Float]] = []
        var present = Array(0..<test.batch)
        for (step, length) in test.steps.enumerated() {
          if let rows, step == test.steps.count - 1 {
            try cache.keep(rows: rows)
            present = rows
          }
          func array(_ name: String, _ heads: Int) throws -> DeviceArray {
            // The same numbers for a row, however many rows there are.
            let width = length * heads * test.size
            let all = numbers("\(name) \(step)", test.batch * width)
            return try DeviceArray(
              present.flatMap { all[$0 * width..<($0 + 1) * width] },
              shape: [present.count, length, heads, test.size])
          }
          let first = cache.length
          let mixed = try cache.layers[0].attend(
            array("q", test.heads), array("k", test.groups), array("v", test.groups),
            starts: cache.starts, rule: rule, kernels: kernels)
          try evaluate([mixed] + cache.arrays)
          var output = try mixed.floats()
          let width = test.heads * test.size
          for (row, start) in (cache.starts ?? []).enumerated() {
            for position in 0..<length where first + position < start {
              let at = (row * length + position) * width
              let isFinite = output[at..<at + width].allSatisfy { $0.isFinite }
              #expect(isFinite)
              output.replaceSubrange(at..<at + width, with: repeatElement(0, count: width))
            }
          }
          results.append(output)
        }
        #expect(cache.length == test.steps.reduce(0, +))
        return results
      }
    }

    @Test(arguments: cases)
    func `attention over the cache in place equals the plain one`(test: Case) throws {
      for (fused, plain) in zip(try run(test, .fused), try run(test, .plain)) {
        #expect(fused.count == plain.count)
        let worst = zip(fused, plain).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
        #expect(worst <= 2e-5)
      }
    }

    @Test(arguments: cases.filter { $0.batch > 1 })
    func `rows that stay see what they saw before`(test: Case) throws {
      for rows in [[test.batch - 1], [1, 0]] {
        let all = try run(test, .fused)
        let kept = try run(test, .fused, keeping: rows)
        let width = all[all.count - 1].count / test.batch
        let expected = rows.flatMap { all[all.count - 1][$0 * width..<($0 + 1) * width] }
        let isSame = kept[kept.count - 1] == expected
        #expect(isSame)
      }
    }

    @Test(arguments: cases)
    func `neither threads nor the vector width show in the bits of cached attention`(
      test: Case
    ) throws {
      var results: Set<[[Float]]> = []
      for (threads, isNarrow) in [(1, false), (3, false), (2, true)] {
        results.insert(
          try Engine.run(threads: threads, isNarrow: isNarrow) { try run(test, .fused) })
      }
      #expect(results.count == 1)
    }

    @Test func `steps built before any is evaluated come out the same`() throws {
      let length = [4, 1, 3]
      func run(evaluatingEach: Bool) throws -> [Float] {
        try Engine.run {
          let cache = KeyValueCache(layerCount: 1)
          var results: [DeviceArray] = []
          for (step, count) in length.enumerated() {
            func array(_ name: String) throws -> DeviceArray {
              try DeviceArray(numbers("\(name) \(step)", count * 12), shape: [1, count, 2, 6])
            }
            results.append(
              try cache.layers[0].attend(
                array("q"), array("k"), array("v"), starts: nil,
                rule: AttentionRule(scale: 0.4), kernels: .fused))
            if evaluatingEach { try evaluate([results[step]] + cache.arrays) }
          }
          // The last first: the order is kept by the turn, not by the order of asking.
          return try results.reversed().flatMap { try $0.floats() }
        }
      }
      #expect(try run(evaluatingEach: false) == run(evaluatingEach: true))
    }
  }
#endif
