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
  /// The embedding's tensor, where there is exactly one candidate.
  let embedding: String?
  /// The head's tensor, also where the checkpoint lacks it because it is tied; `nil` for a model
  /// without one.
  let head: String?
  let isTied: Bool

  init(_ checkpoint: Checkpoint) {
    let config = checkpoint.config
    // The layout knows which tensor is tied to which; names are for architectures without one.
    let known = Self.tiedPair(in: checkpoint)
    func module(_ name: String) -> String? {
      let parts = name.split(separator: ".")
      return parts.last == "weight" ? parts.dropLast().last.map(String.init) : nil
    }
    let candidates = checkpoint.names.filter { name in
      module(name).map(Self.embeddingModules.contains) ?? false
        && checkpoint.info(name)?.shape.rank == 2
    }
    embedding = known?.embedding ?? (candidates.count == 1 ? candidates.first : nil)
    let kind = config["model_type"]?.string
    let own =
      known?.storedHead
      ?? checkpoint.names.first { name in
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
    head = own ?? known?.head ?? (generates ? "lm_head.weight" : nil)
    // The config's word, else the class default, else whether there is a head.
    isTied =
      embedding != nil
      && (Self.word(config) ?? kind.flatMap(Blueprint.named)?.tiesWordEmbeddingsByDefault
        ?? (own == nil))
  }

  /// The head that the architecture's layout ties to an embedding, and that embedding, under the
  /// names that the checkpoint has for them; `nil` for architectures without a layout, and for those
  /// whose layout ties no head.
  private static func tiedPair(
    in checkpoint: Checkpoint
  ) -> (embedding: String?, head: String, storedHead: String?)? {
    let tensors = ModelLayout.known(checkpoint.config)?.modules.flatMap(\.tensors) ?? []
    func stored(_ name: String) -> String? {
      let aliases = tensors.first { $0.name == name }?.aliases ?? []
      return ([name] + aliases).first { checkpoint.info($0) != nil }
    }
    let head = tensors.first {
      $0.stage == .after && $0.vocabularyAxis != nil && !$0.tiedNames.isEmpty
        && $0.name.hasSuffix(".weight")
    }
    return head.map { head in
      (head.tiedNames.lazy.compactMap(stored).first, head.name, stored(head.name))
    }
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
