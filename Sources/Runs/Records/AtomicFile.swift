// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Whole files that appear at once: a reader sees the old bytes or the new ones, also after a
/// power cut.
package enum AtomicFile {
  /// Writes `bytes` to a temporary sibling of `path`, syncs, renames over `path`, syncs the folder.
  ///
  /// The folder must exist. On any failure the sibling is removed and `path` is as it was.
  package static func write(_ bytes: Data, to path: String) throws {
    let url = URL(fileURLWithPath: path)
    let folder = url.deletingLastPathComponent().path
    let temporary = "\(folder)/.\(url.lastPathComponent).\(UUID().uuidString).tmp"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw RunsError.file(action: "write", path: path, code: errno) }
    do {
      try FileBytes.writeAll(bytes, to: descriptor, path: path)
      guard fsync(descriptor) == 0 else {
        throw RunsError.file(action: "write", path: path, code: errno)
      }
    } catch {
      close(descriptor)
      unlink(temporary)
      throw error
    }
    // Closed also where that is reported to have failed: the number may be another file's by now.
    guard close(descriptor) == 0 else {
      let code = errno
      unlink(temporary)
      throw RunsError.file(action: "write", path: path, code: code)
    }
    guard rename(temporary, path) == 0 else {
      let code = errno
      unlink(temporary)
      throw RunsError.file(action: "write", path: path, code: code)
    }
    FileBytes.syncFolder(folder)
  }
}

/// Plain reads and writes that report the file and the system's reason.
enum FileBytes {
  /// Writes all of `bytes`, continuing after short writes and signals.
  static func writeAll(_ bytes: Data, to descriptor: Int32, path: String) throws {
    var remaining = bytes[...]
    while !remaining.isEmpty {
      let written = remaining.withUnsafeBytes { buffer in
        guard let start = buffer.baseAddress else { return 0 }
        return write(descriptor, start, buffer.count)
      }
      if written < 0 {
        if errno == EINTR { continue }
        throw RunsError.file(action: "write", path: path, code: errno)
      }
      remaining = remaining.dropFirst(written)
    }
  }

  /// The bytes of a file.
  static func read(_ path: String) throws -> Data {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw RunsError.file(action: "read", path: path, code: errno) }
    defer { close(descriptor) }
    var bytes = Data()
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = chunk.withUnsafeMutableBytes { buffer in
        buffer.baseAddress.map { Foundation.read(descriptor, $0, buffer.count) } ?? 0
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw RunsError.file(action: "read", path: path, code: errno)
      }
      if count == 0 { return bytes }
      bytes.append(contentsOf: chunk[..<count])
    }
  }

  /// Makes a rename durable. File systems that cannot sync a folder say EINVAL; the rename itself
  /// has happened, so nothing is reported.
  static func syncFolder(_ path: String) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}
