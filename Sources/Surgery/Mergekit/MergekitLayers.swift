// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// What mergekit 0.1.5 knows of a layer of the commonest architectures, in its order.
///
/// The order counts where layers are used twice and masks are drawn; a tensor that is not in the
/// list, as the bias of a Llama's projection, mergekit loses, and draws nothing for it.
enum MergekitLayers {
  /// The ends of names, behind the layer's number; `nil` for architectures that are not listed.
  static func tensors(modelType: String) -> [String]? {
    switch modelType {
    case "llama", "mistral", "gemma":
      ["input_layernorm.weight"] + attention + ["post_attention_layernorm.weight"] + feedForward
    case "gemma2":
      ["input_layernorm.weight"] + attention
        + ["post_attention_layernorm.weight", "pre_feedforward_layernorm.weight"] + feedForward
        + ["post_feedforward_layernorm.weight"]
    case "qwen2":
      beginning
        + ["k", "o", "q", "v"].flatMap { part in
          (part == "o" ? [] : ["self_attn.\(part)_proj.bias"]) + ["self_attn.\(part)_proj.weight"]
        }
    case "qwen3":
      beginning
        + ["k_norm", "k_proj", "q_norm", "q_proj", "v_proj", "o_proj"].map {
          "self_attn.\($0).weight"
        }
    case "gpt2":
      ["attn.c_attn", "attn.c_proj", "ln_1", "ln_2", "mlp.c_proj", "mlp.c_fc"].flatMap {
        ["\($0).weight", "\($0).bias"]
      }
    default: nil
    }
  }

  private static let attention = ["q", "k", "v", "o"].map { "self_attn.\($0)_proj.weight" }
  private static let feedForward = ["up", "gate", "down"].map { "mlp.\($0)_proj.weight" }
  private static let beginning =
    ["input_layernorm.weight"] + ["down", "gate", "up"].map { "mlp.\($0)_proj.weight" }
    + ["post_attention_layernorm.weight"]

  /// The place of a tensor in its layer; `nil` where mergekit's layers do not have it.
  static func place(of tensor: String, in tensors: [String]) -> Int? {
    tensors.firstIndex { tensor.hasSuffix(".\($0)") }
  }
}
