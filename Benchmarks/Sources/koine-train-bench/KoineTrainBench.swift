// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Corpora
import Training
import Turns

/// The side of `koine-bench train` that trains, a process of its own so that its memory can be
/// measured and the peer's too:
///
///     koine-train-bench MODEL --batch B --length L --steps S [--lora RANK]
///
/// AdamW in float32 with the settings of ``KoineTrainBench/settings(batch:steps:rank:)`` on windows of
/// ``SampleWindows``. Its `Answer` has `losses`, `seconds` and `processorSeconds`, a number for each
/// step. The first step's times include starting up.
@main
enum KoineTrainBench {
  static func main() {
    BenchError.reporting(as: "koine-train-bench") {
      var options = Options.ofProcess
      let settings = settings(
        batch: try options.number("batch", 8), steps: try options.number("steps", 4),
        rank: try options.number("lora", 0, from: 0))
      let length = try options.number("length", 256)
      guard let model = options.next() else {
        throw BenchError("koine-train-bench MODEL [--batch B …]")
      }
      try options.finish()
      let start = try Checkpoint.open(directory: model)
      guard let vocabulary = start.info("model.embed_tokens.weight")?.shape.extents.first else {
        throw BenchError("\(model) has no `model.embed_tokens.weight`")
      }
      var windows = SampleWindows(windowLength: length, vocabulary: vocabulary)
      try train(start, settings, &windows).say()
    }
  }

  private static func train(
    _ start: Checkpoint, _ settings: TrainingSettings, _ windows: inout SampleWindows
  ) throws -> Answer {
    let trainer = try Trainer(start: start, settings: settings)
    var (clock, processor) = (ContinuousClock.now, ProcessorTime.ofProcess)
    var answer = Answer()
    _ = try trainer.run(
      &windows,
      observer: { record in
        let (now, used) = (ContinuousClock.now, ProcessorTime.ofProcess)
        answer.losses.append(record.trainLoss)
        answer.seconds.append((now - clock) / .seconds(1))
        answer.processorSeconds.append(used - processor)
        (clock, processor) = (now, used)
      })
    return answer
  }

  /// What Benchmarks/peers/transformers_train.py does too.
  private static func settings(batch: Int, steps: Int, rank: Int) -> TrainingSettings {
    var settings = TrainingSettings()
    settings.steps = steps
    settings.batchSize = batch
    settings.schedule = .constant
    settings.warmup = 0
    settings.learningRate = 3e-4
    settings.weightDecay = 0.1
    settings.beta1 = 0.9
    settings.beta2 = 0.95
    settings.clipNorm = 1
    settings.logEvery = 1
    if rank > 0 {
      var adapter = AdapterSettings()
      adapter.rank = rank
      adapter.alpha = 2 * Double(rank)
      settings.adapter = adapter
    }
    return settings
  }
}

/// Sample tokens, in one segment each window, all trained; the peer makes the same ones.
struct SampleWindows: WindowSampler {
  let windowLength: Int
  private var tokens: SampleTokens

  init(windowLength: Int, vocabulary: Int) {
    self.windowLength = windowLength
    tokens = SampleTokens(below: vocabulary)
  }

  mutating func next() -> Window {
    Window(
      tokens: tokens.text(windowLength + 1), weights: [Float](repeating: 1, count: windowLength),
      segments: [Int32](repeating: 0, count: windowLength + 1))
  }

  // Nothing is saved here, so nothing can be restored.
  var state: SamplerState { preconditionFailure("a benchmark saves no state") }
  mutating func restore(_ state: SamplerState) { preconditionFailure("nor restores one") }
  var statistics: [SourceStatistics] { [] }
}
