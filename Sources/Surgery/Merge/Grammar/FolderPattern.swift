// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// A path that stands for several folders: `*` for any run of characters between two slashes, `?`
/// for one. Names that begin with a dot are found only by a pattern that does.
public enum FolderPattern {
  /// Whether a path has signs of a pattern.
  public static func isPattern(_ path: String) -> Bool { path.contains { $0 == "*" || $0 == "?" } }

  /// The folders that a pattern stands for, as paths like the pattern, in natural order:
  /// `checkpoint-900` before `checkpoint-1000`. A path without signs, and one whose very name has
  /// them, is itself.
  ///
  /// - Throws: ``MergeError/operation(_:)`` where there is none; it names the folder that was
  ///   looked in.
  public static func folders(_ pattern: String) throws(MergeError) -> [String] {
    guard isPattern(pattern), !isFolder(pattern) else { return [pattern] }
    var found = [pattern.hasPrefix("/") ? "/" : ""]
    var searched: String?
    for part in pattern.split(separator: "/") {
      func join(_ folder: String, _ name: some StringProtocol) -> String {
        folder.isEmpty || folder == "/" ? folder + name : "\(folder)/\(name)"
      }
      guard isPattern(String(part)) else {
        found = found.map { join($0, part) }
        continue
      }
      if searched == nil { searched = found[0].isEmpty ? "." : found[0] }
      found = found.flatMap { folder in
        let names = try? FileManager.default.contentsOfDirectory(
          atPath: folder.isEmpty ? "." : folder)
        return (names ?? []).filter { name in
          (!name.hasPrefix(".") || part.hasPrefix(".")) && matches(Array(name), Array(part))
        }.map { join(folder, $0) }
      }
    }
    found = found.filter(isFolder)
    if found.isEmpty {
      let place = searched ?? "."
      throw .operation(
        Diagnosis(
          what: "No folder matches `\(pattern)`.", where: place,
          next: isFolder(place)
            ? "Correct the pattern; `*` stands for any characters between two slashes."
            : "There is no such folder; correct the path."))
    }
    return found.sorted(by: isBefore)
  }

  private static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && isFolder.boolValue
  }

  /// Whether a name is one of a pattern. Linear but for names with many stars.
  static func matches(_ name: [Character], _ pattern: [Character]) -> Bool {
    var (n, p) = (0, 0)
    // The last star, and how far it has reached.
    var star: (pattern: Int, name: Int)?
    while n < name.count {
      if p < pattern.count, pattern[p] == "*" {
        star = (p, n)
        p += 1
      } else if p < pattern.count, pattern[p] == "?" || pattern[p] == name[n] {
        n += 1
        p += 1
      } else if let last = star {
        star = (last.pattern, last.name + 1)
        n = last.name + 1
        p = last.pattern + 1
      } else {
        return false
      }
    }
    return pattern[p...].allSatisfy { $0 == "*" }
  }

  /// Runs of digits compare as numbers of any length, all else by bytes.
  static func isBefore(_ left: String, _ right: String) -> Bool {
    let (a, b) = (Array(left.utf8), Array(right.utf8))
    var (i, j) = (0, 0)
    func run(_ text: [UInt8], _ start: Int) -> (end: Int, digits: ArraySlice<UInt8>) {
      let end = text[start...].firstIndex { !(48...57 ~= $0) } ?? text.count
      return (end, text[start..<end].drop { $0 == 48 })
    }
    while i < a.count, j < b.count {
      if 48...57 ~= a[i], 48...57 ~= b[j] {
        let (left, right) = (run(a, i), run(b, j))
        if left.digits.count != right.digits.count {
          return left.digits.count < right.digits.count
        }
        if left.digits != right.digits {
          return left.digits.lexicographicallyPrecedes(right.digits)
        }
        (i, j) = (left.end, right.end)
      } else {
        if a[i] != b[j] { return a[i] < b[j] }
        (i, j) = (i + 1, j + 1)
      }
    }
    if i < a.count || j < b.count { return i == a.count }
    // Equal but for leading zeros.
    return a.lexicographicallyPrecedes(b)
  }
}

extension ModelReference {
  /// Whether the path of the model or of its adapter is a pattern.
  var hasPattern: Bool {
    guard case .stored(let location) = base else { return false }
    return FolderPattern.isPattern(location.path)
      || adapter.map { FolderPattern.isPattern($0.path) } == true
  }
}
