// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// The keys of `config.json` that changed their names between transformers 4 and 5.
///
/// Version 5 keeps all about rotations in `rope_parameters`, which version 4 does not read: a file
/// that has only that would turn by the class default there, without a word. Version 5 reads the
/// older keys as well, so a file that has both is the same model in either.
enum ConfigGenerations {
  /// `config` with the rotations under the older keys too, where only the new one has them:
  /// `rope_theta`, `rope_scaling`, `partial_rotary_factor`, with `longrope` also
  /// `original_max_position_embeddings`, and of a file with a section for each kind of layers
  /// `rope_local_base_freq`.
  ///
  /// Keys that are there keep their values. Files of families without a blueprint stay as they are.
  static func withOlderKeys(_ config: JSON) -> JSON {
    guard let type = config["model_type"]?.string, Blueprint.named(type) != nil,
      let parameters = config["rope_parameters"], parameters.object?.isEmpty == false
    else { return config }
    var result = config
    func isMissing(_ key: String) -> Bool { config[key].map(\.isNull) ?? true }
    let full = parameters["full_attention"] ?? parameters
    if let theta = parameters["sliding_attention"]?["rope_theta"], isMissing("rope_local_base_freq")
    {
      result["rope_local_base_freq"] = theta
    }
    if let theta = full["rope_theta"], isMissing("rope_theta") { result["rope_theta"] = theta }
    if let share = full["partial_rotary_factor"], isMissing("partial_rotary_factor") {
      result["partial_rotary_factor"] = share
    }
    let name = full["rope_type"]?.string ?? full["type"]?.string ?? "default"
    let original = "original_max_position_embeddings"
    if name == "longrope", let positions = full[original], isMissing(original) {
      // Version 4 looks for it here only.
      result[original] = positions
    }
    if name != "default", isMissing("rope_scaling"),
      let scaling = olderScaling(full, name: name, isPhi3: type == "phi3")
    {
      result["rope_scaling"] = .object(scaling)
    }
    return result
  }

  /// `rope_scaling` for a rotation of this name, or `nil` where it would not say the same.
  private static func olderScaling(_ parameters: JSON, name: String, isPhi3: Bool) -> JSONObject? {
    var scaling = parameters.object ?? JSONObject()
    for key in ["rope_theta", "partial_rotary_factor"] { scaling[key] = nil }
    // Version 4.42 and earlier know the type under its first name only.
    scaling["type"] = .string(name)
    guard isPhi3 else { return scaling }
    // Version 4 refuses a Phi-3 whose section has any but these three keys. Version 5 takes this
    // section over the new one, so it must not lack a key that decides.
    if parameters["factor"] != nil || parameters["attention_factor"] != nil { return nil }
    for key in scaling.keys where !["type", "short_factor", "long_factor"].contains(key) {
      scaling[key] = nil
    }
    return scaling
  }
}
