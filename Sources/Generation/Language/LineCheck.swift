// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora

/// Looks at every line that was written, and has it written anew when it is in another language.
///
/// A line is right when the identifier's first choice is the language. A wrong line is taken back
/// and tried again with other random numbers. Text is shown line by line, since a shown line cannot
/// be taken back.
public struct LineCheck: Sendable {
  /// What happens to a line that stays wrong.
  public enum Failure: String, Sendable, CaseIterable {
    /// The attempt most probably in the language is kept.
    case keepBest = "keep"
    /// The answer ends before the line.
    case stop
  }

  public var identifier: LanguageIdentifier
  /// One of the identifier's labels.
  public let label: String
  /// Lines with fewer letters are not judged: identifiers guess there.
  public var minimumLetters = 12
  /// How often a line is written in all.
  public var attempts = 4
  /// The temperature of repetitions where the options are greedy, which would give the same line
  /// again.
  public var retryTemperature = 0.7
  public var failure = Failure.keepBest

  /// - Throws: `CorpusError.unknownLanguage`.
  public init(_ identifier: LanguageIdentifier, language: String) throws {
    self.identifier = identifier
    label = try identifier.label(for: language)
  }

  /// - Throws: `GenerationError.setting`.
  func validate() throws {
    func check(_ name: String, _ isGood: Bool, _ expected: String, _ found: String) throws {
      guard isGood else {
        throw GenerationError.setting(name: name, expected: expected, found: found)
      }
    }
    try check("number of attempts", attempts >= 1, "at least 1", "\(attempts)")
    try check(
      "temperature of repetitions", retryTemperature > 0 && retryTemperature.isFinite,
      "above 0", "\(retryTemperature)")
  }

  /// How probably the lines of a text are all in the language: 1 where no line is long enough to be
  /// judged, below 0 where the first choice for one is another language (the higher the closer).
  func judge(_ text: String) throws -> Double {
    var lowest = 1.0
    for line in text.split(whereSeparator: \.isNewline) {
      let letters = line.unicodeScalars.reduce(0) { $0 + ($1.properties.isAlphabetic ? 1 : 0) }
      guard letters >= minimumLetters else { continue }
      let isRight = try identifier.predict(line).first?.label == label
      let probability = try identifier.probability(of: label, in: line)
      lowest = min(lowest, isRight ? probability : probability - 1)
    }
    return lowest
  }
}
