// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// The file system as the engine needs it: what exists is either the old state or the new one,
/// and every failure is a `RecipeError` that names the path.
package enum Disk {
  /// What tells a file's state without reading it.
  package struct Identity: Equatable, Sendable {
    /// The device's number.
    package var device: UInt64
    /// The file's number on it.
    package var inode: UInt64
    /// The length in bytes.
    package var byteCount: Int
    /// Last change of the content, in nanoseconds since 1970.
    package var modified: Int64
    /// Last change of content or attributes, in nanoseconds since 1970; programs cannot set it.
    package var changed: Int64
    /// Whether it is a folder.
    package var isFolder: Bool
  }

  /// A regular file within a folder.
  package struct Entry: Equatable, Sendable {
    /// The path below the folder, with `/`.
    package var path: String
    /// The length in bytes.
    package var byteCount: Int
  }

  /// The state of what `path` names, links followed; `nil` when there is nothing.
  package static func identity(_ path: String) -> Identity? {
    var status = stat()
    return stat(path, &status) == 0 ? Identity(status) : nil
  }

  /// Whether anything is at `path`, a dangling link included.
  package static func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  /// Makes a folder and those above it; fine when it exists.
  package static func makeFolder(_ path: String) throws(RecipeError) {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw RecipeError(error, while: "make the folder", path: path)
    }
  }

  /// Removes a file, a link or a whole folder; fine when there is none.
  package static func remove(_ path: String) throws(RecipeError) {
    guard exists(path) else { return }
    do { try FileManager.default.removeItem(atPath: path) } catch {
      throw RecipeError(error, while: "remove", path: path)
    }
  }

  /// Moves within one file system, atomically, and makes it last through a power cut.
  package static func move(_ source: String, to target: String) throws(RecipeError) {
    guard rename(source, target) == 0 else {
      throw RecipeError(errno: errno, while: "rename", path: target)
    }
    try sync(target.parentPath)
  }

  /// Forces a file's or folder's content to the disk.
  package static func sync(_ path: String) throws(RecipeError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw RecipeError(errno: errno, while: "open", path: path) }
    defer { close(descriptor) }
    // EINVAL: the file system has nothing to sync for this kind of file.
    guard fsync(descriptor) == 0 || errno == EINVAL else {
      throw RecipeError(errno: errno, while: "write", path: path)
    }
  }

  /// Forces every file and folder below `folder`, and itself, to the disk.
  package static func syncTree(_ folder: String) throws(RecipeError) {
    for path in try paths(in: folder) where identity(folder + "/" + path) != nil {
      try sync(folder + "/" + path)
    }
    try sync(folder)
  }

  /// Removes every file and folder below `folder` whose name begins with a dot.
  package static func removeHidden(in folder: String) throws(RecipeError) {
    for path in try paths(in: folder)
    where path.split(separator: "/").last?.hasPrefix(".") == true {
      try remove(folder + "/" + path)
    }
  }

  /// Opens a file to be read.
  package static func openForReading(_ path: String) throws(RecipeError) -> FileHandle {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { throw .noSuchFile(path) }
      throw RecipeError(errno: errno, while: "open", path: path)
    }
    let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    // A folder can be opened, and only reading it fails.
    guard identity(path)?.isFolder != true else {
      let names = ((try? names(in: path)) ?? []).filter { $0.hasSuffix(".yaml") }
      throw .isFolder(path, holding: names.first { $0 == "recipe.yaml" } ?? names.first)
    }
    return file
  }

  /// The whole content of a small file.
  package static func read(_ path: String) throws(RecipeError) -> [UInt8] {
    let file = try openForReading(path)
    do {
      let content = try file.readToEnd() ?? Data()
      try file.close()
      return [UInt8](content)
    } catch {
      throw RecipeError(error, while: "read", path: path)
    }
  }

  /// The text of a small file.
  /// - Throws: `notUTF8` with the place instead of putting marks where bytes are wrong.
  package static func readText(_ path: String) throws(RecipeError) -> String {
    let bytes = try read(path)
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    // What decoding repairs differs from the bytes first where the text goes wrong.
    let repaired = String(decoding: bytes, as: UTF8.self).utf8
    throw .notUTF8(path, offset: zip(bytes, repaired).prefix { $0 == $1 }.count)
  }

  /// Writes a file through a temporary sibling: sync, then rename. A reader or a killed process
  /// finds the old content or the new.
  ///
  /// - Parameter isShared: whether another process might write the same file now; then the
  ///   temporary name has our process number, otherwise it is hidden.
  package static func write(
    _ text: String, to path: String, isShared: Bool = true
  ) throws(RecipeError) {
    let (folder, name) = (
      path.parentPath, (path as NSString).lastPathComponent
    )
    let temporary = isShared ? "\(path).\(getpid()).tmp" : "\(folder)/.\(name).tmp"
    do {
      let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
      guard descriptor >= 0 else {
        throw RecipeError(errno: errno, while: "create", path: temporary)
      }
      let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
      try file.write(contentsOf: Data(text.utf8))
      try file.synchronize()
      try file.close()
      try move(temporary, to: path)
    } catch {
      unlink(temporary)
      throw RecipeError(error, while: "write", path: path)
    }
  }

  /// Removes from `folder` what `write` and `link` left when their process was killed.
  package static func sweepTemporaries(in folder: String) throws(RecipeError) {
    for name in try names(in: folder) where name.hasSuffix(".tmp") {
      let parts = name.split(separator: ".")
      guard parts.count >= 3, let process = pid_t(parts[parts.count - 2]) else { continue }
      if kill(process, 0) != 0, errno == ESRCH { unlink(folder + "/" + name) }
    }
  }

  /// Adds a line to a file, in one write.
  package static func append(line: String, to path: String) throws(RecipeError) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw RecipeError(errno: errno, while: "open", path: path) }
    let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    do {
      try file.write(contentsOf: Data((line + "\n").utf8))
      try file.close()
    } catch {
      throw RecipeError(error, while: "write", path: path)
    }
  }

  /// The regular files below `folder`, sorted by the bytes of their paths; links are followed to
  /// files but not into folders.
  package static func files(in folder: String) throws(RecipeError) -> [Entry] {
    var entries: [Entry] = []
    for path in try paths(in: folder) {
      guard let state = identity(folder + "/" + path) else {
        throw .io(
          operation: "read", path: folder + "/" + path, reason: "the link leads nowhere")
      }
      if !state.isFolder { entries.append(Entry(path: path, byteCount: state.byteCount)) }
    }
    return entries
  }

  /// The names directly in `folder`, sorted.
  package static func names(in folder: String) throws(RecipeError) -> [String] {
    do { return try FileManager.default.contentsOfDirectory(atPath: folder).sorted() } catch {
      throw RecipeError(error, while: "list", path: folder)
    }
  }

  private static func paths(in folder: String) throws(RecipeError) -> [String] {
    do {
      // A folder named through a link would be listed as empty.
      let folder = URL(fileURLWithPath: folder).resolvingSymlinksInPath().path
      return try FileManager.default.subpathsOfDirectory(atPath: folder)
        .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    } catch {
      throw RecipeError(error, while: "list", path: folder)
    }
  }

  /// Makes `path` a symbolic link to `target`, replacing what link stood there.
  package static func link(_ path: String, to target: String) throws(RecipeError) {
    let temporary = "\(path).\(getpid()).tmp"
    unlink(temporary)
    guard symlink(target, temporary) == 0 else {
      throw RecipeError(errno: errno, while: "link", path: path)
    }
    guard rename(temporary, path) == 0 else {
      let code = errno
      unlink(temporary)
      throw RecipeError(errno: code, while: "link", path: path)
    }
  }

  /// An absolute path without `.` and `..`; a relative one starts at the working folder.
  package static func absolute(_ path: String) -> String {
    let expanded = (path as NSString).expandingTildeInPath
    return URL(fileURLWithPath: expanded).standardizedFileURL.path
  }

  /// The way from `folder` to `target`, both absolute: with `..` when they share a folder one or
  /// two levels up, so that a moved `runs/` keeps its links, otherwise `target` itself.
  package static func relative(_ target: String, from folder: String) -> String {
    let goal = target.split(separator: "/")
    let start = folder.split(separator: "/")
    let shared = zip(goal, start).prefix { $0 == $1 }.count
    guard shared > 0, start.count - shared <= 2 else { return target }
    let up = Array(repeating: Substring(".."), count: start.count - shared)
    return (up + goal[shared...]).joined(separator: "/")
  }

  /// Bytes that may still be written where `path` is or will be, or `nil` when unknown.
  package static func freeByteCount(at path: String) -> Int? {
    var place = path
    while identity(place) == nil, place.count > 1 {
      place = place.parentPath
    }
    var status = statvfs()
    guard statvfs(place, &status) == 0 else { return nil }
    return Int(clamping: UInt64(status.f_bavail) &* UInt64(status.f_frsize))
  }
}

extension Disk.Identity {
  fileprivate init(_ status: stat) {
    #if canImport(Darwin)
      let (modified, changed) = (status.st_mtimespec, status.st_ctimespec)
    #else
      let (modified, changed) = (status.st_mtim, status.st_ctim)
    #endif
    func nanoseconds(_ time: timespec) -> Int64 {
      Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
    self.init(
      device: UInt64(truncatingIfNeeded: status.st_dev), inode: UInt64(status.st_ino),
      byteCount: Int(status.st_size), modified: nanoseconds(modified),
      changed: nanoseconds(changed), isFolder: status.st_mode & S_IFMT == S_IFDIR)
  }
}
