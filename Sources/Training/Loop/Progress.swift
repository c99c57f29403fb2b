// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Documents

  /// How far a training has come.
  struct Progress: Equatable {
    var step = 0
    var trainedTokens = 0
    var seenTokens = 0
    var records: [TrainingRecord] = []
    private var lossSum = 0.0
    private var weightSum = 0.0

    mutating func advance(_ outcome: StepOutcome) {
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
#endif
