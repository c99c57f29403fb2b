// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// How an identifier is trained; the defaults fit some dozens of languages in about 6 MB.
public struct LanguageIdentifierSettings: Equatable, Sendable {
  /// Numbers that a feature is turned into.
  public var dimension = 16
  /// Passes of `linesPerLanguage` lines of each language.
  public var epochs = 5
  /// At the start; falls to 0 in a straight line.
  public var learningRate = 0.5
  /// Lengths of character n-grams, in characters.
  public var shortest = 2
  public var longest = 4
  /// Rows that n-grams share.
  public var buckets = 1 << 16
  /// Words with a row of their own: those at least so frequent, and of these the most frequent.
  public var minimumCount = 5
  public var maximumWords = 30_000
  /// Drawn in each epoch from every language, whatever it has: small languages are seen as often as
  /// large ones, their lines more often.
  public var linesPerLanguage = 10_000
  /// Of the lines drawn, this share is cut to a run of some of its words: lines to be judged are
  /// often short.
  public var cutShare = 0.5
  public var seed: UInt64 = 0

  public init() {}

  /// - Throws: ``CorpusError/setting(_:expected:found:)``.
  func validate() throws(CorpusError) {
    func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws(CorpusError) {
      guard range.contains(value) else {
        throw .setting(
          name, expected: "\(range.lowerBound) to \(range.upperBound)", found: "\(value)")
      }
    }
    try check("dimension", dimension, 1...1024)
    try check("epochs", epochs, 1...1000)
    try check("longest n-gram", longest, 1...20)
    try check("shortest n-gram", shortest, 1...longest)
    try check("buckets", buckets, 1...1 << 27)
    try check("minimum count", minimumCount, 1...Int.max)
    try check("maximum words", maximumWords, 0...1 << 24)
    try check("lines per language", linesPerLanguage, 1...1 << 30)
    guard learningRate > 0, learningRate <= 10 else {
      throw .setting("learning rate", expected: "above 0 and at most 10", found: "\(learningRate)")
    }
    guard (0...1).contains(cutShare) else {
      throw .setting("cut share", expected: "from 0 to 1", found: "\(cutShare)")
    }
  }
}

/// Trains a language identifier: the mean of the vectors of a line's words and character n-grams,
/// and a softmax over languages, by stochastic gradient descent on one line at a time.
///
///     h = (1/n) Σᵢ v(fᵢ);  p = softmax(U h);  loss = −ln p(language)
///
/// - Source: Joulin et al. 2016, arXiv:1607.01759; the file is read by fastText too.
/// - Departs: languages are drawn equally often; one thread, in an order that the seed decides, so
///   that the same lines give the same file; half of the lines are cut; full softmax.
/// - Cost: about 10 µs a line and core on text of 100 characters, 16 numbers a feature.
public struct LanguageIdentifierTrainer {
  private let settings: LanguageIdentifierSettings
  private let languages: [(label: String, lines: [String])]
  private let features: FastTextFeatures
  private let wordCounts: [(word: [UInt8], count: Int)]
  /// (features, dimension)
  private var input: [Float]
  /// (languages, dimension)
  private var output: [Float]

  /// The bytes of a `.bin` file.
  ///
  /// - Parameters:
  ///   - languages: the lines of each; labels without white space.
  ///   - progress: lines done and in all; may throw to stop.
  /// - Throws: ``CorpusError`` for settings that cannot be, fewer than two languages, or one
  ///   without a line.
  public static func train(
    _ languages: [(label: String, lines: [String])],
    settings: LanguageIdentifierSettings = LanguageIdentifierSettings(),
    progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
  ) throws -> Data {
    var trainer = try LanguageIdentifierTrainer(languages, settings)
    try trainer.run(progress)
    return trainer.file
  }

  private init(
    _ given: [(label: String, lines: [String])], _ settings: LanguageIdentifierSettings
  ) throws(CorpusError) {
    try settings.validate()
    guard given.count >= 2 else {
      throw .setting("languages", expected: "at least 2", found: "\(given.count)")
    }
    for (index, language) in given.enumerated() {
      guard !language.label.isEmpty, !language.label.contains(where: \.isWhitespace),
        !given[..<index].contains(where: { $0.label == language.label })
      else {
        throw .setting(
          "label", expected: "a name without spaces, once", found: "`\(language.label)`")
      }
      if language.lines.isEmpty {
        throw .emptyCorpus("the language `\(language.label)`", reason: "no line with text")
      }
    }
    self.settings = settings
    // The format wants labels by falling count.
    languages = given.sorted { ($1.lines.count, $0.label) < ($0.lines.count, $1.label) }
    var counts: [[UInt8]: Int] = [:]
    for language in languages {
      for line in language.lines {
        for word in FastTextFeatures.words(of: line) where !word.starts(with: Self.labelStart) {
          counts[word, default: 0] += 1
        }
      }
    }
    wordCounts = Array(
      counts.filter { $0.value >= settings.minimumCount }
        .sorted {
          $0.value != $1.value
            ? $0.value > $1.value : $0.key.lexicographicallyPrecedes($1.key)
        }
        .prefix(settings.maximumWords).map { (word: $0.key, count: $0.value) })
    var rows: [[UInt8]: Int] = [:]
    for (row, entry) in wordCounts.enumerated() { rows[entry.word] = row }
    features = FastTextFeatures(
      settings: .init(
        shortest: settings.shortest, longest: settings.longest, wordCount: 1,
        bucketCount: settings.buckets),
      words: rows, labels: [], pruned: nil)
    let width = settings.dimension
    var random = SeededRandom(seed: settings.seed, name: "identifier weights")
    input = (0..<(rows.count + settings.buckets) * width).map { _ in
      Float((2 * random.unit() - 1) / Double(width))
    }
    output = [Float](repeating: 0, count: languages.count * width)
  }

