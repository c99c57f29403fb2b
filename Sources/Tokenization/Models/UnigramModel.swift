// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// The unigram language model: of all ways to cut a word into pieces the one whose scores add up to
/// the most; where two are equal, the one found first from the left.
///
/// A character that no piece begins with alone costs ten less than the worst score. Neighbouring
/// unknown characters become one unknown token, or are written as the tokens of their bytes where
/// the model falls back to bytes and has them all.
///
/// **Source**: Kudo 2018, arXiv:1804.10959; the search, the penalty and the fusing as in Hugging Face
/// tokenizers. **Departs**: without an unknown token, unknown characters are dropped; Hugging Face
/// fails there.
struct UnigramModel: TokenModel {
  static let typeName = "Unigram"

  /// Log-probabilities by id.
  let scores: [Double]
  let unknownID: Int32?
  let fallsBackToBytes: Bool
  let vocabulary: Vocabulary
  /// Sums in single precision, as the sentencepiece library does; tokenizer.json cannot say it.
  let usesSinglePrecision: Bool

  private let trie: ByteTrie
  private let byteTokens: ByteTokens
  private let unknownScore: Double

  init(
    scores: [Double], unknownID: Int32?, fallsBackToBytes: Bool, vocabulary: Vocabulary,
    unmatched: Set<Int32> = [], usesSinglePrecision: Bool = false
  ) {
    self.scores = scores
    self.unknownID = unknownID
    self.fallsBackToBytes = fallsBackToBytes
    self.vocabulary = vocabulary
    self.usesSinglePrecision = usesSinglePrecision
    var trie = ByteTrie()
    var least = Double.infinity
    for id in scores.indices where !unmatched.contains(Int32(id)) {
      trie.insert(vocabulary.tokens[id].utf8, value: Int32(id))
      least = min(least, scores[id])
    }
    self.trie = trie
    byteTokens = ByteTokens(vocabulary)
    unknownScore = usesSinglePrecision ? Double(Float(least) - 10) : least - 10
  }

  var unknownToken: String? { unknownID.map { vocabulary.tokens[Int($0)] } }

  func encode(_ word: ArraySlice<UInt8>, into ids: inout [Int32], scratch: inout ModelScratch) {
    search(word, &scratch)
    let excluded = scratch.excluded
    // Backwards along the best path; runs of unknown pieces are one.
    let first = ids.count
    var end = word.count
    var unknownEnd: Int?
    func flushUnknown(from start: Int) {
      guard let stop = unknownEnd else { return }
      unknownEnd = nil
      let piece = word[(word.startIndex + start)..<(word.startIndex + stop)]
      appendUnknown(piece, excluded, to: &ids)
    }
    while end > 0 {
      let step = scratch.path[end]
      if step.id == (unknownID ?? -1) {
        unknownEnd = unknownEnd ?? end
      } else {
        flushUnknown(from: end)
        ids.append(step.id)
      }
      end = Int(step.start)
    }
    flushUnknown(from: 0)
    ids[first...].reverse()
  }

  /// Appended in reverse, like all ids of the word.
  private func appendUnknown(
    _ piece: ArraySlice<UInt8>, _ excluded: Set<Int32>, to ids: inout [Int32]
  ) {
    // Fused characters may happen to be a piece that the search passed over.
    if let id = vocabulary.ownID(of: piece), !excluded.contains(id) {
      ids.append(id)
      return
    }
    let start = ids.count
    if fallsBackToBytes, byteTokens.append(piece, to: &ids) {
      ids[start...].reverse()
    } else if let unknownID {
      ids.append(unknownID)
    }
  }

  /// Fills `scratch.path` with the best last step to each place that pieces reach.
  private func search(_ word: ArraySlice<UInt8>, _ scratch: inout ModelScratch) {
    let count = word.count
    let base = word.startIndex
    let excludes = !scratch.excluded.isEmpty
    scratch.path.removeAll(keepingCapacity: true)
    scratch.path.append(contentsOf: repeatElement(UnigramStep(), count: count + 1))
    var start = 0
    while start < count {
      let lead = word[base + start]
      let length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
      let here = scratch.path[start].score
      var hasSingle = false
      var node = ByteTrie.root
      var position = start
      while position < count, let next = trie.child(of: node, word[base + position]) {
        node = next
        position += 1
        let id = trie.value(of: node)
        guard id >= 0, !excludes || !scratch.excluded.contains(id) else { continue }
        step(&scratch.path[position], start, id, sum(scores[Int(id)], here))
        if position - start == length { hasSingle = true }
      }
      if !hasSingle {
        step(&scratch.path[start + length], start, unknownID ?? -1, sum(unknownScore, here))
      }
      start += length
    }
  }

  @inline(__always)
  private func sum(_ a: Double, _ b: Double) -> Double {
    usesSinglePrecision ? Double(Float(a) + Float(b)) : a + b
  }

  @inline(__always)
  private func step(_ target: inout UnigramStep, _ start: Int, _ id: Int32, _ score: Double) {
    guard target.start < 0 || score > target.score else { return }
    target = UnigramStep(score: score, start: Int32(start), id: id)
  }

  func byteCount(of id: Int32, isFirst: Bool) -> Int? {
    if id == unknownID { return nil }
    let token = vocabulary.tokens[Int(id)]
    return fallsBackToBytes && ByteTokens.byte(of: token) != nil ? 1 : token.utf8.count
  }
}

/// The best way found to a place: the score of all pieces so far, where the last begins, its id.
struct UnigramStep: Sendable {
  var score = 0.0
  /// -1 where no piece ends.
  var start: Int32 = -1
  /// -1 for an unknown character of a model without unknown token.
  var id: Int32 = 0
}

extension UnigramModel {
  /// The model's part of tokenizer.json.
  struct Description: TokenModelDescription {
    var entries: [(token: String, id: Int)] = []
    var scores: [Double] = []
    var unknownID: Int?
    var fallsBackToBytes = false

    func model(
      _ vocabulary: Vocabulary, origin: String
    ) throws(TokenizationError) -> any TokenModel {
      UnigramModel(
        scores: scores, unknownID: unknownID.map { Int32($0) }, fallsBackToBytes: fallsBackToBytes,
        vocabulary: vocabulary)
    }
  }

  /// Reads the model's part of tokenizer.json: `vocab` is an array of pieces and scores.
  static func describe(
    _ reader: inout ComponentReader
  ) throws(TokenizationError) -> Description {
    var result = Description()
    for (id, entry) in try reader.array("vocab").enumerated() {
      guard let parts = entry.array, parts.count == 2, let piece = parts[0].string,
        let score = parts[1].double
      else {
        throw .wrongValue(
          path: "model.vocab[\(id)]", expected: "a piece and its finite score",
          found: entry.serialized(), origin: reader.origin)
      }
      result.entries.append((piece, id))
      result.scores.append(score)
    }
    if let value = reader.value("unk_id") {
      guard let id = value.int, result.entries.indices.contains(id) else {
        throw .wrongValue(
          path: "model.unk_id", expected: "null or an id below \(result.entries.count)",
          found: value.serialized(), origin: reader.origin)
      }
      result.unknownID = id
    }
    result.fallsBackToBytes = try reader.bool("byte_fallback", default: false)
    return result
  }

  var json: JSON {
    [
      "type": .string(Self.typeName), "unk_id": unknownID.map { JSON(Int($0)) } ?? .null,
      "vocab": .array(scores.indices.map { [.string(vocabulary.tokens[$0]), JSON(scores[$0])] }),
      "byte_fallback": .bool(fallsBackToBytes),
    ]
  }
}
