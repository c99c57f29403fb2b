// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// A language, and how sure the identifier is of it.
public struct LanguagePrediction: Equatable, Sendable {
  /// As the model names it, without `__label__`.
  public var label: String
  /// From 0 to 1.
  public var probability: Double
}

/// Says which language a line is in, with a classifier in fastText's file format.
///
/// Published identifiers (`lid.176.bin`, `lid.176.ftz`, those of NLLB, GlotLID, OpenLID) and ones
/// that ``LanguageIdentifierTrainer`` makes are read alike.
///
///     let identifier = try LanguageIdentifier(path: "nordic.bin")
///     try identifier.predict("Góðan dag, hvussu gongur?").first?.label  // "fao"
public struct LanguageIdentifier: Sendable {
  private let model: FastTextModel
  /// All labels, in the order of the file, without `__label__`.
  public let labels: [String]

  /// Maps and checks a file.
  ///
  /// - Throws: ``CorpusError``; a damaged or hostile file is an error, never a wild read.
  /// - Cost: one pass over the file.
  public init(path: String) throws {
    guard FileManager.default.fileExists(atPath: path) else { throw CorpusError.missingFile(path) }
    let data: Data
    do {
      data = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
    } catch {
      throw CorpusError.unreadable(path, reason: SystemReason.text(of: error))
    }
    try self.init(data, path: path)
  }

  /// Reads a model in memory.
  /// - Parameter path: for messages.
  public init(_ data: Data, path: String) throws(CorpusError) {
    model = try FastTextModel(data, path: path)
    labels = model.labels.map(Self.plain)
  }

  /// The likeliest languages of a line, best first; none for a line without a feature that the model
  /// knows. Equally likely ones are in the order of the file.
  ///
  /// Line feeds count as spaces. Probabilities are within 10⁻⁵ of fastText's, whose own may exceed
  /// 1 by that much.
  /// - Throws: ``CorpusError`` for a model whose numbers overflow.
  public func predict(
    _ line: some StringProtocol, count: Int = 1
  ) throws(CorpusError) -> [LanguagePrediction] {
    let all = try model.probabilities(line)
    return all.indices.sorted { (all[$1], $0) < (all[$0], $1) }.prefix(max(0, count))
      .map { LanguagePrediction(label: labels[$0], probability: all[$0]) }
  }

  /// The probability of a language; 0 where the line has no feature.
  ///
  /// - Parameter label: one of ``labels``.
  public func probability(
    of label: String, in line: some StringProtocol
  ) throws(CorpusError) -> Double {
    guard let index = labels.firstIndex(of: label) else { return 0 }
    let all = try model.probabilities(line)
    return all.isEmpty ? 0 : all[index]
  }

  /// The model's label for a language: `name` itself, or the only label that continues it with an
  /// underscore (`fao` finds `fao_Latn`).
  ///
  /// - Throws: ``CorpusError/unknownLanguage(_:path:known:)``.
  public func label(for name: String) throws(CorpusError) -> String {
    if labels.contains(name) { return name }
    let longer = labels.filter { $0.hasPrefix(name + "_") }
    guard longer.count == 1 else {
      throw .unknownLanguage(name, path: model.path, known: longer.isEmpty ? labels : longer)
    }
    return longer[0]
  }

  static func plain(_ label: String) -> String {
    let start = "__label__"
    return label.hasPrefix(start) ? String(label.dropFirst(start.count)) : label
  }
}
