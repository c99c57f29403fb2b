// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Models
  import Tensors

  extension TextStatistics {
    /// The diagonal of the Fisher information:
    ///
    ///     F = 1/E · Σₑ (∂/∂θ Σₜ log p(yₑₜ | xₑ,≤ₜ))²        element by element
    ///
    /// over E sequences, each sequence's gradient squared by itself. An embedding that is the head
    /// too has one gradient, the sum of both.
    ///
    /// - Source: Matena and Raffel 2022, arXiv:2111.09832, eq. 3.
    /// - Departs: y are the text's own tokens (the empirical Fisher information), where the paper
    ///   takes the expectation over the model's predictions; both agree for a model that predicts
    ///   as the text is distributed. `Labels.sampled` draws y from the predictions, one draw for
    ///   each token where the paper sums over all classes.
    func writeFisher(
      _ text: SampleText, _ parameters: Parameters, _ provenance: ModelStatistics.Provenance,
      to directory: String, _ progress: (Int, Int) throws -> Void
    ) throws {
      let names = weightNames
      let sums = names.map { RunningSums(count: shape($0).elementCount) }
      let arrays = try names.map { try parameters[$0] }
      for (index, window) in text.windows.enumerated() {
        try progress(index, text.windows.count)
        let batch = try Batch([window], vocabularySize: vocabularySize)
        let targets = try labels(of: batch, parameters, example: index, length: text.length)
        let (values, gradients) = try valueAndGradient(of: arrays) { arrays in
          [
            try loss(
              Parameters(Dictionary(uniqueKeysWithValues: zip(names, arrays))), ids: batch.ids,
              targets: targets, weights: batch.weights, segments: batch.segments)
          ]
        }
        try evaluate(values + gradients)
        for ((name, sum), gradient) in zip(zip(names, sums), gradients) {
          try gradient.withFloats { pointer, count in
            if let place = PlainMemory.firstNonFinite(pointer, count) {
              throw ModelError.notFinite(name: "gradient of \(name)", index: place)
            }
            sum.addSquares(FloatChunk(pointer: pointer, count: count))
          }
        }
      }
      let share = 1 / Double(max(1, text.windows.count))
      var squares: [Double] = []
      for (name, sum) in zip(names, sums) {
        let mean = Matrix(rows: 1, columns: sum.count, values: sum.scaled(by: share))
        guard mean.isFinite else { throw StatisticsError.notFinite(tensor: name) }
        squares.append(mean.squaredNorm())
      }
      let writer = try StatisticsWriter(
        .fisher, provenance, norm: Summation.total(squares).squareRoot(),
        entries: names.map { .init($0, shape($0)) }, to: directory, force: options.force,
        shardByteLimit: options.shardByteLimit)
      for (name, sum) in zip(names, sums) { try writer.write(name, sum.scaled(by: share)) }
      try writer.commit()
    }

    /// The tokens whose likelihood is differentiated.
    private func labels(
      of batch: Batch, _ parameters: Parameters, example: Int, length: Int
    ) throws -> DeviceArray {
      guard options.labels == .sampled else { return batch.targets }
      let random = CounterRandom(seed: options.seed, stream: "labels")
      let drawn = try loss.sampleTargets(parameters, ids: batch.ids, segments: batch.segments) {
        Double(random.uniform(at: example * length + $0))
      }
      return try DeviceArray(drawn, shape: [1, length])
    }
  }
#endif
