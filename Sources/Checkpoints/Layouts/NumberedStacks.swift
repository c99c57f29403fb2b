// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// The stacks of layers in lists of tensor names; ``ModelLayout/inferred(names:config:)`` has the
/// rules.
struct NumberedStacks {
  /// The prefixes of the stacks whose members are layers, in the order of their bytes.
  let chosen: [String]
  private let chosenSet: Set<String>
  /// The key of `config.json` with a stack's depth, where there is one.
  let depthKeys: [String: String]
  /// The numbers that follow a prefix, one set a model.
  private let numbers: [String: [Set<Int>]]

  init(_ names: [[String]], config: JSON) {
    var numbers: [String: [Set<Int>]] = [:]
    /// The stacks one number further in, by the stack around them.
    var inner: [String: Set<String>] = [:]
    var outermost: Set<String> = []
    for (model, list) in names.enumerated() {
      for name in list {
        var around: String?
        for (prefix, number, _) in Self.stacks(in: name) {
          numbers[prefix, default: Array(repeating: [], count: names.count)][model].insert(number)
          if let around {
            inner[around, default: []].insert(prefix)
          } else {
            outermost.insert(prefix)
          }
          around = prefix
        }
      }
    }
    let depthKeys = DepthKeys(config)
    var keys: [String: String] = [:]
    for (prefix, sets) in numbers where sets.contains(where: Self.isWhole) {
      // As many experts as layers are no layers.
      if prefix.split(separator: ".").last?.contains("expert") == true { continue }
      // `config` is the first model's; a stack which that one lacks has the depth of another.
      let depth = (sets.first { !$0.isEmpty } ?? []).count
      keys[prefix] = depthKeys.key(of: prefix, depth: depth)
    }
    /// The stacks whose members are layers, from `prefix` inwards.
    func choose(_ prefix: String) -> Set<String> {
      let sets = numbers[prefix] ?? []
      if keys[prefix] != nil { return [prefix] }
      let further = (inner[prefix] ?? []).map(choose).reduce(into: Set<String>()) {
        $0.formUnion($1)
      }
      if further.contains(where: { keys[$0] != nil }) { return further }
      let repeats = { (sets: [Set<Int>]) in sets.contains { $0.count > 1 } }
      if repeats(sets) || !further.contains(where: { repeats(numbers[$0] ?? []) }) {
        return sets.contains(where: Self.isWhole) ? [prefix] : []
      }
      return further
    }
    let found = outermost.map(choose).reduce(into: Set<String>()) { $0.formUnion($1) }
    let stated = found.filter { keys[$0] != nil }
    chosen = (stated.isEmpty ? found : stated).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    chosenSet = Set(chosen)
    self.depthKeys = keys.filter { stated.contains($0.key) }
    self.numbers = numbers
  }

  /// The name with `{layer}` for the number of its stack, and that stack; the name itself outside of
  /// the chosen ones.
  func template(of name: String) -> (template: String, stack: String?) {
    for (prefix, _, rest) in Self.stacks(in: name) where chosenSet.contains(prefix) {
      return ("\(prefix).{layer}.\(rest)", prefix)
    }
    return (name, nil)
  }

  /// How many layers a stack has in one model.
  func depth(of stack: String, model: Int) -> Int { numbers[stack]?[model].count ?? 0 }

  /// The greatest number of layers that a stack has in any model.
  func deepest(_ stack: String) -> Int { numbers[stack]?.map(\.count).max() ?? 0 }

  /// Numbered from 0 without gaps.
  private static func isWhole(_ numbers: Set<Int>) -> Bool {
    !numbers.isEmpty && numbers.max() == numbers.count - 1
  }

