// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A model of a hub at a revision: `org/name[@revision]`.
public struct HubModel: Sendable, Hashable, CustomStringConvertible {
  /// `org/name`.
  public let id: String
  /// A branch, a tag, or a commit of 40 digits.
  public let revision: String

  /// The revision of a name without one.
  public static let defaultRevision = "main"

  /// - Throws: ``HubError/name(_:)`` and ``HubError/revision(_:of:)``: both become parts of paths
  ///   and of URLs, so only what hubs themselves allow is taken.
  public init(id: String, revision: String? = nil) throws(HubError) {
    guard Self.isName(id) else { throw .name(id) }
    let revision = revision ?? Self.defaultRevision
    guard Self.isRevision(revision) else { throw .revision(revision, of: id) }
    self.id = id
    self.revision = revision
  }

  /// Reads `org/name[@revision]`.
  public init(parsing text: String) throws(HubError) {
    guard let at = text.firstIndex(of: "@") else {
      try self.init(id: text)
      return
    }
    try self.init(id: String(text[..<at]), revision: String(text[text.index(after: at)...]))
  }

  /// `org/name`, with `@revision` where it is not the default.
  public var description: String {
    revision == Self.defaultRevision ? id : "\(id)@\(revision)"
  }

  /// Whether the revision is a commit, which never changes.
  public var isCommit: Bool { Self.isCommit(revision) }

  /// Whether a text says that it is a path: it begins with `/`, `./`, `../` or `~`.
  public static func looksLikePath(_ text: String) -> Bool {
    text == "." || text == ".."
      || ["/", "./", "../", "~"].contains { text.utf8.starts(with: $0.utf8) }
  }

  /// Whether a text is `org/name` as hubs have them.
  public static func isName(_ text: String) -> Bool {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    return parts.count == 2
      && parts.allSatisfy { part in
        let bytes = Array(part.utf8)
        guard let first = bytes.first, let last = bytes.last, bytes.count <= 96 else {
          return false
        }
        return isWord(first) && isWord(last) && !part.contains("--") && !part.contains("..")
          && bytes.allSatisfy { isWord($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
      } && !text.hasSuffix(".git")
  }

  /// Whether a text may be a revision: what git allows without signs that mean something in paths
  /// and URLs.
  static func isRevision(_ text: String) -> Bool {
    text.utf8.count <= 255 && !text.hasPrefix("-")
      && text.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
        !part.isEmpty && !part.hasPrefix(".") && !part.hasSuffix(".lock") && !part.contains("..")
          && part.utf8.allSatisfy { isWord($0) || "-.+=".utf8.contains($0) }
      }
  }

  static func isCommit(_ text: String) -> Bool { isHexadecimal(text, count: 40) }

  static func isHexadecimal(_ text: String, count: Int) -> Bool {
    text.utf8.count == count
      && text.utf8.allSatisfy { 48...57 ~= $0 || 97...102 ~= $0 }
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}
