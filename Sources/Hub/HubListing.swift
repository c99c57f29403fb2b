// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// A file of a repository as the hub lists it.
public struct HubFile: Sendable, Hashable {
  /// Below the repository's root, with `/`; checked to stay there.
  public let path: String
  public let byteCount: Int
  /// What the bytes are checked by; its digits also name the blob in the cache.
  public let hash: Hash

  /// Which hash, in lower-case hexadecimal digits.
  public enum Hash: Sendable, Hashable {
    /// Of large files: SHA-256 of the bytes.
    case sha256(String)
    /// Of others: git's SHA-1 of a blob, which counts its length in.
    case gitBlob(String)

    public var digits: String {
      switch self {
      case .sha256(let digits), .gitBlob(let digits): digits
      }
    }
  }

  package init(path: String, byteCount: Int, hash: Hash) {
    self.path = path
    self.byteCount = byteCount
    self.hash = hash
  }
}

/// What the hub's API answers; every name and hash of it becomes part of a path only after a check.
package enum HubListing {
  /// The commit that a revision stands for, of `/api/models/{id}/revision/{revision}`.
  package static func commit(
    _ bytes: some Collection<UInt8>, place: String
  ) throws(HubError) -> String {
    let value = try parse(bytes, place)
    guard let commit = value["sha"]?.string else {
      throw .answer("it names no commit as `sha`", place: place)
    }
    guard HubModel.isCommit(commit) else {
      throw .answer("`sha` is no commit: `\(commit.excerpt)`", place: place)
    }
    return commit
  }

  /// The files of one page of `/api/models/{id}/tree/{commit}`, in its order.
  package static func files(
    _ bytes: some Collection<UInt8>, of model: HubModel, place: String
  ) throws(HubError) -> [HubFile] {
    guard let entries = try parse(bytes, place).array else {
      throw .answer("it is no list of files", place: place)
    }
    var files: [HubFile] = []
    for entry in entries {
      guard let type = entry["type"]?.string, let path = entry["path"]?.string else {
        throw .answer("a file has no `type` or no `path`", place: place)
      }
      guard isSafe(path) else { throw .fileName(path, of: model) }
      guard type == "file" else { continue }
      files.append(try file(entry, path, place))
    }
    return files
  }

  private static func file(
    _ entry: JSON, _ path: String, _ place: String
  ) throws(HubError) -> HubFile {
    func size(_ value: JSON?) throws(HubError) -> Int {
      guard let size = value?.int, 0...(1 << 50) ~= size else {
        throw .answer("`\(path.excerpt)` has no `size`", place: place)
      }
      return size
    }
    if let large = entry["lfs"], !large.isNull {
      guard let oid = large["oid"]?.string, HubModel.isHexadecimal(oid, count: 64) else {
        throw .answer("`\(path.excerpt)` has no SHA-256 as `lfs.oid`", place: place)
      }
      return HubFile(
        path: path, byteCount: try size(large["size"] ?? entry["size"]), hash: .sha256(oid))
    }
    guard let oid = entry["oid"]?.string, HubModel.isHexadecimal(oid, count: 40) else {
      throw .answer("`\(path.excerpt)` has no git hash as `oid`", place: place)
    }
    return HubFile(path: path, byteCount: try size(entry["size"]), hash: .gitBlob(oid))
  }

  /// Whether a name stays below the folder it is put in, and can be shown and stored.
  package static func isSafe(_ path: String) -> Bool {
    path.utf8.count <= 1024
      && path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
        !part.isEmpty && part != "." && part != ".." && part.utf8.count <= 255
      }
      && path.unicodeScalars.allSatisfy {
        $0.properties.generalCategory != .control && $0 != "\\"
          && !(0x202A...0x202E ~= $0.value) && !(0x2066...0x2069 ~= $0.value)
      }
  }

  /// The shards that an index of weights names, sorted.
  package static func shards(
    _ bytes: some Collection<UInt8>, index: String, of model: HubModel
  ) throws(HubError) -> [String] {
    let place = "\(model), \(index)"
    guard let map = try parse(bytes, place)["weight_map"]?.object else {
      throw .answer("the index has no `weight_map`", place: place)
    }
    var names: Set<String> = []
    for (_, value) in map.members {
      guard let name = value.string else {
        throw .answer("a shard's name is \(value.kindName)", place: place)
      }
      guard isSafe(name) else { throw .fileName(name, of: model) }
      names.insert(name)
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// The URL behind `rel="next"` of a `Link` header.
  static func next(_ links: [String]) -> String? {
    for link in links {
      for part in link.split(separator: ",") {
        guard let start = part.firstIndex(of: "<"), let end = part.firstIndex(of: ">"), start < end
        else { continue }
        let attributes = part[end...].split(separator: ";").map { $0.filter { $0 != " " } }
        if attributes.contains(where: { $0 == "rel=\"next\"" || $0 == "rel=next" }) {
          return String(part[part.index(after: start)..<end])
        }
      }
    }
    return nil
  }

  private static func parse(
    _ bytes: some Collection<UInt8>, _ place: String
  ) throws(HubError) -> JSON {
    do throws(DocumentError) {
      return try JSON.parse(bytes, origin: place)
    } catch {
      guard case .syntax(_, let position, let problem) = error else {
        throw .answer(error.diagnosis.what, place: place)
      }
      throw .answer("no JSON, \(position): \(problem)", place: place)
    }
  }
}
