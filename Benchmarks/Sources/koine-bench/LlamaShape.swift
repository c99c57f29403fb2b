// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The sizes of a Llama model.
struct LlamaShape {
  let name: String
  let hidden: Int
  let intermediate: Int
  let layers: Int
  let heads: Int
  let keyHeads: Int
  let headLength: Int
  let vocabulary: Int

  /// Llama 3.2 1B: 1.24 billion parameters, heads tied.
  static let oneBillion = LlamaShape(
    name: "1.24B", hidden: 2048, intermediate: 8192, layers: 16, heads: 32, keyHeads: 8,
    headLength: 64, vocabulary: 128_256)
  /// A quarter of it, with the same vocabulary.
  static let quarter = LlamaShape(
    name: "0.31B", hidden: 1024, intermediate: 4096, layers: 12, heads: 16, keyHeads: 4,
    headLength: 64, vocabulary: 128_256)
  /// SmolLM2-135M: what can be read from memory some fifty times a second.
  static let smol = LlamaShape(
    name: "0.13B", hidden: 576, intermediate: 1536, layers: 30, heads: 9, keyHeads: 3,
    headLength: 64, vocabulary: 49_152)
  /// A model to learn a small language from nothing with: 6.4 million parameters.
  static let sixMillion = LlamaShape(
    name: "6M", hidden: 256, intermediate: 768, layers: 6, heads: 4, keyHeads: 4, headLength: 64,
    vocabulary: 4096)
  /// 30.3 million parameters, more than half of them the embeddings.
  static let thirtyMillion = LlamaShape(
    name: "30M", hidden: 512, intermediate: 704, layers: 8, heads: 8, keyHeads: 2, headLength: 64,
    vocabulary: 32_000)
  /// Next to nothing: what is left is starting, planning and finishing.
  static let tiny = LlamaShape(
    name: "tiny", hidden: 64, intermediate: 128, layers: 2, heads: 4, keyHeads: 2,
    headLength: 16, vocabulary: 256)

  /// Names and extents, sorted by name.
  var tensors: [(name: String, extents: [Int])] {
    var result: [(name: String, extents: [Int])] = [
      ("model.embed_tokens.weight", [vocabulary, hidden]), ("model.norm.weight", [hidden]),
    ]
    for layer in 0..<layers {
      let all: [(String, [Int])] = [
        ("input_layernorm", [hidden]), ("post_attention_layernorm", [hidden]),
        ("mlp.down_proj", [hidden, intermediate]), ("mlp.gate_proj", [intermediate, hidden]),
        ("mlp.up_proj", [intermediate, hidden]),
        ("self_attn.k_proj", [keyHeads * headLength, hidden]),
        ("self_attn.o_proj", [hidden, heads * headLength]),
        ("self_attn.q_proj", [heads * headLength, hidden]),
        ("self_attn.v_proj", [keyHeads * headLength, hidden]),
      ]
      result += all.map { ("model.layers.\(layer).\($0.0).weight", $0.1) }
    }
    return result.sorted { $0.name < $1.name }
  }

  var parameterCount: Int { tensors.reduce(0) { $0 + $1.extents.reduce(1, *) } }

  var config: String {
    """
    {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": \(hidden),
     "intermediate_size": \(intermediate), "num_hidden_layers": \(layers),
     "num_attention_heads": \(heads), "num_key_value_heads": \(keyHeads),
     "head_dim": \(headLength), "vocab_size": \(vocabulary), "hidden_act": "silu",
     "max_position_embeddings": 131072, "rms_norm_eps": 1e-05, "rope_theta": 500000.0,
     "attention_bias": false, "mlp_bias": false, "tie_word_embeddings": true,
     "torch_dtype": "bfloat16", "bos_token_id": 1, "eos_token_id": 2}

    """
  }
}
