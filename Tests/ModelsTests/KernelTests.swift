// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Documents
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
      // Documents of up to 222 tokens, more than two blocks of attention.
      Shape(batch: 8, length: 300, heads: 1, groups: 1, size: 8),
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

    @Test func `the plain loss in tiles is the loss in one piece`() throws {
      let (rows, width, words) = (23, 9, 31)
      let targets = (0..<rows).map { Int32($0 * 7 % words) }
      let shares = (0..<rows).map { Float($0 % 3) }
      for softcap in [nil, 2] as [Float?] {
        // A row at a time, three at a time with a rest, all but the last row at once, just all.
        for mostLogits in [1, 3 * words, (rows - 1) * words, rows * words] {
          let (whole, tiled) = try Engine.run {
            let inputs = try [
              DeviceArray(numbers("x", rows * width), shape: [rows, width]),
              DeviceArray(numbers("w", words * width), shape: [words, width]),
            ]
            let (ids, weights) = try (
              DeviceArray(targets, shape: [rows]), DeviceArray(shares, shape: [rows])
            )
            let outcomes = try [Int.max, mostLogits].map { limit in
              try valueAndGradient(of: inputs) {
                [
                  try sum(
                    Kernels.plain.tiledLoss(
                      $0[0], $0[1], targets: ids, weights: weights, softcap: softcap,
                      mostLogits: limit))
                ]
              }
            }.map { try ($0.values + $0.gradients).map { try $0.floats() } }
            return (outcomes[0], outcomes[1])
          }
          for (a, b) in zip(whole, tiled) {
            #expect(a.count == b.count && a.contains { $0 != 0 })
            #expect(zip(a, b).allSatisfy { abs($0 - $1) <= 2e-6 * max(1, abs($0)) })
          }
        }
      }
    }

    @Test(arguments: ["linear", "linear_sum", "attention", "capped attention", "cross_entropy"])
    func `products in bfloat16 are those of float32 to eight bits, with their gradients`(
      name: String
    ) throws {
      let (rows, width, outputs) = (12, 64, 20)
      try Engine.run {
        let segments = try DeviceArray((0..<12).map { Int32($0 < 7 ? 0 : 1) }, shape: [1, 12])
        let targets = try DeviceArray((0..<12).map { Int32($0) }, shape: [rows])
        let weights = try DeviceArray([Float](repeating: 1, count: rows), shape: [rows])
        let rule = AttentionRule(scale: 0.25, softcap: name == "capped attention" ? 3 : nil)
        func value(_ kernels: Kernels, _ a: [DeviceArray]) throws -> DeviceArray {
          switch name {
          case "linear": return try kernels.linear(a[0], [a[1]])[0]
          case "linear_sum":
            return try kernels.linearSum(a[0], [a[1]], inner: [a[2]], outer: [a[3]])[0]
          case "cross_entropy":
            return try kernels.crossEntropy(
              a[0], a[1], targets: targets, weights: weights, differentiated: true)
          default:
            let q = try reshape(a[0], [1, rows, 4, 16])
            let (k, v) = try (reshape(a[2], [1, rows, 2, 16]), reshape(a[4], [1, rows, 2, 16]))
            return try kernels.attention(q, k, v, segments: segments, rule: rule)
          }
        }
        let used = name == "linear_sum" ? 4 : name.hasSuffix("attention") ? 5 : 2
        let inputs = try [
          DeviceArray(numbers("x", rows * width), shape: [rows, width]),
          DeviceArray(numbers("w", outputs * width, scale: 0.3), shape: [outputs, width]),
          DeviceArray(numbers("t", rows * 32), shape: [rows, 32]),
          DeviceArray(numbers("b", outputs * 32), shape: [outputs, 32]),
          DeviceArray(numbers("v", rows * 32), shape: [rows, 32]),
        ].prefix(used)
        let found = try [Kernels.plain, .bfloat16].map { kernels in
          let (values, gradients) = try valueAndGradient(of: Array(inputs), outputCount: 2) {
            let y = try value(kernels, $0)
            return [try sum(multiply(y, y)), y]
          }
          return try [values[1].floats()] + gradients.map { try $0.floats() }
        }
        for (exact, rounded) in zip(found[0], found[1]) where exact.contains(where: { $0 != 0 }) {
          let size = exact.reduce(0) { $0 + $1 * $1 }.squareRoot()
          let error = zip(exact, rounded).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            .squareRoot()
          #expect((1e-4...0.02).contains(error / size), "\(error / size)")
        }
      }
    }

    @Test func `of the plain loss in tiles only few tiles are in memory at once`() throws {
      let (rows, width, words) = (64, 4, 20_000)
      let peak = try Engine.run {
        let inputs = try [
          DeviceArray(numbers("x", rows * width), shape: [rows, width]),
          DeviceArray(numbers("w", words * width), shape: [words, width]),
        ]
        let ids = try DeviceArray((0..<rows).map { Int32($0) }, shape: [rows])
        let weights = try DeviceArray([Float](repeating: 1, count: rows), shape: [rows])
        try evaluate(inputs + [ids, weights])
        Engine.resetPeakMemory()
        let (values, gradients) = try valueAndGradient(of: inputs) {
          [
            try sum(
              Kernels.plain.tiledLoss(
                $0[0], $0[1], targets: ids, weights: weights, softcap: nil, mostLogits: words))
          ]
        }
        try evaluate(values + gradients)
        return Engine.peakMemory
      }
      // All at once they were at least three times 64 rows. Some tiles more than one is what MLX's queue
      // prepares ahead on a CPU.
      #expect(peak < 4 * words * 64, "\(peak / (4 * words)) rows of logits")
    }

    @Test(arguments: [(1, 1), (3, 7), (40, 96), (129, 33)])
    func `fused RMSNorm equals the plain one`(rows: Int, width: Int) throws {
      try compare([
        (numbers("x", rows * width), [rows, width]), (numbers("w", width), [width]),
      ]) { kernels, inputs in try kernels.rmsNorm(inputs[0], inputs[1], epsilon: 1e-5) }
    }

    @Test(arguments: [(1, 1), (5, 17), (64, 100)], [GateActivation.silu, .tanhGELU])
    func `fused gates equal the plain ones`(
      shape: (rows: Int, width: Int), activation: GateActivation
    ) throws {
      let (rows, width) = shape
      try compare([
        (numbers("gate", rows * width, scale: 4), [rows, width]),
        (numbers("up", rows * width), [rows, width]),
      ]) { kernels, inputs in try kernels.gated(activation, inputs[0], inputs[1]) }
    }

    @Test(arguments: [0.5, 3, 50] as [Float])
    func `fused caps equal the plain ones, for small numbers and large`(cap: Float) throws {
      for scale in [0.01, 1, 100] {
        try compare(
          [(numbers("x", 37 * 11, scale: scale), [37, 11])], tolerance: 2e-6
        ) { kernels, inputs in try kernels.softcap(inputs[0], cap) }
      }
    }

    @Test func `a cap keeps the digits of small numbers`() throws {
      let values: [Float] = [1e-6, -3e-4, 0.02, 0.3, -0.62, 0.63, 2, -9, 40, 0]
      let found = try Engine.run {
        try Kernels.fused.softcap(DeviceArray(values, shape: [values.count]), 1).floats()
      }
      for (x, y) in zip(values, found) {
        let exact = tanh(Double(x))
        #expect(abs(Double(y) - exact) <= 2.5e-7 * abs(exact), "tanh(\(x)) is not \(y)")
      }
    }

    @Test(arguments: shapes)
    func `fused rotation equals the plain one`(shape: Shape) throws {
      let dimensions = [shape.batch, shape.length, shape.heads, shape.size]
      var config: JSON = [
        "vocab_size": 3, "hidden_size": 4, "intermediate_size": 4, "num_hidden_layers": 1,
        "num_attention_heads": 1, "head_dim": JSON(shape.size), "model_type": "phi3",
        "rope_theta": 100,
      ]
      for share in shape.size % 4 == 0 ? [1, 0.5] : [1] {
        config["partial_rotary_factor"] = JSON(share)
        let rotary = try DecoderConfiguration(config: config).rotations[0]
        #expect(rotary.size == Int(Double(shape.size) * share))
        let padded = TokenPositions(
          first: 2, count: shape.length, starts: (0..<shape.batch).map { 2 * $0 })
        for positions in [
          TokenPositions(count: shape.length), TokenPositions(first: 5, count: shape.length),
          padded,
        ] {
          try compare(
            [(numbers("x", dimensions.reduce(1, *)), dimensions)], tolerance: 5e-5
          ) { kernels, inputs in
            try kernels.rope(inputs[0], kernels.rotation(rotary, at: positions))
          }
        }
      }
    }

    /// Windows shorter and longer than a block of 112 and than the text, with and without a cap.
    static let rules: [(window: Int?, softcap: Float?)] = [
      (nil, nil), (1, nil), (7, nil), (70, nil), (1000, nil), (nil, 2), (9, 0.7), (66, 50),
      (118, nil),
    ]

    @Test(arguments: shapes, rules)
    func `fused attention equals the plain one within segments`(
      shape: Shape, rule: (window: Int?, softcap: Float?)
    ) throws {
      let queries = [shape.batch, shape.length, shape.heads, shape.size]
      let keys = [shape.batch, shape.length, shape.groups, shape.size]
      // Documents of changing length, and padding at the end of the last row.
      var segments: [Int32] = []
      for row in 0..<shape.batch {
        for position in 0..<shape.length {
          let isPadding = row == shape.batch - 1 && position > shape.length * 3 / 4
          segments.append(isPadding ? -1 : Int32(position / (5 + 31 * row)))
        }
      }
      let rule = AttentionRule(
        scale: 1.3 / Float(shape.size).squareRoot(), window: rule.window, softcap: rule.softcap)
      try compare(
        [
          (numbers("q", queries.reduce(1, *)), queries), (numbers("k", keys.reduce(1, *)), keys),
          (numbers("v", keys.reduce(1, *)), keys),
        ], masked: segments.map { $0 < 0 }
      ) { kernels, inputs in
        try kernels.attention(
          inputs[0], inputs[1], inputs[2],
          segments: DeviceArray(segments, shape: [shape.batch, shape.length]), rule: rule)
      }
    }

    @Test(arguments: rules)
    func `attention over a cache equals attention over the whole text`(
      rule: (window: Int?, softcap: Float?)
    ) throws {
      let (length, heads, groups, size) = (41, 4, 2, 6)
      let rule = AttentionRule(scale: 0.4, window: rule.window, softcap: rule.softcap)
      try Engine.run {
        func array(_ name: String, _ heads: Int) throws -> DeviceArray {
          try DeviceArray(numbers(name, length * heads * size), shape: [1, length, heads, size])
        }
        func part(_ a: DeviceArray, _ range: Range<Int>) throws -> DeviceArray {
          try slice(
            a, from: [0, range.lowerBound, 0, 0], to: [1, range.upperBound, a.shape[2], size])
        }
        let (q, k, v) = try (array("q", heads), array("k", groups), array("v", groups))
        let segments = try DeviceArray([Int32](repeating: 0, count: length), shape: [1, length])
        let whole = try Kernels.plain.attention(q, k, v, segments: segments, rule: rule)
        for range in [0..<13, 13..<40, 40..<41] {
          let found = try Kernels.best.cachedAttention(
            part(q, range), part(k, 0..<range.upperBound), part(v, 0..<range.upperBound),
            starts: nil, rule: rule
          ).floats()
          let expected = try part(whole, range).floats()
          #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-5 })
        }
      }
    }

    @Test(
      arguments: [(1, 3, 2), (33, 24, 61), (70, 64, 1500), (300, 32, 4099)],
      [nil, 1.5, 30] as [Float?])
    func `fused cross-entropy equals the plain one and skips rows without weight`(
      shape: (rows: Int, width: Int, vocabulary: Int), softcap: Float?
    ) throws {
      let (rows, width, vocabulary) = shape
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
          weights: DeviceArray(weights, shape: [rows]), softcap: softcap, differentiated: true)
      }
    }

    // Rows of 1024 numbers are not read where they are: they meet in the sets of a cache.
    @Test(arguments: [(1, 1, 1), (7, 24, 40), (200, 96, 300), (250, 1024, 70)])
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
