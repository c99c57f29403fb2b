// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Documents
  import Foundation
  import Runs
  import Testing

  @testable import Recipes
  @testable import Training

  /// What `koine train` has written of itself after it was stopped and went on.
  struct TrainRecordsTests {
    typealias Place = TrainJobTests.Place

    private let environment = RunEnvironment(
      engine: "MLX", blas: "a BLAS", device: "cpu", system: "a system", coreCount: 1)

    /// Six steps, records after each second, evaluations after each third.
    private func job(_ place: Place) throws -> TrainJob {
      let recipe = try TrainRecipe(
        yaml: """
          seed: 3
          window_length: 32
          config: {hidden_size: 16, num_hidden_layers: 1, num_attention_heads: 2}
          tokenizer: {vocab_size: 300}
          text:
            fao: {files: [fao.txt], deduplicate: false}
            eng: {files: [eng.txt], deduplicate: false}
          training: {steps: 6, batch_size: 2, learning_rate: 1e-2, log_every: 1, save_every: 2}
          evaluation:
            every: 3
            held_out: {share: 0.1, max_bytes: 1000}
            ema: 0.5
            samples: {tokens: 4, prompts: [{text: hetta, language: fao}, {text: this}]}

          """, origin: "t.yaml")
      return TrainJob(recipe, out: place.out, dataFolder: place.data)
    }

    /// - Parameter stops: whether to ask for a stop at an event.
    private func run(
      _ place: Place, stopping stops: @escaping @Sendable (TrainEvent) -> Bool = { _ in false }
    ) throws {
      let cancellation = Cancellation()
      do {
        _ = try job(place).run(environment: environment, cancellation: cancellation) {
          if stops($0) { cancellation.request(signal: SIGINT) }
        }
      } catch is TrainInterrupted where cancellation.isRequested {}
    }

    /// The lines of `metrics.jsonl` without what a clock or the machine says, and the samples.
    private func lines(_ place: Place) throws -> [String] {
      let path = place.out + "/metrics.jsonl"
      let metrics = try Disk.readText(path).split(separator: "\n").map { line in
        var record = try JSON.parse(String(line), origin: path)
        for key in [
          "iterations_per_second", "tokens_per_second", "mfu", "peak_memory", "val_time",
          "ema/val_time",
        ] { record[key] = nil }
        return record.serialized()
      }
      return metrics + [try Disk.readText(place.out + "/samples.jsonl")]
    }

    private func events(_ place: Place) throws -> [String] {
      let folder = place.out + "/tensorboard"
      let names = try Disk.names(in: folder)
      #expect(names.count == 1)
      return try EventFile.read(folder + "/" + (names.first ?? "")).map { event in
        "\(event.step) " + event.scalars.map(\.tag).joined(separator: " ")
      }
    }

    private static let places: [(name: String, stops: @Sendable (TrainEvent) -> Bool)] = [
      ("a step", { if case .step(let at) = $0 { at.step == 4 } else { false } }),
      ("a step with an evaluation", { if case .step(let at) = $0 { at.step == 3 } else { false } }),
      (
        "the average's evaluation",
        { if case .evaluated(let at, false) = $0 { at.step == 3 } else { false } }
      ),
      (
        "the last evaluation",
        { if case .evaluated(let at, false) = $0 { at.step == 6 } else { false } }
      ),
    ]

    @Test(arguments: places.map(\.name))
    func `records after a stop are cut into the same lines as without one`(place: String) throws {
      let (whole, broken) = (try Place(), try Place())
      let stops = try #require(Self.places.first { $0.name == place }).stops
      try run(whole)
      try run(broken, stopping: stops)
      #expect(TrainSummary(path: broken.out + "/summary.json") == nil)
      try run(broken)
      #expect(TrainSummary(path: broken.out + "/summary.json") != nil)
      #expect(try lines(broken) == lines(whole))
      #expect(try events(broken) == events(whole))
    }

    @Test func `records of steps that no state knows are written once after a kill`() throws {
      let (whole, broken) = (try Place(), try Place())
      try run(whole)
      try run(broken) { if case .step(let at) = $0 { at.step == 4 } else { false } }
      // As a kill in step 6 would leave them: with later lines, and a torn one.
      let later = try Disk.readText(whole.out + "/metrics.jsonl").split(separator: "\n").suffix(3)
      let path = broken.out + "/metrics.jsonl"
      let text = try Disk.readText(path) + later.map { $0 + "\n" }.joined()
      try Disk.write(text + "{\"iteration\":6,\"train", to: path)
      try run(broken)
      #expect(try lines(broken) == lines(whole))
    }
  }
#endif
