// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tokenization

/// A tokenizer.json as a table of tokens, of any kind of model: to align vocabularies it is enough to
/// know which token has which id.
struct TokenizerDocument {
  /// A token with its place.
  struct Entry {
    let text: String
    let id: Int
    /// The object in `added_tokens`; `nil` for a token of the model.
    let added: JSON?
  }

  private(set) var json: JSON
  let origin: String
  /// By id; a token that the model and `added_tokens` both have is an added one.
  private(set) var entries: [Entry] = []
  /// Token to id, told apart by bytes.
  private var ids = JSONObject()

  init(_ json: JSON, origin: String) {
    self.json = json
    self.origin = origin
    readEntries()
  }

  /// The tokenizer of a checkpoint; `nil` where it has none.
  init?(_ checkpoint: Checkpoint) throws(MergeError) {
    let files = checkpoint.tokenizerFiles
    func file(_ name: String) -> Checkpoint.CompanionFile? { files.first { $0.name == name } }
    do {
      if let file = file("tokenizer.json") {
        let origin = "\(checkpoint.origin)/tokenizer.json"
        self.init(try JSON.parse(try file.bytes(), origin: origin), origin: origin)
      } else if file("merges.txt") != nil, let folder = file("vocab.json")?.folder {
        let tokenizer = try Tokenizer.load(directory: folder)
        self.init(tokenizer.json, origin: "\(checkpoint.origin)/vocab.json")
      } else if let folder = file("tokenizer.model")?.folder {
        // SentencePiece, or the ranks of tiktoken under that name.
        let tokenizer = try Tokenizer.load(directory: folder)
        self.init(tokenizer.json, origin: "\(checkpoint.origin)/tokenizer.model")
      } else {
        return nil
      }
    } catch let error as MergeError {
      throw error
    } catch let error as any Diagnosed {
      throw .operation(error.diagnosis)
    } catch {
      preconditionFailure("an error of an unknown type: \(error)")
    }
    try checkIDs()
  }

  /// How many ids may be without a token: tables have a row for every id.
  private static let gapLimit = 1_000_000

  /// Ids are rows, so they begin at 0 and are not much larger than there are tokens.
  private func checkIDs() throws(MergeError) {
    let limit = entries.count + Self.gapLimit
    guard let wrong = entries.first(where: { !(0..<limit).contains($0.id) }) else { return }
    throw .operation(
      Diagnosis(
        what: "The token `\(wrong.text)` has the id \(wrong.id); expected 0 to \(limit - 1).",
        where: origin, next: "The file is damaged; fetch it again."))
  }

  /// The model's kind: `BPE`, `Unigram`, `WordPiece`, `WordLevel`.
  var kind: String {
    if let type = json["model"]?["type"]?.string { return type }
    return json["model"]?["merges"] != nil ? "BPE" : "an unknown kind"
  }

  /// One more than the largest id.
  var size: Int { (entries.last?.id ?? -1) + 1 }

  func id(of token: String) -> Int? { ids[token]?.int }

  private mutating func readEntries() {
    entries = []
    ids = JSONObject()
    var added: [Entry] = []
    for token in json["added_tokens"]?.array ?? [] {
      guard let id = token["id"]?.int, let text = token["content"]?.string else { continue }
      added.append(Entry(text: text, id: id, added: token))
      ids[text] = JSON(id)
    }
    let vocabulary = json["model"]?["vocab"]
    var own: [Entry] = []
    for (text, value) in vocabulary?.object?.members ?? [] {
      guard let id = value.int, ids[text] == nil else { continue }
      own.append(Entry(text: text, id: id, added: nil))
    }
    for (id, piece) in (vocabulary?.array ?? []).enumerated() {
      guard let text = piece.array?.first?.string, ids[text] == nil else { continue }
      own.append(Entry(text: text, id: id, added: nil))
    }
    for entry in own { ids[entry.text] = JSON(entry.id) }
    entries = (own + added).sorted { $0.id < $1.id }
  }

  /// Merges as pairs.
  var merges: [(left: String, right: String)] {
    (json["model"]?["merges"]?.array ?? []).compactMap { merge in
      if let pair = merge.array, pair.count == 2, let left = pair[0].string,
        let right = pair[1].string
      {
        return (left, right)
      }
      let parts = merge.string?.split(separator: " ", omittingEmptySubsequences: false) ?? []
      return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
    }
  }

  /// Without tokens whose ids a model of `limit` rows does not have, and merges that need them.
  func stripped(to limit: Int) throws(MergeError) -> TokenizerDocument {
    let surplus = entries.filter { $0.id >= limit }
    guard !surplus.isEmpty else { return self }
    var gone = JSONObject()
    for entry in surplus { gone[entry.text] = true }
    var json = json
    json["added_tokens"] = JSON(
      (json["added_tokens"]?.array ?? []).filter { ($0["id"]?.int ?? 0) < limit })
    if surplus.contains(where: { $0.added == nil }) {
      guard kind == "BPE", let vocabulary = json["model"]?["vocab"]?.object else {
        throw .operation(
          Diagnosis(
            what:
              "The tokenizer has \(size) tokens, the model \(limit), and tokens cannot be taken "
              + "from a tokenizer of the kind \(kind).",
            where: origin, next: "Name the tokenizer of another model as `source`."))
      }
      var kept = JSONObject()
      for (text, id) in vocabulary.members where gone[text] == nil { kept[text] = id }
      json["model"]?["vocab"] = .object(kept)
      let rules = json["model"]?["merges"]?.array ?? []
      let left = zip(rules, merges).filter { _, pair in
        [pair.left, pair.right, pair.left + pair.right].allSatisfy { gone[$0] == nil }
      }
      json["model"]?["merges"] = JSON(left.map(\.0))
    }
    return TokenizerDocument(json, origin: origin)
  }

  /// With tokens that are searched in the text before anything else; those it has are skipped.
  func adding(_ tokens: [JSON]) -> TokenizerDocument {
    var added = json["added_tokens"]?.array ?? []
    var seen = JSONObject()
    var next = size
    for var token in tokens {
      guard let text = token["content"]?.string, id(of: text) == nil, seen[text] == nil else {
        continue
      }
      seen[text] = true
      token["id"] = JSON(next)
      added.append(token)
      next += 1
    }
    var json = json
    json["added_tokens"] = JSON(added)
    return TokenizerDocument(json, origin: origin)
  }

  /// With tokens and merges of the model, after those it has.
  func adding(
    model tokens: [String], merges new: [(left: String, right: String)]
  ) -> TokenizerDocument {
    var json = json
    var vocabulary = json["model"]?["vocab"]?.object ?? JSONObject()
    var next = size
    for token in tokens {
      vocabulary[token] = JSON(next)
      next += 1
    }
    // An added token that the model lacks gets the id after the model's last from every reader; one
    // that stands before them must be among them to keep its own.
    for entry in entries where entry.added != nil && vocabulary[entry.text] == nil {
      vocabulary[entry.text] = JSON(entry.id)
    }
    let old = json["model"]?["merges"]?.array ?? []
    let isText = old.first?.string != nil
    json["model"]?["vocab"] = .object(vocabulary)
    json["model"]?["merges"] = JSON(
      old
        + new.map { pair in
          isText
            ? JSON("\(pair.left) \(pair.right)") : JSON([JSON(pair.left), JSON(pair.right)])
        })
    return TokenizerDocument(json, origin: origin)
  }

  /// The file.
  var file: Checkpoint.CompanionFile {
    .init(name: "tokenizer.json", contents: Array((json.serialized(pretty: true) + "\n").utf8))
  }
}
