// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents

/// A model that takes part in a merge.
struct InputModel {
  let reference: ModelReference
  let name: String
  let checkpoint: Checkpoint

  init(_ reference: ModelReference, _ checkpoint: Checkpoint) {
    self.reference = reference
    name = reference.description
    self.checkpoint = checkpoint
  }

  /// The config, with the architecture that the recipe says.
  var config: JSON {
    var config = checkpoint.config
    if let architecture = reference.architecture {
      config["architectures"] = [.string(architecture)]
    }
    return config
  }

  /// Whether its tensors are changes of the base of the merge.
  var isDifference: Bool { reference.difference != nil }

  func has(_ tensor: String) -> Bool { checkpoint.info(tensor) != nil }

  /// Classes that share embedding and head where `config.json` does not say.
  private static let tyingTypes: Set<String> = [
    "bert", "cohere", "cohere2", "falcon", "gemma", "gemma2", "gemma3", "gemma3_text", "gpt2",
    "roberta", "t5", "xlm-roberta",
  ]

  /// Whether the config, or else the class, says that the head is the embedding; `nil` where
  /// neither does.
  var tiesHead: Bool? {
    let config = checkpoint.config
    if let flag = config["tie_word_embeddings"]?.bool { return flag }
    if let flag = config["text_config"]?["tie_word_embeddings"]?.bool { return flag }
    guard let type = config["model_type"]?.string else { return nil }
    if let blueprint = Blueprint.named(type) { return blueprint.tiesWordEmbeddingsByDefault }
    return Self.tyingTypes.contains(type) ? true : nil
  }

  /// How many tokens the config says there are.
  var vocabularySize: Int? {
    checkpoint.config["vocab_size"]?.int ?? checkpoint.config["text_config"]?["vocab_size"]?.int
  }
}

/// One tensor of a layout, in one layer.
struct TensorSlot {
  var name: String
  var stage: ModelLayout.Stage
  var isOptional: Bool
  var aliases: [String] = []
  var tiedNames: [String] = []
  var vocabularyAxis: Int?
  var parts: [String] = []
  /// Whether the layout does not name it.
  var isStranger = false

  /// Whether it stands behind the layers or is a head by its name, so that the config says whether
  /// it is tied; an embedding that is absent is tied whatever the config says.
  var isHead: Bool { stage == .after || name.hasSuffix("lm_head.weight") }
}

/// Where a model has the tensor of a slot.
enum TensorHome: Equatable {
  case stored(String)
  /// Another tensor of the model does its work.
  case tied(String)
  /// Experts that lie one by one and are stacked, in this order; `rows` first, then experts.
  case assembled([[String]])
}

extension InputModel {
  /// Finds the tensor of a slot: by its name and its aliases, by tensors it is tied to, or
  /// assembled of its parts.
  func home(of slot: TensorSlot) -> TensorHome? {
    let stored = ([slot.name] + slot.aliases).first(where: has)
    let tied = slot.tiedNames.first(where: has)
    if let tied {
      // A head beside a config that ties it is one that no loader reads.
      if slot.isHead {
        if tiesHead ?? (stored == nil) { return .tied(tied) }
      } else if stored == nil {
        return .tied(tied)
      }
    }
    if let stored { return .stored(stored) }
    guard !slot.parts.isEmpty else { return nil }
    var experts: [[String]] = []
    while true {
      let names = slot.parts.map { $0.filling("{expert}", with: experts.count) }
      guard names.allSatisfy(has) else { break }
      experts.append(names)
      // A name without `{expert}` would be found for ever.
      if names == slot.parts { break }
    }
    return experts.isEmpty ? nil : .assembled(experts)
  }

  /// The elements of a tensor at its home.
  func source(of home: TensorHome) throws(CheckpointError) -> TensorSource {
    switch home {
    case .stored(let name), .tied(let name): return try checkpoint.source(name)
    case .assembled(let experts):
      var parts: [TensorSource] = []
      for expert in experts {
        for name in expert { parts.append(try checkpoint.source(name)) }
      }
      return try StackedReader.source(
        parts, experts: experts.count, origin: checkpoint.origin, named: experts[0][0])
    }
  }
}
