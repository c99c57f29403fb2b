// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Models
import Tokenization

@testable import Generation

enum Support {
  /// A byte-level tokenizer with a token for every byte (or for those of `characters`, in their
  /// order), then the merges, then `<|end|>`.
  static func tokenizer(
    characters: String? = nil, merges: [([UInt8], [UInt8])] = []
  ) throws -> Tokenizer {
    // The characters of GPT-2 for bytes.
    var others: UInt32 = 0
    let alphabet = (0..<256).map { byte -> String in
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return String(UnicodeScalar(UInt8(byte)))
      default:
        defer { others += 1 }
        return String(Unicode.Scalar(0x100 + others) ?? " ")
      }
    }
    let bytes = characters.map { Array($0.utf8).map(Int.init) } ?? Array(0..<256)
    var vocabulary = JSONObject()
    for byte in bytes { vocabulary[alphabet[byte]] = JSON(vocabulary.count) }
    func spelled(_ bytes: [UInt8]) -> String { bytes.map { alphabet[Int($0)] }.joined() }
    var rules: [JSON] = []
    for (left, right) in merges {
      rules.append([JSON(spelled(left)), JSON(spelled(right))])
      vocabulary[spelled(left + right)] = JSON(vocabulary.count)
    }
    let end = vocabulary.count
    let byteLevel: JSON = [
      "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false,
    ]
    return try Tokenizer(
      json: [
        "version": "1.0", "truncation": nil, "padding": nil,
        "added_tokens": [
          [
            "id": JSON(end), "content": "<|end|>", "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false, "special": true,
          ]
        ],
        "normalizer": nil, "pre_tokenizer": byteLevel, "post_processor": nil,
        "decoder": byteLevel,
        "model": [
          "type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil,
          "end_of_word_suffix": nil, "fuse_unk": false, "byte_fallback": false,
          "vocab": .object(vocabulary), "merges": JSON(rules),
        ],
      ], roles: .init(eos: "<|end|>"), origin: "a tokenizer in memory")
  }

  #if MLX
    /// 60 bytes for the 61 rows of the tiny models of Tests/Golden/models: letters, a space, a line
    /// feed, the bytes of é, and `<|end|>`.
    static func generator(_ model: String = "llama-plain") throws -> TextGenerator {
      let letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01.,é \n"
      let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Golden/models/\(model)")
      return try TextGenerator(
        model: Model(Checkpoint.open(directory: folder.path)),
        tokenizer: tokenizer(characters: letters))
    }
  #endif
}
