// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents

extension Merge {
  /// Refuses models in whose tokenizers one id means different tokens: their embeddings do not
  /// belong together row by row.
  ///
  /// A token that only one of them has is no conflict (fine-tuned models add some). Models without
  /// a `tokenizer.json` are trusted. Cost: one read a file; nothing is parsed where the bytes agree.
  static func checkTokenizers(_ models: [Checkpoint]) throws(MergeError) {
    do throws(CheckpointError) {
      var first: (model: Checkpoint, bytes: [UInt8])?
      for model in models {
        guard let file = model.tokenizerFiles.first(where: { $0.name == "tokenizer.json" }) else {
          continue
        }
        let bytes = try file.bytes()
        guard let known = first else {
          first = (model, bytes)
          continue
        }
        if known.bytes == bytes { continue }
        let left = try tokens(known.bytes, of: known.model)
        let right = try tokens(bytes, of: model)
        for (id, token) in left.sorted(by: { $0.key < $1.key }) {
          guard let other = right[id], other != token else { continue }
          throw .operation(
            Diagnosis(
              what: "The models have different tokenizers: the id \(id) means `\(token)` and "
                + "`\(other)`.",
              where: "\(known.model.origin) and \(model.origin)",
              next: "\(MergeError.vocabularyAdvice) Merged by row, unrelated tokens would mix."))
        }
      }
    } catch {
      throw .checkpoint(error)
    }
  }

  /// Tokens by id: those of the model, an object or (Unigram) a list, and the added ones.
  private static func tokens(
    _ bytes: [UInt8], of model: Checkpoint
  ) throws(CheckpointError) -> [Int: String] {
    let json: JSON
    do { json = try JSON.parse(bytes, origin: "\(model.origin)/tokenizer.json") } catch {
      throw .operation(error.diagnosis)
    }
    var tokens: [Int: String] = [:]
    for (token, id) in json["model"]?["vocab"]?.object?.members ?? [] {
      if let id = id.int { tokens[id] = token }
    }
    for (id, piece) in (json["model"]?["vocab"]?.array ?? []).enumerated() {
      tokens[id] = piece.array?.first?.string
    }
    for added in json["added_tokens"]?.array ?? [] {
      if let id = added["id"]?.int { tokens[id] = added["content"]?.string }
    }
    return tokens
  }
}
