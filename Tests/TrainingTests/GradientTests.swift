// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Documents
  import Models
  import Tensors
  import Testing

  @testable import Training

  /// Gradients against finite differences and against PEFT.
  struct GradientTests {
    private static let families = Blueprint.all.map(\.modelType)

    /// Σ cross-entropy of a packed batch as a function of the trained tensors.
    private struct Problem {
      let model: Parameterization
      let loss: LossFunction
      let ids: [Int32]
      let targets: [Int32]
      let segments: [Int32]
      var shape: [Int]

      /// - Parameter isWhole: one segment a row, not two.
      init(
        _ start: Checkpoint, _ settings: TrainingSettings, rows: [[Int32]], kernels: Kernels,
        isWhole: Bool = false
      ) throws {
        model = try Parameterization(start: start, settings: settings, kernels: kernels)
        loss = try LossFunction(config: start.config, kernels: kernels)
        ids = rows.flatMap { $0.dropLast() }
        targets = rows.flatMap { $0.dropFirst() }
        shape = [rows.count, rows[0].count - 1]
        let length = shape[1]
        segments = rows.flatMap { _ in (0..<length).map { Int32($0 < 7 || isWhole ? 0 : 1) } }
      }

      private func value(_ arrays: [DeviceArray]) throws -> DeviceArray {
        try loss(
          try model.parameters(arrays), ids: DeviceArray(ids, shape: shape),
          targets: DeviceArray(targets, shape: shape),
          weights: DeviceArray([Float](repeating: 1, count: ids.count), shape: shape),
          segments: DeviceArray(segments, shape: shape))
      }

      func gradients() throws -> (loss: Double, gradients: [[Float]]) {
        let (values, found) = try valueAndGradient(of: model.arrays) { [try value($0)] }
        return (Double(try values[0].item()), try found.map { try widened($0).floats() })
      }

      func loss(_ weights: [[Float]]) throws -> Double {
        for (tensor, values) in zip(model.trained, weights) {
          try tensor.weights.replace(with: values)
        }
        return Double(try value(model.arrays).item())
      }
    }

    private func rows(_ count: Int = 2, length: Int = 13) -> [[Int32]] {
      let random = CounterRandom(seed: 8, stream: "rows")
      return (0..<count).map { row in
        (0..<length).map { Int32(random.bits(at: row * 64 + $0) % 40) }
      }
    }

    /// The slope along a random direction, by differences and by the gradient.
    ///
    /// float32 losses of about 90 have steps of 8·10⁻⁶; with a difference of 2·10⁻³ of weights'
    /// size both errors, of rounding and of curvature, stay below 1%.
    private func compare(_ problem: Problem, name: String, tolerance: Double = 0.01) throws {
      let weights = try problem.model.trained.map { try $0.weights.values() }
      let gradients = try problem.gradients().gradients
      for trial in 0..<3 {
        // Each tensor moves with its gradient's length, so that none is drowned by another.
        var direction: [[Float]] = []
        var slope = 0.0
        for (tensor, gradient) in zip(problem.model.trained, gradients) {
          let random = TrainingGolden.uniform("\(tensor.name) \(trial)", gradient.count)
          let norm = gradient.reduce(0.0) { $0 + Double($1 * $1) }.squareRoot()
          let push = zip(gradient, random).map { g, r in
            norm == 0 ? 0 : Float(Double(g) / norm) + 0.3 * r / Float(gradient.count).squareRoot()
          }
          direction.append(push)
          slope += zip(gradient, push).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        }
        let size = Float(2e-3)
        func moved(_ sign: Float) -> [[Float]] {
          zip(weights, direction).map { w, d in zip(w, d).map { $0 + sign * size * $1 } }
        }
        let up = try problem.loss(moved(1))
        let down = try problem.loss(moved(-1))
        _ = try problem.loss(weights)
        let found = (up - down) / (2 * Double(size))
        #expect(abs(found / slope - 1) < tolerance, "\(name): \(found), expected \(slope)")
      }
    }

    @Test(arguments: families, [Kernels.fused, .plain])
    func `gradients of every family are the slopes of its loss`(
      modelType: String, kernels: Kernels
    ) throws {
      try Engine.run {
        let start = try TrainingGolden.checkpoint(TrainingGolden.tinyConfig(modelType))
        let problem = try Problem(start, TrainingSettings(), rows: rows(), kernels: kernels)
        try compare(problem, name: modelType)
      }
    }

    @Test(arguments: [Kernels.fused, .plain])
    func `gradients of LoRA are slopes, of a fused projection and with trained embeddings`(
      kernels: Kernels
    ) throws {
      try Engine.run {
        for modelType in ["phi3", "qwen3"] {
          let start = try TrainingGolden.checkpoint(TrainingGolden.tinyConfig(modelType))
          let settings = try TrainingGolden.settings(
            "adapter: {rank: 3, alpha: 4, train: [embeddings, norms]}")
          let problem = try Problem(start, settings, rows: rows(), kernels: kernels)
          try disturb(problem.model)
          try compare(problem, name: modelType)
        }
      }
    }

    /// B begins at 0, where half of the gradients are 0.
    private func disturb(_ model: Parameterization) throws {
      for tensor in model.trained where tensor.outline.role == .factor {
        let u = TrainingGolden.uniform(tensor.name, tensor.outline.count)
        if tensor.name.hasSuffix("magnitude_vector") {
          try tensor.weights.replace(
            with: zip(tensor.weights.values(), u).map { $0 * (1 + 0.2 * $1) })
        } else {
          try tensor.weights.replace(with: u.map { 0.3 * $0 })
        }
      }
    }

    @Test(arguments: ["lora", "dora"], [Kernels.fused, .plain])
    func `loss and gradients of factors are those of PEFT`(kind: String, kernels: Kernels) throws {
      let golden = try #require(TrainingGolden.values["adapters"]?[kind])
      let start = try GoldenLossTests.start("llama-rich")
      let settings = try TrainingGolden.settings(
        "adapter: {type: \(kind), rank: 3, alpha: 5, use_rslora: \(kind == "dora")}")
      try Engine.run {
        let rows = Array(GoldenLossTests.tokens("llama-rich").prefix(3))
        let problem = try Problem(
          start, settings, rows: rows, kernels: kernels, isWhole: true)
        try disturb(problem.model)
        let (loss, gradients) = try problem.gradients()
        let count = Double(problem.ids.count)
        #expect(abs(loss / count - (golden["loss"]?.double ?? 0)) < 1e-5)
        let expected = golden["gradients"]?.object?.members ?? []
        #expect(expected.map(\.key) == problem.model.trained.map(\.name))
        for ((name, values), gradient) in zip(expected, gradients) {
          let numbers = TrainingGolden.numbers(values)
          let g = gradient.map { Double($0) / count }
          let norm = g.reduce(0) { $0 + $1 * $1 }.squareRoot()
          let product = zip(g, TrainingGolden.uniform(name + "?", g.count)).reduce(0) {
            $0 + $1.0 * Double($1.1)
          }
          #expect(abs(norm - numbers[0]) < 1e-4 * max(numbers[0], 0.01), "\(name)")
          #expect(abs(product - numbers[1]) < 1e-4 * max(numbers[0], 0.01), "\(name)")
        }
      }
    }

    @Test func `frozen weights may be stored in 16 bits, and gradients through them agree`() throws
    {
      let plain = try TrainingGolden.checkpoint(TrainingGolden.tinyConfig("qwen3"))
      func stored(_ type: ElementType) throws -> Checkpoint {
        // The same numbers in both: those that 16 bits can hold.
        let half = try Checkpoint.inMemory(
          config: plain.config,
          tensors: plain.names.map { name in
            (name, try #require(plain.info(name)).shape, try plain.floats(name))
          }, elementType: .bfloat16)
        return try Checkpoint.inMemory(
          config: plain.config,
          tensors: half.names.map { name in
            (name, try #require(half.info(name)).shape, try half.floats(name))
          }, elementType: type)
      }
      let settings = try TrainingGolden.settings("adapter: {rank: 3, train: [norms]}")
      var all: [[[Float]]] = []
      for type in [ElementType.bfloat16, .float32] {
        try Engine.run {
          let problem = try Problem(stored(type), settings, rows: rows(), kernels: .fused)
          try disturb(problem.model)
          all.append(try problem.gradients().gradients)
        }
      }
      #expect(all[0] == all[1])
    }
  }
#endif
