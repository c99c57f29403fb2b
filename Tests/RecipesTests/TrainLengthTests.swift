// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Documents
  import Foundation
  import Runs
  import Testing

  @testable import Recipes
  @testable import Training

  /// `koine train` of a folder whose training was planned for another length.
  struct TrainLengthTests {
    typealias Place = TrainJobTests.Place

    private let environment = RunEnvironment(
      engine: "MLX", blas: "a BLAS", device: "cpu", system: "a system", coreCount: 1)

    private func job(
      _ place: Place, _ length: String, _ schedule: String, evaluation: String = "",
      extra: String = ""
    ) throws -> TrainJob {
      let recipe = try TrainRecipe(
        yaml: """
          seed: 3
          window_length: 32
          config: {hidden_size: 16, num_hidden_layers: 1, num_attention_heads: 2}
          tokenizer: {vocab_size: 300}
          text:
            fao: {files: [fao.txt], deduplicate: false}
            eng: {files: [eng.txt], deduplicate: false}
          training: {\(length), \(schedule), batch_size: 2, learning_rate: 1e-2, log_every: 1}
          evaluation: {every: 2, ema: 0.5, average_last: 2\(evaluation)}
          \(extra)

          """, origin: "t.yaml")
      return TrainJob(recipe, out: place.out, dataFolder: place.data)
    }

    private let wsd = "schedule: wsd, warmup_steps: 2, decay_steps: 4"

    @discardableResult
    private func run(
      _ job: TrainJob, _ events: TrainJobTests.Events = .init(), stop: Int? = nil
    ) throws -> TrainSummary {
      let cancellation = Cancellation()
      return try job.run(environment: environment, cancellation: cancellation) {
        events.observer($0)
        if case .step(let progress) = $0, progress.step == stop { cancellation.request() }
      }
    }

    private func steps(_ place: Place) throws -> [String] {
      try Disk.exists(place.out + "/state") ? Disk.names(in: place.out + "/state").sorted() : []
    }

    private func expectSame(_ a: Place, _ b: Place) throws {
      for folder in ["", "/best", "/ema", "/averaged"] {
        let name = folder + "/model.safetensors"
        #expect(try Disk.read(a.out + name) == Disk.read(b.out + name), "\(name)")
      }
      func points(_ place: Place) throws -> [String] {
        let names = ["train_loss", "learning_rate", "val_loss", "ema/bits_per_byte/fao"]
        return try MetricsLog.read(place.out + "/metrics.jsonl").flatMap { record in
          names.compactMap { name in
            record.values[name].map { "\(record.iteration) \(name) \($0)" }
          }
        }
      }
      #expect(try points(a) == points(b))
    }

    @Test(arguments: ["steps: 8", "tokens: 512"])
    func `more steps after a decay end in the bytes of a training planned longer`(length: String)
      throws
    {
      let (long, short) = (try Place(), try Place())
      let expected = try run(try job(long, "steps: 14", wsd))
      try run(try job(short, length, wsd))
      // Of the finished training the state before the decay is there.
      #expect(try steps(short).filter { $0.hasPrefix("state-") } == ["state-4"])
      let before = try Disk.read(short.out + "/model.safetensors")
      let events = TrainJobTests.Events()
      let longer = length.hasPrefix("tokens") ? "tokens: 896" : "steps: 14"
      let summary = try run(try job(short, longer, wsd), events)
      #expect(summary.json["resumed_at"]?.int == 4)
      #expect(summary.json["steps"]?.int == 14)
      #expect(summary.json["train_loss"] == expected.json["train_loss"])
      #expect(events.steps.map(\.step) == Array(5...14))
      #expect(
        events.messages.contains(
          "Another length than before: goes back to step 4, on to step 14."))
      #expect(try Disk.read(short.out + "/model.safetensors") != before)
      try expectSame(short, long)
      // And once more, from its own decay's beginning.
      #expect(try steps(short).filter { $0.hasPrefix("state-") } == ["state-10"])
      let done = TrainJobTests.Events()
      try run(try job(short, longer, wsd), done)
      #expect(done.steps.isEmpty)
    }

    @Test func `a training that was stopped in its decay goes back before it`() throws {
      let (long, short) = (try Place(), try Place())
      try run(try job(long, "steps: 12", wsd))
      #expect(throws: TrainInterrupted.self) { try run(try job(short, "steps: 8", wsd), stop: 6) }
      #expect(try steps(short).filter { $0.hasPrefix("state-") } == ["state-4", "state-6"])
      // Stopped in its decay once more before it has got there.
      #expect(throws: TrainInterrupted.self) { try run(try job(short, "steps: 12", wsd), stop: 5) }
      let summary = try run(try job(short, "steps: 12", wsd))
      #expect(summary.json["resumed_at"]?.int == 5)
      try expectSame(short, long)
    }

    @Test(arguments: [
      "schedule: constant, warmup_steps: 1", "schedule: inverse_sqrt, warmup_steps: 2",
    ])
    func `a rate that never ends goes on from the last step`(schedule: String) throws {
      let (long, short) = (try Place(), try Place())
      try run(try job(long, "steps: 6", schedule))
      try run(try job(short, "steps: 4", schedule))
      let summary = try run(try job(short, "steps: 6", schedule))
      #expect(summary.json["resumed_at"]?.int == 4)
      try expectSame(short, long)
    }

    @Test(arguments: ["cosine", "linear"])
    func `a schedule that falls from the first step on cannot be extended`(schedule: String) throws
    {
      let place = try Place()
      try run(try job(place, "steps: 3", "schedule: \(schedule)"))
      #expect(try steps(place).isEmpty)
      let before = try Disk.read(place.out + "/model.safetensors")
      do {
        try run(try job(place, "steps: 6", "schedule: \(schedule)"))
        Issue.record("its rates would have been others")
      } catch let error as TrainError {
        #expect(error == .otherLength(place.out, obstacle: .schedule(schedule)))
        #expect(error.diagnosis.what.contains("with `schedule: \(schedule)` every rate depends"))
        #expect(error.diagnosis.next.contains("`schedule: wsd`"))
      }
      // The training that is there is as it was.
      let events = TrainJobTests.Events()
      try run(try job(place, "steps: 3", "schedule: \(schedule)"), events)
      #expect(events.steps.isEmpty)
      #expect(try Disk.read(place.out + "/model.safetensors") == before)
    }

    @Test func `shares in place of steps change the warm-up, which the error says`() throws {
      let place = try Place()
      let shares = "schedule: wsd, warmup: 0.25, decay: 0.5"
      try run(try job(place, "steps: 8", shares))
      do {
        try run(try job(place, "steps: 16", shares))
        Issue.record("the warm-up would have been longer")
      } catch let error as TrainError {
        #expect(
          error == .otherLength(place.out, obstacle: .setting("steps", now: "16", before: "8")))
        #expect(error.diagnosis.next.contains("`warmup_steps`"))
      }
      // With the steps that the shares came to, it goes on.
      let summary = try run(
        try job(place, "steps: 16", "schedule: wsd, warmup_steps: 2, decay_steps: 4"))
      #expect(summary.json["resumed_at"]?.int == 4)
    }

    @Test func `fewer steps than are done are refused as what they are`() throws {
      let place = try Place()
      try run(try job(place, "steps: 8", "schedule: constant"))
      do {
        try run(try job(place, "steps: 4", "schedule: constant"))
        Issue.record("eight steps are done")
      } catch let error as TrainError {
        #expect(
          error
            == .otherLength(
              place.out, obstacle: .shorter(possible: "at least 8, which are done", asked: "4")))
        #expect(error.diagnosis.what.hasSuffix("`steps` may be at least 8, which are done, is 4."))
      }
    }

    @Test func `a mixture that reckons with the length cannot be extended`() throws {
      let place = try Place()
      let mix =
        "mix: {schedule: [{at: 0, weights: {fao: 1, eng: 1}}, {at: 0.5, weights: {fao: 1}}]}"
      try run(try job(place, "steps: 8", wsd, extra: mix))
      #expect(throws: TrainError.otherLength(place.out, obstacle: .mixture)) {
        try run(try job(place, "steps: 14", wsd, extra: mix))
      }
    }

    @Test func `without its kept state a finished training cannot be extended`() throws {
      let place = try Place()
      try run(try job(place, "steps: 8", wsd))
      try Disk.remove(place.out + "/state")
      #expect(throws: TrainError.otherLength(place.out, obstacle: .noState)) {
        try run(try job(place, "steps: 14", wsd))
      }
    }

    @Test func `another setting beside the length is another training`() throws {
      let place = try Place()
      try run(try job(place, "steps: 8", wsd))
      do {
        try run(try job(place, "steps: 14", wsd + ", weight_decay: 0.5"))
        Issue.record("the weight decay is another")
      } catch TrainError.otherTraining(_, let differences) {
        #expect(differences.map(\.path) == ["length.steps", "training.weight_decay"])
      }
    }
  }
#endif
