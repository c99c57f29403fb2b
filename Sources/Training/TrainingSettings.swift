// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// How a model is trained; every field has the key of the same name in a recipe.
public struct TrainingSettings: Equatable, Sendable {
  /// Optimizer steps, at least 1.
  public var steps = 100
  /// Windows per micro-batch.
  public var batchSize = 8
  /// Micro-batches per step; the loss is the mean over all their tokens, as of one large batch.
  public var microBatches = 1
  /// Peak learning rate.
  public var learningRate = 1e-3
  /// `constant`, `cosine` or `wsd`.
  public var schedule = LearningRateSchedule.Kind.cosine
  /// Share of the steps in which the rate rises from 0, in [0, 1).
  public var warmup = 0.02
  /// Share of the steps at the end in which `wsd` falls, in [0, 1].
  public var decay = 0.2
  /// The last rate as a share of the peak, in [0, 1].
  public var finalRate = 0.1
  /// Decoupled weight decay; none on norms and biases.
  public var weightDecay = 0.1
  public var beta1 = 0.9
  public var beta2 = 0.95
  public var epsilon = 1e-8
  /// The rule that turns gradients into changes.
  public var optimizer = OptimizerChoice.adamW
  /// Gradients of a larger global norm are scaled down to it; 0 turns clipping off.
  public var clipNorm = 1.0
  /// Steps between saved states; does not change results.
  public var saveEvery = 50
  /// Steps between log records.
  public var logEvery = 10

  public init() {}

  /// Reads the keys of a recipe over `defaults`. Does not call `finish`.
  public init(
    _ settings: inout Settings, defaults: TrainingSettings = TrainingSettings()
  ) throws(DocumentError) {
    steps = try settings.int("steps", default: defaults.steps, in: 1...100_000_000)
    batchSize = try settings.int("batch_size", default: defaults.batchSize, in: 1...65_536)
    microBatches = try settings.int(
      "micro_batches", default: defaults.microBatches, in: 1...65_536)
    learningRate = try settings.double(
      "learning_rate", default: defaults.learningRate, in: 0...100)
    let name = try settings.choice(
      "schedule", default: defaults.schedule.rawValue,
      of: LearningRateSchedule.Kind.allCases.map(\.rawValue))
    schedule = LearningRateSchedule.Kind(rawValue: name) ?? defaults.schedule
    warmup = try settings.double("warmup", default: defaults.warmup, in: 0...0.999)
    decay = try settings.double("decay", default: defaults.decay, in: 0...1)
    finalRate = try settings.double("final_rate", default: defaults.finalRate, in: 0...1)
    weightDecay = try settings.double("weight_decay", default: defaults.weightDecay, in: 0...10)
    beta1 = try settings.double("beta1", default: defaults.beta1, in: 0...0.999999)
    beta2 = try settings.double("beta2", default: defaults.beta2, in: 0...0.999999)
    epsilon = try settings.double("epsilon", default: defaults.epsilon, in: 1e-30...1)
    optimizer = try OptimizerChoice(&settings, default: defaults.optimizer)
    clipNorm = try settings.double("clip_norm", default: defaults.clipNorm, in: 0...1e6)
    saveEvery = try settings.int("save_every", default: defaults.saveEvery, in: 1...100_000_000)
    logEvery = try settings.int("log_every", default: defaults.logEvery, in: 1...1_000_000)
  }

  /// What decides the result: everything but how often to save and to log.
  ///
  /// What came after the first runs is there only where it is not the default, so that their
  /// results are still known.
  public var identity: JSON {
    let shared: JSON = [
      "steps": JSON(steps), "batch_size": JSON(batchSize), "micro_batches": JSON(microBatches),
      "learning_rate": JSON(learningRate), "schedule": .string(schedule.rawValue),
      "warmup": JSON(warmup), "decay": JSON(decay), "final_rate": JSON(finalRate),
      "weight_decay": JSON(weightDecay), "beta1": JSON(beta1), "beta2": JSON(beta2),
      "epsilon": JSON(epsilon), "clip_norm": JSON(clipNorm),
    ]
    var object = shared.object ?? JSONObject()
    if optimizer != .adamW { object["optimizer"] = optimizer.identity }
    return .object(object)
  }
}
