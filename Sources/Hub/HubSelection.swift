// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// What a model of the hub is needed for, which decides the files that are fetched.
public enum HubPurpose: Sendable, Hashable {
  /// Weights, config and tokenizer.
  case model
  /// An adapter's weights and config.
  case adapter
  /// Tokenizer, chat template and the model's config.
  case tokenizer
  /// What `koine statistics` has written of a model.
  case statistics
}

extension HubPurpose {
  /// The weights' usual file, for messages where none is there.
  var usualFile: String {
    switch self {
    case .model, .tokenizer: "model.safetensors"
    case .adapter: "adapter_model.safetensors"
    case .statistics: "statistics.safetensors"
    }
  }
}

/// Which files of a repository are needed: never two forms of the same weights, and nothing that
/// Koine does not read.
package enum HubSelection {
  private static let configs = ["config.json", "generation_config.json"]
  private static let tokenizers = [
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "vocab.txt", "merges.txt", "chat_template.jinja", "chat_template.json",
  ]
  private static let adapters = [
    "adapter_model.safetensors", "adapters.safetensors", "adapter_model.bin",
  ]
  static let indices = ["model.safetensors.index.json", "pytorch_model.bin.index.json"]

  private static func isTokenizer(_ path: String) -> Bool {
    if tokenizers.contains(path) { return true }
    if path.hasPrefix("additional_chat_templates/") { return path.hasSuffix(".jinja") }
    // SentencePiece models and ranks go by many names.
    return !path.contains("/") && (path.hasSuffix(".model") || path.hasSuffix(".tiktoken"))
  }

  /// Shards are known by their names, for a repository of statistics holds no others.
  private static func isStatistics(_ path: String) -> Bool {
    path.hasPrefix("statistics") && !path.contains("/")
      && (path.hasSuffix(".safetensors") || path.hasSuffix(".safetensors.index.json"))
  }

  /// The index to read before the weights can be chosen, where they are in shards.
  static func index(of names: Set<String>, for purpose: HubPurpose) -> String? {
    guard purpose == .model, !names.contains("model.safetensors") else { return nil }
    if names.contains(indices[0]) { return indices[0] }
    return names.contains("pytorch_model.bin") ? nil : indices.first(where: names.contains)
  }

  /// The names that are needed, sorted.
  ///
  /// The choice is that of `Checkpoint.open`: `model.safetensors`, else shards with an index, else
  /// the same of PyTorch, else the only PyTorch file that is no trainer's state.
  ///
  /// - Parameters:
  ///   - names: all that the repository has.
  ///   - shards: what the index of ``index(of:for:)`` names.
  /// - Returns: `nil` where there are no weights for the purpose.
  static func needed(
    of names: Set<String>, for purpose: HubPurpose, shards: [String]
  ) -> [String]? {
    if purpose == .statistics {
      let found = names.filter(isStatistics).sorted {
        $0.utf8.lexicographicallyPrecedes($1.utf8)
      }
      return found.isEmpty ? nil : found
    }
    var result = names.filter { isTokenizer($0) }
    if purpose == .model { result.formUnion(configs.filter(names.contains)) }
    // Some tokenizers go by the kind of model.
    if purpose == .tokenizer, names.contains("config.json") { result.insert("config.json") }
    if purpose != .tokenizer {
      var weights: [String] = []
      if purpose == .model { weights = Self.weights(of: names, shards: shards) }
      // A repository of a model may hold adapters beside it, and one of an adapter no model.
      if purpose == .adapter || weights.isEmpty {
        weights += adapters.first(where: names.contains).map { [$0] } ?? []
        if names.contains("adapter_config.json") { result.insert("adapter_config.json") }
      }
      guard !weights.isEmpty else { return nil }
      result.formUnion(weights)
    }
    return result.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  private static func weights(of names: Set<String>, shards: [String]) -> [String] {
    if names.contains("model.safetensors") { return ["model.safetensors"] }
    if let index = index(of: names, for: .model) { return [index] + shards }
    if names.contains("pytorch_model.bin") { return ["pytorch_model.bin"] }
    let states = ["training_args", "optimizer", "scheduler", "scaler", "rng_state", "adapter_"]
    let others = names.filter { name in
      !name.contains("/") && [".bin", ".pt", ".pth"].contains(where: name.hasSuffix)
        && !states.contains(where: name.hasPrefix)
    }
    return others.count == 1 ? Array(others) : []
  }
}
