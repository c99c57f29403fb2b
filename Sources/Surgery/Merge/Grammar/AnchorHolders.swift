// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Keys of a recipe below which anchors stand (`shared: &shared {weight: 1}`).
///
/// mergekit reads past keys that it does not know, so recipes hold in such a key what several models
/// share. All other unknown keys stay errors.
enum AnchorHolders {
  /// The keys at the left margin of a text with an anchor on their line or on those below them. What
  /// looks like an anchor inside of quotes is taken for one.
  static func keys(of text: String) -> Set<String> {
    var holders: Set<String> = []
    var key: String?
    for line in text.split(whereSeparator: \.isNewline) {
      if let first = line.first, first.isLetter || first == "_" || first == ".",
        let colon = line.firstIndex(of: ":")
      {
        key = String(line[..<colon])
      }
      if let key, hasAnchor(line) { holders.insert(key) }
    }
    return holders
  }

  /// Whether `&name` stands in a line as a word of its own, before any comment.
  private static func hasAnchor(_ line: Substring) -> Bool {
    var previous: Character = " "
    for (index, character) in zip(line.indices, line) {
      if character == "#", previous == " " { return false }
      if character == "&", " \t[{,".contains(previous) {
        let next = line.index(after: index)
        if next < line.endIndex, line[next].isLetter || line[next].isNumber || line[next] == "_" {
          return true
        }
      }
      previous = character
    }
    return false
  }
}
