// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Synchronization

/// The file system as the cache needs it.
enum HubDisk {
  struct State { var byteCount: Int, isFolder: Bool }

  /// Counts the temporary names of this process.
  private static let counter = Atomic<Int>(0)

  /// Makes a sibling's name that no other process and no other thread makes.
  static var temporaryEnding: String {
    ".\(getpid())-\(counter.add(1, ordering: .relaxed).newValue).tmp"
  }

  /// What is at a path, links followed.
  static func state(_ path: String) -> State? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return State(byteCount: Int(status.st_size), isFolder: status.st_mode & S_IFMT == S_IFDIR)
  }

  /// Makes the folders above a path.
  static func makeFolder(above path: String) throws(HubError) {
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw self.error(SystemReason.code(of: error), "make the folder", folder, error)
    }
  }

  /// The error for a failed call; a disk without room has its own.
  static func error(
    _ code: Int32?, _ action: String, _ path: String, _ cause: (any Error)? = nil
  ) -> HubError {
    let reason =
      code.map { SystemReason.text($0) } ?? cause.map { SystemReason.text(of: $0) } ?? "unknown"
    if let code, [ENOSPC, EDQUOT, EFBIG].contains(code) {
      return .full(path: path, reason: reason)
    }
    return .system(action: action, path: path, reason: reason)
  }

  /// Writes a small file beside its place and renames it.
  static func replace(_ path: String, with bytes: [UInt8]) throws(HubError) {
    let temporary = path + temporaryEnding
    let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard file >= 0 else { throw error(errno, "write", path) }
    var failure: Int32?
    var written = 0
    while written < bytes.count, failure == nil {
      let count = bytes[written...].withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
      if count >= 0 { written += count } else if errno != EINTR { failure = errno }
    }
    if failure == nil, fsync(file) != 0 { failure = errno }
    close(file)
    if failure == nil, rename(temporary, path) != 0 { failure = errno }
    if let failure {
      unlink(temporary)
      throw error(failure, "write", path)
    }
  }

  /// Forces a folder's names to the disk; a file system that cannot is none to fail for.
  static func synchronize(folder: String) {
    let file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard file >= 0 else { return }
    fsync(file)
    close(file)
  }
}

/// The lock that whoever writes a blob holds, with `huggingface_hub` too: the kernel's `flock`,
/// which ends with its holder, however that dies. The file stays, as theirs does.
final class HubLock {
  private let file: Int32

  private init(_ file: Int32) { self.file = file }

  deinit { close(file) }

  /// - Returns: `nil` where another holds it.
  static func take(_ path: String) throws(HubError) -> HubLock? {
    try HubDisk.makeFolder(above: path)
    while true {
      let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o664)
      guard file >= 0 else { throw HubDisk.error(errno, "lock", path) }
      guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
        let code = errno
        close(file)
        if code == EINTR { continue }
        guard code == EWOULDBLOCK else { throw HubDisk.error(code, "lock", path) }
        return nil
      }
      // A lock on a file that somebody removed meanwhile keeps nobody out.
      var (held, named) = (stat(), stat())
      if fstat(file, &held) == 0, stat(path, &named) == 0, held.st_ino == named.st_ino,
        held.st_dev == named.st_dev
      {
        return HubLock(file)
      }
      close(file)
    }
  }
}
