// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

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

/// Writes model folders of random bfloat16 weights: a base, and models that differ from it a little.
///
/// Numbers come from two lists of normal deviates whose lengths have no common factor, read round
/// and round from places that depend on tensor and model: cheap, the same on every machine, and no
/// pair of weight and change occurs twice in a model of this size.
struct ModelWriter {
  private let weights = Self.normals(count: 1_048_573, scale: 0.02, seed: 1)
  private let changes = Self.normals(count: 999_983, scale: 0.002, seed: 2)

  /// Writes `folder`; model 0 is the base. A folder with a model of that size is left as it is.
  func write(_ shape: LlamaShape, model: Int, to folder: URL) throws {
    let file = folder.appendingPathComponent("model.safetensors")
    let header = Self.header(shape)
    let size = header.count + 2 * shape.parameterCount
    let found = try? FileManager.default.attributesOfItem(atPath: file.path)[.size] as? Int
    if found == size { return }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Data(shape.config.utf8).write(to: folder.appendingPathComponent("config.json"))
    try Data().write(to: file)
    let handle = try FileHandle(forWritingTo: file)
    try handle.write(contentsOf: header)
    for (number, tensor) in shape.tensors.enumerated() {
      let count = tensor.extents.reduce(1, *)
      let start = (
        number * 7919 % weights.count, (number * 104_729 + model * 333_667) % changes.count
      )
      for first in stride(from: 0, to: count, by: 1 << 22) {
        let length = min(1 << 22, count - first)
        let codes = codes(
          weightsFrom: start.0 + first, changesFrom: model == 0 ? nil : start.1 + first,
          count: length, isNorm: tensor.extents.count == 1)
        try codes.withUnsafeBytes { try handle.write(contentsOf: Data($0)) }
      }
    }
    try handle.close()
  }

  private func codes(
    weightsFrom first: Int, changesFrom other: Int?, count: Int, isNorm: Bool
  ) -> [UInt16] {
    var result = [UInt16](repeating: 0, count: count)
    var (weight, change) = (first % weights.count, (other ?? 0) % changes.count)
    for i in 0..<count {
      var code = Self.bfloat16(weights[weight] + (isNorm ? 1 : 0))
      if other != nil {
        code = Self.bfloat16(Float(bitPattern: UInt32(code) << 16) + changes[change])
      }
      result[i] = code.littleEndian
      weight = weight + 1 == weights.count ? 0 : weight + 1
      change = change + 1 == changes.count ? 0 : change + 1
    }
    return result
  }

  private static func header(_ shape: LlamaShape) -> Data {
    var offset = 0
    let entries = shape.tensors.map { tensor in
      let end = offset + 2 * tensor.extents.reduce(1, *)
      defer { offset = end }
      return "\"\(tensor.name)\":{\"dtype\":\"BF16\",\"shape\":\(tensor.extents),"
        + "\"data_offsets\":[\(offset),\(end)]}"
    }
    var text = "{\"__metadata__\":{\"format\":\"pt\"},\(entries.joined(separator: ","))}"
    text += String(repeating: " ", count: (8 - text.utf8.count % 8) % 8)
    let length = withUnsafeBytes(of: UInt64(text.utf8.count).littleEndian) { Data($0) }
    return length + Data(text.utf8)
  }

  /// The nearest code, ties to even; for finite numbers.
  private static func bfloat16(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
  }

  /// By Box and Muller, from SplitMix64.
  private static func normals(count: Int, scale: Double, seed: UInt64) -> [Float] {
    var state = seed
    func uniform() -> Double {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return (Double((z ^ (z >> 31)) >> 11) + 1) * 0x1p-53
    }
    return (0..<count).map { _ in
      Float(scale * (-2 * log(uniform())).squareRoot() * cos(2 * .pi * uniform()))
    }
  }
}
