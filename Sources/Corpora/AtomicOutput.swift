// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// Files and folders that are there whole or not at all: written beside their place under a
/// temporary name, synced, renamed. A failure removes what was begun.
package enum AtomicOutput {
  /// Writes a file; `body` gets it open for writing.
  package static func file(
    at path: String, replacing: Bool = true, _ body: (inout FileSink) throws -> Void
  ) throws {
    if !replacing, FileManager.default.fileExists(atPath: path) {
      throw CorpusError.outputExists(path)
    }
    removeAbandoned(besides: path)
    let temporary = temporaryName(for: path)
    do {
      var sink = try FileSink(path: temporary, shownAs: path)
      do {
        try body(&sink)
        try sink.close()
      } catch {
        sink.abandon()
        throw error
      }
      guard rename(temporary, path) == 0 else { throw refusal(path) }
      syncFolder(path.parentPath)
    } catch {
      unlink(temporary)
      throw error
    }
  }

  /// Writes a folder; `body` gets the name of an empty folder to fill. Throws
  /// ``CorpusError/outputExists(_:)`` when `path` exists and `replacing` is false.
  package static func folder(
    at path: String, replacing: Bool, _ body: (String) throws -> Void
  ) throws {
    let files = FileManager.default
    let exists = files.fileExists(atPath: path)
    if exists, !replacing { throw CorpusError.outputExists(path) }
    removeAbandoned(besides: path)
    let temporary = temporaryName(for: path)
    do {
      try makeFolder(temporary, shownAs: path)
      try body(temporary)
      syncFolder(temporary)
      let old = temporary + ".old"
      if exists, rename(path, old) != 0 { throw refusal(path) }
      guard rename(temporary, path) == 0 else {
        let error = refusal(path)
        if exists { rename(old, path) }
        throw error
      }
      syncFolder(path.parentPath)
      if exists { try? files.removeItem(atPath: old) }
    } catch {
      try? files.removeItem(atPath: temporary)
      throw error
    }
  }

  /// Writes a file inside the folder that ``folder(at:replacing:_:)`` is filling; its parent folders
  /// are made. Errors name the file below `finalFolder`, where it was to be.
  package static func member(
    _ name: String, of folder: String, shownAs finalFolder: String,
    _ body: (inout FileSink) throws -> Void
  ) throws {
    let path = (folder as NSString).appendingPathComponent(name)
    let shown = (finalFolder as NSString).appendingPathComponent(name)
    try makeFolder(path.parentPath, shownAs: shown)
    var sink = try FileSink(path: path, shownAs: shown)
    do {
      try body(&sink)
      try sink.close()
    } catch {
      sink.abandon()
      throw error
    }
  }

  private static func temporaryName(for path: String) -> String {
    (path.parentPath as NSString).appendingPathComponent(
      ".\((path as NSString).lastPathComponent).\(ProcessInfo.processInfo.processIdentifier).partial"
    )
  }

  /// Removes what killed processes had begun at this place; living ones keep theirs.
  private static func removeAbandoned(besides path: String) {
    let folder = path.parentPath
    let files = FileManager.default
    let names = (try? files.contentsOfDirectory(atPath: folder.isEmpty ? "." : folder)) ?? []
    let start = ".\((path as NSString).lastPathComponent)."
    for found in names where found.hasPrefix(start) && found.hasSuffix(".partial") {
      guard let process = Int32(found.dropFirst(start.count).dropLast(".partial".count)),
        process > 0, kill(process, 0) != 0, errno == ESRCH
      else { continue }
      try? files.removeItem(atPath: (folder as NSString).appendingPathComponent(found))
    }
  }

  private static func refusal(_ path: String) -> CorpusError {
    .cannotWrite(path, reason: String(cString: strerror(errno)))
  }

  /// Makes a folder and those above it. Foundation's own way hides why it failed.
  private static func makeFolder(_ path: String, shownAs shown: String) throws {
    if mkdir(path, 0o777) == 0 || errno == EEXIST { return }
    let parent = path.parentPath
    guard errno == ENOENT, !parent.isEmpty, parent != path else { throw refusal(shown) }
    try makeFolder(parent, shownAs: shown)
    if mkdir(path, 0o777) != 0, errno != EEXIST { throw refusal(shown) }
  }

  private static func syncFolder(_ path: String) {
    let descriptor = open(path.isEmpty ? "." : path, O_RDONLY)
    if descriptor >= 0 {
      fsync(descriptor)
      _ = Foundation.close(descriptor)
    }
  }
}

/// A buffered file open for writing. Errors name the final path.
package struct FileSink {
  private let descriptor: Int32
  private let shownPath: String
  private var buffer: [UInt8] = []
  private var isOpen = true

  init(path: String, shownAs shownPath: String) throws {
    self.shownPath = shownPath
    // Writing only, created or emptied; readable by all, as the umask allows.
    descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    guard descriptor >= 0 else { throw refusal() }
  }

  /// Appends bytes.
  package mutating func write(_ bytes: some Sequence<UInt8>) throws {
    buffer.append(contentsOf: bytes)
    if buffer.count >= 1 << 18 { try flush() }
  }

  /// Appends text as UTF-8.
  package mutating func write(_ text: String) throws { try write(text.utf8) }

  /// Replaces the bytes at the start of the file.
  mutating func overwriteStart(_ bytes: [UInt8]) throws {
    try flush()
    guard lseek(descriptor, 0, SEEK_SET) == 0 else { throw refusal() }
    buffer = bytes
    try flush()
    guard lseek(descriptor, 0, SEEK_END) >= 0 else { throw refusal() }
  }

  mutating func close() throws {
    try flush()
    // Character devices, which tests use, cannot be synced.
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw refusal() }
    isOpen = false
    guard Foundation.close(descriptor) == 0 else { throw refusal() }
  }

  mutating func abandon() {
    if isOpen { _ = Foundation.close(descriptor) }
    isOpen = false
  }

  private mutating func flush() throws {
    var written = 0
    while written < buffer.count {
      // Safety: the pointer is used inside the closure only, and `written` stays below the count.
      let count = buffer.withUnsafeBytes {
        Foundation.write(descriptor, $0.baseAddress! + written, $0.count - written)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw refusal() }
      written += count
    }
    buffer.removeAll(keepingCapacity: true)
  }

  private func refusal() -> CorpusError {
    .cannotWrite(shownPath, reason: String(cString: strerror(errno)))
  }
}
