// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Corpora
  import Documents
  import Foundation
  import Models
  import Tensors

  /// Saved states of one training: `state-<step>` folders, of which the newest counts.
  ///
  /// A state is a checkpoint folder with the trained weights (`model.safetensors`), the optimizer's
  /// buffers and the moving average (`optimizer_state.safetensors`: `exp_avg.…`, `ema.…`), and the
  /// rest in `trainer_state.json`: `global_step`, records, the position in the data, what was best.
  /// It appears whole or not at all; the one before it is deleted after, but for the last before a
  /// decay where the trainer keeps that (`SavedStates+Plateau.swift`). A process that is killed, or
  /// a disk that is full, while a state is written leaves the one before.
  struct SavedStates {
    /// What was saved besides numbers in buffers.
    struct Restored {
      var progress: Progress
      var sampler: SamplerState
      /// What the loop decided.
      var loop: JSON
    }

    let directory: String
    let trainer: Trainer
    static let buffersName = "optimizer_state"
    static let stateName = "trainer_state.json"
    private static let prefix = "state-"
    private static let settingsKey = "settings"

    init(directory: String, trainer: Trainer) {
      self.directory = directory
      self.trainer = trainer
    }

    var saved: [(step: Int, path: String)] {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
      return names.compactMap { name in
        guard name.hasPrefix(Self.prefix), let step = Int(name.dropFirst(Self.prefix.count)) else {
          return nil
        }
        return (step, directory + "/" + name)
      }.sorted { $0.step < $1.step }
    }

    func save(
      _ model: Parameterization, _ average: WeightAverage?, _ progress: Progress, loop: JSON,
      sampler: SamplerState
    ) throws {
      let before = saved
      // Where a resumed training was stopped again before it did anything, its state is there.
      if before.last?.step == progress.step { return }
      // What the next step would reuse is more than what is copied here.
      Engine.releaseMemory()
      let weights = try Self.copy(model.trained, config: trainer.config) {
        ($0.name, $0.shape, try $0.weights.values())
      }
      let buffers = try Self.copy(model.optimizerState + (average?.state ?? []), config: [:]) {
        ($0.name, $0.shape, $0.buffer.values)
      }
      var state = progress.json
      state["sampler_state"] = try Self.json(of: sampler)
      state["loop_state"] = loop
      for (key, value) in identity { state[key] = value }
      try FileManager.default.createDirectory(
        atPath: directory, withIntermediateDirectories: true)
      var options = CheckpointWriter.Options()
      options.output = trainer.output
      if !buffers.names.isEmpty { options.companions = [(Self.buffersName, buffers)] }
      options.documents = [
        Checkpoint.CompanionFile(
          name: Self.stateName, contents: Array((state.serialized() + "\n").utf8))
      ]
      try CheckpointWriter.write(
        weights, to: directory + "/" + Self.prefix + "\(progress.step)", options: options)
      let kept = plateau(of: before, after: progress.step)
      for (step, path) in before where step != kept {
        try? FileManager.default.removeItem(atPath: path)
      }
    }

    /// A checkpoint of `parts` as they are now, made one after the other: of their numbers there is
    /// never a second copy.
    private static func copy<Part>(
      _ parts: [Part], config: JSON,
      _ values: (Part) throws -> (name: String, shape: [Int], values: [Float])
    ) throws -> Checkpoint {
      let origin = "a training state"
      var sources: [String: TensorSource] = [:]
      for part in parts {
        let (name, shape, numbers) = try values(part)
        sources[name] = TensorSource(holding: numbers, shape: Shape(shape), origin: origin)
      }
      return Checkpoint(config: config, origin: origin, sources: sources, tokenizerFiles: [])
    }

    /// What a state must agree in with the training that wants to go on from it.
    private var identity: [(key: String, value: JSON)] {
      [
        ("identity", .string(trainer.identity)), (Self.settingsKey, trainer.settings.identity),
        ("loop", trainer.loop.identity), ("model", trainer.config),
      ]
    }

    private static func json(of state: SamplerState) throws -> JSON {
      let encoder = JSONEncoder()
      encoder.outputFormatting = .sortedKeys
      return try JSON.parse(Array(encoder.encode(state)), origin: "the sampler's state")
    }

    private static func samplerState(_ json: JSON) -> SamplerState? {
      try? JSONDecoder().decode(SamplerState.self, from: Data(json.serialized().utf8))
    }

    /// Puts the newest state into `model` and `average`; `nil` when there is none.
    ///
    /// - Throws: `TrainingError.foreignState` with the first setting that differs; `.brokenState`.
    func restoreLatest(
      into model: Parameterization, _ average: WeightAverage?
    ) throws -> Restored? {
      guard let newest = saved.last else { return nil }
      let restored = try position(of: newest.path)
      func broken(_ problem: String) -> TrainingError {
        .brokenState(directory: newest.path, problem: problem)
      }
      func values(_ name: String, _ checkpoint: Checkpoint, count: Int) throws -> [Float] {
        let values = try checkpoint.floats(name)
        guard values.count == count else { throw broken("`\(name)` has another shape") }
        return values
      }
      let weights = try Checkpoint.open(directory: newest.path)
      for tensor in model.trained {
        try tensor.weights.replace(
          with: values(tensor.name, weights, count: tensor.weights.count))
      }
      let buffers = model.optimizerState + (average?.state ?? [])
      if !buffers.isEmpty {
        let tensors = try Checkpoint.tensors(
          inFile: Self.buffersName + ".safetensors", of: newest.path)
        for (name, _, buffer) in buffers {
          buffer.replace(with: try values(name, tensors, count: buffer.count))
        }
      }
      return restored
    }

    /// What a state says besides its buffers.
    ///
    /// - Throws: `TrainingError.foreignState` with the first setting that differs; `.brokenState`.
    func position(of directory: String) throws -> Restored {
      func broken(_ problem: String) -> TrainingError {
        .brokenState(directory: directory, problem: problem)
      }
      let path = directory + "/" + Self.stateName
      guard let bytes = FileManager.default.contents(atPath: path),
        let state = try? JSON.parse(bytes, origin: path)
      else { throw broken("its \(Self.stateName) is missing or no JSON") }
      for (key, value) in identity where key != Self.settingsKey {
        let differences = JSONDifference.between(state[key] ?? .null, value, path: key)
        if let first = differences.first {
          throw TrainingError.foreignState(
            directory: directory, key: first.path, expected: first.now, found: first.before)
        }
      }
      guard let progress = Progress(state), let loop = state["loop_state"],
        let sampler = state["sampler_state"].flatMap(Self.samplerState)
      else { throw broken("its \(Self.stateName) is incomplete") }
      if let problem = trainer.settings.obstacle(
        continuing: state[Self.settingsKey] ?? .null, after: progress.step)
      {
        throw TrainingError.foreignState(
          directory: directory, key: "\(Self.settingsKey).\(problem.key)",
          expected: problem.expected, found: problem.found)
      }
      return Restored(progress: progress, sampler: sampler, loop: loop)
    }
  }
#endif
