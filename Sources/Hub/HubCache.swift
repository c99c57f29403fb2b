// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// The cache on the disk, laid out as `huggingface_hub` lays it out:
///
///     models--org--name/blobs/HASH                    the bytes; HASH.incomplete while they come
///     models--org--name/refs/main                     the commit that a revision stood for
///     models--org--name/snapshots/COMMIT/config.json  a relative link to the blob
///     .locks/models--org--name/HASH.lock              held with `flock` by whom writes the blob
///
/// Blobs and references are written beside their place and renamed, so what has its name is whole.
public struct HubCache: Sendable {
  public let folder: String

  public init(folder: String) { self.folder = folder }

  /// `models--org--name`.
  static func folderName(_ id: String) -> String {
    "models--" + id.replacing("/", with: "--")
  }

  /// The folder of a model.
  public func folder(of model: HubModel) -> String {
    folder + "/" + Self.folderName(model.id)
  }

  /// The folder of a model at a commit.
  public func snapshot(_ model: HubModel, commit: String) -> String {
    "\(folder(of: model))/snapshots/\(commit)"
  }

  func blob(_ model: HubModel, _ hash: HubFile.Hash) -> String {
    "\(folder(of: model))/blobs/\(hash.digits)"
  }

  func lock(_ model: HubModel, _ hash: HubFile.Hash) -> String {
    "\(folder)/.locks/\(Self.folderName(model.id))/\(hash.digits).lock"
  }

  /// The commit of a snapshot's folder in a cache, wherever the cache is; `nil` for other paths.
  public static func commit(ofSnapshot path: String) -> String? {
    let parts = path.split(separator: "/")
    guard parts.count >= 3, parts[parts.count - 2] == "snapshots",
      parts[parts.count - 3].hasPrefix("models--"), let last = parts.last.map(String.init),
      HubModel.isCommit(last)
    else { return nil }
    return last
  }

  /// The commit that the revision stood for when it was last fetched; `nil` where it never was.
  public func commit(of model: HubModel) -> String? {
    if model.isCommit { return model.revision }
    return commit(reference: "\(folder(of: model))/refs/\(model.revision)")
  }

  /// The commit that a file below `refs` holds.
  private func commit(reference path: String) -> String? {
    guard let data = contents(path, limit: 256) else { return nil }
    let commit = String(decoding: data, as: UTF8.self)
      .trimmingCharacters(in: .whitespacesAndNewlines)
    return HubModel.isCommit(commit) ? commit : nil
  }

  /// Remembers what a revision stands for.
  func remember(_ commit: String, of model: HubModel) throws(HubError) {
    guard !model.isCommit, self.commit(of: model) != commit else { return }
    let path = "\(folder(of: model))/refs/\(model.revision)"
    try HubDisk.makeFolder(above: path)
    try HubDisk.replace(path, with: Array(commit.utf8))
  }

  /// The names of files of a snapshot whose bytes are there, folders within included.
  func names(inSnapshot path: String) -> Set<String> {
    guard let walker = FileManager.default.enumerator(atPath: path) else { return [] }
    var names: Set<String> = []
    for case let name as String in walker
    where HubDisk.state(path + "/" + name).map({ !$0.isFolder }) == true {
      names.insert(name)
    }
    return names
  }

  /// The listing of a commit that `huggingface_hub` keeps as `trees/COMMIT.json`; `nil` for none.
  func listedNames(_ model: HubModel, commit: String) -> Set<String>? {
    let path = "\(folder(of: model))/trees/\(commit).json"
    guard let data = contents(path, limit: HubClient.longestListing),
      let files = try? JSON.parse(data, origin: path)["files"]?.object
    else { return nil }
    return Set(files.members.map(\.key))
  }

  /// Whether `huggingface_hub` has asked for a file of a commit in vain: it keeps an empty file of
  /// that name under `.no_exist/COMMIT`.
  func isKnownAbsent(_ name: String, _ model: HubModel, commit: String) -> Bool {
    HubDisk.state("\(folder(of: model))/.no_exist/\(commit)/\(name)")?.isFolder == false
  }

