// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors

/// How the matrices of a folder in MLX's quantised form are stored: `quantization` in `config.json`.
///
///     "quantization": {"group_size": 64, "bits": 4, "mode": "affine",
///                      "lm_head": {"group_size": 64, "bits": 8}, "model.embed_tokens": false}
///
/// A module `M` has its integers in `M.weight` (U32), and `M.scales` and `M.biases` of one float per
/// run of weights.
public struct Quantization: Sendable, Equatable {
  /// What most modules have.
  public let groups: AffineGroups
  /// What single modules have instead; `nil` for those left as they are.
  public let overrides: [String: AffineGroups?]

  public init(groups: AffineGroups, overrides: [String: AffineGroups?] = [:]) {
    self.groups = groups
    self.overrides = overrides
  }

  /// The form of one module; `nil` where it is not quantised.
  public func groups(of module: String) -> AffineGroups? { overrides[module] ?? groups }

  /// As `config.json` has it under `quantization`, and again under `quantization_config`.
  public var json: JSON {
    var object = JSONObject()
    object["group_size"] = JSON(groups.size)
    object["bits"] = JSON(groups.bits)
    object["mode"] = "affine"
    for (module, own) in overrides.sorted(by: { $0.key < $1.key }) {
      object[module] = own.map { ["group_size": JSON($0.size), "bits": JSON($0.bits)] } ?? false
    }
    return .object(object)
  }

  /// Where `config.json` may say it; mlx-lm writes both.
  static let keys = ["quantization", "quantization_config"]

  /// Reads it from a `config.json`; `nil` where the model is not quantised.
  /// - Throws: ``CheckpointError/quantization(_:origin:)`` for other forms than MLX's affine one.
  static func read(_ config: JSON, origin: String) throws(CheckpointError) -> Quantization? {
    for key in keys {
      guard let value = config[key], !value.isNull else { continue }
      guard let object = value.object else {
        throw .quantization(
          .setting(key, expected: "an object", found: value.kindName), origin: origin)
      }
      if let method = object["quant_method"] {
        throw .quantization(.method(method.string ?? method.kindName), origin: origin)
      }
      if let mode = object["mode"], mode.string != "affine" {
        throw .quantization(.method(mode.string ?? mode.kindName), origin: origin)
      }
      let groups = try groups(object, path: key, default: nil, origin: origin)
      var overrides: [String: AffineGroups?] = [:]
      for (module, value) in object.members
      where !["group_size", "bits", "mode"].contains(module) {
        if value.bool == false {
          overrides[module] = .some(nil)
        } else if let own = value.object {
          overrides[module] = try Self.groups(
            own, path: "\(key).\(module)", default: groups, origin: origin)
        } else if value.bool == nil {
          throw .quantization(
            .setting(
              "\(key).\(module)", expected: "an object, true or false", found: value.kindName),
            origin: origin)
        }
      }
      return Quantization(groups: groups, overrides: overrides)
    }
    return nil
  }

  private static func groups(
    _ object: JSONObject, path: String, default whole: AffineGroups?, origin: String
  ) throws(CheckpointError) -> AffineGroups {
    if let mode = object["mode"], mode.string != "affine" {
      throw .quantization(.method(mode.string ?? mode.kindName), origin: origin)
    }
    func number(
      _ key: String, _ fallback: Int, _ allowed: [Int]
    ) throws(CheckpointError) -> Int {
      guard let value = object[key] else { return fallback }
      guard let number = value.int, allowed.contains(number) else {
        throw .quantization(
          .setting(
            "\(path).\(key)", expected: allowed.map(String.init).joined(separator: ", "),
            found: value.serialized()), origin: origin)
      }
      return number
    }
    // MLX's own defaults.
    let bits = try number("bits", whole?.bits ?? 4, AffineGroups.allBits)
    let size = try number("group_size", whole?.size ?? 64, AffineGroups.allSizes)
    guard let groups = AffineGroups(bits: bits, size: size) else {
      preconditionFailure("\(bits) bits in runs of \(size) were just found to be known")
    }
    return groups
  }
}

/// Why a quantised folder cannot be read.
public enum QuantizationFault: Equatable, Sendable {
  /// Another way of quantising than MLX's affine one.
  case method(String)
  /// A setting in `config.json` that is none.
  case setting(String, expected: String, found: String)
  /// A module's tensors do not fit each other.
  case module(String, expected: String, found: String)

  func diagnosis(origin: String) -> Diagnosis {
    switch self {
    case .method(let name):
      Diagnosis(
        what: "The weights are quantised by `\(name)`; known is MLX's affine form.",
        where: "\(origin)/config.json",
        next: "Fetch the model in float32, bfloat16 or float16, or its MLX version.")
    case .setting(let path, let expected, let found):
      Diagnosis(
        what: "`\(path)` should be \(expected), found \(found).", where: "\(origin)/config.json",
        next: "Restore config.json from the model's original folder.")
    case .module(let name, let expected, let found):
      Diagnosis(
        what: "The quantised `\(name)` should have \(expected), found \(found).", where: origin,
        next: "config.json and the weights are not of one model; fetch both again.")
    }
  }
}
