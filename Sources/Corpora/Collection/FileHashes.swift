// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// Hashes of files, remembered in a file of a cache while size, time and inode stay as they were.
final class FileHashes {
  private let path: String
  private var known: JSONObject

  /// - Parameter path: of the file to remember in; one that cannot be read counts as empty.
  init(remembered path: String) {
    self.path = path
    known =
      FileManager.default.contents(atPath: path).flatMap {
        try? JSON.parse($0, origin: path).object
      } ?? JSONObject()
  }

  /// The hash of a file's bytes. Throws ``CorpusError``.
  func hash(of file: String) throws -> String {
    let descriptor = open(file, O_RDONLY)
    guard descriptor >= 0 else {
      if errno == ENOENT { throw CorpusError.missingFile(file) }
      throw CorpusError.unreadable(file, reason: String(cString: strerror(errno)))
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw CorpusError.unreadable(file, reason: String(cString: strerror(errno)))
    }
    #if canImport(Darwin)
      let time = status.st_mtimespec
    #else
      let time = status.st_mtim
    #endif
    let mark = "\(status.st_size) \(time.tv_sec).\(time.tv_nsec) \(status.st_ino)"
    let name = URL(fileURLWithPath: file).standardizedFileURL.path
    if let entry = known[name], entry["mark"]?.string == mark, let hash = entry["hash"]?.string {
      return hash
    }
    var hasher = ContentHasher()
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else {
        throw CorpusError.unreadable(file, reason: String(cString: strerror(errno)))
      }
      if count == 0 { break }
      buffer.withUnsafeBytes { hasher.absorb(raw: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }
    let hash = hasher.finish().hex
    known[name] = ["mark": .string(mark), "hash": .string(hash)]
    remember()
    return hash
  }

  /// Not being able to remember costs time, nothing else.
  private func remember() {
    let text = JSON.object(known).serialized(pretty: true) + "\n"
    try? AtomicOutput.file(at: path) { try $0.write(text) }
  }

  /// Bytes of files on disk.
  func byteCount(of files: [String]) -> Int {
    files.reduce(0) {
      $0 + ((try? FileManager.default.attributesOfItem(atPath: $1)[.size] as? Int) ?? 0)
    }
  }
}