  func contents(_ path: String, limit: Int) -> Data? {
    guard let state = HubDisk.state(path), !state.isFolder, state.byteCount <= limit else {
      return nil
    }
    return FileManager.default.contents(atPath: path)
  }

  /// Lets a snapshot's name lead to a blob, relative, so that the cache can be moved.
  func link(_ file: HubFile, of model: HubModel, commit: String) throws(HubError) {
    let path = snapshot(model, commit: commit) + "/" + file.path
    let depth = file.path.utf8.count { $0 == UInt8(ascii: "/") } + 2
    let target =
      String(repeating: "../", count: depth) + "blobs/" + file.hash.digits
    try HubDisk.makeFolder(above: path)
    let temporary = path + HubDisk.temporaryEnding
    guard symlink(target, temporary) == 0 else {
      throw .system(action: "make the link", path: path, reason: SystemReason.text(errno))
    }
    guard rename(temporary, path) == 0 else {
      let code = errno
      unlink(temporary)
      throw .system(action: "make the link", path: path, reason: SystemReason.text(code))
    }
  }

  /// Whether a snapshot has a file, with the length it should have.
  func has(_ file: HubFile, of model: HubModel, commit: String) -> Bool {
    isWhole(snapshot(model, commit: commit) + "/" + file.path, file)
  }

  func isWhole(_ path: String, _ file: HubFile) -> Bool {
    guard let state = HubDisk.state(path) else { return false }
    return !state.isFolder && state.byteCount == file.byteCount
  }
}

/// A model in the cache, for lists.
public struct CachedModel: Sendable, Equatable {
  /// `org/name`; `name` of one that another tool fetched without an owner, which `HubModel` is not.
  public let id: String
  public let folder: String
  /// Names of branches and tags with the commits they stood for, sorted by name.
  public let references: [Reference]
  /// Commits with a snapshot, sorted.
  public let commits: [String]
  /// The bytes of whole blobs, and of those that are not.
  public let byteCount: Int
  public let partialByteCount: Int

  public struct Reference: Sendable, Equatable {
    public let name: String
    public let commit: String
  }
}

extension HubCache {
  /// The models in the cache, sorted by name. What is not laid out so is left away.
  public func models() -> [CachedModel] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.compactMap { name -> CachedModel? in
      guard name.hasPrefix("models--") else { return nil }
      let parts = name.dropFirst(8).split(separator: "-", omittingEmptySubsequences: false)
      // Names hold no `--`, so the only one parts the owner from the name; old models have none.
      guard let gap = parts.firstIndex(of: "") else {
        let id = String(name.dropFirst(8))
        return HubModel.isName("owner/" + id) ? cached(id) : nil
      }
      let id =
        parts[..<gap].joined(separator: "-") + "/" + parts[(gap + 1)...].joined(separator: "-")
      return HubModel.isName(id) ? cached(id) : nil
    }.sorted { $0.id.utf8.lexicographicallyPrecedes($1.id.utf8) }
  }

  private func cached(_ id: String) -> CachedModel {
    let root = folder + "/" + Self.folderName(id)
    let files = FileManager.default
    var sizes = (whole: 0, partial: 0)
    for name in (try? files.contentsOfDirectory(atPath: root + "/blobs")) ?? [] {
      let count = HubDisk.state("\(root)/blobs/\(name)")?.byteCount ?? 0
      if name.hasSuffix(".incomplete") { sizes.partial += count } else { sizes.whole += count }
    }
    var references: [CachedModel.Reference] = []
    for case let name as String in files.enumerator(atPath: root + "/refs") ?? .init() {
      guard HubModel.isRevision(name), !HubModel.isCommit(name),
        HubDisk.state("\(root)/refs/\(name)")?.isFolder == false,
        let commit = commit(reference: "\(root)/refs/\(name)")
      else { continue }
      references.append(.init(name: name, commit: commit))
    }
    let commits = ((try? files.contentsOfDirectory(atPath: root + "/snapshots")) ?? [])
      .filter(HubModel.isCommit).sorted()
    return CachedModel(
      id: id, folder: root, references: references.sorted { $0.name < $1.name },
      commits: commits, byteCount: sizes.whole, partialByteCount: sizes.partial)
  }
}
