// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Names, folders and patterns → files, in an order that is the same on every machine.
///
/// - A file stands for itself, whatever its ending.
/// - A folder stands for all files below it with an ending of ``CorpusFormat``, hidden ones left out.
/// - In a pattern, `*` stands for any characters of a name, `?` for one, `[a-c]` for one of some, and a
///   part `**` for any folders, none included. A name that exists as it stands is no pattern.
///
/// Files of one folder or pattern are sorted by the bytes of their path; folders and patterns stay
/// in the order given. A file that is named twice is read once, at its first place.
public enum CorpusFiles {
  /// The files that `inputs` name. Throws ``CorpusError`` for an input that names none.
  public static func expand(_ inputs: [String], relativeTo folder: String? = nil) throws -> [String]
  {
    var seen: Set<String> = []
    var files: [String] = []
    for input in inputs {
      for file in try expand(one: resolved(input, relativeTo: folder)) {
        if seen.insert(standardized(file)).inserted { files.append(file) }
      }
    }
    return files
  }

  /// A path below `folder`, where it is not absolute.
  static func resolved(_ path: String, relativeTo folder: String?) -> String {
    guard let folder, !folder.isEmpty, !path.hasPrefix("/") else { return path }
    return (folder as NSString).appendingPathComponent(path)
  }

  private static func standardized(_ path: String) -> String {
    URL(fileURLWithPath: path).standardizedFileURL.resolvingSymlinksInPath().path
  }

  private static func expand(one input: String) throws -> [String] {
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: input, isDirectory: &isFolder) {
      guard isFolder.boolValue else { return [input] }
      let files = below(input).filter { CorpusFormat(path: $0) != nil }
      guard !files.isEmpty else {
        throw CorpusError.noFiles(input, reason: "the folder holds none with a known ending")
      }
      return sorted(files)
    }
    guard input.contains(where: { "*?[".contains($0) }) else {
      throw CorpusError.missingFile(input)
    }
    let parts = input.split(separator: "/", omittingEmptySubsequences: true).map(String.init)
    let found = matches(parts[...], in: input.hasPrefix("/") ? "/" : "")
    guard !found.isEmpty else {
      throw CorpusError.noFiles(input, reason: "the pattern matches none")
    }
    return sorted(Array(Set(found)))
  }

  private static func sorted(_ paths: [String]) -> [String] {
    paths.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  private static func names(in folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.isEmpty ? "." : folder)) ?? [])
      .filter { !$0.hasPrefix(".") }
  }

  private static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && isFolder.boolValue
  }

  /// Links to folders are not followed, so that none leads in a circle.
  private static func isLink(_ path: String) -> Bool {
    (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) != nil
  }

  private static func below(_ folder: String) -> [String] {
    names(in: folder).flatMap { name -> [String] in
      let path = (folder as NSString).appendingPathComponent(name)
      guard isFolder(path) else { return [path] }
      return isLink(path) ? [] : below(path)
    }
  }

  private static func matches(_ parts: ArraySlice<String>, in folder: String) -> [String] {
    guard let part = parts.first else { return [] }
    let rest = parts.dropFirst()
    func path(_ name: String) -> String {
      folder.isEmpty ? name : (folder as NSString).appendingPathComponent(name)
    }
    if part == "**" {
      if rest.isEmpty { return below(folder.isEmpty ? "." : folder) }
      return matches(rest, in: folder)
        + names(in: folder).filter { isFolder(path($0)) && !isLink(path($0)) }
        .flatMap { matches(parts, in: path($0)) }
    }
    let candidates =
      part.contains(where: { "*?[".contains($0) })
      ? names(in: folder).filter { matches(Array($0.unicodeScalars), Array(part.unicodeScalars)) }
      : [part]
    if rest.isEmpty {
      return candidates.map(path).filter {
        FileManager.default.fileExists(atPath: $0) && !isFolder($0)
      }
    }
    return candidates.flatMap { matches(rest, in: path($0)) }
  }

  /// Whether a name matches a pattern without slashes. Time: name × pattern.
  static func matches(_ name: [Unicode.Scalar], _ pattern: [Unicode.Scalar]) -> Bool {
    var (i, p) = (0, 0)
    var star: (pattern: Int, name: Int)?
    while i < name.count {
      if p < pattern.count, pattern[p] == "*" {
        star = (p + 1, i)
        p += 1
      } else if p < pattern.count, let next = step(name[i], pattern, p) {
        i += 1
        p = next
      } else if let (after, taken) = star {
        star = (after, taken + 1)
        (p, i) = (after, taken + 1)
      } else {
        return false
      }
    }
    return pattern[p...].allSatisfy { $0 == "*" }
  }

  /// Where the pattern goes on when its element at `p` takes a scalar; `nil` when it does not.
  private static func step(_ scalar: Unicode.Scalar, _ pattern: [Unicode.Scalar], _ p: Int) -> Int?
  {
    if pattern[p] == "?" { return p + 1 }
    guard pattern[p] == "[", let end = pattern[(p + 1)...].dropFirst().firstIndex(of: "]") else {
      return pattern[p] == scalar ? p + 1 : nil
    }
    var set = pattern[(p + 1)..<end]
    let isNegated = set.first == "!" || set.first == "^"
    if isNegated { set = set.dropFirst() }
    var isIn = false
    var k = set.startIndex
    while k < set.endIndex {
      if k + 2 < set.endIndex, set[k + 1] == "-" {
        if set[k] <= scalar, scalar <= set[k + 2] { isIn = true }
        k += 3
      } else {
        if set[k] == scalar { isIn = true }
        k += 1
      }
    }
    return isIn != isNegated ? end + 1 : nil
  }
}
