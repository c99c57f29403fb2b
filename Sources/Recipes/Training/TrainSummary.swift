// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Corpora
  import Documents
  import Runs
  import Training

  /// What a training came to: `summary.json`, and what `--json` prints.
  public struct TrainSummary: Sendable {
    /// The document, schema 1.
    public let json: JSON

    init(
      _ result: TrainingResult, steps: Int, data: TrainData, drawn: [SourceStatistics],
      session: TrainSession,
      records: TrainRecords
    ) throws {
      var json: JSON = [
        "schema": 1, "steps": JSON(result.steps), "planned_steps": JSON(steps),
        "trained_tokens": JSON(result.trainedTokens), "seen_tokens": JSON(result.seenTokens),
        "train_loss": result.records.last.map { JSON($0.trainLoss) } ?? .null,
        "seconds": JSON(records.seconds), "resumed_at": JSON(result.resumedAt),
        "stopped_early": JSON(result.steps < steps),
      ]
      if let rate = session.meter.tokensPerSecond {
        json["tokens_per_second"] = JSON(rate)
        if let share = session.meter.utilization(tokensPerSecond: rate) {
          json["mfu"] = JSON(share)
          json["matmul_peak_flops"] = JSON(session.meter.peak)
        }
      }
      if let memory = Machine.peakMemoryByteCount() { json["peak_memory_bytes"] = JSON(memory) }
      if let best = result.best {
        json["best"] = ["step": JSON(best.step), "bits_per_byte": JSON(best.score)]
      }
      if let scores = session.scores { json["scores"] = Self.json(scores) }
      if let scores = session.averageScores { json["ema_scores"] = Self.json(scores) }
      json["sources"] = JSON(data.sources.map { $0.json(drawn: drawn) })
      self.json = json
    }

    /// The summary of a finished training; `nil` where there is none.
    init?(path: String) {
      guard let bytes = try? Disk.read(path), let json = try? JSON.parse(bytes, origin: path),
        json["schema"]?.int == 1
      else { return nil }
      self.json = json
    }

    func write(to path: String) throws {
      try Disk.write(json.serialized(pretty: true) + "\n", to: path)
    }

    private static func json(_ scores: LoopScores) -> JSON {
      var json: JSON = ["step": JSON(scores.step)]
      if let loss = scores.loss { json["val_loss"] = JSON(loss) }
      var bits = JSONObject()
      for (name, value) in scores.bitsPerByte { bits[name] = JSON(value) }
      json["bits_per_byte"] = .object(bits)
      if !scores.tasks.isEmpty {
        json["tasks"] = JSON(
          scores.tasks.map {
            ["task": .string($0.task), "metric": .string($0.metric), "value": JSON($0.value)]
          })
      }
      return json
    }
  }

  extension TrainSummary {
    /// A few lines for people.
    public func text(_ style: TerminalStyle, out: String) -> String {
      var rows: [(String, String)] = []
      let steps = json["steps"]?.int ?? 0
      let planned = json["planned_steps"]?.int ?? steps
      rows.append(
        (
          "steps",
          NumberText.grouped(steps)
            + (steps < planned ? " of \(NumberText.grouped(planned)): stopped early" : "")
        ))
      if let tokens = json["trained_tokens"]?.int {
        rows.append(("trained", "\(NumberText.grouped(tokens)) tokens"))
      }
      if let loss = json["train_loss"]?.double {
        rows.append(("loss", "\(NumberText.fixed(loss, 4)) nats a token at the end"))
      }
      let bits = json["scores"]?["bits_per_byte"]?.object
      for name in bits?.keys ?? [] {
        rows.append(
          (name, "\(NumberText.fixed(bits?[name]?.double ?? .nan, 4)) bits a byte"))
      }
      if let best = json["best"], let step = best["step"]?.int {
        rows.append(
          (
            "best",
            "step \(step): \(NumberText.fixed(best["bits_per_byte"]?.double ?? .nan, 4)) bits a byte"
          ))
      }
      if let rate = json["tokens_per_second"]?.double {
        let share = json["mfu"]?.double.map {
          ", MFU \(NumberText.fixed($0 * 100, 0))% of the measured matrix product"
        }
        rows.append(("speed", "\(NumberText.count(Int(rate))) tokens/s\(share ?? "")"))
      }
      if let seconds = json["seconds"]?.double {
        rows.append(("time", NumberText.duration(seconds: seconds)))
      }
      if let memory = json["peak_memory_bytes"]?.int {
        rows.append(("memory", NumberText.bytes(memory)))
      }
      rows.append(("model", out))
      return rows.map { name, value in
        DisplayWidth.padded(name, to: 10)
          + DisplayWidth.wrapped(value, to: max(20, style.width - 11))
          .joined(separator: "\n" + String(repeating: " ", count: 10)) + "\n"
      }.joined()
    }
  }
#endif
