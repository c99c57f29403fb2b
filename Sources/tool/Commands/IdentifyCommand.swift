// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Corpora
import Documents
import Foundation
import Recipes
import Runs

/// `koine identify`: which language a line is in.
struct IdentifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "identify", abstract: "Say which language lines are in, with fastText's files.",
    subcommands: [Predict.self, Evaluate.self, Train.self])

  /// Text of one language, as `CODE=FILE[,FILE…]`.
  private static func languages(
    _ arguments: [String]
  ) throws -> [(label: String, lines: [String])] {
    try arguments.map { argument in
      let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2 else {
        throw ValidationError("Expected CODE=FILE, found `\(argument)`.")
      }
      let files = parts[1].split(separator: ",").map(String.init)
      return (parts[0], try CorpusReader.documents(at: files).flatMap(\.segments))
    }
  }

  /// `koine identify predict`.
  struct Predict: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print the language of every line of a file or of stdin.",
      discussion: "A line of output for each of input: label, probability, the line.")

    @Argument(help: "The identifier, .bin or .ftz.", completion: .file())
    var identifier: String

    @Option(help: "The file; without, stdin.", completion: .file())
    var file: String?

    @Option(help: "So many of the likeliest languages.")
    var count = 1

    @OptionGroup var format: FormatOptions

    func validate() throws {
      guard count >= 1 else { throw ValidationError("--count must be at least 1.") }
    }

    func run() throws {
      let model = try LanguageIdentifier(path: identifier)
      let bytes =
        try file.map { Data(try Disk.read($0)) }
        ?? FileHandle.standardInput.readToEnd() ?? Data()
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw InputError.notUTF8(file ?? "stdin")
      }
      // By bytes, for as characters a line end of two bytes is one, and no "\n".
      var lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        .map { Substring($0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0) }
      if lines.last?.isEmpty ?? false { lines.removeLast() }
      var answers: [JSON] = []
      for line in lines {
        let found = try model.predict(line, count: count)
        if format.json {
          answers.append(
            [
              "line": JSON(String(line)),
              "languages": JSON(
                found.map { ["label": JSON($0.label), "probability": JSON($0.probability)] }),
            ])
        } else {
          let cells = found.map { "\($0.label)\t\(Self.rounded($0.probability))" }
          Output.text((cells.isEmpty ? ["-\t-"] : cells).joined(separator: "\t") + "\t\(line)\n")
        }
      }
      if format.json { Output.json(["schema": 1, "lines": JSON(answers)]) }
    }

    private static func rounded(_ probability: Double) -> String {
      String(format: "%.3f", probability)
    }
  }

  /// `koine identify evaluate`.
  struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Count how many lines of known languages are recognised.")

    @Argument(help: "The identifier, .bin or .ftz.", completion: .file())
    var identifier: String

    @Argument(help: "Lines of each language, as CODE=FILE[,FILE…].")
    var languages: [String]

    @OptionGroup var format: FormatOptions

    func run() throws {
      let model = try LanguageIdentifier(path: identifier)
      let scores = try IdentifyCommand.languages(languages).map { language in
        try IdentificationScore(model, label: model.label(for: language.label), language.lines)
      }
      let lines = scores.reduce(0) { $0 + $1.lineCount }
      let right = scores.reduce(0) { $0 + $1.rightCount }
      let mean = scores.reduce(0) { $0 + $1.accuracy } / Double(max(1, scores.count))
      if format.json {
        Output.json([
          "schema": 1, "lines": JSON(lines), "right": JSON(right), "mean_accuracy": JSON(mean),
          "languages": JSON(scores.map(\.json)),
        ])
        return
      }
      Output.text("language  lines  right  accuracy  mostly taken for\n")
      for score in scores { Output.text(score.row) }
      Output.text(
        String(format: "all       %5d  %5d  %.4f (mean of languages)\n", lines, right, mean))
    }
  }

  /// `koine identify train`.
  struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Train an identifier on text of several languages; the file is fastText's .bin.",
      discussion: "The same text and settings give the same file.")

    @Argument(help: "Text of each language, as CODE=FILE[,FILE…]; .txt or .jsonl, also .gz.")
    var languages: [String]

    @Option(help: "The file to write.", completion: .file(extensions: ["bin"]))
    var out: String

    @Option(help: "Numbers a feature is turned into.")
    var dimension = LanguageIdentifierSettings().dimension

    @Option(help: "Rows that character n-grams share.")
    var buckets = LanguageIdentifierSettings().buckets

    @Option(help: "Words with a row of their own, at most.")
    var words = LanguageIdentifierSettings().maximumWords

    @Option(help: "Lengths of character n-grams, as FROM-TO.")
    var ngrams = "2-4"

    @Option(help: "Passes.")
    var epochs = LanguageIdentifierSettings().epochs

    @Option(help: "Lines of each language in a pass.")
    var linesPerLanguage = LanguageIdentifierSettings().linesPerLanguage

    @Option(help: "The learning rate at the start.")
    var learningRate = LanguageIdentifierSettings().learningRate

    @Option(help: "The seed of start, order and cuts.")
    var seed: UInt64 = 0

    @Flag(help: "Replace a file that is there.")
    var force = false

    private func settings() throws -> LanguageIdentifierSettings {
      let lengths = ngrams.split(separator: "-").map { Int($0) }
      guard lengths.count == 2, let shortest = lengths[0], let longest = lengths[1] else {
        throw ValidationError("--ngrams is FROM-TO, such as 2-4, not `\(ngrams)`.")
      }
      var settings = LanguageIdentifierSettings()
      settings.dimension = dimension
      settings.buckets = buckets
      settings.maximumWords = words
      settings.shortest = shortest
      settings.longest = longest
      settings.epochs = epochs
      settings.linesPerLanguage = linesPerLanguage
      settings.learningRate = learningRate
      settings.seed = seed
      return settings
    }

    func validate() throws { _ = try settings() }

    func run() throws {
      guard force || !Disk.exists(out) else { throw CorpusError.outputExists(out) }
      let texts = try IdentifyCommand.languages(languages)
      let work = CommandWork("identify")
      let cancellation = Cancellation()
      let signals = InterruptSignals(cancellation: cancellation) {}
      defer { withExtendedLifetime(signals) {} }
      let start = ContinuousClock.now
      let file = try LanguageIdentifierTrainer.train(texts, settings: settings()) { done, total in
        try cancellation.check()
        work.show(done, of: total, unit: "lines")
      }
      try AtomicFile.write(file, to: out)
      work.finish(
        seconds: (ContinuousClock.now - start) / .seconds(1), byteCount: file.count)
      Output.text(
        "wrote \(out): \(texts.count) languages, \(NumberText.bytes(file.count))\n")
    }
  }
}

