// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Testing

@testable import Tensors

@Suite struct ShapeTests {
  @Test func `element counts are products, 1 for a scalar and 0 for an empty axis`() {
    #expect(Shape([]).elementCount == 1)
    #expect(Shape([3, 0, 5]).elementCount == 0)
    #expect(Shape([2, 3, 5]).elementCount == 30)
    #expect(Shape([2, 3]).description == "[2, 3]")
  }

  @Test func `negative extents and overflowing products are refused`() {
    #expect(Shape(checking: [-1]) == nil)
    #expect(Shape(checking: [Int.max, 2]) == nil)
    #expect(Shape(checking: [1 << 40, 1 << 40]) == nil)
    // A zero does not excuse an overflow beside it: no such tensor has a place in a file.
    #expect(Shape(checking: [0, Int.max, 2]) == nil)
  }
}

@Suite struct ElementTypeTests {
  @Test func `torch names are found with and without their prefix`() {
    for type in ElementType.allCases {
      #expect(ElementType(torchName: type.torchName) == type)
      #expect(ElementType(torchName: "torch.\(type.torchName)") == type)
    }
    #expect(ElementType(torchName: "half") == nil)
  }

  @Test func `promotion follows mergekit`() {
    #expect(ElementType.bfloat16.promoted(with: .bfloat16) == .bfloat16)
    #expect(ElementType.bfloat16.promoted(with: .float16) == .float32)
    #expect(ElementType.float16.promoted(with: .float32) == .float32)
    #expect(ElementType.float64.promoted(with: .bfloat16) == .float64)
    #expect(ElementType.int64.promoted(with: .int64) == .int64)
    #expect(ElementType.int64.promoted(with: .float32) == nil)
  }
}

@Suite struct ParallelTests {
  struct Failure: Error, Equatable { let index: Int }

  @Test(arguments: [1, 2, 5, 64])
  func `every index runs once`(threads: Int) {
    let counts = Mutex([Int](repeating: 0, count: 1000))
    Parallel.forEach(count: 1000, threads: threads) { index in
      counts.withLock { $0[index] += 1 }
    }
    #expect(counts.withLock { $0.allSatisfy { $0 == 1 } })
  }

  @Test(arguments: [1, 3, 16])
  func `the error of the lowest failing index is thrown`(threads: Int) {
    for _ in 0..<20 {
      #expect(throws: Failure(index: 57)) {
        try Parallel.forEach(count: 500, threads: threads) { (index) throws(Failure) in
          if index >= 57 && index % 2 == 1 { throw Failure(index: index) }
        }
      }
    }
  }

  @Test func `results come in index order`() {
    #expect(Parallel.map(count: 300, threads: 4) { $0 * $0 } == (0..<300).map { $0 * $0 })
    #expect(Parallel.map(count: 0) { $0 }.isEmpty)
    #expect(Parallel.map(count: 1) { $0 + 5 } == [5])
  }

  @Test func `nested loops stay on their thread`() {
    let inner = Mutex<[Bool]>([])
    Parallel.forEach(count: 4, threads: 2) { _ in
      Parallel.forEach(count: 3) { _ in
        inner.withLock { $0.append(Parallel.isInsideLoop) }
      }
    }
    #expect(inner.withLock { $0.count == 12 && $0.allSatisfy { $0 } })
    #expect(!Parallel.isInsideLoop)
  }
}

