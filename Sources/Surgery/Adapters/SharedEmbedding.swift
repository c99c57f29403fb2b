// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents

/// Which tensor of a model is its input embedding, which its output head, and whether the head is
/// the embedding.
struct SharedEmbedding: Sendable {
  /// The last parts of the names of embedding modules that a head may share.
  static let embeddingModules: Set<String> = [
    "embed_tokens", "wte", "word_embeddings", "embed_in", "shared", "tok_embeddings",
    "embeddings",
  ]
  /// The last parts of the names of head modules.
  static let headModules: Set<String> = ["lm_head", "embed_out", "output", "proj_out"]
  /// Models whose head is not called `lm_head`.
  private static let heads = ["gpt_neox": "embed_out.weight", "whisper": "proj_out.weight"]

  /// The embedding's tensor, where there is exactly one candidate.
  let embedding: String?
  /// The head's tensor, also where the checkpoint lacks it because it is tied; `nil` for a model
  /// without one.
  let head: String?
  let isTied: Bool

  init(_ checkpoint: Checkpoint) {
    let config = checkpoint.config
    func module(_ name: String) -> String? {
      let parts = name.split(separator: ".")
      return parts.last == "weight" ? parts.dropLast().last.map(String.init) : nil
    }
    let candidates = checkpoint.names.filter { name in
      module(name).map(Self.embeddingModules.contains) ?? false
        && checkpoint.info(name)?.shape.rank == 2
    }
    embedding = candidates.count == 1 ? candidates.first : nil
    let kind = config["model_type"]?.string
    let own =
      checkpoint.names.first { name in
        let parts = name.split(separator: ".")
        return parts.count <= 2 && module(name).map(Self.headModules.contains) ?? false
      } ?? checkpoint.names.first { $0.hasSuffix(".lm_head.weight") }
    let architectures = (config["architectures"]?.array ?? []).compactMap(\.string)
    let generates =
      architectures.contains { name in
        ["CausalLM", "LMHead", "ConditionalGeneration"].contains { name.contains($0) }
      }
      || (architectures.isEmpty
        && (kind.flatMap(Blueprint.named) != nil || Self.word(config) == true))
    head = own ?? (generates ? kind.flatMap { Self.heads[$0] } ?? "lm_head.weight" : nil)
    // The config's word, else the class default, else whether there is a head.
    isTied =
      embedding != nil
      && (Self.word(config) ?? kind.flatMap(Blueprint.named)?.tiesWordEmbeddingsByDefault
        ?? (own == nil))
  }

  /// Whether the embedding serves a head that cannot be named, as in masked language models.
  func isSharedWithUnknownHead(_ config: JSON) -> Bool {
    guard isTied, head == nil else { return false }
    return (config["architectures"]?.array ?? []).compactMap(\.string).contains {
      $0.contains("MaskedLM") || $0.contains("PreTraining")
    }
  }

  private static func word(_ config: JSON) -> Bool? {
    config["tie_word_embeddings"]?.bool ?? config["text_config"]?["tie_word_embeddings"]?.bool
  }

  /// `config` with the head untied, or with another number of tokens, also in a part for text.
  static func changing(_ config: JSON, untie: Bool, tokenCount: Int?) -> JSON {
    var config = config
    func change(_ object: JSON, isTop: Bool) -> JSON {
      var object = object
      if untie, isTop || object["tie_word_embeddings"] != nil {
        object["tie_word_embeddings"] = false
      }
      if let tokenCount, object["vocab_size"] != nil { object["vocab_size"] = JSON(tokenCount) }
      return object
    }
    if let text = config["text_config"], text.object != nil {
      config["text_config"] = change(text, isTop: false)
    }
    return change(config, isTop: true)
  }
}
