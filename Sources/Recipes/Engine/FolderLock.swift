// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A lock held while a step's folder is built, so that two processes do not build it at once.
///
/// It is the kernel's `flock` on a file beside the folder: however the holder dies, the kernel
/// lets go of it, so no stale lock is left. The file is removed on release; because a waiter may
/// hold the removed file open, a lock counts only if the path still names the locked file.
package final class FolderLock: Sendable {
  private let path: String
  private let descriptor: Int32

  private init(path: String, descriptor: Int32) {
    self.path = path
    self.descriptor = descriptor
  }

  /// Takes the lock if it is free.
  /// - Returns: `nil` when another holds it.
  package static func take(_ path: String) throws(RecipeError) -> FolderLock? {
    while true {
      let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
      guard descriptor >= 0 else { throw RecipeError(errno: errno, while: "lock", path: path) }
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        let code = errno
        close(descriptor)
        if code == EINTR { continue }
        guard code == EWOULDBLOCK else { throw RecipeError(errno: code, while: "lock", path: path) }
        return nil
      }
      var locked = stat()
      var named = stat()
      if fstat(descriptor, &locked) == 0, stat(path, &named) == 0,
        locked.st_ino == named.st_ino, locked.st_dev == named.st_dev
      {
        return FolderLock(path: path, descriptor: descriptor)
      }
      close(descriptor)
    }
  }

  /// Takes the lock, waiting for it; looks ten times a second.
  ///
  /// - Parameter onWaiting: called once if another holds the lock.
  /// - Throws: `StepInterrupted` when cancelled while waiting.
  package static func wait(
    _ path: String, cancellation: Cancellation, onWaiting: () -> Void
  ) async throws -> FolderLock {
    var hasTold = false
    while true {
      try cancellation.check()
      if let lock = try take(path) { return lock }
      if !hasTold {
        onWaiting()
        hasTold = true
      }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  deinit {
    unlink(path)
    close(descriptor)
  }
}
