// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension String {
  /// The path of the folder this path lies in: `""` of a bare name, `/` of what lies in the root and
  /// of the root itself.
  ///
  /// Slashes at the end and repeated ones count once. Foundation's `deletingLastPathComponent` of a
  /// name of one character ends the program (Swift 6.3, Linux).
  package var parentPath: String {
    func withoutSlashes(_ path: Substring) -> Substring {
      var path = path
      while path.count > 1, path.last == "/" { path.removeLast() }
      return path
    }
    let path = withoutSlashes(self[...])
    guard let slash = path.lastIndex(of: "/") else { return "" }
    return String(slash == path.startIndex ? "/" : withoutSlashes(path[..<slash]))
  }
}
