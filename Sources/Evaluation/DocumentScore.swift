// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// What a model answered to one document.
public struct DocumentScore: Equatable, Sendable {
  /// The answer to a multiple-choice question.
  public struct Choice: Equatable, Sendable {
    /// Σ log p of each choice, in nats, in the order of the choices.
    public var logLikelihoods: [Double]
    /// Whether each choice is what greedy decoding would say.
    public var isGreedy: [Bool]
    /// The right choice.
    public var gold: Int
    /// Highest log-likelihood; the first of equals.
    public var prediction: Int
    /// Highest log-likelihood per Unicode code point of the choice; the first of equals.
    public var predictionPerCodePoint: Int
    /// Highest log-likelihood per UTF-8 byte of the choice; the first of equals.
    public var predictionPerByte: Int

    /// Predicts from the log-likelihoods. Choices are not empty, lengths do not count the
    /// delimiter.
    public init(
      logLikelihoods: [Double], isGreedy: [Bool], gold: Int, choices: [String]
    ) {
      self.logLikelihoods = logLikelihoods
      self.isGreedy = isGreedy
      self.gold = gold
      prediction = Self.firstMaximum(logLikelihoods)
      predictionPerCodePoint = Self.firstMaximum(
        zip(logLikelihoods, choices).map { $0 / Double($1.unicodeScalars.count) })
      predictionPerByte = Self.firstMaximum(
        zip(logLikelihoods, choices).map { $0 / Double($1.utf8.count) })
    }

    init(
      logLikelihoods: [Double], isGreedy: [Bool], gold: Int, predictions: (Int, Int, Int)
    ) {
      self.logLikelihoods = logLikelihoods
      self.isGreedy = isGreedy
      self.gold = gold
      (prediction, predictionPerCodePoint, predictionPerByte) = predictions
    }

    /// Whether the plain prediction is right.
    public var isCorrect: Bool { prediction == gold }

    static func firstMaximum(_ values: [Double]) -> Int {
      values.indices.reduce(0) { values[$1] > values[$0] ? $1 : $0 }
    }
  }

  /// The log-likelihood of a text.
  public struct Rolling: Equatable, Sendable {
    /// log p of the whole text, in nats.
    public var logLikelihood: Double
    /// UTF-8 bytes of the text.
    public var byteCount: Int
    /// Pieces between runs of whitespace, as Python's `re.split(r"\s+", text)` counts them: an
    /// empty text has one, and so has each empty end.
    public var wordCount: Int

    /// Counts the text's bytes and words.
    public init(logLikelihood: Double, text: String) {
      self.logLikelihood = logLikelihood
      byteCount = text.utf8.count
      var words = 1
      var inGap = false
      for scalar in text.unicodeScalars {
        if scalar.isPythonWhitespace {
          if !inGap { words += 1 }
          inGap = true
        } else {
          inGap = false
        }
      }
      wordCount = words
    }

    init(logLikelihood: Double, byteCount: Int, wordCount: Int) {
      self.logLikelihood = logLikelihood
      self.byteCount = byteCount
      self.wordCount = wordCount
    }
  }

  /// The answer's kind.
  public enum Answer: Equatable, Sendable {
    case choice(Choice)
    case rolling(Rolling)
  }

  /// The document's id.
  public var id: String
  /// What the model said.
  public var answer: Answer

  /// A scored document.
  public init(id: String, answer: Answer) {
    self.id = id
    self.answer = answer
  }

  /// The answer to a multiple-choice question, else `nil`.
  public var choice: Choice? {
    if case .choice(let choice) = answer { choice } else { nil }
  }

  /// The likelihood of a text, else `nil`.
  public var rolling: Rolling? {
    if case .rolling(let rolling) = answer { rolling } else { nil }
  }
}
