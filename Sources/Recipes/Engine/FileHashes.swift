// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// Content hashes of external files, remembered by path and state so that a rerun need not read
/// gigabytes again.
///
/// A remembered hash counts while device, inode, length, time of change and time of attribute
/// change (which programs cannot set back) are the same. A file that changed less than two
/// seconds before it was hashed is not remembered: a second write within the clock's tick would
/// go unseen (git's "racy" entries). The store is a convenience; a damaged one is ignored and
/// written anew.
package final class FileHashes {
  private struct Record {
    var identity: Disk.Identity
    var hash: String
  }

  private static let schema = 1
  private static let restNanoseconds: Int64 = 2_000_000_000

  private let storePath: String?
  private var records: [String: Record] = [:]
  private var isChanged = false
  /// How many files were read, for tests and messages.
  package private(set) var readCount = 0

  /// Hashes remembered in the file `storePath`; `nil` remembers within the process only.
  package init(storePath: String?) {
    self.storePath = storePath
    if let storePath { records = Self.load(storePath) }
  }

  /// The hash of a file's content, or of a folder's relative paths and contents.
  ///
  /// A folder's hash covers its regular files only; hidden files (`.DS_Store`, `.git`) do not
  /// count, because no reader of ours looks at them.
  package func hash(_ path: String) throws -> String {
    guard let identity = Disk.identity(path) else {
      throw RecipeError.io(operation: "read", path: path, reason: "no such file or folder")
    }
    guard identity.isFolder else { return try hash(file: path, identity) }
    var members: [JSON] = []
    for entry in try Disk.files(in: path) {
      guard !entry.path.split(separator: "/").contains(where: { $0.hasPrefix(".") }) else {
        continue
      }
      members.append([JSON(entry.path), JSON(try hash(path + "/" + entry.path))])
    }
    return Hashing.sha256(canonical: .array(members))
  }

  private func hash(file path: String, _ before: Disk.Identity) throws -> String {
    if let record = records[path], record.identity == before { return record.hash }
    let start = Self.now()
    let (hash, _) = try Hashing.sha256(fileAt: path)
    readCount += 1
    let isAtRest =
      Disk.identity(path) == before
      && start - max(before.modified, before.changed) >= Self.restNanoseconds
    let record = isAtRest ? Record(identity: before, hash: hash) : nil
    if record != nil || records[path] != nil { isChanged = true }
    records[path] = record
    return hash
  }

  /// Writes what was learned. When two processes save, one of them wins; nothing is lost but time.
  package func save() throws(RecipeError) {
    guard let storePath, isChanged else { return }
    var files = JSONObject()
    for (path, record) in records.sorted(by: { $0.key < $1.key }) {
      let identity = record.identity
      files[path] = [
        "device": .string(String(identity.device)), "inode": .string(String(identity.inode)),
        "bytes": JSON(identity.byteCount), "modified": JSON(Int(identity.modified)),
        "changed": JSON(Int(identity.changed)), "sha256": JSON(record.hash),
      ]
    }
    let value: JSON = ["schema": JSON(Self.schema), "files": .object(files)]
    let folder = storePath.parentPath
    try Disk.makeFolder(folder)
    try Disk.sweepTemporaries(in: folder)
    try Disk.write(value.serialized(pretty: true) + "\n", to: storePath)
    isChanged = false
  }

  private static func load(_ path: String) -> [String: Record] {
    guard let bytes = try? Disk.read(path), let value = try? JSON.parse(bytes, origin: path),
      value["schema"]?.int == schema, let files = value["files"]?.object
    else { return [:] }
    var records: [String: Record] = [:]
    for (path, member) in files.members {
      guard let device = member["device"]?.string.flatMap({ UInt64($0) }),
        let inode = member["inode"]?.string.flatMap({ UInt64($0) }),
        let byteCount = member["bytes"]?.int, let modified = member["modified"]?.int,
        let changed = member["changed"]?.int, let hash = member["sha256"]?.string,
        hash.utf8.count == 64
      else { continue }
      let identity = Disk.Identity(
        device: device, inode: inode, byteCount: byteCount, modified: Int64(modified),
        changed: Int64(changed), isFolder: false)
      records[path] = Record(identity: identity, hash: hash)
    }
    return records
  }

  private static func now() -> Int64 {
    Int64((Date().timeIntervalSince1970 * 1e9).rounded())
  }
}
