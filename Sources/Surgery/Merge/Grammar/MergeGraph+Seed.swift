// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

extension MergeGraph {
  /// The graph with one `random_seed` for all its merges, those inside of others too.
  public func seeded(_ seed: Int) throws(MergeError) -> MergeGraph {
    try mapping { (recipe) throws(MergeError) in
      var recipe = recipe
      recipe.randomSeed = seed
      return recipe
    }
  }

  /// The text of a graph with `random_seed: seed` in each of its documents, so that it says by itself
  /// what the command line has said beside it; all else stays to the letter.
  ///
  /// - Returns: `nil` where that cannot be written in: what comes out is read again, and must be the
  ///   same graph with that seed.
  public static func text(_ text: String, withSeed seed: Int, origin: String) -> String? {
    guard let wanted = try? parse(text, origin: origin).seeded(seed) else { return nil }
    var lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
      .map(String.init)
    // From behind, so that the lines before keep their numbers.
    for document in documents(text).reversed() {
      guard
        let root = try? YAML.parse(
          document.text, origin: origin, firstLine: document.firstLine),
        case .mapping(let members) = root.content,
        let first = members.compactMap({ $0.value.keyLine }).min()
      else { return nil }
      var places: [Int] = []
      collect(root, into: &places)
      for line in Set(places) where lines.indices.contains(line - 1) {
        lines[line - 1] = replacing(seed, in: lines[line - 1])
      }
      if root["random_seed"] != nil { continue }
      guard lines.indices.contains(first - 1) else { return nil }
      let line = lines[first - 1]
      if let brace = line.firstIndex(where: { !$0.isWhitespace }), line[brace] == "{" {
        lines[first - 1].insert(
          contentsOf: "random_seed: \(seed), ", at: line.index(after: brace))
      } else {
        // Before the document's first key, and as far in as that.
        lines.insert("\(line.prefix { $0 == " " })random_seed: \(seed)", at: first - 1)
      }
    }
    let result = lines.joined(separator: "\n")
    guard let found = try? parse(result, origin: origin), found.isLike(wanted) else { return nil }
    return result
  }

  /// Whether both ask for the same, wherever it stands in their texts.
  private func isLike(_ other: MergeGraph) -> Bool {
    func plain(_ graph: MergeGraph) -> [MergeRecipe]? {
      let stripped = try? graph.mapping { recipe in
        var recipe = recipe
        recipe.notes = []
        return recipe
      }
      return stripped.map { $0.named + [$0.result] }
    }
    guard let own = plain(self) else { return false }
    return own == plain(other)
  }

  /// The lines of all values of `random_seed`.
  private static func collect(_ node: Node, into lines: inout [Int]) {
    switch node.content {
    case .scalar: break
    case .sequence(let nodes): for node in nodes { collect(node, into: &lines) }
    case .mapping(let members):
      for (key, value) in members {
        if key == "random_seed", case .scalar = value.content {
          lines.append(value.keyLine ?? value.line)
        } else {
          collect(value, into: &lines)
        }
      }
    }
  }

  private static func replacing(_ seed: Int, in line: String) -> String {
    var parts = line.split(separator: "random_seed:", omittingEmptySubsequences: false)
    for index in parts.indices.dropFirst() {
      let space = parts[index].prefix { $0 == " " }
      let rest = parts[index].dropFirst(space.count).drop {
        !$0.isWhitespace && !",}]".contains($0)
      }
      parts[index] = "\(space.isEmpty ? " " : space)\(seed)\(rest)"
    }
    return parts.joined(separator: "random_seed:")
  }
}
