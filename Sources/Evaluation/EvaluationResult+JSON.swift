// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// How an evaluation is stored: JSON whose keys are lm-evaluation-harness's where it has them.
///
/// | key | holds |
/// | --- | --- |
/// | `schema` | `koine.evaluation/1`; a reader refuses any other |
/// | `model_name` | the model's name |
/// | `purpose` | `selection` or `test` |
/// | `results` | task → `name`, `alias`, `sample_len`, `<metric>,none`, `<metric>_stderr,none` (number or `"N/A"`, as lm-eval), `<metric>_interval,none` [low, high] and `<metric>_interval_stderr,none` (ours) |
/// | `configs` | task → `task`, `output_type`, `language`, `language_name`, `split`, `doc_to_choice` |
/// | `versions`, `n-shot`, `n-samples`, `higher_is_better` | as lm-eval |
/// | `config` | `bootstrap_iters`, `confidence`, `seed`; absent without intervals |
/// | `samples` | task → list of `doc_id` with `target`, `resps` [[log p, is greedy]…], `prediction` [plain, per code point, per byte], or with `loglikelihood`, `bytes`, `words` |
///
/// Numbers are written so that reading gives the same doubles. Order is that of the suite.
extension EvaluationResult {
  /// The name of this version of the schema.
  public static let schema = "koine.evaluation/1"

  /// The result as JSON. `includingSamples: false` leaves out `samples`: a summary, not to be read
  /// back.
  public func json(includingSamples: Bool = true) -> JSON {
    var document = JSONObject()
    document["schema"] = .string(Self.schema)
    document["model_name"] = .string(model)
    document["purpose"] = .string(purpose.rawValue)
    document["results"] = table(Self.results)
    document["configs"] = table(Self.configuration)
    document["versions"] = table { JSON($0.version) }
    document["n-shot"] = table { _ in 0 }
    document["n-samples"] = table {
      ["original": JSON($0.documents.count), "effective": JSON($0.documents.count)]
    }
    document["higher_is_better"] = table { set in
      var directions = JSONObject()
      for metric in set.metrics { directions[metric.metric] = JSON(metric.higherIsBetter) }
      return .object(directions)
    }
    if let bootstrap {
      document["config"] = [
        "bootstrap_iters": JSON(bootstrap.replicates), "confidence": JSON(bootstrap.confidence),
        "seed": .string("\(bootstrap.seed)"),
      ]
    }
    if includingSamples {
      document["samples"] = table { JSON($0.documents.map(Self.sample)) }
    }
    return .object(document)
  }

  private func table(_ value: (SetResult) -> JSON) -> JSON {
    var object = JSONObject()
    for set in sets { object[set.task] = value(set) }
    return .object(object)
  }

  private static func results(_ set: SetResult) -> JSON {
    var object = JSONObject()
    object["name"] = JSON(set.task)
    object["alias"] = JSON(set.alias)
    object["sample_len"] = JSON(set.documents.count)
    for metric in set.metrics {
      object["\(metric.metric),none"] = JSON(metric.value)
      object["\(metric.metric)_stderr,none"] = metric.standardError.map { JSON($0) } ?? "N/A"
      if let interval = metric.interval {
        object["\(metric.metric)_interval,none"] = [JSON(interval.low), JSON(interval.high)]
        object["\(metric.metric)_interval_stderr,none"] = JSON(interval.standardError)
      }
    }
    return .object(object)
  }

  private static func configuration(_ set: SetResult) -> JSON {
    [
      "task": JSON(set.task), "output_type": .string(set.outputType.rawValue),
      "language": JSON(set.language), "language_name": JSON(set.languageName),
      "split": .string(set.split.rawValue), "doc_to_choice": JSON(set.choices.map { JSON($0) }),
    ]
  }

  private static func sample(_ score: DocumentScore) -> JSON {
    switch score.answer {
    case .choice(let choice):
      [
        "doc_id": JSON(score.id), "target": JSON(choice.gold),
        "resps": JSON(
          zip(choice.logLikelihoods, choice.isGreedy).map { [JSON($0), JSON($1)] as JSON }),
        "prediction": [
          JSON(choice.prediction), JSON(choice.predictionPerCodePoint),
          JSON(choice.predictionPerByte),
        ],
      ]
    case .rolling(let text):
      [
        "doc_id": JSON(score.id), "loglikelihood": JSON(text.logLikelihood),
        "bytes": JSON(text.byteCount), "words": JSON(text.wordCount),
      ]
    }
  }
}

