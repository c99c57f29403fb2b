// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Yams

/// Makes our nodes of Yams' and resolves aliases.
struct YAMLComposer {
  struct Composed {
    var node: Node
    /// How many values the node holds, itself included, and how many levels.
    var size: Int
    var height: Int
  }

  private static let maxDepth = 128
  private static let maxAliasedSize = 1_000_000
  static let tooDeep = "nested deeper than \(maxDepth) levels"

  let origin: String
  /// What is added to the lines that Yams counts.
  private let lineOffset: Int
  /// What each anchor stands for at this place of the text.
  private var anchors: [String: Composed] = [:]
  private var size = 0

  init(origin: String, firstLine: Int) {
    self.origin = origin
    lineOffset = firstLine - 1
  }

  private func line(of node: Yams.Node) -> Int? { node.mark.map { $0.line + lineOffset } }

  /// `depth` is the level of `source`, 1 for the root.
  mutating func compose(
    _ source: Yams.Node, depth: Int, isKey: Bool = false
  ) throws(DocumentError) -> Composed {
    let line = line(of: source) ?? 1 + lineOffset
    guard depth <= Self.maxDepth else { throw error(line, Self.tooDeep) }
    let composed: Composed
    switch source {
    case .scalar(let scalar):
      let text = YAMLMask.unmask(scalar.string)
      if scalar.style == .plain, text.utf8.first == UInt8(ascii: "*") {
        // Yams notes on the keys it has compared that they are texts.
        guard scalar.anchor == nil, scalar.tag.description.isEmpty || isKey else {
          throw noAlias(text, line)
        }
        return try alias(text, line: line, depth: depth)
      }
      size += 1
      composed = Composed(node: try self.scalar(scalar, text, line), size: 1, height: 1)
    case .sequence(let sequence):
      size += 1
      _ = try checkTag(sequence.tag, allowed: .seq, line)
      var nodes: [Node] = []
      var total = (size: 1, height: 0)
      for element in sequence {
        let part = try compose(element, depth: depth + 1)
        nodes.append(part.node)
        total = (total.size + part.size, max(total.height, part.height))
      }
      composed = Composed(
        node: Node(.sequence(nodes), line: line), size: total.size, height: total.height + 1)
    case .mapping(let mapping):
      size += 1
      _ = try checkTag(mapping.tag, allowed: .map, line)
      composed = try members(of: mapping, line: line, depth: depth)
    case .alias:
      throw error(line, "an alias without its anchor")
    }
    if let anchor = source.anchorName { anchors[anchor] = composed }
    return composed
  }

  /// A scalar with the type that its tag says, else that of its style.
  private func scalar(
    _ scalar: Yams.Node.Scalar, _ text: String, _ line: Int
  ) throws(DocumentError) -> Node {
    let plain = Node(.scalar(text: text, isQuoted: false), line: line)
    let fits: Bool
    switch scalar.tag.description {
    case Yams.Tag.Name.int.rawValue: fits = plain.number?.int != nil
    case Yams.Tag.Name.float.rawValue: fits = plain.number != nil
    case Yams.Tag.Name.bool.rawValue: fits = Bool(yaml: text) != nil
    case Yams.Tag.Name.null.rawValue: fits = plain.isNull
    default:
      let isText = try checkTag(scalar.tag, allowed: .str, line)
      return Node(.scalar(text: text, isQuoted: isText || scalar.style != .plain), line: line)
    }
    guard fits else {
      let tag = scalar.tag.description.replacingPrefix("tag:yaml.org,2002:", with: "!!")
      throw error(line, "`\(text.excerpt)` is not what its tag `\(tag)` says")
    }
    return plain
  }

