// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Tensors
import Testing

@testable import Surgery

/// Whole models merged by mergekit's commands; see Golden/mergekit-plan/make.py.
struct PlanGolden: Decodable {
  struct Model: Decodable {
    /// `gpt2`, or a Llama.
    let kind: String?
    let type: String
    let layers: Int
    let vocabulary: Int
    let head: Bool
    let tied: Bool
    let tokenizer: String?
  }

  struct Case: Decodable {
    let name: String
    let yaml: String
    let seed: UInt64
    /// CRC-32 of the tensors' names, a line each.
    let names: UInt32
    let layers: Int
    /// One for all tensors, or one for each.
    let types: [String]
    /// CRC-32 of each tensor's bytes, eight digits, in the order of the names.
    let sums: String
    /// Four elements of each tensor, of methods that round otherwise here.
    let samples: [[Double]]?
    let index: Index?

    func sum(_ position: Int) -> String {
      String(sums.dropFirst(8 * position).prefix(8))
    }
  }

  struct Index: Decodable {
    struct Metadata: Decodable {
      let totalSize: Int
      enum CodingKeys: String, CodingKey { case totalSize = "total_size" }
    }
    let metadata: Metadata
    let weightMap: [String: String]
    enum CodingKeys: String, CodingKey {
      case metadata
      case weightMap = "weight_map"
    }
  }

  let models: [String: Model]
  let cases: [Case]

  static func read(_ name: String) throws -> PlanGolden {
    let file = golden("mergekit-plan").appendingPathComponent("\(name).json")
    return try JSONDecoder().decode(PlanGolden.self, from: Data(contentsOf: file))
  }

  /// Plans a case with mergekit's numbers.
  func plan(
    _ item: Case, options: MergekitExactOptions? = nil
  ) throws -> MergePlan {
    let recipe = try MergeGraph.parse(item.yaml, origin: "\(item.name).yaml").result
    return try MergePlan.make(
      recipe,
      from: ModelResolver { reference in
        let name = reference.description
        return try Self.checkpoint(name, try #require(models[name], "\(name)"))
      },
      options: .init(mergekitExact: options ?? MergekitExactOptions(seed: item.seed)))
  }

  // MARK: - Models

  /// A number in [−1, 1) that model, tensor and element determine; see make.py.
  static func uniform(_ model: String, _ tensor: String) -> (_ index: Int) -> Float {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in "\(model)/\(tensor)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return { [hash] index in
      var z = hash &+ UInt64(index + 1) &* 0x9E37_79B9_7F4A_7C15
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      z ^= z >> 31
      return Float(Int(z >> 40) - (1 << 23)) * 0x1p-23
    }
  }

  private static func gpt2Shapes(_ model: Model) -> [(name: String, shape: Shape)] {
    var shapes: [(name: String, shape: Shape)] = [
      ("transformer.wte.weight", [model.vocabulary, 8]), ("transformer.wpe.weight", [9, 8]),
      ("transformer.ln_f.weight", [8]), ("transformer.ln_f.bias", [8]),
    ]
    for layer in 0..<model.layers {
      let stem = "transformer.h.\(layer)."
      for (part, inner, outer) in [
        ("attn.c_attn", 8, 24), ("attn.c_proj", 8, 8), ("mlp.c_fc", 8, 10), ("mlp.c_proj", 10, 8),
      ] {
        shapes.append((stem + "\(part).weight", [inner, outer]))
        shapes.append((stem + "\(part).bias", [outer]))
      }
      for part in ["ln_1.weight", "ln_1.bias", "ln_2.weight", "ln_2.bias"] {
        shapes.append((stem + part, [8]))
      }
    }
    return shapes
  }

  private static func llamaShapes(_ model: Model) -> [(name: String, shape: Shape)] {
    var shapes: [(name: String, shape: Shape)] = [
      ("model.embed_tokens.weight", [model.vocabulary, 8]), ("model.norm.weight", [8]),
    ]
    for layer in 0..<model.layers {
      let stem = "model.layers.\(layer)."
      shapes += ["input", "post_attention"].map { (stem + "\($0)_layernorm.weight", [8]) }
      for (part, rows) in [("q", 8), ("k", 4), ("v", 4), ("o", 8)] {
        shapes.append((stem + "self_attn.\(part)_proj.weight", [rows, 8]))
      }
      shapes += ["gate", "up"].map { (stem + "mlp.\($0)_proj.weight", [6, 8]) }
      shapes.append((stem + "mlp.down_proj.weight", [8, 6]))
    }
    if model.head { shapes.append(("lm_head.weight", [model.vocabulary, 8])) }
    return shapes
  }

