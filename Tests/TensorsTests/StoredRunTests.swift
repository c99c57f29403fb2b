// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Tensors

/// Stored elements read eight at a time against `Conversion`, bit for bit.
@Suite struct StoredRunTests {
  private static let types: [ElementType] = [.bfloat16, .float16, .float32]
  private static let lengths = [0, 1, 7, 8, 9, 31, 32, 33, 1000]

  /// The encoded `values`, from the second byte on, so that nothing is aligned.
  private func withRun<R>(
    _ values: [Float], _ type: ElementType, _ body: (StoredRun, RawSpan) throws -> R
  ) throws -> R {
    var bytes = [UInt8](repeating: 0xFF, count: 1 + values.count * type.byteCount)
    values.withChunk { chunk in
      var span = bytes.mutableSpan
      var whole = span.mutableBytes
      var target = whole._mutatingExtracting(1...)
      Conversion.encode(chunk, as: type, into: &target)
    }
    return try bytes.withUnsafeBytes { memory in
      let start = try #require(memory.baseAddress) + 1
      let run = try #require(StoredRun(start: start, count: values.count, elementType: type))
      return try body(run, memory.bytes.extracting(1...))
    }
  }

  private func numbers(_ count: Int, _ stream: String) -> [Float] {
    let random = CounterRandom(seed: 4, stream: stream)
    return (0..<count).map { i in
      i % 5 == 0 ? -0.0 : Float(random.normal(at: i)) * (i % 7 == 0 ? 0x1p-20 : 1)
    }
  }

  /// What `body` fills in, and what it returns.
  private func filled<R>(_ count: Int, _ body: (MutableFloatChunk) -> R) -> (bits: [UInt32], R) {
    var values = [Float](repeating: 7, count: count)
    let result = values.withMutableChunk(body)
    return (values.map(\.bitPattern), result)
  }

  @Test(arguments: types, lengths)
  func `elements and differences are those of the plain way`(type: ElementType, count: Int) throws {
    try withRun(numbers(count, "source"), type) { run, bytes in
      let (plain, _) = filled(count) { Conversion.decode(bytes, as: type, into: $0) }
      let (elements, isFinite) = filled(count) { run.decode(into: $0) }
      #expect(elements == plain)
      #expect(isFinite && run.isFinite)
      numbers(count, "base").withChunk { base in
        let differences = plain.indices.map { (Float(bitPattern: plain[$0]) - base[$0]).bitPattern }
        let (found, isFinite) = filled(count) { run.subtract(base, into: $0) }
        #expect(found == differences)
        #expect(isFinite)
      }
    }
  }

  @Test(arguments: types, lengths.dropFirst())
  func `one element that is not finite is seen anywhere`(type: ElementType, count: Int) throws {
    for bad in [Float.nan, -.nan, .infinity, -.infinity] {
      for i in Set([0, count / 2, count - 1]) {
        var values = numbers(count, "source")
        values[i] = bad
        try withRun(values, type) { run, _ in
          #expect(!run.isFinite)
          #expect(!filled(count) { run.decode(into: $0) }.1)
          numbers(count, "base").withChunk { base in
            #expect(!filled(count) { run.subtract(base, into: $0) }.1)
          }
        }
      }
    }
  }

  @Test func `a difference may overflow where both numbers are finite`() throws {
    let largest = [Float](repeating: .greatestFiniteMagnitude, count: 9)
    try withRun(largest, .float32) { run, _ in
      largest.map { -$0 }.withChunk { base in
        let (found, isFinite) = filled(9) { run.subtract(base, into: $0) }
        #expect(found == [UInt32](repeating: Float.infinity.bitPattern, count: 9))
        #expect(isFinite)
      }
    }
  }

  @Test func `types that take more than a few instructions are not read this way`() {
    withUnsafeTemporaryAllocation(byteCount: 8, alignment: 8) { memory in
      for type in ElementType.allCases where !Self.types.contains(type) {
        #expect(StoredRun(start: memory.baseAddress!, count: 1, elementType: type) == nil)
      }
    }
  }
}