  private mutating func members(
    of mapping: Yams.Node.Mapping, line: Int, depth: Int
  ) throws(DocumentError) -> Composed {
    var members: [(key: String, value: Node)] = []
    var seen: [ExactText: Int] = [:]
    var total = (size: 1, height: 0)
    var merged: [(key: String, value: Node)]?
    for (key, value) in mapping {
      let keyLine = self.line(of: key) ?? line
      guard case .scalar(let scalar) = key else {
        throw error(keyLine, "a key that is not a single word or text")
      }
      guard case .scalar(let text, _) = try compose(key, depth: depth + 1, isKey: true).node.content
      else {
        throw error(keyLine, "a key that is not a single word or text")
      }
      if text == "<<", scalar.style == .plain, merged == nil {
        let part = try compose(value, depth: depth + 1)
        merged = try mergedMembers(part.node, keyLine)
        total = (total.size + part.size, max(total.height, part.height))
        continue
      }
      if let first = seen.updateValue(keyLine, forKey: ExactText(text)) {
        throw error(first, "the key `\(text.excerpt)`, first here, stands twice")
      }
      var part = try compose(value, depth: depth + 1)
      part.node.keyLine = keyLine
      members.append((text, part.node))
      total = (total.size + part.size, max(total.height, part.height))
    }
    for member in merged ?? []
    where seen.updateValue(line, forKey: ExactText(member.key)) == nil {
      members.append(member)
    }
    return Composed(
      node: Node(.mapping(members), line: line), size: total.size, height: total.height + 1)
  }

  /// The members that a merge key brings, those of the first mapping first.
  private func mergedMembers(
    _ node: Node, _ line: Int
  ) throws(DocumentError) -> [(key: String, value: Node)] {
    switch node.content {
    case .mapping(let members): return members
    case .sequence(let nodes):
      var all: [(key: String, value: Node)] = []
      for node in nodes {
        guard case .mapping(let members) = node.content else { break }
        all += members
      }
      if nodes.allSatisfy({ if case .mapping = $0.content { true } else { false } }) { return all }
    case .scalar: break
    }
    throw error(line, "the merge key `<<` should have a mapping or a list of mappings below it")
  }

  private mutating func alias(
    _ text: String, line: Int, depth: Int
  ) throws(DocumentError) -> Composed {
    let name = text.dropFirst()
    let isName = name.utf8.allSatisfy {
      (0x30...0x39).contains($0) || (0x61...0x7A).contains($0 | 0x20) || $0 == UInt8(ascii: "-")
        || $0 == UInt8(ascii: "_")
    }
    guard isName, !name.isEmpty else { throw noAlias(text, line) }
    guard let target = anchors[String(name)] else {
      throw error(line, "the alias `\(text.excerpt)` has no anchor before it")
    }
    size += target.size
    guard size <= Self.maxAliasedSize else {
      throw error(line, "aliases stand for more than \(Self.maxAliasedSize) values")
    }
    guard depth + target.height - 1 <= Self.maxDepth else { throw error(line, Self.tooDeep) }
    return target
  }

  /// Whether `tag` is the `allowed` one rather than none; any other is an error.
  private func checkTag(
    _ tag: Yams.Tag, allowed: Yams.Tag.Name, _ line: Int
  ) throws(DocumentError) -> Bool {
    let name = tag.description
    if name.isEmpty || name == "!" { return name == "!" }
    guard name == allowed.rawValue else {
      let shown = name.replacingPrefix("tag:yaml.org,2002:", with: "!!")
      throw error(line, "the tag `\(YAMLMask.unmask(shown).excerpt)` is not supported here")
    }
    return true
  }

  private func noAlias(_ text: String, _ line: Int) -> DocumentError {
    error(line, "`\(text.excerpt)` is no alias; put a text that begins with `*` in quotes")
  }

  private func error(_ line: Int, _ problem: String) -> DocumentError {
    .syntax(origin: origin, position: "line \(line)", problem: problem)
  }
}

extension Yams.Node {
  fileprivate var anchorName: String? {
    switch self {
    case .scalar(let scalar): scalar.anchor?.rawValue
    case .sequence(let sequence): sequence.anchor?.rawValue
    case .mapping(let mapping): mapping.anchor?.rawValue
    case .alias: nil
    }
  }
}

extension String {
  fileprivate func replacingPrefix(_ prefix: String, with other: String) -> String {
    hasPrefix(prefix) ? other + dropFirst(prefix.count) : self
  }
}
