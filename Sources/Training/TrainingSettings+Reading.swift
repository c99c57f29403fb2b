// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

extension TrainingSettings {
  /// Reads the keys of a recipe over `defaults`. Does not call `finish`.
  public init(
    _ settings: inout Settings, defaults: TrainingSettings = TrainingSettings()
  ) throws(DocumentError) {
    self = defaults
    steps = try settings.int("steps", default: steps, in: 1...100_000_000)
    batchSize = try settings.int("batch_size", default: batchSize, in: 1...65_536)
    microBatches = try settings.int("micro_batches", default: microBatches, in: 1...65_536)
    try readSchedule(&settings)
    try readOptimizer(&settings)
    try readParameters(&settings)
    saveEvery = try settings.int("save_every", default: saveEvery, in: 1...100_000_000)
    logEvery = try settings.int("log_every", default: logEvery, in: 1...1_000_000)
  }

  private mutating func readSchedule(_ settings: inout Settings) throws(DocumentError) {
    typealias Schedule = LearningRateSchedule
    learningRate = try settings.double("learning_rate", default: learningRate, in: 0...100)
    let name = try settings.choice(
      "schedule", default: schedule.rawValue, of: Schedule.Kind.allCases.map(\.rawValue))
    schedule = Schedule.Kind(rawValue: name) ?? schedule
    try Self.refuse("warmup", and: "warmup_steps", in: settings)
    try Self.refuse("decay", and: "decay_steps", in: settings)
    // A share that is given replaces steps that were the default, and the other way round.
    if settings.keys.contains("warmup") { warmupSteps = nil }
    if settings.keys.contains("decay") { decaySteps = nil }
    warmup = try settings.double("warmup", default: warmup, in: 0...0.999)
    warmupSteps = try settings.optionalInt("warmup_steps", in: 0...100_000_000) ?? warmupSteps
    warmupFrom = try settings.double("warmup_from", default: warmupFrom, in: 0...1)
    decay = try settings.double("decay", default: decay, in: 0...1)
    decaySteps = try settings.optionalInt("decay_steps", in: 0...100_000_000) ?? decaySteps
    let shape = try settings.choice(
      "decay_shape", default: decayShape.rawValue,
      of: Schedule.DecayShape.allCases.map(\.rawValue))
    decayShape = Schedule.DecayShape(rawValue: shape) ?? decayShape
    finalRate = try settings.double("final_rate", default: finalRate, in: 0...1)
    timescale = try settings.int("timescale", default: timescale, in: 0...100_000_000)
  }

  private mutating func readOptimizer(_ settings: inout Settings) throws(DocumentError) {
    optimizer = try OptimizerChoice(&settings, default: optimizer)
    weightDecay = try settings.double("weight_decay", default: weightDecay, in: 0...10)
    decaysEmbeddings = try settings.bool("decay_embeddings", default: decaysEmbeddings)
    beta1 = try settings.double("beta1", default: beta1, in: 0...0.999999)
    beta2 = try settings.double("beta2", default: beta2, in: 0...0.999999)
    epsilon = try settings.double("epsilon", default: epsilon, in: 1e-30...1)
    clipNorm = try settings.double("clip_norm", default: clipNorm, in: 0...1e6)
    let name = try settings.choice(
      "masters", default: masters.rawValue, of: Masters.allCases.map(\.rawValue))
    masters = Masters(rawValue: name) ?? masters
    let numbers = try settings.choice(
      "compute", default: compute.rawValue, of: Compute.allCases.map(\.rawValue))
    compute = Compute(rawValue: numbers) ?? compute
  }

  private mutating func readParameters(_ settings: inout Settings) throws(DocumentError) {
    if settings.keys.contains("groups") {
      groups = []
      for var group in try settings.children("groups") {
        groups.append(try ParameterGroup(&group))
      }
    }
    freeze = try settings.strings("freeze", default: freeze)
    trainOnly = try settings.strings("train_only", default: trainOnly)
    if let layers = try settings.optionalDoubles("new_blocks") {
      newBlocks = []
      for layer in layers {
        guard let index = Int(exactly: layer), index >= 0 else {
          throw settings.wrong("new_blocks", expected: "numbers of layers", found: "\(layer)")
        }
        newBlocks.append(index)
      }
    }
    if trainOnly.contains("new_blocks"), newBlocks.isEmpty {
      throw settings.wrong(
        "train_only", expected: "a key `new_blocks` that lists the layers", found: "none")
    }
    if var own = try settings.optionalChild("adapter") {
      adapter = try AdapterSettings(&own)
    }
    if adapter != nil {
      for key in ["freeze", "train_only"] where settings.keys.contains(key) {
        throw settings.wrong(
          key, expected: "no `adapter` beside it, which has `targets` and `train`", found: "both")
      }
    }
  }

  private static func refuse(
    _ key: String, and other: String, in settings: Settings
  ) throws(DocumentError) {
    guard settings.keys.contains(key), settings.keys.contains(other) else { return }
    throw settings.wrong(other, expected: "no `\(key)` beside it", found: "both")
  }
}