  /// The numbers in a name, outermost first, each with what stands before and after it.
  ///
  /// A number at either end of the name numbers no stack; neither does one written `007`, which
  /// could not be told from 7 in a template. Of the numbers in a name the first eight count: each
  /// makes a prefix, and a damaged file's name may have millions.
  private static func stacks(
    in name: String
  ) -> [(prefix: String, number: Int, rest: Substring)] {
    var result: [(prefix: String, number: Int, rest: Substring)] = []
    let bytes = name.utf8
    let dot = UInt8(ascii: ".")
    guard var before = bytes.firstIndex(of: dot) else { return [] }
    // `before` and `after` are the dots around a part.
    while result.count < 8, let after = bytes[bytes.index(after: before)...].firstIndex(of: dot) {
      let part = name[bytes.index(after: before)..<after]
      // Most parts are words; only what starts with a digit is worth parsing.
      if let first = part.utf8.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first),
        let number = Int(part), String(number) == part
      {
        result.append((String(name[..<before]), number, name[bytes.index(after: after)...]))
      }
      before = after
    }
    return result
  }
}

/// The keys of a `config.json` that read like counts of layers.
private struct DepthKeys {
  /// What tells the stacks of one model apart, in prefixes and in keys.
  private enum Role: CaseIterable {
    case encoder, decoder, vision, audio, text, draft

    var words: Set<String> {
      switch self {
      case .encoder: ["encoder"]
      case .decoder: ["decoder"]
      case .vision: ["vision", "visual", "image"]
      case .audio: ["audio", "speech"]
      case .text: ["text", "language"]
      case .draft: ["draft", "mtp", "nextn"]
      }
    }

    static func all(in text: String) -> Set<Role> {
      let text = text.lowercased()
      return Set(allCases.filter { $0.words.contains(where: text.contains) })
    }
  }

  private let keys: [(path: String, depth: Int, roles: Set<Role>, isUsual: Bool)]

  init(_ config: JSON) {
    keys = Self.counts(in: config, path: "", level: 0).map { path, depth in
      let last = path.split(separator: ".").last.map(String.init) ?? path
      return (path, depth, Role.all(in: path), Self.usual.contains(last))
    }
  }

  /// The best of the keys with the value `depth`: one that shares the prefix's role comes before one
  /// without a role, a usual name before others, an earlier before a later. A key of another role is
  /// out, but for `text`, which many prefixes leave unsaid.
  func key(of prefix: String, depth: Int) -> String? {
    let own = Role.all(in: prefix)
    var best: (key: String, rank: Int)?
    for key in keys where key.depth == depth {
      guard key.roles.subtracting(own).isSubset(of: [.text]) else { continue }
      let rank = 2 * key.roles.intersection(own).count + (key.isUsual ? 1 : 0)
      if rank > best?.rank ?? -1 { best = (key.path, rank) }
    }
    return best?.key
  }

  private static let usual: Set<String> = [
    "num_hidden_layers", "num_layers", "n_layer", "n_layers", "encoder_layers", "decoder_layers",
    "num_encoder_layers", "num_decoder_layers", "depth",
  ]

  /// Their paths and values, in the order of the file.
  private static func counts(
    in config: JSON, path: String, level: Int
  ) -> [(path: String, depth: Int)] {
    guard level < 3, let object = config.object else { return [] }
    return object.members.flatMap { key, value -> [(path: String, depth: Int)] in
      // A path with a dot inside a key could not be read back.
      guard !key.isEmpty, !key.contains(".") else { return [] }
      let full = path.isEmpty ? key : "\(path).\(key)"
      if value.object != nil { return counts(in: value, path: full, level: level + 1) }
      guard isCount(key), let depth = value.int, depth > 0 else { return [] }
      return [(full, depth)]
    }
  }

  /// `num_hidden_layers`, `n_layer`, `decoder_layers`, `num_blocks`, `depth`; not
  /// `max_window_layers`, `num_kv_shared_layers`, `moe_layer_freq`.
  private static func isCount(_ key: String) -> Bool {
    var words = key.lowercased().split(separator: "_").map(String.init)
    if words == ["depth"] { return true }
    guard let last = words.popLast(), ["layer", "layers", "block", "blocks"].contains(last) else {
      return false
    }
    let plain: Set<String> = ["num", "n", "hidden", "transformer", "total"]
    return words.allSatisfy { word in
      plain.contains(word) || Role.allCases.contains { $0.words.contains(word) }
    }
  }
}
