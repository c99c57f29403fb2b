// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The few questions this room asks the file system, without Foundation.
enum FileSystem {
  /// The system's text for its last error, such as `No space left on device`.
  static func reason(_ code: Int32 = errno) -> String {
    // Safety: strerror returns a text that stays valid until the next call on this thread; it is
    // copied at once.
    unsafe String(cString: strerror(code))
  }

  static func join(_ directory: String, _ name: String) -> String {
    directory.hasSuffix("/") ? directory + name : "\(directory)/\(name)"
  }

  /// `path` split at its last slash; slashes at the end are dropped.
  static func split(_ path: String) -> (parent: String, name: String) {
    var path = path[...]
    while path.count > 1, path.hasSuffix("/") { path = path.dropLast() }
    guard let slash = path.lastIndex(of: "/") else { return (".", String(path)) }
    let parent = path[..<slash]
    return (parent.isEmpty ? "/" : String(parent), String(path[path.index(after: slash)...]))
  }

  // Safety, here and below: the text lives as a C string for the length of the call.
  static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

  static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    // Safety: plain out-parameter.
    return unsafe stat(path, &status) == 0 && (status.st_mode & S_IFMT) == S_IFDIR
  }

  /// What a symbolic link says; `nil` where there is none.
  static func destination(ofLink path: String) -> String? {
    let limit = Int(PATH_MAX)
    var text = [CChar](repeating: 0, count: limit)
    // Safety: readlink writes at most `limit` bytes and returns how many.
    let count = unsafe readlink(path, &text, limit)
    guard count >= 0 else { return nil }
    return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The names in a folder, sorted, without `.` and `..`; `nil` when it cannot be listed.
  static func names(in directory: String) -> [String]? {
    // Safety: the handle is closed before this returns; each entry is copied before the next call.
    guard let handle = unsafe opendir(directory) else { return nil }
    defer { unsafe _ = closedir(handle) }
    var names: [String] = []
    while let entry = unsafe readdir(handle) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        unsafe String(cString: UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self))
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// The bytes of a whole file.
  static func read(_ path: String) throws(CheckpointError) -> [UInt8] {
    let file = try MappedFile(path)
    return file.withBytes(0..<file.byteCount) { span in
      unsafe Array(unsafeUninitializedCapacity: span.byteCount) { buffer, count in
        // Safety: the buffer has room for the span's bytes, which do not overlap it.
        unsafe span.withUnsafeBytes { bytes in
          _ = unsafe buffer.update(fromContentsOf: bytes)
        }
        count = span.byteCount
      }
    }
  }

  /// Removes a file or a folder with all it holds; what cannot be removed stays.
  static func remove(_ path: String) {
    if isSymbolicLink(path) || !isDirectory(path) {
      unsafe _ = unlink(path)
      return
    }
    for name in names(in: path) ?? [] { remove(join(path, name)) }
    unsafe _ = rmdir(path)
  }

  private static func isSymbolicLink(_ path: String) -> Bool { destination(ofLink: path) != nil }

  /// Makes a folder and those above it; existing ones are fine.
  static func makeDirectories(_ path: String) throws(CheckpointError) {
    if isDirectory(path) { return }
    let (parent, _) = split(path)
    if parent != path, !isDirectory(parent) { try makeDirectories(parent) }
    if unsafe mkdir(path, 0o777) != 0 {
      guard errno == EEXIST else {
        throw .cannotWrite(path: path, reason: reason(), neededByteCount: 0)
      }
      // Another process may have made it just now.
      guard isDirectory(path) else { throw .target(path, .file) }
    }
  }

  /// `path` itself, or the nearest folder above it that exists.
  static func nearestExisting(_ path: String) -> String {
    var place = path
    while !exists(place), place != ".", place != "/" { place = split(place).parent }
    return place
  }

  /// Whether this process may make entries in a folder.
  static func isWritable(_ directory: String) -> Bool { unsafe access(directory, W_OK) == 0 }

  /// Bytes that may still be written where `path` is or will be; `nil` when unknown.
  static func freeByteCount(at path: String) -> Int? {
    var status = statvfs()
    // Safety: plain out-parameter; the path lives as a C string for the length of the call.
    guard unsafe statvfs(nearestExisting(path), &status) == 0 else { return nil }
    return Int(clamping: UInt64(status.f_bavail) &* UInt64(status.f_frsize))
  }

  /// Asks the system to put a folder's entries on the disk.
  static func synchronizeDirectory(_ path: String) {
    let descriptor = unsafe open(path, O_RDONLY)
    if descriptor < 0 { return }
    fsync(descriptor)
    close(descriptor)
  }
}
