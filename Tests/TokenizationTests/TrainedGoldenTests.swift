// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Testing

@testable import Tokenization

/// Trainers over characters against what `Tests/Golden/tokenization/check_trained.py` wrote.
@Suite struct TrainedGoldenTests {
  let golden: GoldenData
  let expected: JSON

  init() throws {
    golden = try GoldenData()
    expected = try Tokenizer.parse("\(GoldenData.folder)/trained-ids.json")
  }

  private func stored(_ name: String) throws -> JSON {
    try Tokenizer.parse("\(GoldenData.folder)/trained-\(name).json")
  }

  @Test func `BPE with byte fallback learns what the reference's trainer learns`() throws {
    var trainer = BPETrainer.byteFallback(vocabularySize: 600)
    trainer.alphabet = .characters(coverage: 1)
    let trained = try trainer.train(golden.corpus)
    let stored = try stored("fallback")
    #expect(trained.json["model"] == stored["model"])
    #expect(trained.json["normalizer"] == stored["normalizer"])
    #expect(trained.json["decoder"] == stored["decoder"])
    #expect(stored["model"]?["merges"]?.array?.count == expected["merges"]?.int)
  }

  @Test func `Unigram training gives the stored pieces and scores`() throws {
    let trained = try UnigramTrainer(vocabularySize: 600).train(golden.corpus).json
    let ours = trained["model"]?["vocab"]?.array ?? []
    let theirs = try stored("unigram")["model"]?["vocab"]?.array ?? []
    #expect(ours.count == 600 && theirs.count == 600)
    for (a, b) in zip(ours, theirs) {
      #expect(a.array?.first?.string == b.array?.first?.string)
      // Another C library's exp and log may differ in the last bit.
      let scores = (a.array?.last?.double ?? 0, b.array?.last?.double ?? 1)
      #expect(abs(scores.0 - scores.1) < 1e-9)
    }
  }

  @Test(arguments: ["fallback", "unigram"])
  func `trained tokenizers have the reference's ids and text`(name: String) throws {
    let tokenizer = try Tokenizer(json: stored(name))
    let ids = expected[name]?["ids"]?.array ?? []
    let decoded = GoldenData.strings(expected[name]?["decoded"])
    #expect(ids.count == golden.texts.count && decoded.count == golden.texts.count)
    for (index, text) in golden.texts.enumerated() {
      let ours = tokenizer.encode(text)
      #expect(ours == GoldenData.ids(ids[index]), "\(text.unicodeScalars.map(\.value))")
      let back = tokenizer.decode(ours, skipSpecialTokens: false)
      #expect(Array(back.utf8) == Array(decoded[index].utf8))
    }
  }
}
