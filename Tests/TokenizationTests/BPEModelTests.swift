// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Tokenization

@Suite struct BPEModelTests {
  /// A model over the letters a–d with random merges that join to tokens.
  private func randomModel(_ random: inout SeededGenerator) throws -> BPEModel {
    var tokens = ["a", "b", "c", "d"]
    var merges: [(left: Int32, right: Int32)] = []
    while tokens.count < 40 {
      let left = Int.random(in: tokens.indices, using: &random)
      let right = Int.random(in: tokens.indices, using: &random)
      let joined = tokens[left] + tokens[right]
      if !tokens.contains(joined) { tokens.append(joined) }
      merges.append((Int32(left), Int32(right)))
    }
    let vocabulary = try Vocabulary(
      tokens.enumerated().map { ($0.element, $0.offset) }, origin: "test")
    return try BPEModel(
      vocabulary: vocabulary, merges: merges.shuffled(using: &random), origin: "test")
  }

  /// The definition, read aloud: the lowest rank anywhere, the leftmost place of it, join, repeat.
  private func defined(_ model: BPEModel, _ word: String) -> [String] {
    var symbols = word.map(String.init)
    while true {
      var best: (rank: Int, place: Int)?
      for place in symbols.indices.dropLast() {
        let rank = model.merges.firstIndex {
          model.vocabulary.tokens[Int($0.left)] == symbols[place]
            && model.vocabulary.tokens[Int($0.right)] == symbols[place + 1]
        }
        if let rank, rank < best?.rank ?? .max { best = (rank, place) }
      }
      guard let best else { return symbols }
      symbols[best.place] += symbols.remove(at: best.place + 1)
    }
  }

  @Test(arguments: 1...20)
  func `scanning, heap, and definition agree`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let model = try randomModel(&random)
    for length in [0, 1, 2, 3, 5, 9, 20, 64, 65, 90] {
      let word = String((0..<length).map { _ in "abcd".randomElement(using: &random) ?? "a" })
      var scanned = ModelScratch()
      scanned.symbols = word.compactMap { model.vocabulary.id(of: String($0)) }
      var heaped = scanned
      var ids: [Int32] = []
      model.mergeByScanning(&scanned)
      model.mergeByHeap(&heaped, into: &ids)
      #expect(scanned.symbols == ids, "seed \(seed), \(word)")
      let wanted = defined(model, word).compactMap { model.vocabulary.id(of: $0) }
      #expect(ids == wanted, "seed \(seed), \(word)")
      var encoded: [Int32] = []
      model.encode(Array(word.utf8)[...], into: &encoded, scratch: &scanned)
      #expect(encoded == wanted, "seed \(seed), \(word)")
    }
  }

  /// Searching the word for each merge would take 10¹² steps.
  @Test func `a word of a million equal letters is encoded`() throws {
    var random = SeededGenerator(seed: 3)
    let model = try randomModel(&random)
    var ids: [Int32] = []
    var scratch = ModelScratch()
    let word = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
    model.encode(word[...], into: &ids, scratch: &scratch)
    #expect(ids.reduce(0) { $0 + model.vocabulary.tokens[Int($1)].utf8.count } == word.count)
  }

  @Test func `unknown characters become the unknown token, fused where asked, or nothing`() throws {
    let vocabulary = try Vocabulary([(token: "<unk>", id: 0), (token: "a", id: 1)], origin: "test")
    func ids(_ unknown: String?, fuses: Bool) throws -> [Int32] {
      let model = try BPEModel(
        vocabulary: vocabulary, merges: [],
        options: .init(unknownToken: unknown, fusesUnknown: fuses), origin: "test")
      var result: [Int32] = []
      var scratch = ModelScratch()
      model.encode(Array("aéकaz".utf8)[...], into: &result, scratch: &scratch)
      return result
    }
    #expect(try ids(nil, fuses: false) == [1, 1])
    #expect(try ids("<unk>", fuses: false) == [1, 0, 0, 1, 0])
    #expect(try ids("<unk>", fuses: true) == [1, 0, 1, 0])
  }

  @Test func `ignoring merges takes a word that is a token whole`() throws {
    let vocabulary = try Vocabulary(
      ["a", "b", "ab", "abb"].enumerated().map { ($0.element, $0.offset) }, origin: "test")
    let model = try BPEModel(
      vocabulary: vocabulary, merges: [(0, 1)], options: .init(ignoresMerges: true),
      origin: "test")
    var ids: [Int32] = []
    var scratch = ModelScratch()
    model.encode(Array("abb".utf8)[...], into: &ids, scratch: &scratch)
    model.encode(Array("aab".utf8)[...], into: &ids, scratch: &scratch)
    #expect(ids == [3, 0, 2])
  }
}
