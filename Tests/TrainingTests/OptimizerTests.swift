// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Corpora
  import Documents
  import Foundation
  import Models
  import Tensors
  import Testing

  @testable import Training

  struct OptimizerTests {
    private static let rules = (TrainingGolden.values["rules"]?.object?.members ?? []).map(\.key)
    private static let shapes: [(name: String, shape: [Int], role: TensorRole)] = [
      ("tall", [11, 5], .matrix), ("wide", [5, 9], .matrix), ("embedding", [7, 4], .embedding),
      ("vector", [13], .norm),
    ]

    private func optimizer(_ rule: String) throws -> any Optimizer {
      let name = String(rule.prefix { $0 != "," })
      let options = TrainingGolden.values["rules"]?[rule]?["options"] ?? .null
      var text = "optimizer:\n  type: \(name)\n"
      for (key, value) in options.object?.members ?? [] {
        text += "  \(key): \(value.string ?? value.serialized())\n"
      }
      return try TrainingGolden.settings(text).optimizer.value
    }

    private func step(_ index: Int, rate: Double = 0.05) -> OptimizerStep {
      OptimizerStep(
        learningRate: rate, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, gradientScale: 1,
        index: index + 1, seed: 3)
    }

    /// In place, or as a graph that is then computed.
    private func update(
      _ tensor: TrainedTensor, gradient: [Float], _ step: OptimizerStep,
      by optimizer: any Optimizer, asGraph: Bool
    ) throws {
      if asGraph {
        let gradient = try DeviceArray(gradient, shape: tensor.shape)
        try optimizer.update(DeviceStep(tensor, gradient: gradient, step))
        try evaluate(tensor.arrays)
      } else {
        try gradient.withUnsafeBufferPointer {
          try optimizer.update(tensor, gradient: try #require($0.baseAddress), step)
        }
      }
    }

    @Test(arguments: rules, [false, true])
    func `ten updates give the weights of PyTorch and transformers`(
      rule: String, asGraph: Bool
    ) throws {
      #expect(Self.rules.count == 8)
      let optimizer = try optimizer(rule)
      try Engine.run {
        for (name, shape, role) in Self.shapes {
          let count = shape.reduce(1, *)
          let outline = TensorOutline(name: name, shape: shape, role: role)
          let tensor = try TrainedTensor(
            outline, weights: WeightBuffer(TrainingGolden.uniform(name, count), shape: shape),
            weightDecay: shape.count > 1 ? 0.1 : 0, optimizer: optimizer)
          for index in 0..<10 {
            let scale = Float(0.1 + 0.05 * Double(index))
            let gradient = TrainingGolden.uniform("\(name)#\(index)", count).map { $0 * scale }
            try update(tensor, gradient: gradient, step(index), by: optimizer, asGraph: asGraph)
          }
          let expected = TrainingGolden.numbers(
            TrainingGolden.values["rules"]?[rule]?["weights"]?[name])
          let found = try tensor.weights.values()
          #expect(found.count == expected.count)
          for (a, b) in zip(found, expected) { #expect(abs(Double(a) - b) < 2e-5, "\(name)") }
        }
      }
    }

    @Test(arguments: ["adamw", "adafactor", "adafactor, all", "muon", "sgd, nesterov"])
    func `updates are the same bits for any number of threads and any division into rows`(
      rule: String
    ) throws {
      defer { Engine.setThreads(ProcessInfo.processInfo.activeProcessorCount) }
      let optimizer = try optimizer(rule)
      let shape = [700, 33]
      func run(threads: Int, rates: [(rows: Range<Int>, factor: Double)]?) throws -> [Float] {
        Engine.setThreads(threads)
        return try Engine.run {
          let outline = TensorOutline(name: "w", shape: shape, role: .matrix)
          let tensor = try TrainedTensor(
            outline, weights: WeightBuffer(TrainingGolden.uniform("w", 23100), shape: shape),
            weightDecay: 0.1, rates: rates, optimizer: optimizer)
          for index in 0..<3 {
            try TrainingGolden.uniform("g\(index)", 23100).withUnsafeBufferPointer {
              try optimizer.update(tensor, gradient: try #require($0.baseAddress), step(index))
            }
          }
          return try tensor.weights.values()
        }
      }
      let whole = try run(threads: 1, rates: nil)
      #expect(try run(threads: 5, rates: nil) == whole)
      #expect(try run(threads: 2, rates: [(0..<1, 1), (1..<333, 1), (333..<700, 1)]) == whole)
      // The size of the whole tensor, which this one looks at, depends on all its rows.
      if rule == "adafactor, all" { return }
      let part = try run(threads: 3, rates: [(0..<10, 0), (10..<700, 1)])
      #expect(part[..<330].elementsEqual(TrainingGolden.uniform("w", 330)))
      #expect(Array(part[330...]) == Array(whole[330...]))
    }

    @Test(
      arguments: ["adamw", "adafactor", "adafactor, all", "muon", "sgd, nesterov"], [[7, 5], [12]])
    func `graphs of updates keep to the rates of rows as the loops do`(
      rule: String, shape: [Int]
    ) throws {
      let optimizer = try optimizer(rule)
      let count = shape.reduce(1, *)
      var outcomes: [[Float]] = []
      for asGraph in [false, true] {
        try Engine.run {
          let outline = TensorOutline(
            name: "w", shape: shape, role: shape.count > 1 ? .matrix : .bias)
          let tensor = try TrainedTensor(
            outline, weights: WeightBuffer(TrainingGolden.uniform("w", count), shape: shape),
            weightDecay: 0.1, rates: [(0..<2, 1), (2..<4, 0), (4..<6, 3)], optimizer: optimizer)
          for index in 0..<4 {
            try update(
              tensor, gradient: TrainingGolden.uniform("g\(index)", count), step(index),
              by: optimizer, asGraph: asGraph)
          }
          outcomes.append(try tensor.weights.values())
          let gradient = TrainingGolden.uniform("norm", count)
          let loops = gradient.withUnsafeBufferPointer {
            $0.baseAddress.map { tensor.squaredNorm(of: $0) }
          }
          let graph = try tensor.squaredNorm(of: DeviceArray(gradient, shape: shape)).item()
          #expect(abs(Double(graph) / (try #require(loops)) - 1) < 1e-6)
        }
      }
      let width = count / shape[0]
      let start = TrainingGolden.uniform("w", count)
      for index in 0..<count {
        #expect(abs(outcomes[0][index] - outcomes[1][index]) < 2e-5)
        let isFixed = (2..<4).contains(index / width) || index / width >= 6
        #expect((outcomes[1][index] == start[index]) == isFixed)
      }
    }

    @Test func `the random words of updates are those of CounterRandom`() throws {
      // Through stochastic rounding: a weight moves up where the word says so.
      let random = CounterRandom(seed: 3, stream: "stochastic_rounding.1.w")
      try Engine.run {
        let count = 1000
        let sgd = try optimizer("sgd, plain")
        let tensor = try TrainedTensor(
          TensorOutline(name: "w", shape: [10, 100], role: .matrix),
          weights: WeightBuffer(
            [Float](repeating: 1, count: count), shape: [10, 100], elementType: .bfloat16),
          weightDecay: 0, optimizer: sgd)
        // A quarter of the way from 1 to the next bfloat16, 1 + 2⁻⁷.
        let gradient = [Float](repeating: -0x1p-9, count: count)
        try gradient.withUnsafeBufferPointer {
          try sgd.update(tensor, gradient: try #require($0.baseAddress), step(0, rate: 1))
        }
        let found = try tensor.weights.values()
        for index in 0..<count {
          let isUp = (random.bits(at: index) >> 16) + 0x4000 >= 0x10000
          #expect(found[index] == (isUp ? 1 + 0x1p-7 : 1))
        }
      }
    }

    @Test(arguments: [ElementType.bfloat16, .float16])
    func `changes far below the resolution of 16 bits add up`(type: ElementType) throws {
      try Engine.run {
        let count = 4096
        let sgd = try optimizer("sgd, plain")
        let start: Float = type == .bfloat16 ? 1 : 0x1p-16  // float16: among the subnormals
        let change = start * (type == .bfloat16 ? 0x1p-13 : 0x1p-12)
        let tensor = try TrainedTensor(
          TensorOutline(name: "w", shape: [count], role: .matrix),
          weights: WeightBuffer(
            [Float](repeating: start, count: count), shape: [count], elementType: type),
          weightDecay: 0, optimizer: sgd)
        let gradient = [Float](repeating: change, count: count)
        for index in 0..<64 {
          try gradient.withUnsafeBufferPointer {
            try sgd.update(tensor, gradient: try #require($0.baseAddress), step(index, rate: 1))
          }
        }
        // Rounding to the nearest would leave all of them where they were.
        let mean = try tensor.weights.values().reduce(0) { $0 + Double($1) } / Double(count)
        let moved = (Double(start) - mean) / (64 * Double(change))
        #expect(abs(moved - 1) < 0.1, "\(moved)")
      }
    }

    @Test func `NaN stays NaN when rounded stochastically`() throws {
      try Engine.run {
        let sgd = try optimizer("sgd, plain")
        for type in [ElementType.bfloat16, .float16] {
          let tensor = try TrainedTensor(
            TensorOutline(name: "w", shape: [3], role: .matrix),
            weights: WeightBuffer([1, 2, 3], shape: [3], elementType: type), weightDecay: 0,
            optimizer: sgd)
          try [Float.nan, .infinity, 0].withUnsafeBufferPointer {
            try sgd.update(tensor, gradient: try #require($0.baseAddress), step(0))
          }
          let found = try tensor.weights.values()
          #expect(found[0].isNaN && found[1] == -.infinity && found[2] == 3)
          #expect(tensor.weights.firstNonFinite == 0)
        }
      }
    }

    @Test func `a direction of Muon has singular values near one`() throws {
      for (rows, columns) in [(40, 12), (12, 40), (20, 20)] {
        try Engine.run {
          let count = rows * columns
          let buffer = try FloatBuffer(zeros: [rows, columns])
          let gradient = TrainingGolden.uniform("g", count)
          try gradient.withUnsafeBufferPointer { pointer in
            try MuonDirection.with(
              gradients: try #require(pointer.baseAddress), momentumBuffer: buffer, rows: rows,
              columns: columns, gradientScale: 3, momentum: 0.95, nesterov: true, steps: 5
            ) { direction in
              // ‖O‖² is the sum of the squared singular values.
              let squares = (0..<count).reduce(0.0) { $0 + Double(direction[$1] * direction[$1]) }
              let mean = (squares / Double(min(rows, columns))).squareRoot()
              #expect((0.6...1.25).contains(mean), "\(mean)")
            }
          }
        }
      }
    }

    // MARK: Recipes

    @Test func `every rule of the registry can be chosen and has a file`() throws {
      let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Sources/Training/Optimizers")
      let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      #expect(files.count == Optimizers.all.count + 1)
      for name in Optimizers.names {
        #expect(try TrainingGolden.settings("optimizer: \(name)").optimizer.name == name)
      }
    }

    @Test(arguments: [
      "optimizer: adamv", "optimizer: {type: adamw, betta: 1}", "optimizer: {momentum: 0.9}",
      "optimizer: {type: sgd, momentum: 0, nesterov: true}",
      "optimizer: {type: adafactor, warmup_init: true}", "optimizer: {type: muon, scale: big}",
      "masters: half", "compute: float16", "optimizer: [adamw]",
    ])
    func `an optimizer that cannot be is refused when it is read`(text: String) {
      #expect(throws: DocumentError.self) { try TrainingGolden.settings(text) }
    }

    @Test func `identities of the first recipes have not changed`() throws {
      let usual = TrainingSettings().identity.object?.members.map(\.key) ?? []
      #expect(
        usual == [
          "steps", "batch_size", "micro_batches", "learning_rate", "schedule", "warmup", "decay",
          "final_rate", "weight_decay", "beta1", "beta2", "epsilon", "clip_norm",
        ])
      let other = try TrainingGolden.settings("optimizer: {type: sgd, momentum: 0.5}")
      #expect(other.identity != TrainingSettings().identity)
      #expect(
        other.identity["optimizer"]?.serialized()
          != (try TrainingGolden.settings("optimizer: sgd")).identity["optimizer"]?.serialized())
    }
  }
#endif
