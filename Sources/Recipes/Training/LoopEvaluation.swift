// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Corpora
  import Documents
  import Evaluation
  import Foundation
  import Models
  import Tokenization
  import Training

  /// What one evaluation during a training found.
  public struct LoopScores: Sendable, Equatable {
    /// A task's score.
    public struct TaskScore: Sendable, Equatable {
      public var task: String
      public var metric: String
      public var value: Double
    }

    /// A text that the model has written.
    public struct Sample: Sendable, Equatable {
      public var prompt: String
      public var text: String
      public var language: String?
    }

    public var step: Int
    /// Nats a token over all held-out texts; `nil` without any.
    public var loss: Double?
    /// By the texts' names, in the order of the recipe.
    public var bitsPerByte: [(name: String, value: Double)]
    public var tasks: [TaskScore]
    public var samples: [Sample]
    public var seconds: Double
    /// The mean bits per byte that decides which checkpoint is the best.
    public var score: Double?

    /// Equal but for the time it took.
    public static func == (a: LoopScores, b: LoopScores) -> Bool {
      a.step == b.step && a.loss == b.loss && a.tasks == b.tasks && a.samples == b.samples
        && a.bitsPerByte.elementsEqual(b.bitsPerByte) { $0 == $1 } && a.score == b.score
    }

    /// Numbers for `metrics.jsonl`, under mlx-lm's names where it has them.
    var values: [String: Double] {
      var values = ["val_time": seconds]
      if let loss { values["val_loss"] = loss }
      for (name, value) in bitsPerByte { values["bits_per_byte/\(name)"] = value }
      if let score { values["bits_per_byte"] = score }
      for task in tasks { values["\(task.metric)/\(task.task)"] = task.value }
      return values
    }
  }

  /// Measures a model that is being trained: bits per byte of held-out texts, tasks, samples.
  struct LoopEvaluation: Sendable {
    let texts: [(name: String, documents: [String])]
    let tasks: [EvaluationSet]
    let prompts: [LoopEvaluationSettings.Prompt]
    let sampleTokens: Int
    let bestBy: [String]

    var isEmpty: Bool { texts.isEmpty && tasks.isEmpty && prompts.isEmpty }

    /// - Parameter progress: called between calls of the model; may throw to stop there.
    func scores(
      of model: Model, _ tokenizer: Tokenizer, step: Int,
      progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
    ) throws -> LoopScores {
      let start = ContinuousClock.now
      let language = try CheckpointLanguageModel(model: model, tokenizer: tokenizer)
      let total =
        texts.reduce(0) { $0 + $1.documents.count } + tasks.reduce(0) { $0 + $1.documents.count }
      var done = 0
      var nats = 0.0
      var tokens = 0
      var bits: [(name: String, value: Double)] = []
      for (name, documents) in texts {
        var own = 0.0
        for first in stride(from: 0, to: documents.count, by: 64) {
          let part = Array(documents[first..<min(first + 64, documents.count)])
          own -= try language.rollingLogLikelihoods(part).reduce(0, +)
          tokens += part.reduce(0) { $0 + tokenizer.encode($1).count }
          done += part.count
          try progress(done, total)
        }
        nats += own
        let bytes = documents.reduce(0) { $0 + $1.utf8.count }
        bits.append((name, own / log(2) / Double(max(1, bytes))))
      }
      var taskScores: [LoopScores.TaskScore] = []
      for set in tasks {
        let before = done
        let result = try Evaluator(bootstrap: nil).run(
          model: language, named: "step \(step)", suite: TestData([set])
        ) {
          done = before + $0.finished
          try progress(done, total)
        }
        for metrics in result.sets {
          taskScores += metrics.metrics.map {
            LoopScores.TaskScore(task: metrics.task, metric: $0.metric, value: $0.value)
          }
        }
      }
      let written = try language.generate(
        prompts.map(\.text),
        options: Evaluation.GenerationOptions(stopTexts: [], maximumTokenCount: sampleTokens))
      let deciding = bits.filter { bestBy.isEmpty || bestBy.contains($0.name) }.map(\.value)
      return LoopScores(
        step: step, loss: tokens > 0 ? nats / Double(tokens) : nil, bitsPerByte: bits,
        tasks: taskScores,
        samples: zip(prompts, written).map {
          LoopScores.Sample(prompt: $0.text, text: $1, language: $0.language)
        },
        seconds: (ContinuousClock.now - start) / .seconds(1),
        score: deciding.isEmpty ? nil : deciding.reduce(0, +) / Double(deciding.count))
    }
  }
#endif
