// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Testing

@testable import Corpora

/// The reader of fastText's files against fastText (Tests/Golden/identification), and the trainer.
struct LanguageIdentifierTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Golden/identification")

  static let golden: JSON = {
    let file = folder.appending(path: "golden.json")
    return (try? JSON.parse(Data(contentsOf: file), origin: file.path)) ?? .null
  }()

  private func data(_ name: String) throws -> Data {
    try Data(contentsOf: Self.folder.appending(path: name))
  }

  private func check(_ name: String, _ texts: JSON?, _ predictions: JSON?) throws {
    let identifier = try LanguageIdentifier(path: Self.folder.appending(path: name).path)
    let texts = try #require(texts?.array).compactMap(\.string)
    let expected = try #require(predictions?.array)
    #expect(texts.count == expected.count && !texts.isEmpty)
    for (text, expected) in zip(texts, expected) {
      let found = try identifier.predict(text, count: 4)
      let pairs = (expected.array ?? []).compactMap { pair -> (String, Double)? in
        guard let label = pair.array?.first?.string, let value = pair.array?.last?.double else {
          return nil
        }
        return (LanguageIdentifier.plain(label), value)
      }
      // fastText leaves out what its tree finds less probable than 10⁻⁵.
      #expect(found.count >= pairs.count, "\(text.debugDescription)")
      for extra in found.dropFirst(pairs.count) {
        #expect(!pairs.isEmpty && extra.probability < 2e-5)
      }
      for (label, value) in pairs {
        let own = try identifier.probability(of: label, in: text)
        #expect(abs(own - min(1, value)) <= 1e-5, "\(text.debugDescription) \(label)")
      }
      // Equal probabilities may come in either order.
      for (a, b) in zip(found, pairs) { #expect(abs(a.probability - min(1, b.1)) <= 1e-5) }
    }
  }

  @Test(arguments: [
    "softmax.bin", "hierarchical.bin", "both.bin", "words.bin", "negative.bin", "one-vs-all.bin",
    "pruned.ftz", "plain.ftz",
  ])
  func `predictions equal those of fastText`(name: String) throws {
    try check(name, Self.golden["texts"], Self.golden["models"]?[name])
  }

  @Test func `predictions with a quantised output layer equal those of fastText`() throws {
    try check(
      "output.ftz", Self.golden["output"]?["texts"], Self.golden["output"]?["predictions"])
  }

  @Test(arguments: ["softmax.bin", "both.bin", "pruned.ftz", "output.ftz"])
  func `a file cut anywhere is an error`(name: String) throws {
    let whole = try data(name)
    for length in Set((0..<200).map { $0 * whole.count / 200 } + Array(0..<min(120, whole.count))) {
      #expect(throws: CorpusError.self) {
        try LanguageIdentifier(whole.prefix(length), path: "x")
      }
    }
    #expect(throws: CorpusError.self) { try LanguageIdentifier(whole + [0], path: "x") }
  }

  @Test(arguments: ["softmax.bin", "both.bin", "pruned.ftz", "plain.ftz", "output.ftz"])
  func `a file with any byte changed is read within its bounds or refused`(name: String) throws {
    let whole = try data(name)
    var random = SeededRandom(seed: 8, name: name)
    var refused = 0
    for _ in 0..<400 {
      var damaged = whole
      // Most in the header and dictionary, where lengths are.
      let limit = random.chance(0.7) ? min(700, whole.count) : whole.count
      for _ in 0...random.below(3) {
        let values: [UInt8] = [0, 1, 127, 128, 255, UInt8(random.below(256))]
        damaged[random.below(limit)] = random.pick(values)
      }
      do throws(CorpusError) {
        let identifier = try LanguageIdentifier(damaged, path: "x")
        for text in ["kalomi turenðar", "", "при ве", "w7 v1 u2"] {
          for prediction in try identifier.predict(text, count: 9) {
            #expect((0...1).contains(prediction.probability))
          }
        }
      } catch { refused += 1 }
    }
    #expect(refused > 50)
  }

  @Test func `numbers of a header that cannot be are named`() throws {
    let whole = try data("softmax.bin")
    func changed(_ offset: Int, _ value: Int32) -> Data {
      var copy = whole
      withUnsafeBytes(of: value.littleEndian) { bytes in
        copy.replaceSubrange(offset..<offset + 4, with: bytes)
      }
      return copy
    }
    // Offsets of the fields in the header.
    for (offset, value, word) in [
      (0, 7, "does not begin"), (4, 13, "version"), (8, 0, "dimension"), (8, 1 << 29, "dimension"),
      (28, -1, "word n-grams"), (32, 9, "loss"), (36, 2, "word vectors"), (40, -5, "buckets"),
      (40, 0, "buckets"), (44, -1, "shortest"), (48, 1 << 30, "longest"), (64, 0, "entries"),
      (68, -1, "words"), (72, 0, "labels"),
    ] as [(Int, Int32, String)] {
      do {
        _ = try LanguageIdentifier(changed(offset, value), path: "model.bin")
        Issue.record("accepted \(value) at \(offset)")
      } catch {
        guard case .identifier(let path, _, let problem) = error else { throw error }
        #expect(path == "model.bin" && problem.contains(word), "\(problem)")
      }
    }
  }

  @Test func `a weight that is not finite is refused`() throws {
    var damaged = try data("softmax.bin")
    damaged.replaceSubrange(damaged.count - 4..<damaged.count, with: [0, 0, 0xC0, 0x7F])
    #expect(throws: CorpusError.self) { try LanguageIdentifier(damaged, path: "x") }
  }

  @Test func `a file that is missing, a folder and a text file are told`() throws {
    #expect(throws: CorpusError.missingFile("/nowhere/x.bin")) {
      try LanguageIdentifier(path: "/nowhere/x.bin")
    }
    #expect(throws: CorpusError.self) { try LanguageIdentifier(path: Self.folder.path) }
    #expect(throws: CorpusError.self) {
      try LanguageIdentifier(path: Self.folder.appending(path: "lines.txt").path)
    }
  }

  @Test func `a language is found by its label or by the only one that continues it`() throws {
    let identifier = try LanguageIdentifier(data("softmax.bin"), path: "x")
    #expect(try identifier.label(for: "qab") == "qab")
    #expect(
      throws: CorpusError.unknownLanguage("qax", path: "x", known: identifier.labels)
    ) { try identifier.label(for: "qax") }
  }

  // MARK: the trainer

  private func lines() throws -> [(label: String, lines: [String])] {
    let text = try String(contentsOf: Self.folder.appending(path: "lines.txt"), encoding: .utf8)
    var lines: [String: [String]] = [:]
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: " ", maxSplits: 1)
      lines[LanguageIdentifier.plain(String(parts[0])), default: []].append(String(parts[1]))
    }
    return lines.sorted { $0.key < $1.key }.map { (label: $0.key, lines: $0.value) }
  }

  private var small: LanguageIdentifierSettings {
    var settings = LanguageIdentifierSettings()
    settings.dimension = 8
    settings.buckets = 500
    settings.linesPerLanguage = 60
    settings.epochs = 4
    return settings
  }

  @Test func `a trained identifier knows languages by words it has not seen`() throws {
    let identifier = try LanguageIdentifier(
      LanguageIdentifierTrainer.train(lines(), settings: small), path: "trained")
    #expect(Set(identifier.labels) == ["qaa", "qab", "qac", "qad"])
    for (text, label) in [
      ("turlo ðarka enmilo", "qaa"), ("wachi zinaku", "qab"), ("веско марзна", "qac"),
      ("ழ்வானகு", "qad"),
    ] {
      let best = try #require(try identifier.predict(text).first)
      #expect(best.label == label && best.probability > 0.5)
    }
  }

  @Test func `training is a function of lines and settings, not of the order of languages`() throws
  {
    let lines = try lines()
    let first = try LanguageIdentifierTrainer.train(lines, settings: small)
    #expect(try LanguageIdentifierTrainer.train(lines.reversed(), settings: small) == first)
    var other = small
    other.seed = 1
    #expect(try LanguageIdentifierTrainer.train(lines, settings: other) != first)
  }

  @Test func `training refuses what cannot be`() throws {
    func fails(
      _ languages: [(label: String, lines: [String])],
      _ change: (inout LanguageIdentifierSettings) -> Void = { _ in }
    ) {
      var settings = small
      change(&settings)
      #expect(throws: CorpusError.self) {
        try LanguageIdentifierTrainer.train(languages, settings: settings)
      }
    }
    let good = [(label: "a", lines: ["x y"]), (label: "b", lines: ["z"])]
    fails([good[0]])
    fails([good[0], good[0]])
    fails([good[0], (label: "b c", lines: ["z"])])
    fails([good[0], (label: "b", lines: [])])
    fails(good) { $0.dimension = 0 }
    fails(good) { $0.longest = 1 }
    fails(good) { $0.learningRate = .nan }
    fails(good) { $0.cutShare = 2 }
  }
}
