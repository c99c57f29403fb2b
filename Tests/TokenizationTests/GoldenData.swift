// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

@testable import Tokenization

/// What `Tests/Golden/tokenization/make_golden.py` wrote.
struct GoldenData {
  static let folder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Golden/tokenization").path

  let json: JSON
  let texts: [String]
  /// The training corpus, a text a line.
  let corpus: [String]

  init() throws {
    json = try Tokenizer.parse("\(Self.folder)/golden.json")
    texts = Self.strings(json["texts"])
    corpus = String(decoding: try Self.bytes("corpus.txt"), as: UTF8.self)
      .split(separator: "\n" as Character, omittingEmptySubsequences: false).map(String.init)
  }

  static func bytes(_ name: String) throws -> [UInt8] {
    try Tokenizer.contents("\(folder)/\(name)")
  }

  static func strings(_ json: JSON?) -> [String] { json?.array?.compactMap(\.string) ?? [] }

  static func ids(_ json: JSON) -> [Int32] {
    if let text = json.string { return text.split(separator: " ").compactMap { Int32($0) } }
    return json.array?.compactMap { $0.int.map(Int32.init) } ?? []
  }

  /// A tokenizer trained on the corpus as the script trains it.
  func trained(_ pattern: SplitPattern) throws -> Tokenizer {
    try BPETrainer(vocabularySize: 560, minimumFrequency: 2, pattern: pattern).train(corpus)
  }
}

/// The data folder with real tokenizers, or `nil` with a printed line when it is absent.
func dataFolder(for test: String) -> String? {
  let beside = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("shared/data").path
  let folder = ProcessInfo.processInfo.environment["KOINE_DATA"] ?? beside
  if FileManager.default.fileExists(atPath: "\(folder)/tokenizers") { return folder }
  print("skipped without the data folder: \(test)")
  return nil
}

/// The merges of a BPE tokenizer; none of another kind.
func merges(of tokenizer: Tokenizer) -> [(left: Int32, right: Int32)] {
  (tokenizer.model as? BPEModel)?.merges ?? []
}

/// A folder that is deleted when the value goes.
final class TemporaryFolder {
  let path = FileManager.default.temporaryDirectory
    .appendingPathComponent("koine-tokenization-\(UUID().uuidString)").path

  init() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ text: String, _ name: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
  }
}

/// A small generator for property tests; the seed goes into the test's message.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