@Suite struct CounterRandomTests {
  /// The known answers that come with the authors' Random123 library.
  @Test func `Philox gives its published answers`() {
    #expect(
      CounterRandom.philox(counter: [0, 0, 0, 0], key: [0, 0])
        == [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8])
    let ones = UInt32.max
    #expect(
      CounterRandom.philox(counter: [ones, ones, ones, ones], key: [ones, ones])
        == [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD])
    #expect(
      CounterRandom.philox(
        counter: [0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344],
        key: [0xA409_3822, 0x299F_31D0])
        == [0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1])
  }

  @Test func `an element's number depends on seed, stream and index alone`() {
    let random = CounterRandom(seed: 5, stream: "model.norm.weight")
    let expected = (0..<40).map { random.uniform(at: $0) }
    for start in 0..<9 {
      var part = [Float](repeating: -1, count: 31)
      part.withMutableChunk { random.fillUniform($0, startingAt: start) }
      #expect(part == Array(expected[start..<(start + 31)]))
    }
    #expect(
      expected
        != (0..<40).map { CounterRandom(seed: 6, stream: "model.norm.weight").uniform(at: $0) })
    #expect(
      expected
        != (0..<40).map { CounterRandom(seed: 5, stream: "model.norm.weighs").uniform(at: $0) })
  }

  @Test func `uniform and normal numbers have their moments`() {
    let random = CounterRandom(seed: 1, stream: "moments")
    let count = 20_000
    let uniform = (0..<count).map { Double(random.uniform(at: $0)) }
    #expect(uniform.allSatisfy { $0 >= 0 && $0 < 1 })
    // Five standard errors of the mean of uniform numbers, 5/√(12n).
    #expect((uniform.reduce(0, +) / Double(count) - 0.5).magnitude < 0.0103)
    let normal = (0..<count).map { random.normal(at: $0) }
    let mean = normal.reduce(0, +) / Double(count)
    let variance = normal.reduce(0) { $0 + $1 * $1 } / Double(count)
    #expect(mean.magnitude < 0.036 && (variance - 1).magnitude < 0.05)
  }
}

@Suite struct SummationTests {
  @Test func `sums equal exact integer sums, for all lengths`() {
    for count in [0, 1, 7, 8, 9, 31, 4096] {
      let values = (0..<count).map { Float($0 % 50) - 20 }
      let squares = values.reduce(0.0) { $0 + Double($1) * Double($1) }
      values.withChunk { chunk in
        #expect(Summation.squares(chunk) == squares)
        #expect(Summation.dot(chunk, chunk) == squares)
        #expect(Summation.magnitudes(chunk) == values.reduce(0.0) { $0 + Double($1.magnitude) })
      }
    }
  }

  @Test func `the tree is fixed and keeps the order of its leaves`() {
    for count in 1...20 {
      let text = Summation.combineInTree((0..<count).map { "\($0)" }) { "(\($0) \($1))" }
      if count == 5 { #expect(text == "(((0 1) (2 3)) 4)") }
      if count == 6 { #expect(text == "(((0 1) (2 3)) (4 5))") }
      let leaves = text?.filter { $0 != "(" && $0 != ")" }
      #expect(leaves == (0..<count).map { "\($0)" }.joined(separator: " "))
    }
    #expect(Summation.combineInTree([String](), +) == nil)
    #expect(Summation.total([]) == 0)
  }
}

@Suite struct RadixSelectionTests {
  private func kept(_ values: [Float], _ k: Int) -> [Int] {
    let threshold = values.withChunk { RadixSelection.threshold(keeping: k, of: $0) }
    return values.indices.filter { threshold.keeps(values[$0], at: $0) }
  }

  /// The definition: sort by magnitude, then by index.
  private func expected(_ values: [Float], _ k: Int) -> [Int] {
    let order = values.indices.sorted {
      (values[$1].magnitude, $0) < (values[$0].magnitude, $1)
    }
    return order.prefix(max(0, k)).sorted()
  }

  @Test func `exactly the k largest are kept, ties by the lowest index`() {
    for seed: UInt64 in 1...6 {
      let random = CounterRandom(seed: seed, stream: "selection")
      let count = [1, 2, 17, 100, 301, 1000][Int(seed) - 1]
      // Odd seeds draw from few values, so that most are tied.
      let values = (0..<count).map { index -> Float in
        let value = random.uniform(at: index) * 2 - 1
        return seed.isMultiple(of: 2) ? value : (value * 4).rounded() / 4
      }
      for k in Set([-1, 0, 1, 2, count / 3, count / 2, count - 1, count, count + 3]) {
        #expect(kept(values, k) == expected(values, k), "seed \(seed), k \(k)")
      }
    }
  }

  @Test func `signs, zeros, subnormals and infinities are ordered by magnitude`() {
    let values: [Float] = [0, -0.0, .leastNonzeroMagnitude, -1, 1, .infinity, -2, 0]
    for k in 0...8 { #expect(kept(values, k) == expected(values, k), "k \(k)") }
  }
}
