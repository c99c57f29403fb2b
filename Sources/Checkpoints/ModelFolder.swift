// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// A folder that a person has named, and the files that lie directly in it.
///
/// Readers of checkpoints and adapters open files through it alone, by plain name. So whatever a file
/// says (an index of shards, a config that names another model), nothing outside the folder can be
/// opened on its word.
///
/// Symbolic links inside the folder are followed: the cache of Hugging Face consists of links to
/// `../../blobs`. Who can put a link there can put any bytes there. Only regular files are read, so
/// that a link to a device or a pipe is an error and not an endless read.
package struct ModelFolder: Sendable {
  /// The folder's path, as it was named.
  package let path: String
  /// The names of what lies in it, sorted.
  package let names: [String]
  private let openFile: @Sendable (String) throws(CheckpointError) -> MappedFile

  /// Lists the folder; throws ``CheckpointError/cannotRead(path:reason:)``.
  package init(_ path: String) throws(CheckpointError) {
    guard let names = FileSystem.names(in: path) else {
      throw .cannotRead(
        path: path, reason: FileSystem.exists(path) ? "not a folder" : "no such folder")
    }
    self.path = path
    self.names = names
    openFile = { (name) throws(CheckpointError) in try MappedFile(FileSystem.join(path, name)) }
  }

  /// A folder that is in memory.
  package init(contents: [String: [UInt8]], path: String) {
    self.path = path
    names = contents.keys.sorted()
    openFile = { (name) throws(CheckpointError) in
      guard let bytes = contents[name] else {
        throw .cannotRead(path: "\(path)/\(name)", reason: "No such file or directory")
      }
      return try MappedFile(contents: bytes, path: "\(path)/\(name)")
    }
  }

  /// Whether something of that name lies in the folder.
  package func has(_ name: String) -> Bool { names.contains(name) }

  /// The path of a file in the folder, for messages.
  package func path(of name: String) -> String { FileSystem.join(path, name) }

  /// Maps a file by its name, which must be plain: not empty, no slash, not `.` or `..`.
  package func file(_ name: String) throws(CheckpointError) -> MappedFile {
    guard Self.isPlain(name) else {
      throw .cannotRead(path: path(of: name), reason: "it is not the plain name of a file")
    }
    return try openFile(name)
  }

  /// Whether a name can only mean something directly in the folder.
  package static func isPlain(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".." && !name.utf8.contains(UInt8(ascii: "/"))
      && !name.utf8.contains(0)
  }

  /// The JSON document in a file of the folder.
  package func document(_ name: String) throws(CheckpointError) -> JSON {
    let file = try file(name)
    do throws(DocumentError) {
      return try JSON.parse(file.bytes(0..<file.byteCount), origin: file.path)
    } catch {
      throw .document(error)
    }
  }
}
