// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Multinomial naive Bayes over character n-grams: what plain counting reaches across languages.
///
///     score(c) = log P(c) + Σ over n-grams g of the text of log (N(c, g) + α) ÷ (N(c) + α·|V|)
///
/// N(c, g) counts g in the training texts of class c, N(c) = Σ N(c, g), V is every n-gram of the
/// training texts.
///
/// **Source:** Manning, Raghavan, Schütze 2008, ch. 13. With `Settings.scikitLearn` it equals
/// scikit-learn 1.9.1's `MultinomialNB(alpha=1)` over `CountVectorizer(analyzer="char",
/// ngram_range=(3, 5))`, lower-casing included. **Departs:** scikit-learn drops n-grams of the test
/// text that training never saw. `countsUnseen` keeps them, each with N(c, g) = 0: across languages
/// most n-grams are unseen, and their common factor favours the classes with little training text.
public struct NaiveBayes: TextClassifier {
  /// How texts become counts.
  public struct Settings: Equatable, Sendable {
    /// Lengths of the n-grams in code points, within 1...6.
    public var lengths: ClosedRange<Int> = 3...5
    /// α; above 0.
    public var smoothing: Double = 1
    /// Lower-cases texts by Unicode's full mapping, as `str.lower()` does but for its final sigma.
    public var lowercases = true
    /// Counts an n-gram once per text, however often it stands there.
    public var isBinary = false
    /// Whether P(c) is the share of training texts; else all classes are equal.
    public var usesPrior = true
    /// Whether n-grams that training never saw count.
    public var countsUnseen = false

    /// scikit-learn's defaults.
    public static let scikitLearn = Settings()
    /// Unseen n-grams count and α is 0.2: on SIB-200 (train and dev rows) 0.44 from Icelandic to
    /// Faroese, 0.52 from Icelandic, Swedish and English, 0.68 from Kirundi to Kinyarwanda, where
    /// `scikitLearn` has 0.56, 0.58 and 0.61.
    public static let unseenCounted = {
      var settings = Settings()
      settings.smoothing = 0.2
      settings.countsUnseen = true
      return settings
    }()

    /// scikit-learn's defaults, to be changed.
    public init() {}
  }

  public let labels: [String]
  /// How many different n-grams training saw.
  public var vocabularySize: Int { vocabulary.count }
  private let settings: Settings
  private let vocabulary: [NGram: Int]
  /// log(N(c, g) + α), n-gram by n-gram, the classes together.
  private let logCounts: [Double]
  private let logDenominators: [Double]
  private let logPriors: [Double]

  /// Counts the n-grams of the training texts.
  ///
  /// Memory: a table of |V| n-grams and |V| × classes numbers.
  public init(_ training: FloorTraining, settings: Settings = .scikitLearn) {
    precondition(settings.smoothing > 0 && 1...6 ~= settings.lengths.lowerBound)
    precondition(settings.lengths.upperBound <= 6)
    self.settings = settings
    labels = training.labels
    let classCount = labels.count
    let classes = Dictionary(uniqueKeysWithValues: labels.enumerated().map { ($1, $0) })
    var vocabulary: [NGram: Int] = [:]
    var counts: [Double] = []
    var totals = [Double](repeating: 0, count: classCount)
    var rows = totals
    for row in training.rows {
      guard let label = classes[row.label] else { continue }
      rows[label] += 1
      for gram in Self.grams(row.text, settings) {
        let index = vocabulary[gram] ?? vocabulary.count
        if index == vocabulary.count {
          vocabulary[gram] = index
          counts.append(contentsOf: repeatElement(0, count: classCount))
        }
        counts[index * classCount + label] += 1
        totals[label] += 1
      }
    }
    let smoothing = settings.smoothing
    let size = Double(vocabulary.count)
    self.vocabulary = vocabulary
    logCounts = counts.map { log($0 + smoothing) }
    logDenominators = totals.map { log($0 + smoothing * size) }
    let rowCount = Double(training.rows.count)
    logPriors = rows.map { settings.usesPrior ? log($0 / rowCount) : 0 }
  }

  public func scores(of text: String) -> [Double] {
    var scores = logPriors
    let unseen = log(settings.smoothing)
    for gram in Self.grams(text, settings) {
      if let row = vocabulary[gram].map({ $0 * labels.count }) {
        for label in labels.indices {
          scores[label] += logCounts[row + label] - logDenominators[label]
        }
      } else if settings.countsUnseen {
        for label in labels.indices { scores[label] += unseen - logDenominators[label] }
      }
    }
    return scores
  }

  /// The n-grams of a text in its order, after folding: case, and each run of two or more
  /// whitespace characters to one space, as scikit-learn's analyzer does.
  static func grams(_ text: String, _ settings: Settings) -> [NGram] {
    var scalars: [UInt32] = []
    var gap: [UInt32] = []
    for scalar in (settings.lowercases ? text.lowercased() : text).unicodeScalars {
      if scalar.isPythonWhitespace {
        gap.append(scalar.value)
        continue
      }
      scalars += gap.count > 1 ? [0x20] : gap
      gap = []
      scalars.append(scalar.value)
    }
    scalars += gap.count > 1 ? [0x20] : gap
    var grams: [NGram] = []
    for start in scalars.indices {
      var gram = NGram()
      for end in start..<min(scalars.count, start + settings.lengths.upperBound) {
        gram.append(scalars[end])
        if end - start + 1 >= settings.lengths.lowerBound { grams.append(gram) }
      }
    }
    guard settings.isBinary else { return grams }
    var seen: Set<NGram> = []
    return grams.filter { seen.insert($0).inserted }
  }
}

/// Up to six code points in 128 bits: 21 bits each, shifted in from the right, counted from 1 so
/// that no two n-grams of different length coincide.
struct NGram: Hashable {
  private var high: UInt64 = 0
  private var low: UInt64 = 0

  mutating func append(_ scalar: UInt32) {
    high = high << 21 | low >> 43
    low = low << 21 | UInt64(scalar + 1)
  }
}
