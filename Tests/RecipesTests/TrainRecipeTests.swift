// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Documents
  import Foundation
  import Runs
  import Testing

  @testable import Recipes
  @testable import Training

  struct TrainRecipeTests {
    private static let example = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Examples/train/lab.yaml").path

    /// A recipe of the fewest keys, with others behind.
    private func recipe(_ rest: String = "", text: String = "text: {fao: {files: [a.txt]}}") throws
      -> TrainRecipe
    {
      try TrainRecipe(yaml: "model: base\n\(text)\n\(rest)\n", origin: "t.yaml")
    }

    private func message(_ yaml: String) -> String {
      do {
        _ = try TrainRecipe(yaml: yaml, origin: "t.yaml")
        return "no error"
      } catch { return "\(error)" }
    }

    @Test func `the example has every key of the loop, and they are read`() throws {
      let recipe = try TrainRecipe(yaml: try Disk.readText(Self.example), origin: Self.example)
      guard case .fresh(let sizes, .trained(1024, 0)) = recipe.start else {
        Issue.record("a new model with a tokenizer of its own")
        return
      }
      #expect(sizes.hiddenSize == 128)
      #expect(recipe.text.map(\.name) == ["qaa", "qab"])
      #expect(recipe.length == .steps(300))
      #expect(recipe.loop.evaluateEvery == 100)
      #expect(recipe.loop.averageDecay == 0.99)
      #expect(recipe.loop.spikes == .warn)
      #expect(recipe.evaluation.averagedCount == 2)
      #expect(recipe.evaluation.prompts.count == 2)
      #expect(recipe.evaluation.bestBy == ["qaa", "qab"])
    }

    @Test func `few keys are enough, and the rest have defaults`() throws {
      let recipe = try recipe()
      #expect(recipe.start == .model("base"))
      #expect(recipe.windowLength == 1024)
      #expect(recipe.length == .steps(100))
      #expect(recipe.loop == LoopSettings())
      #expect(recipe.evaluation.heldOut?.share == 0.02)
      #expect(recipe.evaluation.savesBest)
      #expect(try self.recipe("evaluation: {held_out: false}").evaluation.heldOut == nil)
    }

    @Test func `training is as long as steps, tokens or epochs say, and one of them`() throws {
      #expect(try recipe("training: {tokens: 5000}").length == .tokens(5000))
      #expect(try recipe("training: {epochs: 1.5}").length == .epochs(1.5))
      #expect(
        message("model: a\ntext: {x: {files: [a]}}\ntraining: {steps: 3, epochs: 2}")
          .contains("one of `steps`, `tokens` and `epochs`"))
    }

    @Test(arguments: [
      ("model: a\ntext: {x: {files: [a]}}\ntraining: {learning_rte: 1}", "`learning_rate`"),
      ("model: a\ntext: {x: {files: [a]}}\nevaluation: {evry: 1}", "`every`"),
      ("model: a\ntext: {x: {files: [a]}}\ntraining: {loss_spikes: {acton: skip}}", "`action`"),
      ("model: a\ntext: {x: {fles: [a]}}", "files"),
      ("modl: a\ntext: {x: {files: [a]}}", "model"),
      ("model: a\nconfig: {}\ntext: {x: {files: [a]}}", "either `model` or `config`"),
      ("model: a\ntokenizer: b\ntext: {x: {files: [a]}}", "no tokenizer beside `model`"),
      ("config: {}\ntext: {x: {files: [a]}}", "`tokenizer`"),
      (
        "config: {max_position_embeddings: 64}\ntokenizer: t\ntext: {x: {files: [a]}}",
        "at most max_position_embeddings (64)"
      ),
      ("model: a", "at least one text"),
      ("model: a\ntext: {x: {files: []}}", "at least one file"),
      ("model: a\ntext: {x: {files: [a]}}\nmix: {weights: {y: 1}}", "`y`"),
      ("model: a\ntext: {x: {files: [a]}}\nevaluation: {patience: 2}", "`every`"),
      ("model: a\ntext: {x: {files: [a]}}\nevaluation: {average_last: 2}", "`every`"),
      ("model: a\ntext: {fao: {files: [a]}}\nevaluation: {best_by: fo}", "did you mean `fao`"),
      (
        "model: a\ntext: {x: {files: [a]}}\nevaluation: {texts: {x: {files: [b]}}}",
        "a name that `text` does not have"
      ),
      ("model: a\ntext: {x: {files: [a]}}\nexamples: {x: {files: [b]}}", "names that differ"),
      ("model: a\ntext: {x: {files: [a]}}\nevaluation: {ema: 1.5}", "a number from 0"),
    ])
    func `what cannot be meant is an error that says what could`(yaml: String, part: String) {
      let message = message(yaml)
      #expect(message.contains(part), "\(message)")
      // What a mixture names is told by its place in the configuration.
      #expect(message.contains("t.yaml") || message.contains("\nmix."), "\(message)")
    }

    @Test func `what changes the result changes the identity, and what does not does not`() throws {
      let base = try recipe().identity
      for same in ["training: {save_every: 7}", "training: {log_every: 3}"] {
        #expect(try recipe(same).identity == base)
      }
      #expect(
        try recipe("training: {gradient_checkpointing: true}").identity == base)
      #expect(try recipe("evaluation: {samples: {tokens: 9}}").identity == base)
      for other in [
        "seed: 5", "window_length: 64", "training: {learning_rate: 1e-4}", "training: {steps: 7}",
        "evaluation: {ema: 0.9}", "evaluation: {every: 5, patience: 3}",
        "training: {loss_spikes: {action: skip}}", "mix: {temperature: 3}",
        "evaluation: {held_out: {share: 0.1}}",
      ] {
        #expect(try recipe(other).identity != base, "\(other)")
      }
    }

    @Test func `the speed forgets, and there is an estimate from the first step`() throws {
      var meter = TrainMeter(
        stepCount: 11, tokensPerStep: 100, operationsPerToken: 1e6, peak: 1e9)
      func report(_ step: Int, _ seconds: Double) -> StepReport {
        StepReport(
          step: step, loss: 1, learningRate: 1, gradientNorm: 1, trainedTokens: 90,
          seenTokens: 100, seconds: seconds)
      }
      let first = meter.note(report(1, 1))
      #expect(first.remainingSeconds == 10)
      #expect(first.tokensPerSecond == 100)
      // 1e6 operations a token, 100 tokens a second, of 1e9 operations a second.
      #expect(abs((first.utilization ?? 0) - 0.1) < 1e-12)
      let second = meter.note(report(2, 2))
      #expect(abs(second.remainingSeconds - 9 * 1.1) < 1e-9)
      #expect(second.seenTokens == 200)
      #expect(meter.tokensPerSecond == 200 / 3.0)
    }

    @Test func `metrics stand in TensorBoard's groups`() {
      #expect(TrainRecords.tag("train_loss") == "train/loss")
      #expect(TrainRecords.tag("learning_rate") == "train/learning_rate")
      #expect(TrainRecords.tag("val_loss") == "val/loss")
      #expect(TrainRecords.tag("bits_per_byte/fao") == "val/bits_per_byte/fao")
      #expect(TrainRecords.tag("ema/val_loss") == "val/ema/val_loss")
    }
  }
#endif
