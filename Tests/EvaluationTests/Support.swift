// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

@testable import Evaluation

/// Tests/Golden/evaluation/golden.json, made by make_golden.py beside it.
enum Golden {
  static func read(_ key: String) throws -> JSON {
    let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Golden/evaluation/golden.json")
    let json = try JSON.parse(
      String(decoding: Data(contentsOf: file), as: UTF8.self), origin: "golden")
    return try json[key].orThrow(key)
  }
}

struct Missing: Error { let key: String }

extension Optional {
  func orThrow(_ key: String) throws -> Wrapped {
    guard let self else { throw Missing(key: key) }
    return self
  }
}

extension JSON {
  func at(_ key: String) throws -> JSON { try self[key].orThrow(key) }
  func text(_ key: String) throws -> String { try at(key).string.orThrow(key) }
  func number(_ key: String) throws -> Double { try at(key).double.orThrow(key) }
  func whole(_ key: String) throws -> Int { try at(key).int.orThrow(key) }
  func list(_ key: String) throws -> [JSON] { try at(key).array.orThrow(key) }
  func numbers(_ key: String) throws -> [Double] { try list(key).compactMap(\.double) }
  func ids(_ key: String) throws -> [Int32] { try list(key).compactMap { $0.int.map(Int32.init) } }
}

/// The three lines of an error.
func lines(of body: () throws -> Void) -> String {
  do {
    try body()
    return "no error"
  } catch let error as any Diagnosed {
    return error.description
  } catch {
    return "not diagnosed: \(error)"
  }
}

/// A model that is a function of the texts.
struct ScriptedModel: LanguageModel {
  var score: @Sendable (_ context: String, _ continuation: String) -> Double = { _, _ in -1 }
  var rolling: @Sendable (String) -> Double = { -Double($0.utf8.count) }
  var dropsLast = false

  func logLikelihoods(
    _ requests: [(context: String, continuation: String)]
  ) throws -> [(logLikelihood: Double, isGreedy: Bool)] {
    let answers = requests.map {
      (logLikelihood: score($0.context, $0.continuation), isGreedy: false)
    }
    return dropsLast ? answers.dropLast() : answers
  }

  func rollingLogLikelihoods(_ texts: [String]) throws -> [Double] { texts.map(rolling) }

  func generate(_ prompts: [String], options: GenerationOptions) throws -> [String] { prompts }
}

/// A small multiple-choice task in the source language `aa`, the target `bb` and the stranger `cc`.
enum Small {
  static let yaml = """
    task: colours
    output_type: multiple_choice
    dataset_path: "{{language}}/{{split}}.tsv"
    training_split: train
    validation_split: dev
    test_split: test
    doc_to_text: "{{text}} is"
    doc_to_target: label
    doc_to_choice: [red, green, deep blue]
    metric_list:
      - metric: acc
      - metric: acc_norm
      - metric: macro_f1
    """

  static let texts = """
    task: held_out
    output_type: loglikelihood_rolling
    metric_list: [{metric: bits_per_byte}]
    """

  static func task(_ language: String) throws -> LocalizedTask {
    try EvaluationTask(yaml: yaml, origin: "colours.yaml").localized(language)
  }

  static func rows(
    _ language: String, _ split: EvaluationSplit,
    _ labels: [String] = ["red", "green", "deep blue"]
  ) throws -> EvaluationSet {
    try EvaluationSet(
      task: task(language), split: split,
      documents: labels.enumerated().map {
        EvaluationDocument(id: "\($0)", label: $1, text: "\(language) \(split) \($0)")
      }, origin: "\(language)/\(split).tsv")
  }

  static func text(
    _ language: String, _ split: EvaluationSplit, _ texts: [String]
  ) throws -> EvaluationSet {
    try EvaluationSet(
      task: EvaluationTask(yaml: Small.texts, origin: "held_out.yaml").localized(language),
      split: split,
      documents: texts.enumerated().map { EvaluationDocument(id: "\($0)", text: $1) },
      origin: "\(language).\(split).txt")
  }
}

/// A folder of files that goes away again.
func withFolder(_ files: [String: String], _ body: (String) throws -> Void) throws {
  let folder = FileManager.default.temporaryDirectory.appending(path: "koine-\(UUID().uuidString)")
  defer { try? FileManager.default.removeItem(at: folder) }
  for (name, text) in files {
    let file = folder.appending(path: name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
  }
  try body(folder.path(percentEncoded: false))
}
