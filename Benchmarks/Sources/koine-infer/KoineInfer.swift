// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Foundation
import Models
import Turns

/// The side of `koine-bench infer` that computes, a process of its own so that its memory can be
/// measured and the peer's too:
///
///     koine-infer TASK MODEL --batch B --length L --prompt P --tokens T --rounds N
///
/// Its `Answer` has one time for each round after a first that does not count, and a `check` that
/// shows that the peer computed the same.
@main
struct KoineInfer {
  static func main() {
    BenchError.reporting(as: "koine-infer") {
      var options = Options.ofProcess
      let (batch, length) = (try options.number("batch", 1), try options.number("length", 512))
      let (prompt, tokens) = (try options.number("prompt", 32), try options.number("tokens", 128))
      let rounds = try options.number("rounds", 3)
      guard let task = options.next(), let model = options.next() else {
        throw BenchError("koine-infer TASK MODEL [--batch B …]")
      }
      try options.finish()
      let infer = KoineInfer(
        model: model, batch: batch, length: length, prompt: prompt, tokens: tokens, rounds: rounds)
      try infer.answer(task).say()
    }
  }

  let model: String
  let batch: Int
  let length: Int
  let prompt: Int
  let tokens: Int
  let rounds: Int

  private var file: String { model + "/model.safetensors" }

  private func answer(_ task: String) throws -> Answer {
    switch task {
    case "bandwidth":
      let bytes = try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int ?? 0
      var answer = Answer()
      answer.check = String(format: "%.0f", Memory.readingRate(of: bytes))
      return answer
    case "read": return try measure { "\(try Memory.read(file))" }
    case "load": return try measure { "\(try load().vocabularySize)" }
    case "score":
      let model = try load()
      let texts = texts(of: length + 1, model)
      return try measure {
        let results = try model.score(texts.map { ScoringRequest(ids: $0, start: 1) })
        return String(format: "%.3f", results[0].logLikelihood)
      }
    case "generate":
      let model = try load()
      let texts = texts(of: prompt, model)
      return try measure {
        let answers = try model.generate(
          after: texts, options: GenerationOptions(maximumTokens: tokens))
        precondition(answers.allSatisfy { $0.ids.count == tokens })
        return answers[0].ids.prefix(8).map(String.init).joined(separator: " ")
      }
    default: throw BenchError("there is no task \(task)")
    }
  }

  private func load() throws -> Model { try Model(Checkpoint.open(directory: model)) }

  private func texts(of length: Int, _ model: Model) -> [[Int32]] {
    var tokens = SampleTokens(below: model.vocabularySize)
    return (0..<batch).map { _ in tokens.text(length) }
  }

  private func measure(_ work: () throws -> String) rethrows -> Answer {
    var answer = Answer()
    for round in 0...rounds {
      let start = ContinuousClock.now
      answer.check = try work()
      if round > 0 { answer.seconds.append((ContinuousClock.now - start) / .seconds(1)) }
    }
    return answer
  }
}