  static func checkpoint(_ name: String, _ model: Model) throws -> Checkpoint {
    let isGPT2 = model.kind == "gpt2"
    var config: JSON = [
      "architectures": [isGPT2 ? "GPT2LMHeadModel" : "LlamaForCausalLM"],
      "model_type": isGPT2 ? "gpt2" : "llama", "vocab_size": JSON(model.vocabulary),
      "tie_word_embeddings": JSON(model.tied),
    ]
    config[isGPT2 ? "n_layer" : "num_hidden_layers"] = JSON(model.layers)
    let shapes = isGPT2 ? gpt2Shapes(model) : llamaShapes(model)
    return try Checkpoint.inMemory(
      config: config,
      tensors: shapes.map { tensor, shape in
        let (base, own) = (uniform("base", tensor), uniform(name, tensor))
        return (
          name: tensor, shape: shape,
          values: (0..<shape.elementCount).map {
            name == "base" ? base($0) : base($0) + own($0) * 0.25
          }
        )
      }, elementType: try #require(ElementType(torchName: model.type)),
      tokenizerFilesFrom: model.tokenizer.map {
        golden("merge-planning").appendingPathComponent("models/\($0)").path
      }, origin: name)
  }

  // MARK: - Comparing

  /// How a result of ours compares with mergekit's.
  struct Comparison: CustomStringConvertible {
    var tensorCount = 0
    /// Tensors whose bytes differ.
    var differing: [String] = []
    /// The largest difference among the elements kept, as a share of their tensor's largest.
    var worst = 0.0

    var description: String {
      "\(differing.count) of \(tensorCount) tensors differ, by at most \(worst): "
        + differing.prefix(6).joined(separator: ", ")
    }
  }

  static func compare(_ plan: MergePlan, _ item: Case) throws -> Comparison {
    let names = plan.checkpoint.names
    #expect(crc32(Array(names.joined(separator: "\n").utf8)) == item.names, "\(item.name): names")
    #expect(item.sums.utf8.count == 8 * names.count)
    let config = plan.checkpoint.config
    #expect((config["n_layer"] ?? config["num_hidden_layers"])?.int == item.layers, "\(item.name)")
    var comparison = Comparison(tensorCount: names.count)
    // Backwards: the order in which tensors are asked for must not matter.
    for (position, name) in names.enumerated().reversed() {
      let source = try plan.checkpoint.source(name)
      let type = source.info.elementType
      #expect(
        type.torchName == item.types[item.types.count == 1 ? 0 : position], "\(item.name) \(name)")
      let count = source.info.shape.elementCount
      let bytes = try source.prepare().bytes(0..<count, as: type)
      if hex(crc32(bytes)) == item.sum(position) { continue }
      comparison.differing.append(name)
      let values = try source.prepare().bytes(0..<count, as: .float64).doubles
      let largest = values.reduce(0) { max($0, $1.magnitude) }
      for (k, sample) in (item.samples?[position] ?? []).enumerated() {
        let difference = (values[k * (count - 1) / 3] - sample).magnitude / largest
        comparison.worst = max(comparison.worst, difference.isNaN ? .infinity : difference)
      }
    }
    return comparison
  }

  static func hex(_ sum: UInt32) -> String {
    let digits = String(sum, radix: 16)
    return String(repeating: "0", count: 8 - digits.utf8.count) + digits
  }

  /// The checksum of zip files.
  static func crc32(_ bytes: [UInt8]) -> UInt32 {
    var sum: UInt32 = 0xFFFF_FFFF
    for byte in bytes {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = sum & 1 == 0 ? sum >> 1 : sum >> 1 ^ 0xEDB8_8320 }
    }
    return ~sum
  }
}

extension [UInt8] {
  /// Little-endian numbers of eight bytes.
  var doubles: [Double] {
    stride(from: 0, to: count, by: 8).map { start in
      Double(bitPattern: (0..<8).reduce(0) { $0 | UInt64(self[start + $1]) << (8 * $1) })
    }
  }
}
