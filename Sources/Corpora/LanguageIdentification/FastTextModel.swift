// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// A supervised fastText model: version 11 or 12 of `.bin`, and `.ftz`.
///
/// Everything is checked on opening; afterwards a prediction can fail only by numbers so large that
/// their sum is none.
///
/// - Source: the format and arithmetic of fastText 0.9.2 (Joulin et al. 2016, arXiv:1607.01759);
///   checked against its Python package.
/// - Departs: nothing in features and formulas; sums over labels are in double.
struct FastTextModel: Sendable {
  /// How label scores become probabilities.
  enum Loss: Int {
    case hierarchicalSoftmax = 1
    case negativeSampling = 2
    case softmax = 3
    case oneVersusAll = 4
  }

  let path: String
  let features: FastTextFeatures
  /// As in the file, with `__label__`.
  let labels: [String]
  let loss: Loss
  private let input: FastTextMatrix
  private let output: FastTextMatrix
  private let tree: LabelTree?

  static let magic = 793_712_314

  init(_ data: Data, path: String) throws(CorpusError) {
    self.path = path
    var cursor = FastTextCursor(data, path: path)
    guard try cursor.int32("mark of fastText") == Self.magic else {
      throw .identifier(path, byte: 0, problem: "it does not begin as a fastText model does")
    }
    let version = try cursor.count("version", 11...12)
    let width = try cursor.count("dimension", 1...1 << 20)
    for field in ["window", "epochs", "minimum count", "negatives"] {
      _ = try cursor.int32(field)
    }
    // No model uses more; much more would make a long word cost its square.
    let wordCount = try cursor.count("length of word n-grams", 0...100)
    guard let loss = Loss(rawValue: try cursor.int32("loss")) else {
      throw cursor.damaged("its loss is none of fastText's four")
    }
    self.loss = loss
    guard try cursor.int32("kind of model") == 3 else {
      throw cursor.damaged("it holds word vectors, not a classifier")
    }
    let bucketCount = try cursor.count("number of buckets", 0...Int(Int32.max))
    let shortest = try cursor.count("shortest n-gram", 0...100)
    var longest = try cursor.count("longest n-gram", 0...100)
    if version == 11 { longest = 0 }  // classifiers of that version used none
    _ = try cursor.int32("update rate")
    try cursor.skip(8, "sampling threshold")

    let entryCount = try cursor.count("number of entries", 1...Int(Int32.max))
    let wordTotal = try cursor.count("number of words", 0...entryCount)
    let labelCount = try cursor.count("number of labels", 1...entryCount)
    guard wordTotal + labelCount == entryCount else {
      throw cursor.damaged("\(wordTotal) words and \(labelCount) labels are not \(entryCount)")
    }
    _ = try cursor.int64("number of tokens")
    let prunedCount = try cursor.count("pruned n-grams", -1...Int(Int32.max), wide: true)
    var words: [[UInt8]: Int] = [:]
    var labelBytes: [[UInt8]] = []
    var counts: [Int] = []
    for index in 0..<entryCount {
      let entry = try cursor.text("dictionary")
      let count = try cursor.int64("count of an entry")
      let isLabel = try cursor.flag("label or word")
      guard isLabel == (index >= wordTotal) else {
        throw cursor.damaged("words and labels are not in order")
      }
      if isLabel {
        guard count >= 0 else { throw cursor.damaged("a label has a negative count") }
        labelBytes.append(entry)
        counts.append(count)
      } else {
        guard words.updateValue(index, forKey: entry) == nil else {
          throw cursor.damaged("a word is there twice")
        }
      }
    }
    var pruned: [Int: Int]?
    if prunedCount >= 0 {
      var rows: [Int: Int] = [:]
      for _ in 0..<prunedCount {
        let bucket = try cursor.int32("pruned n-grams")
        rows[bucket] = try cursor.count("row of an n-gram", 0...max(0, prunedCount - 1))
      }
      pruned = rows
    }
    var labels: [String] = []
    for bytes in labelBytes {
      guard let label = String(validating: bytes, as: UTF8.self) else {
        throw cursor.damaged("a label is not UTF-8")
      }
      labels.append(label)
    }
    self.labels = labels
    let usesNgrams = longest > 0 || wordCount > 1
    guard bucketCount > 0 || !usesNgrams else {
      throw cursor.damaged("it has n-grams and no buckets for them")
    }
    features = FastTextFeatures(
      settings: .init(
        shortest: shortest, longest: longest, wordCount: wordCount, bucketCount: bucketCount),
      words: words, labels: Set(labelBytes), pruned: pruned)

    let isQuantised = try cursor.flag("quantised input")
    guard isQuantised || pruned == nil else {
      throw cursor.damaged("it is pruned and not quantised, which fastText cannot read either")
    }
    input = try FastTextMatrix(&cursor, data: data, isQuantised: isQuantised, name: "input matrix")
    let isOutputQuantised = try cursor.flag("quantised output") && isQuantised
    output = try FastTextMatrix(
      &cursor, data: data, isQuantised: isOutputQuantised, name: "output matrix")
    guard cursor.remaining == 0 else {
      throw cursor.damaged("\(cursor.remaining) bytes follow its end")
    }
    let rows = wordTotal + (pruned == nil ? (usesNgrams ? bucketCount : 0) : prunedCount)
    guard input.rowCount >= rows, input.columnCount == width, output.columnCount == width,
      output.rowCount == labelCount
    else {
      throw cursor.damaged(
        "its matrices are (\(input.rowCount), \(input.columnCount)) and (\(output.rowCount), "
          + "\(output.columnCount)), for \(rows) features, \(labelCount) labels and width \(width)")
    }
    if loss == .hierarchicalSoftmax {
      guard let tree = LabelTree(counts: counts) else {
        throw cursor.damaged("the counts of its labels give no tree")
      }
      self.tree = tree
    } else {
      tree = nil
    }
  }

