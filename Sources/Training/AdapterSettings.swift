// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// A low-rank change that is trained in place of the weights: `adapter` in a recipe.
public struct AdapterSettings: Equatable, Sendable {
  /// The kinds.
  public enum Kind: String, CaseIterable, Sendable {
    /// W + s·B·A. **Source**: Hu et al. 2021, arXiv:2106.09685.
    case lora
    /// m ⊙ (W + s·B·A) / ‖W + s·B·A‖. **Source**: Liu et al. 2024, arXiv:2402.09353.
    case dora
  }

  public var kind = Kind.lora
  /// r, at least 1.
  public var rank = 16
  /// α; s = α / r, or α / √r with `useRSLoRA`.
  public var alpha = 32.0
  /// The rank-stabilised scale. **Source**: Kalajdzievski 2023, arXiv:2312.03732.
  public var useRSLoRA = false
  /// Which linear layers: ends of their names (`q_proj`) or globs over them; `all-linear` for every
  /// one but the head.
  public var targets = ["all-linear"]
  /// Share of a layer's input that is dropped before A, in [0, 1).
  public var dropout = 0.0
  /// Tensors that are trained whole beside it (PEFT's `modules_to_save`): patterns as in `freeze`.
  public var train: [String] = []

  public init() {}

  /// s
  public var scale: Double { alpha / (useRSLoRA ? Double(rank).squareRoot() : Double(rank)) }

  /// Reads the mapping under `adapter`, all of it.
  init(_ settings: inout Settings) throws(DocumentError) {
    let name = try settings.choice(
      "type", default: kind.rawValue, of: Kind.allCases.map(\.rawValue))
    kind = Kind(rawValue: name) ?? kind
    rank = try settings.int("rank", default: rank, in: 1...65_536)
    alpha = try settings.double("alpha", default: 2 * Double(rank), in: 1e-6...1e6)
    useRSLoRA = try settings.bool("use_rslora", default: useRSLoRA)
    targets = try settings.strings("targets", default: targets)
    guard !targets.isEmpty else {
      throw settings.wrong("targets", expected: "at least one layer", found: "none")
    }
    dropout = try settings.double("dropout", default: dropout, in: 0...0.99)
    train = try settings.strings("train")
    try settings.finish()
  }

  /// Everything, by key.
  public var identity: JSON {
    [
      "type": .string(kind.rawValue), "rank": JSON(rank), "alpha": JSON(alpha),
      "use_rslora": .bool(useRSLoRA), "targets": .array(targets.map { .string($0) }),
      "dropout": JSON(dropout), "train": .array(train.map { .string($0) }),
    ]
  }

  /// Whether a linear layer of this name, without `.weight`, is one of `targets`.
  static func target(_ target: String, matches module: String) -> Bool {
    if target == "all-linear" { return true }
    let glob = Array(target.utf8)
    return TensorPattern.matches(glob, module)
      || TensorPattern.matches(Array("*.".utf8) + glob, module)
  }
}
