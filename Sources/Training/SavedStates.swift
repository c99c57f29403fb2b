// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Corpora
  import Documents
  import Foundation
  import Models
  import Tensors

  /// How far a training has come.
  struct Progress: Equatable {
    var step = 0
    var trainedTokens = 0
    var seenTokens = 0
    var records: [TrainingRecord] = []
    private var lossSum = 0.0
    private var weightSum = 0.0

    mutating func advance(_ outcome: Trainer.StepOutcome) {
      step += 1
      trainedTokens += outcome.trainedTokens
      seenTokens += outcome.seenTokens
      lossSum += outcome.lossSum
      weightSum += outcome.weightSum
    }

    mutating func takeRecord(learningRate: Double, gradientNorm: Double) -> TrainingRecord {
      let record = TrainingRecord(
        iteration: step, trainLoss: lossSum / weightSum, learningRate: learningRate,
        gradientNorm: gradientNorm, trainedTokens: trainedTokens, seenTokens: seenTokens)
      lossSum = 0
      weightSum = 0
      records.append(record)
      return record
    }

    var json: JSON {
      [
        "global_step": JSON(step), "trained_tokens": JSON(trainedTokens),
        "seen_tokens": JSON(seenTokens), "loss_sum": JSON(lossSum),
        "weight_sum": JSON(weightSum),
        "records": .array(
          records.map {
            [
              JSON($0.iteration), JSON($0.trainLoss), JSON($0.learningRate),
              JSON($0.gradientNorm), JSON($0.trainedTokens), JSON($0.seenTokens),
            ]
          }),
      ]
    }

    init() {}

    init?(_ json: JSON) {
      guard let step = json["global_step"]?.int, let trained = json["trained_tokens"]?.int,
        let seen = json["seen_tokens"]?.int, let lossSum = json["loss_sum"]?.double,
        let weightSum = json["weight_sum"]?.double, let rows = json["records"]?.array
      else { return nil }
      self.step = step
      trainedTokens = trained
      seenTokens = seen
      self.lossSum = lossSum
      self.weightSum = weightSum
      for row in rows {
        guard let cells = row.array, cells.count == 6, let iteration = cells[0].int,
          let loss = cells[1].double, let rate = cells[2].double, let norm = cells[3].double,
          let trained = cells[4].int, let seen = cells[5].int
        else { return nil }
        records.append(
          TrainingRecord(
            iteration: iteration, trainLoss: loss, learningRate: rate, gradientNorm: norm,
            trainedTokens: trained, seenTokens: seen))
      }
    }
  }

  /// Saved states of one training: `state-<step>` folders, of which the newest counts.
  ///
  /// A state is a checkpoint folder with the trained weights, the optimizer's buffers (`exp_avg.…`)
  /// and, in its `config.json`, the position in the data. It appears whole or not at all; the
  /// one before it is deleted after.
  struct SavedStates {
    let directory: String
    let identity: String
    let settings: TrainingSettings
    let config: JSON

    private static let prefix = "state-"

    private var saved: [(step: Int, path: String)] {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
      return names.compactMap { name in
        guard name.hasPrefix(Self.prefix), let step = Int(name.dropFirst(Self.prefix.count)) else {
          return nil
        }
        return (step, directory + "/" + name)
      }.sorted { $0.step < $1.step }
    }

    func save(_ model: Parameterization, _ progress: Progress, sampler: SamplerState) throws {
      let before = saved
      var tensors = try model.trained.map {
        (name: $0.name, shape: Shape($0.shape), values: try $0.weights.values())
      }
      tensors += model.optimizerState.map { ($0.name, Shape($0.shape), $0.buffer.values) }
      let state: JSON = [
        "trainer_state": progress.json, "sampler_state": try Self.json(of: sampler),
        "identity": .string(identity),
        "settings": settings.identity, "model": config,
      ]
      try FileManager.default.createDirectory(
        atPath: directory, withIntermediateDirectories: true)
      let path = directory + "/" + Self.prefix + "\(progress.step)"
      try CheckpointWriter.write(
        Checkpoint.inMemory(config: state, tensors: tensors, origin: "a training state"), to: path)
      for (_, path) in before { try? FileManager.default.removeItem(atPath: path) }
    }

    private static func json(of state: SamplerState) throws -> JSON {
      let encoder = JSONEncoder()
      encoder.outputFormatting = .sortedKeys
      return try JSON.parse(Array(encoder.encode(state)), origin: "the sampler's state")
    }

    private static func samplerState(_ json: JSON) -> SamplerState? {
      try? JSONDecoder().decode(SamplerState.self, from: Data(json.serialized().utf8))
    }

    /// Puts the newest state into `model`; `nil` when there is none.
    func restoreLatest(
      into model: Parameterization
    ) throws -> (progress: Progress, sampler: SamplerState)? {
      guard let newest = saved.last else { return nil }
      let state = try Checkpoint.open(directory: newest.path)
      func expect(_ key: String, _ expected: JSON) throws {
        let found = state.config[key] ?? .null
        guard found == expected else {
          throw TrainingError.foreignState(
            directory: newest.path, key: key, expected: expected.serialized(),
            found: found.serialized())
        }
      }
      try expect("identity", .string(identity))
      try expect("model", config)
      guard let progress = state.config["trainer_state"].flatMap(Progress.init),
        let sampler = state.config["sampler_state"].flatMap(Self.samplerState)
      else {
        throw TrainingError.brokenState(
          directory: newest.path, problem: "its trainer_state is incomplete")
      }
      if let problem = settings.obstacle(
        continuing: state.config["settings"] ?? .null, after: progress.step)
      {
        throw TrainingError.foreignState(
          directory: newest.path, key: problem.key, expected: problem.expected,
          found: problem.found)
      }
      func values(_ name: String, count: Int) throws -> [Float] {
        let values = try state.floats(name)
        guard values.count == count else {
          throw TrainingError.brokenState(
            directory: newest.path, problem: "`\(name)` has another shape")
        }
        return values
      }
      for tensor in model.trained {
        try tensor.weights.replace(with: values(tensor.name, count: tensor.weights.count))
      }
      for (name, _, buffer) in model.optimizerState {
        buffer.replace(with: try values(name, count: buffer.count))
      }
      return (progress, sampler)
    }
  }
#endif