  /// The probability of every label; empty for a line without any feature.
  ///
  /// Like fastText's own, a probability of a softmax is 10⁻⁵ too large, and those of
  /// `negativeSampling` and `oneVersusAll` do not sum to 1.
  func probabilities(_ line: some StringProtocol) throws(CorpusError) -> [Double] {
    let rows = features.rows(of: line)
    guard !rows.isEmpty else { return [] }
    var hidden = [Float](repeating: 0, count: input.columnCount)
    for row in rows { input.add(row: row, to: &hidden) }
    for index in hidden.indices { hidden[index] *= 1 / Float(rows.count) }
    let result: [Double]
    if let tree {
      result = tree.probabilities { node in
        1 / (1 + Foundation.exp(-Double(output.dot(row: node, hidden))))
      }
    } else {
      let scores = labels.indices.map { Double(output.dot(row: $0, hidden)) }
      if loss == .softmax {
        let peak = scores.max() ?? 0
        let weights = scores.map { Foundation.exp($0 - peak) }
        let total = weights.reduce(0, +)
        result = weights.map { Self.exp(Self.log($0 / total)) }
      } else {
        result = scores.map { Self.exp(Self.log(Self.tabulatedSigmoid($0))) }
      }
    }
    guard result.allSatisfy(\.isFinite) else {
      throw .identifier(path, byte: 0, problem: "its weights are too large: a sum is not finite")
    }
    return result
  }

  /// fastText's logarithm.
  static func log(_ value: Double) -> Double { Foundation.log(value + 1e-5) }

  /// Back from a logarithm, without the 10⁻⁵ where it would make a probability exceed 1.
  static func exp(_ value: Double) -> Double { min(1, Foundation.exp(value)) }

  /// 1 / (1 + e⁻ˣ) as fastText looks it up: 512 steps from −8 to 8, beyond them 0 and 1.
  private static func tabulatedSigmoid(_ x: Double) -> Double {
    if x < -8 { return 0 }
    if x > 8 { return 1 }
    let step = ((x + 8) * 512 / 16).rounded(.down)
    return 1 / (1 + Foundation.exp(-(step * 16 / 512 - 8)))
  }
}
