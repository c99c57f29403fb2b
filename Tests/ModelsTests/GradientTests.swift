// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Documents
  import Foundation
  import Tensors
  import Testing

  @testable import Models

  /// Gradients of the fused operators against central differences of the same formulas, written down
  /// here once more in double precision and without any cleverness.
  struct GradientTests {
    typealias Shape = [Int]

    /// An operator, a small example of it, and its formula.
    struct Operator: CustomTestStringConvertible, Sendable {
      let testDescription: String
      let inputs: [Shape]
      /// Row-major inputs to the row-major output.
      let formula: @Sendable ([[Double]]) -> [Double]
      let fused: @Sendable ([DeviceArray]) throws -> DeviceArray

      init(
        _ name: String, _ inputs: [Shape], formula: @escaping @Sendable ([[Double]]) -> [Double],
        fused: @escaping @Sendable ([DeviceArray]) throws -> DeviceArray
      ) {
        testDescription = name
        self.inputs = inputs
        self.formula = formula
        self.fused = fused
      }
    }

    @Test(arguments: operators)
    func `every fused operator's gradient equals finite differences`(_ tested: Operator) throws {
      let random = CounterRandom(seed: 5, stream: tested.testDescription)
      var drawn = 0
      func numbers(_ count: Int) -> [Float] {
        defer { drawn += count }
        return (0..<count).map { Float(random.normal(at: drawn + $0)) }
      }
      let inputs = tested.inputs.map { numbers($0.reduce(1, *)) }
      let exact = inputs.map { $0.map(Double.init) }
      let factors = numbers(tested.formula(exact).count)
      let (output, gradients): ([Float], [[Float]]) = try Engine.run {
        let arrays = try zip(inputs, tested.inputs).map { try DeviceArray($0, shape: $1) }
        let (values, gradients) = try valueAndGradient(of: arrays, outputCount: 2) { arrays in
          let output = try tested.fused(arrays)
          let cotangent = try DeviceArray(factors, shape: output.shape)
          return [try sum(multiply(output, cotangent)), output]
        }
        return (try values[1].floats(), try gradients.map { try $0.floats() })
      }
      let expected = tested.formula(exact)
      #expect(output.count == expected.count)
      for (found, expected) in zip(output, expected) {
        #expect(abs(Double(found) - expected) <= 1e-5 * max(1, abs(expected)))
      }

      func loss(_ inputs: [[Double]]) -> Double {
        zip(tested.formula(inputs), factors).reduce(0) { $0 + $1.0 * Double($1.1) }
      }
      // Errors: step² of the curve, 1e-16 / step of the rounding; both are far below float32's.
      let step = 1e-5
      for (index, gradient) in gradients.enumerated() {
        var slopes: [Double] = []
        for element in exact[index].indices {
          var (below, above) = (exact, exact)
          below[index][element] -= step
          above[index][element] += step
          slopes.append((loss(above) - loss(below)) / (2 * step))
        }
        #expect(gradient.count == slopes.count)
        let scale = slopes.reduce(1) { max($0, abs($1)) }
        for (element, (found, slope)) in zip(gradient, slopes).enumerated() {
          #expect(
            abs(Double(found) - slope) <= 1e-5 * scale,
            "input \(index), element \(element): \(found), by differences \(slope)")
        }
      }
    }

    @Test func `what is not differentiated changes no other gradient`() throws {
      let random = CounterRandom(seed: 6, stream: "partial")
      let (rows, width, words) = (70, 24, 90)
      func numbers(_ index: Int, _ count: Int) -> [Float] {
        (0..<count).map { Float(random.normal(at: index * 100_000 + $0)) }
      }
      try Engine.run {
        let x = try DeviceArray(numbers(0, rows * width), shape: [rows, width])
        let a = try DeviceArray(numbers(1, width * width), shape: [width, width])
        let b = try DeviceArray(numbers(2, width * width), shape: [width, width])
        let head = try DeviceArray(numbers(3, words * width), shape: [words, width])
        let targets = try DeviceArray((0..<rows).map { Int32($0 % words) }, shape: [rows])
        let weights = try DeviceArray([Float](repeating: 1, count: rows), shape: [rows])
        func gradients(of chosen: [Int]) throws -> [[Float]] {
          let all = [x, a, b, head]
          let found = try valueAndGradient(of: chosen.map { all[$0] }, outputCount: 1) { traced in
            var inputs = all
            for (index, array) in zip(chosen, traced) { inputs[index] = array }
            let wide = try Kernels.fused.linear(inputs[0], [inputs[1], inputs[2]])
            let hidden = try multiply(wide[0], wide[1])
            return [
              try sum(
                Kernels.fused.crossEntropy(
                  hidden, inputs[3], targets: targets, weights: weights, differentiated: true))
            ]
          }
          return try found.1.map { try $0.floats() }
        }
        let whole = try gradients(of: [0, 1, 2, 3])
        for chosen in [[0], [1], [2], [0, 2], [1, 3], [3], [0, 1, 2]] {
          #expect(try gradients(of: chosen) == chosen.map { whole[$0] }, "\(chosen)")
        }
      }
    }

    // MARK: - The operators

    static let operators: [Operator] = layers + gates + attentions + crossEntropies

    static let layers: [Operator] = [
      Operator(
        "linear, two weights", [[5, 7], [4, 7], [3, 7]], formula: sideBySide,
        fused: { x in try concatenate(Kernels.fused.linear(x[0], [x[1], x[2]]), axis: 1) }),
      Operator(
        "rms_norm", [[3, 11], [11]], formula: { (x: [[Double]]) in normed(x[0], x[1]) },
        fused: { x in try Kernels.fused.rmsNorm(x[0], x[1], epsilon: 1e-3) }),
      Operator(
        "add_rms_norm", [[3, 11], [3, 11], [11]], formula: summedAndNormed,
        fused: { x in
          let (sum, normed) = try Kernels.fused.addRmsNorm(x[0], x[1], x[2], epsilon: 1e-3)
          return try concatenate([sum, normed], axis: 0)
        }),
      Operator(
        "rope", [[2, 3, 2, 6]],
        formula: { (x: [[Double]]) in rotated(x[0], length: 3, heads: 2, size: 6) },
        fused: { x in
          let rotary = try DecoderConfiguration(config: ropeConfig).rotations[0]
          return try Kernels.fused.rope(
            x[0], Kernels.fused.rotation(rotary, at: TokenPositions(count: 3)))
        }),
      Operator(
        "embedding", [[5, 3]], formula: { (x: [[Double]]) in looked(up: ids, in: x[0], width: 3) },
        fused: { x in try Kernels.fused.embedding(DeviceArray(ids, shape: [ids.count]), x[0]) }),
    ]

    static let gates: [Operator] = [
      Operator(
        "swiglu", [[3, 9], [3, 9]],
        formula: { (x: [[Double]]) in zip(x[0], x[1]).map { silu($0) * $1 } },
        fused: { x in try Kernels.fused.gated(.silu, x[0], x[1]) }),
      Operator(
        "geglu", [[3, 9], [3, 9]],
        formula: { (x: [[Double]]) in zip(x[0], x[1]).map { gelu($0) * $1 } },
        fused: { x in try Kernels.fused.gated(.tanhGELU, x[0], x[1]) }),
      Operator(
        "softcap", [[4, 5]], formula: { (x: [[Double]]) in x[0].map { capped($0, 1.5) } },
        fused: { x in try Kernels.fused.softcap(x[0], 1.5) }),
    ]

    static let rules: [AttentionRule] = [
      AttentionRule(scale: 0.6), AttentionRule(scale: 0.6, window: 3),
      AttentionRule(scale: 0.6, softcap: 1.2), AttentionRule(scale: 0.6, window: 2, softcap: 0.8),
    ]

    static let attentions: [Operator] = rules.map { rule in
      // Two documents, one that comes back, and padding.
      let segments: [Int32] = [0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, -1, -1]
      return Operator(
        "attention, window \(rule.window ?? 0), cap \(rule.softcap ?? 0)",
        [[2, 7, 4, 3], [2, 7, 2, 3], [2, 7, 2, 3]],
        formula: { (x: [[Double]]) in attended(x, segments: segments, rule: rule) },
        fused: { x in
          try Kernels.fused.attention(
            x[0], x[1], x[2], segments: DeviceArray(segments, shape: [2, 7]), rule: rule)
        })
    }

    static let caps: [Float?] = [nil, 1.4]

    static let crossEntropies: [Operator] = caps.map { softcap in
      let targets: [Int32] = [3, 0, 6, 6, 2]
      let weights: [Float] = [1, 0.5, 0, 1, 2]
      return Operator(
        "cross_entropy, cap \(softcap ?? 0)", [[5, 4], [7, 4]],
        formula: { (x: [[Double]]) in
          losses(x[0], x[1], width: 4, targets: targets, weights: weights, cap: softcap)
        },
        fused: { x in
          try Kernels.fused.crossEntropy(
            x[0], x[1], targets: DeviceArray(targets, shape: [5]),
            weights: DeviceArray(weights, shape: [5]), softcap: softcap, differentiated: true)
        })
    }

    static let ids: [Int32] = [4, 0, 4, 1]

    static let ropeConfig: JSON = [
      "vocab_size": 3, "hidden_size": 4, "intermediate_size": 4, "num_hidden_layers": 1,
      "num_attention_heads": 1, "head_dim": 6, "model_type": "llama", "rope_theta": 100,
    ]

    // MARK: - Formulas

    static func silu(_ g: Double) -> Double { g / (1 + Foundation.exp(-g)) }

    static func gelu(_ g: Double) -> Double {
      let bent: Double = (2 / Double.pi).squareRoot() * (g + 0.044715 * g * g * g)
      return 0.5 * g * (1 + Foundation.tanh(bent))
    }

    static func capped(_ x: Double, _ cap: Double) -> Double { cap * Foundation.tanh(x / cap) }

    static func looked(up ids: [Int32], in table: [Double], width: Int) -> [Double] {
      ids.flatMap { table[Int($0) * width..<(Int($0) + 1) * width] }
    }

    /// (5, 4 + 3): the products of both weights, beside each other.
    static func sideBySide(_ x: [[Double]]) -> [Double] {
      let (a, b) = (product(x[0], x[1], 7), product(x[0], x[2], 7))
      var result: [Double] = []
      for row in 0..<5 {
        result += a[row * 4..<row * 4 + 4]
        result += b[row * 3..<row * 3 + 3]
      }
      return result
    }

    static func summedAndNormed(_ x: [[Double]]) -> [Double] {
      let sum: [Double] = zip(x[0], x[1]).map { $0 + $1 }
      return sum + normed(sum, x[2])
    }

    static func losses(
      _ x: [Double], _ w: [Double], width: Int, targets: [Int32], weights: [Float], cap: Float?
    ) -> [Double] {
      let words = w.count / width
      var logits = product(x, w, width)
      if let cap { logits = logits.map { capped($0, Double(cap)) } }
      return targets.indices.map { row -> Double in
        var total = 0.0
        for word in 0..<words { total += Foundation.exp(logits[row * words + word]) }
        let own: Double = logits[row * words + Int(targets[row])]
        return Double(weights[row]) * (Foundation.log(total) - own)
      }
    }

    /// x · wᵀ for rows of `width`.
    static func product(_ x: [Double], _ w: [Double], _ width: Int) -> [Double] {
      var result: [Double] = []
      for i in 0..<x.count / width {
        for j in 0..<w.count / width {
          var sum = 0.0
          for k in 0..<width { sum += x[i * width + k] * w[j * width + k] }
          result.append(sum)
        }
      }
      return result
    }

    static func normed(_ x: [Double], _ w: [Double]) -> [Double] {
      let width = w.count
      var result: [Double] = []
      for first in stride(from: 0, to: x.count, by: width) {
        var squares = 0.0
        for i in 0..<width { squares += x[first + i] * x[first + i] }
        let root: Double = (squares / Double(width) + Double(Float(1e-3))).squareRoot()
        for i in 0..<width { result.append(w[i] * x[first + i] / root) }
      }
      return result
    }

    static func rotated(_ x: [Double], length: Int, heads: Int, size: Int) -> [Double] {
      var result = x
      for first in stride(from: 0, to: x.count, by: size) {
        let position = first / size / heads % length
        for pair in 0..<size / 2 {
          let angle: Double =
            Double(position) * Foundation.pow(100, -2 * Double(pair) / Double(size))
          let (a, b) = (x[first + pair], x[first + pair + size / 2])
          let (cosine, sine) = (Foundation.cos(angle), Foundation.sin(angle))
          result[first + pair] = a * cosine - b * sine
          result[first + pair + size / 2] = b * cosine + a * sine
        }
      }
      return result
    }

    /// q (2, 7, 4, 3), k and v (2, 7, 2, 3).
    static func attended(
      _ x: [[Double]], segments: [Int32], rule: AttentionRule
    ) -> [Double] {
      let (length, heads, groups, size) = (7, 4, 2, 3)
      var result = [Double](repeating: 0, count: x[0].count)
      for b in 0..<2 {
        for h in 0..<heads {
          let group = h / (heads / groups)
          for i in 0..<length where segments[b * length + i] >= 0 {
            let query = ((b * length + i) * heads + h) * size
            var (total, sums) = (0.0, [Double](repeating: 0, count: size))
            for j in 0...i where segments[b * length + j] == segments[b * length + i] {
              if let window = rule.window, i - j >= window { continue }
              let key = ((b * length + j) * groups + group) * size
              var score =
                Double(rule.scale)
                * (0..<size).reduce(0) {
                  $0 + x[0][query + $1] * x[1][key + $1]
                }
              if let cap = rule.softcap { score = Double(cap) * tanh(score / Double(cap)) }
              total += exp(score)
              for d in 0..<size { sums[d] += exp(score) * x[2][key + d] }
            }
            for d in 0..<size { result[query + d] = sums[d] / total }
          }
        }
      }
      return result
    }
  }
#endif