/// How many lines of one language an identifier recognises.
struct IdentificationScore {
  let label: String
  let lineCount: Int
  private(set) var rightCount = 0
  /// Other labels, the most frequent first.
  let mistaken: [(label: String, count: Int)]

  init(_ model: LanguageIdentifier, label: String, _ lines: [String]) throws {
    self.label = label
    lineCount = lines.count
    var others: [String: Int] = [:]
    for line in lines {
      let found = try model.predict(line).first?.label ?? "-"
      if found == label { rightCount += 1 } else { others[found, default: 0] += 1 }
    }
    mistaken = others.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .map { (label: $0.key, count: $0.value) }
  }

  var accuracy: Double { lineCount == 0 ? 0 : Double(rightCount) / Double(lineCount) }

  var row: String {
    let others = mistaken.prefix(3).map { "\($0.label) \($0.count)" }.joined(separator: ", ")
    let name = label.padding(toLength: max(8, label.count), withPad: " ", startingAt: 0)
    return String(format: "\(name)  %5d  %5d  %.4f    ", lineCount, rightCount, accuracy)
      + others + "\n"
  }

  var json: JSON {
    [
      "label": JSON(label), "lines": JSON(lineCount), "right": JSON(rightCount),
      "accuracy": JSON(accuracy),
      "mistaken": JSON(mistaken.map { ["label": JSON($0.label), "lines": JSON($0.count)] }),
    ]
  }
}
