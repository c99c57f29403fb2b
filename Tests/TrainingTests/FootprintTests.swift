// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Documents
  import Models
  import Tensors
  import Testing

  @testable import Training

  /// The memory of a training as it is planned, against the arrays that are made.
  struct FootprintTests {
    private func start(_ type: ElementType = .float32) throws -> Checkpoint {
      let whole = try TrainingGolden.checkpoint(TrainingGolden.tinyConfig("llama", tied: false))
      return try Checkpoint.inMemory(
        config: whole.config,
        tensors: whole.names.map { name in
          (name, try whole.source(name).info.shape, try whole.floats(name))
        }, elementType: type, origin: "a start")
    }

    @Test(arguments: [
      "{}", "{optimizer: adafactor}", "{optimizer: {type: adafactor, beta1: 0.9}}",
      "{optimizer: muon}", "{optimizer: sgd}", "{optimizer: {type: sgd, momentum: 0}}",
      "{masters: stored}", "{train_only: embeddings}", "{freeze: ['*.mlp.*']}",
      "{adapter: {rank: 4}}", "{adapter: {type: dora, rank: 3, targets: [q_proj, down_proj]}}",
      "{adapter: {rank: 4, train: [embeddings]}, optimizer: muon}",
    ])
    func `the bytes that are planned are those of the arrays`(yaml: String) throws {
      let settings = try TrainingGolden.settings(yaml)
      for type in [ElementType.float32, .bfloat16] {
        let start = try start(type)
        let plan = try TrainingFootprint(
          config: start.config, origin: "a plan", settings: settings
        ) { start.info($0)?.elementType }
        try Engine.run {
          let model = try Parameterization(start: start, settings: settings)
          #expect(
            plan.weightByteCount
              == model.trained.reduce(0) {
                $0 + $1.outline.count * $1.weights.elementType.byteCount
              })
          #expect(
            plan.gradientByteCount == 4 * model.trained.reduce(0) { $0 + $1.outline.count })
          #expect(
            plan.optimizerByteCount
              == 4 * model.optimizerState.reduce(0) { $0 + $1.buffer.count })
          #expect(
            plan.frozenByteCount
              == model.frozen.values.reduce(0) {
                $0 + $1.count * ($1.shape.count == 2 ? type.byteCount : 4)
              })
          var folded = 0
          try model.forEachFolded { folded += $1.count }
          #expect(plan.foldedByteCount == 4 * folded)
        }
      }
    }

    @Test func `a pattern that matches nothing is told by the plan too`() throws {
      let settings = try TrainingGolden.settings("{freeze: [nothing]}")
      let config = TrainingGolden.tinyConfig("llama", tied: true)
      #expect(throws: TrainingError.self) {
        try TrainingFootprint(config: config, origin: "a plan", settings: settings)
      }
    }
  }
#endif
