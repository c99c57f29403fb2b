// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Documents
  import Foundation
  import Models
  import Testing

  @testable import Training

  struct FamilyLossTests {
    /// Tests/Golden/training/families.json.
    private static let golden: JSON = {
      let file = TrainingGolden.tests.appending(path: "Golden/training/families.json")
      return (try? JSON.parse(Data(contentsOf: file), origin: file.path)) ?? .null
    }()

    @Test func `every family has golden losses`() {
      let families = Self.golden["families"]?.object?.members.map(\.key) ?? []
      #expect(families.sorted() == Blueprint.all.map(\.modelType).sorted())
    }

    @Test(arguments: Blueprint.all.map(\.modelType), [Kernels.fused, .plain])
    func `ten steps of AdamW give the losses of transformers`(
      modelType: String, kernels: Kernels
    ) throws {
      let family = try #require(Self.golden["families"]?[modelType])
      var settings = try TrainingGolden.settings(
        "{steps: 10, batch_size: 3, schedule: constant, warmup: 0, clip_norm: 0, log_every: 1}")
      settings.learningRate = try #require(Self.golden["rate"]?.double)
      let trainer = try Trainer(
        start: TrainingGolden.checkpoint(family["config"] ?? .null), settings: settings,
        stateDirectory: nil, identity: "", kernels: kernels)
      let batches = Self.golden["batches"]?.array ?? []
      var sampler = try ListSampler(
        tokens: batches.flatMap { $0.array ?? [] }.map { row in
          (row.array ?? []).compactMap { $0.int.map { Int32($0) } }
        })
      let result = try trainer.run(&sampler)
      let losses = TrainingGolden.numbers(family["losses"])
      #expect(losses.count == 10 && result.records.count == 10)
      for (record, loss) in zip(result.records, losses) {
        #expect(abs(record.trainLoss - loss) < 1e-4, "step \(record.iteration)")
      }
    }
  }
#endif
