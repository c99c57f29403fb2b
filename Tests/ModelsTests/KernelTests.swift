// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Foundation
  import Tensors
  import Testing

  @testable import Models

  /// Fused operators against the plain graph: values and gradients of a random weighted sum.
  struct KernelTests {
    /// Sizes that are no multiple of a vector, a tile or each other.
    struct Shape: CustomTestStringConvertible, Sendable {
      var batch, length, heads, groups, size: Int
      var testDescription: String { "B\(batch) L\(length) H\(heads) G\(groups) K\(size)" }
    }

    static let shapes = [
      Shape(batch: 1, length: 1, heads: 1, groups: 1, size: 2),
      Shape(batch: 2, length: 37, heads: 4, groups: 2, size: 10),
      Shape(batch: 3, length: 130, heads: 3, groups: 1, size: 32),
      Shape(batch: 1, length: 65, heads: 2, groups: 2, size: 64),
    ]

    private func numbers(_ name: String, _ count: Int, scale: Double = 1) -> [Float] {
      let random = CounterRandom(seed: 11, stream: name)
      return (0..<count).map { Float(scale * random.normal(at: $0)) }
    }

    /// Compares values and all gradients of Σ c·f(inputs) for both kinds of kernels.
    private func compare(
      _ inputs: [(values: [Float], shape: [Int])], tolerance: Float = 2e-5,
      masked: [Bool]? = nil, _ body: (Kernels, [DeviceArray]) throws -> DeviceArray
    ) throws {
      var outcomes: [[[Float]]] = []
      for kernels in [Kernels.plain, .fused] {
        let outcome: [[Float]] = try Engine.run {
          let arrays = try inputs.map { try DeviceArray($0.values, shape: $0.shape) }
          let (values, gradients) = try valueAndGradient(of: arrays, outputCount: 2) { arrays in
            let output = try body(kernels, arrays)
            let count = output.count
            var factors = numbers("cotangent", count)
            if let masked {
              let stride = count / masked.count
              for i in factors.indices where masked[i / stride] { factors[i] = 0 }
            }
            let cotangent = try DeviceArray(factors, shape: output.shape)
            return [try sum(multiply(output, cotangent)), output]
          }
          var output = try values[1].floats()
          if let masked {
            let stride = output.count / masked.count
            for i in output.indices where masked[i / stride] { output[i] = 0 }
          }
          return try [output] + gradients.map { try $0.floats() }
        }
        outcomes.append(outcome)
      }
      for (plain, fused) in zip(outcomes[0], outcomes[1]) {
        #expect(plain.count == fused.count)
        let scale = max(1, plain.reduce(0) { max($0, abs($1)) })
        let worst = zip(plain, fused).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
        #expect(worst <= tolerance * scale, "off by \(worst) of \(scale)")
      }
    }

    @Test(arguments: [(1, 1), (3, 7), (40, 96), (129, 33)])
    func `fused RMSNorm equals the plain one`(rows: Int, width: Int) throws {
      try compare([
        (numbers("x", rows * width), [rows, width]), (numbers("w", width), [width]),
      ]) { kernels, inputs in try kernels.rmsNorm(inputs[0], inputs[1], epsilon: 1e-5) }
    }

    @Test(arguments: [(1, 1), (5, 17), (64, 100)])
    func `fused SwiGLU equals the plain one`(rows: Int, width: Int) throws {
      try compare([
        (numbers("gate", rows * width, scale: 4), [rows, width]),
        (numbers("up", rows * width), [rows, width]),
      ]) { kernels, inputs in try kernels.swiglu(inputs[0], inputs[1]) }
    }

    @Test(arguments: shapes)
    func `fused rotation equals the plain one`(shape: Shape) throws {
      let frequencies = (0..<shape.size / 2).map { pow(Float(100), -Float($0) / 3) }
      let dimensions = [shape.batch, shape.length, shape.heads, shape.size]
      for offset in [0, 5] {
        try compare(
          [(numbers("x", dimensions.reduce(1, *)), dimensions)], tolerance: 5e-5
        ) { kernels, inputs in
          try kernels.rope(
            inputs[0],
            kernels.rotation(
              inverseFrequencies: frequencies, offset: offset, length: shape.length))
        }
      }
    }

    @Test(arguments: shapes)
    func `fused attention equals the plain one within segments`(shape: Shape) throws {
      let queries = [shape.batch, shape.length, shape.heads, shape.size]
      let keys = [shape.batch, shape.length, shape.groups, shape.size]
      // Documents of changing length, and padding at the end of the last row.
      var segments: [Int32] = []
      for row in 0..<shape.batch {
        for position in 0..<shape.length {
          let isPadding = row == shape.batch - 1 && position > shape.length * 3 / 4
          segments.append(isPadding ? -1 : Int32(position / (5 + 9 * row)))
        }
      }
      let scale = 1 / Float(shape.size).squareRoot()
      try compare(
        [
          (numbers("q", queries.reduce(1, *)), queries), (numbers("k", keys.reduce(1, *)), keys),
          (numbers("v", keys.reduce(1, *)), keys),
        ], masked: segments.map { $0 < 0 }
      ) { kernels, inputs in
        try kernels.attention(
          inputs[0], inputs[1], inputs[2],
          segments: DeviceArray(segments, shape: [shape.batch, shape.length]), scale: scale)
      }
    }

    @Test(arguments: [(1, 3, 2), (33, 24, 61), (70, 64, 1500), (300, 32, 4099)])
    func `fused cross-entropy equals the plain one and skips rows without weight`(
      rows: Int, width: Int, vocabulary: Int
    ) throws {
      let targets = (0..<rows).map { Int32(($0 * 7919) % vocabulary) }
      let weights = (0..<rows).map { Float($0 % 3 == 2 ? 0 : 1) }
      try compare(
        [
          (numbers("x", rows * width), [rows, width]),
          (numbers("w", vocabulary * width, scale: 0.3), [vocabulary, width]),
        ], masked: weights.map { $0 == 0 }
      ) { kernels, inputs in
        try kernels.crossEntropy(
          inputs[0], inputs[1], targets: DeviceArray(targets, shape: [rows]),
          weights: DeviceArray(weights, shape: [rows]), differentiated: true)
      }
    }

    @Test(arguments: [(1, 1, 1), (7, 24, 40), (200, 96, 300)])
    func `fused projections equal the plain ones`(rows: Int, width: Int, outputs: Int) throws {
      try compare([
        (numbers("x", rows * width), [rows, width]),
        (numbers("a", outputs * width), [outputs, width]),
        (numbers("b", (outputs + 3) * width), [outputs + 3, width]),
      ]) { kernels, inputs in
        try concatenate(kernels.linear(inputs[0], [inputs[1], inputs[2]]), axis: 1)
      }
    }

    @Test func `the fused residual sum and norm equal the plain ones`() throws {
      try compare([
        (numbers("x", 33 * 20), [33, 20]), (numbers("d", 33 * 20), [33, 20]),
        (numbers("w", 20), [20]),
      ]) { kernels, inputs in
        let (sum, normed) = try kernels.addRmsNorm(inputs[0], inputs[1], inputs[2], epsilon: 1e-5)
        return try concatenate([sum, normed], axis: 0)
      }
    }

    @Test func `the fused embedding and its gradient equal the plain ones, repeated ids too`()
      throws
    {
      let ids: [Int32] = [3, 0, 3, 3, 9, 1]
      try compare([(numbers("t", 10 * 7), [10, 7])]) { kernels, inputs in
        try kernels.embedding(DeviceArray(ids, shape: [6]), inputs[0])
      }
    }

    @Test func `the squared norm does not depend on the number of threads`() throws {
      let buffer = try FloatBuffer(numbers("norm", 300_001), shape: [300_001])
      var results: Set<Double> = []
      for threads in [1, 2, 3, 7] {
        Engine.setThreads(threads)
        results.insert(PlainMemory.squaredNorm(buffer.base, buffer.count))
      }
      Engine.setThreads(ProcessInfo.processInfo.activeProcessorCount)
      #expect(results.count == 1)
      #expect(abs(try #require(results.first) / 300_001 - 1) < 0.02)
    }

    @Test func `the first element that is not finite is found`() throws {
      let buffer = try FloatBuffer(numbers("finite", 70_000), shape: [70_000])
      #expect(buffer.firstNonFinite == nil)
      buffer.base[69_999] = .infinity
      #expect(buffer.firstNonFinite == 69_999)
      buffer.base[40_000] = .nan
      #expect(buffer.firstNonFinite == 40_000)
    }
  }
#endif
