// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

extension TrainingSettings {
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
    let usual = TrainingSettings()
    if let warmupSteps { object["warmup_steps"] = JSON(warmupSteps) }
    if let decaySteps { object["decay_steps"] = JSON(decaySteps) }
    if warmupFrom != usual.warmupFrom { object["warmup_from"] = JSON(warmupFrom) }
    if decayShape != usual.decayShape { object["decay_shape"] = .string(decayShape.rawValue) }
    if timescale != usual.timescale { object["timescale"] = JSON(timescale) }
    if optimizer != usual.optimizer { object["optimizer"] = optimizer.identity }
    if decaysEmbeddings != usual.decaysEmbeddings { object["decay_embeddings"] = false }
    if masters != usual.masters { object["masters"] = .string(masters.rawValue) }
    if compute != usual.compute { object["compute"] = .string(compute.rawValue) }
    if !groups.isEmpty { object["groups"] = .array(groups.map(\.identity)) }
    if !freeze.isEmpty { object["freeze"] = .array(freeze.map { .string($0) }) }
    if !trainOnly.isEmpty { object["train_only"] = .array(trainOnly.map { .string($0) }) }
    if !newBlocks.isEmpty { object["new_blocks"] = .array(newBlocks.map { JSON($0) }) }
    if let adapter { object["adapter"] = adapter.identity }
    if masters != usual.masters || adapter != nil { object["seed"] = JSON(Int(clamping: seed)) }
    return .object(object)
  }

  private static let scheduleKeys: Set<String> = [
    "steps", "learning_rate", "schedule", "warmup", "warmup_steps", "warmup_from", "decay",
    "decay_steps", "decay_shape", "final_rate", "timescale",
  ]

  /// Why a training with the identity `saved`, of which `step` steps are done, cannot go on as this
  /// one; `nil` where it can: nothing else differs, and all rates so far would have been the same.
  ///
  /// So a run on the plateau of `wsd` may be given more steps, or its decay at another place, and
  /// ends in the bits of a run that was planned so from the beginning.
  /// - Returns: the key that differs, what it should be, and what it is.
  func obstacle(
    continuing saved: JSON, after step: Int
  ) -> (key: String, expected: String, found: String)? {
    let own = identity
    if own == saved { return nil }
    let (mine, other) = (own.object ?? JSONObject(), saved.object ?? JSONObject())
    let keys = mine.members.map(\.key) + other.members.map(\.key)
    for key in keys where !Self.scheduleKeys.contains(key) && mine[key] != other[key] {
      return (key, mine[key]?.serialized() ?? "nothing", other[key]?.serialized() ?? "nothing")
    }
    let origin = "the saved state"
    // An identity holds both the share and the steps that replace it; a recipe may not.
    var recipe = other
    if recipe["warmup_steps"] != nil { recipe["warmup"] = nil }
    if recipe["decay_steps"] != nil { recipe["decay"] = nil }
    guard let node = try? YAML.parse(JSON.object(recipe).serialized(), origin: origin),
      var settings = try? Settings(node, origin: origin),
      let before = try? TrainingSettings(&settings)
    else { return ("settings", own.serialized(), saved.serialized()) }
    let (planned, done) = (LearningRateSchedule(self), LearningRateSchedule(before))
    for index in 0..<step where planned.rate(at: index) != done.rate(at: index) {
      let key = keys.first { Self.scheduleKeys.contains($0) && mine[$0] != other[$0] } ?? "schedule"
      return (key, mine[key]?.serialized() ?? "nothing", other[key]?.serialized() ?? "nothing")
    }
    return nil
  }
}
