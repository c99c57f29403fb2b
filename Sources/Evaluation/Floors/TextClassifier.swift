// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Something that sorts texts into labels without being a language model: a floor to beat.
public protocol TextClassifier: Sendable {
  /// The labels it knows.
  var labels: [String] { get }
  /// A finite score per label, in the order of `labels`; the highest wins, the first of equals.
  func scores(of text: String) -> [Double]
}

/// Labelled texts to make a floor from.
public struct FloorTraining: Sendable {
  /// Text and label, in the order given.
  public let rows: [(text: String, label: String)]
  /// The labels that occur, sorted by code point.
  public let labels: [String]

  /// The rows of sets, which must be multiple choice.
  ///
  /// - Throws: `EvaluationError.leak` for a test split.
  public init(_ sets: [EvaluationSet]) throws {
    var rows: [(text: String, label: String)] = []
    for set in sets {
      guard set.split != .test else {
        throw EvaluationError.leak(
          task: set.task.task.name, language: set.task.language, split: set.split.rawValue,
          problem: "a floor does not learn from test data")
      }
      for document in set.documents {
        let question = try set.task.question(document, origin: set.origin)
        guard let text = document.columns["text"] else {
          throw EvaluationError.column(
            "text", template: "{{text}}", known: document.columns.keys.sorted())
        }
        rows.append((text, (set.task.choices ?? [])[question.gold]))
      }
    }
    self.rows = rows
    labels = Set(rows.map(\.label)).sorted {
      $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars)
    }
  }
}

/// Always says the label that is most frequent in training; the first by code point of equals.
public struct MajorityClass: TextClassifier {
  public let labels: [String]
  private let counts: [Double]

  /// Counts the labels. Scores are the counts.
  public init(_ training: FloorTraining) {
    labels = training.labels
    counts = training.labels.map { label in
      Double(training.rows.count { $0.label == label })
    }
  }

  public func scores(of text: String) -> [Double] { counts }
}

extension Evaluator {
  /// Scores a classifier on multiple-choice sets, as if its scores were log-likelihoods.
  ///
  /// Length has no meaning here, so `acc_norm` and `acc_bytes` equal `acc`.
  /// - Throws: `EvaluationError.choices` when a choice is a label the classifier never saw or the
  ///   set is no multiple choice; `.notFinite`.
  public func run(
    classifier: any TextClassifier, named name: String, suite: TestData
  ) throws -> EvaluationResult {
    var results: [SetResult] = []
    for set in suite.sets {
      let choices = set.task.choices ?? []
      let indices = choices.compactMap { classifier.labels.firstIndex(of: $0) }
      guard !choices.isEmpty, indices.count == choices.count else {
        throw EvaluationError.choices(
          choices, task: set.task.name,
          problem: "`\(name)` knows only \(classifier.labels.joined(separator: ", "))")
      }
      let scores = try set.documents.map { document in
        let all = classifier.scores(of: document.columns["text"] ?? "")
        let own = indices.map { all[$0] }
        guard own.allSatisfy(\.isFinite) else {
          throw EvaluationError.notFinite(
            "\(own)", model: name, task: set.task.name, document: document.id)
        }
        let question = try set.task.question(document, origin: set.origin)
        return DocumentScore(
          id: document.id,
          answer: .choice(DocumentScore.Choice(classifierScores: own, gold: question.gold)))
      }
      results.append(try result(set, scores))
    }
    return EvaluationResult(
      model: name, purpose: suite.purpose, sets: results, bootstrap: bootstrap)
  }
}

extension DocumentScore.Choice {
  /// The answer of a classifier, the same by every length.
  init(classifierScores scores: [Double], gold: Int) {
    let prediction = Self.firstMaximum(scores)
    self.init(
      logLikelihoods: scores, isGreedy: scores.indices.map { $0 == prediction }, gold: gold,
      predictions: (prediction, prediction, prediction))
  }
}