extension EvaluationResult {
  /// Reads what `json()` wrote.
  ///
  /// - Throws: `EvaluationError.schema` naming the first thing that does not fit.
  public init(json: JSON, origin: String) throws {
    let read = ResultReader(origin: origin)
    let found = try read.text(json, "schema")
    guard found == Self.schema else {
      throw EvaluationError.schema("its schema is `\(found)`, not `\(Self.schema)`", origin: origin)
    }
    guard let purpose = EvaluationPurpose(rawValue: try read.text(json, "purpose")) else {
      throw EvaluationError.schema("`purpose` is unknown", origin: origin)
    }
    var bootstrap: Bootstrap?
    if let config = json["config"] {
      let replicates = try read.whole(config, "bootstrap_iters")
      let confidence = try read.number(config, "confidence")
      guard let seed = UInt64(try read.text(config, "seed")), replicates >= 1,
        confidence > 0 && confidence < 1
      else { throw EvaluationError.schema("`config` is out of range", origin: origin) }
      bootstrap = Bootstrap(replicates: replicates, confidence: confidence, seed: seed)
    }
    let names = try read.object(json, "results").keys
    self.init(
      model: try read.text(json, "model_name"), purpose: purpose,
      sets: try names.map { try read.set($0, json) }, bootstrap: bootstrap)
  }
}

/// Takes values out of stored JSON, or says which one is amiss.
private struct ResultReader {
  let origin: String

  func member<Value>(_ json: JSON, _ key: String, _ value: (JSON) -> Value?) throws -> Value {
    guard let found = json[key].flatMap(value) else {
      throw EvaluationError.schema("`\(key)` is missing or of the wrong type", origin: origin)
    }
    return found
  }

  func text(_ json: JSON, _ key: String) throws -> String { try member(json, key, \.string) }
  func whole(_ json: JSON, _ key: String) throws -> Int { try member(json, key, \.int) }
  func number(_ json: JSON, _ key: String) throws -> Double { try member(json, key, \.double) }
  func object(_ json: JSON, _ key: String) throws -> JSONObject {
    try member(json, key, \.object)
  }
  func list(_ json: JSON, _ key: String) throws -> [JSON] { try member(json, key, \.array) }

  func under(_ json: JSON, _ key: String, _ task: String) throws -> JSON {
    guard let found = json[key]?[task] else {
      throw EvaluationError.schema("`\(key)` lacks `\(task)`", origin: origin)
    }
    return found
  }

  func set(_ name: String, _ json: JSON) throws -> SetResult {
    let results = try under(json, "results", name)
    let config = try under(json, "configs", name)
    guard let split = EvaluationSplit(rawValue: try text(config, "split")),
      let type = EvaluationTask.OutputType(rawValue: try text(config, "output_type")),
      let version = try under(json, "versions", name).string,
      let directions = try under(json, "higher_is_better", name).object,
      let samples = try under(json, "samples", name).array
    else { throw EvaluationError.schema("`\(name)` has a value of the wrong type", origin: origin) }
    let choices = try list(config, "doc_to_choice").compactMap(\.string)
    let metrics = try directions.members.map { id, direction in
      var interval: ConfidenceInterval?
      if let ends = results["\(id)_interval,none"]?.array?.compactMap(\.double), ends.count == 2 {
        interval = ConfidenceInterval(
          low: ends[0], high: ends[1],
          standardError: try number(results, "\(id)_interval_stderr,none"))
      }
      return MetricResult(
        metric: id, value: try number(results, "\(id),none"),
        standardError: results["\(id)_stderr,none"]?.double, interval: interval,
        higherIsBetter: direction.bool ?? true)
    }
    return SetResult(
      task: name, alias: try text(results, "alias"), language: try text(config, "language"),
      languageName: try text(config, "language_name"), version: version, split: split,
      outputType: type, choices: choices, metrics: metrics,
      documents: try samples.map { try sample($0, type, choices.count) })
  }

  func sample(
    _ json: JSON, _ type: EvaluationTask.OutputType, _ choiceCount: Int
  ) throws -> DocumentScore {
    let id = try text(json, "doc_id")
    if type == .rolling {
      return DocumentScore(
        id: id,
        answer: .rolling(
          DocumentScore.Rolling(
            logLikelihood: try number(json, "loglikelihood"), byteCount: try whole(json, "bytes"),
            wordCount: try whole(json, "words"))))
    }
    let answers = try list(json, "resps").compactMap(\.array)
    let predictions = try list(json, "prediction").compactMap(\.int)
    let gold = try whole(json, "target")
    guard answers.count == choiceCount, answers.allSatisfy({ $0.count == 2 }),
      predictions.count == 3, (predictions + [gold]).allSatisfy((0..<choiceCount).contains)
    else {
      throw EvaluationError.schema("document `\(id)` does not fit its choices", origin: origin)
    }
    return DocumentScore(
      id: id,
      answer: .choice(
        DocumentScore.Choice(
          logLikelihoods: answers.compactMap { $0[0].double },
          isGreedy: answers.compactMap { $0[1].bool }, gold: gold,
          predictions: (predictions[0], predictions[1], predictions[2]))))
  }
}
