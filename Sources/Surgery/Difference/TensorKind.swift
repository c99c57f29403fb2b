// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// What a tensor does, read off the last parts of its name: the columns of tables by layer.
///
/// Names of the families in `Layouts/Data` and of those that name their modules alike are known; what
/// is not recognised is ``other``. A bias belongs to what its weight belongs to.
public enum TensorKind: String, Sendable, CaseIterable {
  case embedding = "embed"
  case position
  case norm
  case query = "q"
  case key = "k"
  case value = "v"
  /// Query, key and value in one matrix.
  case fusedAttention = "qkv"
  case output = "o"
  /// Everything of an attention to another stack.
  case cross
  /// What chooses experts.
  case router
  case gate
  case up
  /// Gate and up in one matrix.
  case fusedGate = "gate_up"
  case down
  case head
  case other

  /// The kind of a tensor called `name`.
  public init(tensor name: String) {
    var parts = name.lowercased().split(separator: ".").map(String.init)
    if parts.count > 1, let last = parts.last, Self.endings.contains(last) { parts.removeLast() }
    // Numbers are those of layers, experts and modules in a list.
    let words = parts.filter { Int($0) == nil }
    let last = words.last ?? ""
    let before = words.dropLast().last ?? ""
    if [last, before].contains(where: Self.readsLikeNorm) {
      self = .norm
    } else if words.contains(where: Self.crossModules.contains) {
      self = .cross
    } else if words.contains("predictions") {
      self = .head
    } else if last == "gate", before.contains("moe") || before == "mlp" {
      self = .router
    } else if last == "dense" {
      self = before == "intermediate" ? .up : before == "output" ? Self.output(words) : .output
      if before == "pooler" || before.isEmpty { self = .other }
    } else if last == "c_proj" {
      self = before == "mlp" ? .down : .output
    } else {
      self = Self.modules[last] ?? (last.contains("embed") ? .embedding : .other)
    }
  }

  /// BERT calls two things `output.dense`.
  private static func output(_ words: [String]) -> TensorKind {
    words.contains { $0.contains("attention") } ? .output : .down
  }

  private static func readsLikeNorm(_ word: String) -> Bool {
    word.contains("norm") || word == "ln" || word.hasPrefix("ln_")
  }

  private static let endings: Set<String> = [
    "weight", "bias", "scale", "weight_scale", "weight_scale_inv",
  ]

  private static let crossModules: Set<String> = [
    "crossattention", "cross_attn", "encoder_attn", "encdecattention",
  ]

  private static let modules: [String: TensorKind] = [
    "embed_tokens": .embedding, "wte": .embedding, "word_embeddings": .embedding,
    "embed_in": .embedding, "shared": .embedding, "tok_embeddings": .embedding,
    "wpe": .position, "position_embeddings": .position, "embed_positions": .position,
    "token_type_embeddings": .position, "relative_attention_bias": .position,
    "inv_freq": .position,
    "q_proj": .query, "q": .query, "query": .query, "wq": .query,
    "k_proj": .key, "k": .key, "key": .key, "wk": .key,
    "v_proj": .value, "v": .value, "value": .value, "wv": .value,
    "qkv_proj": .fusedAttention, "query_key_value": .fusedAttention, "c_attn": .fusedAttention,
    "wqkv": .fusedAttention, "qkv": .fusedAttention, "in_proj": .fusedAttention,
    "o_proj": .output, "o": .output, "out_proj": .output,
    "router": .router, "shared_expert_gate": .router,
    "gate_proj": .gate, "w1": .gate, "wi_0": .gate,
    "up_proj": .up, "w3": .up, "wi_1": .up, "wi": .up, "c_fc": .up, "fc1": .up,
    "dense_h_to_4h": .up,
    "gate_up_proj": .fusedGate,
    "down_proj": .down, "w2": .down, "wo": .down, "fc2": .down, "dense_4h_to_h": .down,
    "lm_head": .head, "embed_out": .head, "proj_out": .head, "score": .head, "classifier": .head,
    "qa_outputs": .head,
  ]
}
