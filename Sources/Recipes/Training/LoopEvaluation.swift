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
  ///
  /// The ranks of a training share the work: all call `scores` with the same weights, and all get the
  /// same scores, those of one process to the bit (`Model.score`), for what is asked of the model in
  /// one call does not depend on their number.
  struct LoopEvaluation: Sendable {
    let texts: [(name: String, documents: [String])]
    let tasks: [EvaluationSet]
    let prompts: [LoopEvaluationSettings.Prompt]
    let sampleTokens: Int
    let bestBy: [String]

    /// A call of the model has at most so many documents and bytes of text (of one document at
    /// least): enough batches for several ranks, few enough to stop soon.
    static let documentsPerCall = 512
    static let bytesPerCall = 1 << 18
    /// Prompts that are continued together.
    static let promptsPerCall = 4

    var isEmpty: Bool { texts.isEmpty && tasks.isEmpty && prompts.isEmpty }

    /// - Parameters:
    ///   - group: the processes that share the work.
    ///   - batchTokens: of the batches of held-out text and tasks.
    ///   - progress: called between calls of the model, on every rank; where it throws, it must on
    ///     all ranks.
    func scores(
      of model: Model, _ tokenizer: Tokenizer, step: Int, sharedBy group: DistributedGroup = .alone,
      batchTokens: Int = 4096,
      progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
    ) throws -> LoopScores {
      let start = ContinuousClock.now
      let language = try CheckpointLanguageModel(
        model: model, tokenizer: tokenizer, sharedBy: group, batchTokens: batchTokens)
      let total =
        texts.reduce(0) { $0 + $1.documents.count } + tasks.reduce(0) { $0 + $1.documents.count }
      var done = 0
      var nats = 0.0
      var tokens = 0
      var bits: [(name: String, value: Double)] = []
      for (name, documents) in texts {
        var own = 0.0
        for range in Self.calls(documents) {
          let part = Array(documents[range])
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
      let written = try samples(language, sharedBy: group)
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

    /// The documents of each call.
    static func calls(_ documents: [String]) -> [Range<Int>] {
      var calls: [Range<Int>] = []
      var (first, bytes) = (0, 0)
      for (index, document) in documents.enumerated() {
        let size = document.utf8.count
        if index > first, index - first == documentsPerCall || bytes + size > bytesPerCall {
          calls.append(first..<index)
          (first, bytes) = (index, 0)
        }
        bytes += size
      }
      if first < documents.count { calls.append(first..<documents.count) }
      return calls
    }

    /// How the model goes on after each prompt; each rank writes some of them.
    private func samples(
      _ language: CheckpointLanguageModel, sharedBy group: DistributedGroup
    ) throws -> [String] {
      let calls = stride(from: 0, to: prompts.count, by: Self.promptsPerCall).map {
        $0..<min($0 + Self.promptsPerCall, prompts.count)
      }
      let owners = group.owners(ofSizes: calls.map(\.count))
      var own = JSONObject()
      for (call, owner) in zip(calls, owners) where owner == group.rank {
        let texts = try language.generate(
          prompts[call].map(\.text),
          options: Evaluation.GenerationOptions(stopTexts: [], maximumTokenCount: sampleTokens))
        for (index, text) in zip(call, texts) { own["\(index)"] = .string(text) }
      }
      var written = [String](repeating: "", count: prompts.count)
      let message = JSON.object(own).serialized()
      for (rank, bytes) in try group.gather(Array(message.utf8)).enumerated() {
        let texts = try JSON.parse(bytes, origin: "the samples of rank \(rank)")
        for index in prompts.indices {
          if let text = texts["\(index)"]?.string { written[index] = text }
        }
      }
      return written
    }
  }
#endif