  private static let labelStart = FastTextFeatures.labelStart

  private mutating func run(_ progress: (Int, Int) throws -> Void) throws {
    let perEpoch = settings.linesPerLanguage * languages.count
    let total = perEpoch * settings.epochs
    var random = SeededRandom(seed: settings.seed, name: "identifier cuts")
    var hidden = [Float](repeating: 0, count: settings.dimension)
    var gradient = hidden
    var scores = [Float](repeating: 0, count: languages.count)
    for epoch in 0..<settings.epochs {
      let order = Permutation(
        count: perEpoch, seed: settings.seed, name: "identifier order", epoch: epoch)
      for position in 0..<perEpoch {
        let done = epoch * perEpoch + position
        if done.isMultiple(of: 1024) { try progress(done, total) }
        let drawn = order[position]
        let language = drawn % languages.count
        let line = line(language, draw: epoch * settings.linesPerLanguage + drawn / languages.count)
        let rows = features.rows(of: cut(line, &random))
        guard !rows.isEmpty else { continue }
        let rate = Float(settings.learningRate * (1 - Double(done) / Double(total)))
        update(rows, language, rate, &hidden, &gradient, &scores)
      }
    }
    try progress(total, total)
  }

  /// Draw number `draw` of a language: all its lines, shuffled, before any comes again.
  private func line(_ language: Int, draw: Int) -> String {
    let (label, lines) = languages[language]
    let order = Permutation(
      count: lines.count, seed: settings.seed, name: "identifier lines of \(label)",
      epoch: draw / lines.count)
    return lines[order[draw % lines.count]]
  }

  private func cut(_ line: String, _ random: inout SeededRandom) -> Substring {
    guard random.chance(settings.cutShare) else { return line[...] }
    let words = line.split(separator: " ")
    guard words.count > 1 else { return line[...] }
    let count = 1 + random.below(words.count)
    let first = random.below(words.count - count + 1)
    return line[words[first].startIndex..<words[first + count - 1].endIndex]
  }

  private mutating func update(
    _ rows: [Int], _ language: Int, _ rate: Float, _ hidden: inout [Float],
    _ gradient: inout [Float], _ scores: inout [Float]
  ) {
    let width = settings.dimension
    // Safety: rows are features, below the rows of `input`; all loops stay below the counts.
    input.withUnsafeMutableBufferPointer { input in
      output.withUnsafeMutableBufferPointer { output in
        for i in 0..<width { hidden[i] = 0 }
        for row in rows { for i in 0..<width { hidden[i] += input[row * width + i] } }
        let share = 1 / Float(rows.count)
        for i in 0..<width { hidden[i] *= share }
        var peak = -Float.infinity
        for label in scores.indices {
          var sum: Float = 0
          for i in 0..<width { sum += output[label * width + i] * hidden[i] }
          scores[label] = sum
          peak = max(peak, sum)
        }
        var total: Float = 0
        for label in scores.indices {
          scores[label] = exp(scores[label] - peak)
          total += scores[label]
        }
        for i in 0..<width { gradient[i] = 0 }
        for label in scores.indices {
          let step = rate * ((label == language ? 1 : 0) - scores[label] / total)
          for i in 0..<width {
            gradient[i] += step * output[label * width + i]
            output[label * width + i] += step * hidden[i]
          }
        }
        for row in rows { for i in 0..<width { input[row * width + i] += share * gradient[i] } }
      }
    }
  }

  private var file: Data {
    var writer = FastTextWriter()
    writer.append(int32: FastTextModel.magic, 12)
    // dim, ws, epoch, minCount, neg, wordNgrams, loss, model, bucket, minn, maxn, lrUpdateRate; what
    // has no meaning here has fastText's default.
    writer.append(
      int32: settings.dimension, 5, settings.epochs, settings.minimumCount, 5, 1,
      FastTextModel.Loss.softmax.rawValue, 3, settings.buckets, settings.shortest,
      settings.longest, 100)
    writer.append(int64: Int(bitPattern: UInt((1e-4).bitPattern)))
    writer.append(int32: wordCounts.count + languages.count, wordCounts.count, languages.count)
    writer.append(int64: wordCounts.reduce(0) { $0 + $1.count }, -1)
    for entry in wordCounts { writer.append(entry.word, count: entry.count, isLabel: false) }
    for language in languages {
      writer.append(
        Self.labelStart + Array(language.label.utf8), count: language.lines.count, isLabel: true)
    }
    writer.append(flag: false)
    writer.append(matrix: input, width: settings.dimension)
    writer.append(flag: false)
    writer.append(matrix: output, width: settings.dimension)
    return writer.data
  }
}
