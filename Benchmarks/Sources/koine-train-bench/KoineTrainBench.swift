// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Corpora
import Foundation
import Training

/// The side of `koine-bench train` that trains, a process of its own so that its memory can be
/// measured and the peer's too:
///
///     koine-train-bench MODEL --batch B --length L --steps S [--lora RANK]
///
/// AdamW in float32 with the settings of ``Benchmark/settings(batch:steps:rank:)`` on windows of
/// ``SampleWindows``. Prints one JSON object with a number for each step: `losses`, `seconds` and
/// `processorSeconds`. The first step's times include starting up.
@main
enum Benchmark {
  static func main() throws {
    var words = Array(CommandLine.arguments.dropFirst())
    func number(_ name: String, _ fallback: Int) -> Int {
      guard let index = words.firstIndex(of: "--\(name)"), index + 1 < words.count else {
        return fallback
      }
      defer { words.removeSubrange(index...index + 1) }
      return Int(words[index + 1]) ?? fallback
    }
    let (batch, length, steps) = (number("batch", 8), number("length", 256), number("steps", 4))
    let rank = number("lora", 0)
    guard words.count == 1 else {
      FileHandle.standardError.write(Data("koine-train-bench MODEL [--batch B …]\n".utf8))
      exit(1)
    }
    let start = try Checkpoint.open(directory: words[0])
    guard let vocabulary = start.info("model.embed_tokens.weight")?.shape.extents.first else {
      throw CocoaError(.fileReadCorruptFile)
    }
    let trainer = try Trainer(
      start: start, settings: settings(batch: batch, steps: steps, rank: rank))
    var windows = SampleWindows(windowLength: length, vocabulary: vocabulary)
    var (clock, processor) = (ContinuousClock.now, processorSeconds())
    var answer = Answer()
    _ = try trainer.run(
      &windows,
      observer: { record in
        let (now, used) = (ContinuousClock.now, processorSeconds())
        answer.losses.append(record.trainLoss)
        answer.seconds.append((now - clock) / .seconds(1))
        answer.processorSeconds.append(used - processor)
        (clock, processor) = (now, used)
      })
    print(String(decoding: try JSONEncoder().encode(answer), as: UTF8.self))
  }

  private struct Answer: Encodable {
    var losses: [Double] = []
    var seconds: [Double] = []
    var processorSeconds: [Double] = []
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

  /// Of all threads, user and system.
  private static func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}

/// Tokens that mean nothing, in one segment each window, all trained; the peer makes the same ones.
struct SampleWindows: WindowSampler {
  let windowLength: Int
  let vocabulary: Int
  private var random: UInt64 = 1

  init(windowLength: Int, vocabulary: Int) {
    self.windowLength = windowLength
    self.vocabulary = vocabulary
  }

  mutating func next() -> Window {
    let tokens = (0...windowLength).map { _ in
      random = (random &* 6_364_136_223_846_793_005) &+ 1_442_695_040_888_963_407
      return Int32((random >> 33) % UInt64(vocabulary))
    }
    return Window(
      tokens: tokens, weights: [Float](repeating: 1, count: windowLength),
      segments: [Int32](repeating: 0, count: windowLength + 1))
  }

  // Nothing is saved here, so nothing can be restored.
  var state: SamplerState { preconditionFailure("a benchmark saves no state") }
  mutating func restore(_ state: SamplerState) { preconditionFailure("nor restores one") }
  var statistics: [SourceStatistics] { [] }
}
