// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Yams

/// Reads YAML.
public enum YAML {
  /// Parses one document.
  ///
  /// A byte order mark at the start is skipped; line ends may be LF, CR LF or CR. Anchors and
  /// aliases are resolved, and so are merge keys, which YAML 1.2 has dropped and Python's reader has
  /// not: the members of a mapping under `<<`, or of a list of mappings, stand in for those that a
  /// mapping lacks, the first of a list winning. Refused, because reading them otherwise would
  /// mislead: a second document, keys that repeat or are no scalars, tags other than YAML's own for
  /// texts, numbers, flags and null, control characters, more than 128 levels, and aliases that stand
  /// for more than a million values.
  /// - Parameter firstLine: the number of the text's first line in the file, for messages.
  /// - Throws: `DocumentError.syntax` with the line.
  public static func parse(
    _ text: String, origin: String, firstLine: Int = 1
  ) throws(DocumentError) -> Node {
    let masked = try YAMLMask.mask(text, origin: origin, firstLine: firstLine)
    let parser: Yams.Parser
    let root: Yams.Node?
    do {
      parser = try Yams.Parser(yaml: masked, resolver: .basic, encoding: .utf8)
      root = try parser.singleRoot()
    } catch let problem as YamlError {
      throw .syntax(
        origin: origin, position: "line \(Self.line(of: problem) + firstLine - 1)",
        problem: Self.message(of: problem))
    } catch {
      throw .syntax(origin: origin, position: "line \(firstLine)", problem: "\(error)")
    }
    guard let root else {
      throw .syntax(
        origin: origin, position: "line \(firstLine)", problem: "the document is empty")
    }
    var composer = YAMLComposer(origin: origin, firstLine: firstLine)
    // The nodes hold their anchors weakly; the parser owns them.
    return try withExtendedLifetime(parser) { () throws(DocumentError) -> Node in
      try composer.compose(root, depth: 1).node
    }
  }

  private static func line(of problem: YamlError) -> Int {
    switch problem {
    case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _):
      mark.line
    case .duplicatedKeysInMapping(_, let context): context.mark.line
    default: 1
    }
  }

  private static func message(of problem: YamlError) -> String {
    switch problem {
    case .parser(_, let text, _, _) where text.hasPrefix("Maximum nesting level"):
      YAMLComposer.tooDeep
    case .scanner(_, let text, _, _), .parser(_, let text, _, _): text
    // The only problem left to Yams' composer, which never sees an alias.
    case .composer: "a second document begins, where one is expected"
    case .duplicatedKeysInMapping(let keys, _):
      "the key `\(YAMLMask.unmask(keys.first ?? "").excerpt)`, first here, stands twice"
    default: "\(problem)"
    }
  }
}
