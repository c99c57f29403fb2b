// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
import Documents
import Foundation

/// The hash of a file while its bytes come.
enum HubHasher {
  case sha256(SHA256, expected: String)
  case gitBlob(Insecure.SHA1, expected: String)

  init(_ file: HubFile) {
    switch file.hash {
    case .sha256(let digits): self = .sha256(SHA256(), expected: digits)
    case .gitBlob(let digits):
      var hasher = Insecure.SHA1()
      hasher.update(data: Array("blob \(file.byteCount)\0".utf8))
      self = .gitBlob(hasher, expected: digits)
    }
  }

  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    switch self {
    case .sha256(var hasher, let expected):
      hasher.update(bufferPointer: bytes)
      self = .sha256(hasher, expected: expected)
    case .gitBlob(var hasher, let expected):
      hasher.update(bufferPointer: bytes)
      self = .gitBlob(hasher, expected: expected)
    }
  }

  /// The digits of what was hashed, and those that should be.
  var result: (found: String, expected: String) {
    switch self {
    case .sha256(let hasher, let expected): (Self.digits(hasher.finalize()), expected)
    case .gitBlob(let hasher, let expected): (Self.digits(hasher.finalize()), expected)
    }
  }

  private static func digits(_ digest: some Sequence<UInt8>) -> String {
    digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

/// `HASH.incomplete`: the bytes of a blob as far as they have come, and their hash.
///
/// Belongs to whom holds the blob's lock.
final class PartialBlob {
  let path: String
  private let target: HubFile
  private let system: HubSystem
  private let file: Int32
  private var hasher: HubHasher
  private(set) var byteCount = 0
  /// Whether the bytes came in several parts, of which one may be wrong.
  private(set) var isResumed = false

  /// Opens what an earlier attempt left, or begins.
  init(_ path: String, of target: HubFile, _ system: HubSystem) throws(HubError) {
    self.path = path
    self.target = target
    self.system = system
    hasher = HubHasher(target)
    // A link that somebody put there is not followed.
    file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
    guard file >= 0 else { throw HubDisk.error(errno, "write", path) }
    try readBack()
  }

  deinit { close(file) }

  private func readBack() throws(HubError) {
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let count = buffer.withUnsafeMutableBytes { read(file, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw HubDisk.error(errno, "read", path) }
      guard count > 0 else { break }
      byteCount += count
      guard byteCount <= target.byteCount else { return try clear() }
      buffer.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }
    isResumed = byteCount > 0
  }

  /// Throws all bytes away.
  func clear() throws(HubError) {
    guard ftruncate(file, 0) == 0, lseek(file, 0, SEEK_SET) == 0 else {
      throw HubDisk.error(errno, "write", path)
    }
    byteCount = 0
    isResumed = false
    hasher = HubHasher(target)
  }

  /// What comes now goes on from what is there.
  func resume() { isResumed = byteCount > 0 }

  /// - Throws: ``HubError/full(path:reason:)`` where there is no room; what was written stays.
  func append(_ bytes: UnsafeRawBufferPointer) throws(HubError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = UnsafeRawBufferPointer(rebasing: rest)
      let count = system.write(file, part)
      if count == -Int(EINTR) { continue }
      guard count > 0 else {
        throw HubDisk.error(count == 0 ? ENOSPC : Int32(-count), "write", path)
      }
      hasher.update(UnsafeRawBufferPointer(rebasing: part[..<count]))
      byteCount += count
      rest = rest.dropFirst(count)
    }
  }

  var hash: (found: String, expected: String) { hasher.result }

  /// Gives the blob its name; only for bytes of the right hash.
  func finish(as blob: String) throws(HubError) {
    guard fsync(file) == 0 else { throw HubDisk.error(errno, "write", path) }
    guard rename(path, blob) == 0 else { throw HubDisk.error(errno, "rename", path) }
    HubDisk.synchronize(folder: URL(fileURLWithPath: blob).deletingLastPathComponent().path)
  }
}

/// Brings one file into the cache: waits for its lock, goes on from what is there, checks, renames,
/// links.
struct HubFileDownload {
  let session: HubSession
  let cache: HubCache
  let commit: String
  let meter: HubMeter

  private var model: HubModel { session.model }

  /// - Parameter known: the file's bytes, if they are in memory.
  func run(_ file: HubFile, known: [UInt8]?) throws {
    guard !cache.has(file, of: model, commit: commit) else {
      return meter.update(file, done: file.byteCount, fetched: 0, isFinished: true)
    }
    let blob = cache.blob(model, file.hash)
    if !cache.isWhole(blob, file) {
      try HubDisk.makeFolder(above: blob)
      let lock = try lock(file)
      defer { withExtendedLifetime(lock) {} }
      // Another may have made it in the meantime.
      if !cache.isWhole(blob, file) {
        let partial = try PartialBlob(blob + ".incomplete", of: file, session.system)
        try fetch(file, into: partial, known: known)
        try partial.finish(as: blob)
      }
    }
    try cache.link(file, of: model, commit: commit)
    meter.update(file, done: file.byteCount, fetched: 0, isFinished: true)
  }

  private func lock(_ file: HubFile) throws -> HubLock {
    var hasTold = false
    while true {
      if let lock = try HubLock.take(cache.lock(model, file.hash)) { return lock }
      if !hasTold { meter.tell(.waiting(file: file.path)) }
      hasTold = true
      session.system.sleep(.milliseconds(100), session.isStopped)
      if session.isStopped() { throw HubError.interrupted }
    }
  }

  private func fetch(_ file: HubFile, into partial: PartialBlob, known: [UInt8]?) throws {
    if let known {
      try partial.clear()
      try known.withUnsafeBytes { (bytes) throws in try partial.append(bytes) }
    }
    let url = session.endpoint.appending(
      "/\(model.id)/resolve/\(commit)/" + HubURL.encoded(file.path, keepsSlashes: true))
    var restarts = 0
    try session.retrying(url.place) {
      meter.update(file, done: partial.byteCount, fetched: 0)
      if partial.byteCount < file.byteCount { try ask(url, file, partial) }
      let hash = partial.hash
      guard hash.found != hash.expected else { return }
      // One part of several may be the wrong one; then all is asked for in one.
      let wasResumed = partial.isResumed
      try partial.clear()
      if wasResumed, restarts == 0 {
        restarts += 1
        throw HubSession.Retry(reason: "a part of it is damaged", isImmediate: true)
      }
      throw HubError.wrongHash(
        file.path, expected: hash.expected, found: hash.found, place: url.place)
    }
  }

  /// One request for what is missing.
  private func ask(_ url: HubURL, _ file: HubFile, _ partial: PartialBlob) throws {
    let offset = partial.byteCount
    var isPlaced = false
    do {
      _ = try session.get(
        url, subject: .file(file.path), headers: offset > 0 ? ["Range: bytes=\(offset)-"] : [],
        // The hub's own tag is the file's hash; servers that it leads to have other tags.
        hubHeaders: offset > 0 ? ["If-Range: \"\(file.hash.digits)\""] : [],
        accepted: [200, 206, 416], onRedirect: { try check($0, file, url) },
        body: { head, piece in
          if !isPlaced {
            try place(head, file, partial, url)
            isPlaced = true
          }
          guard head.status != 416 else { return false }
          guard partial.byteCount + piece.count <= file.byteCount else {
            let found = partial.byteCount + piece.count
            try partial.clear()
            throw HubError.wrongSize(
              file.path, expected: file.byteCount, found: found, place: url.place)
          }
          try partial.append(piece)
          meter.update(file, done: partial.byteCount, fetched: piece.count)
          return true
        })
    } catch var retry as HubSession.Retry {
      retry.hasProgress = partial.byteCount > offset
      throw retry
    }
    if !isPlaced, offset > 0, partial.byteCount == offset {
      // No body at all: 416, or an empty answer.
      try partial.clear()
      throw HubSession.Retry(reason: "the server does not go on at byte \(offset)")
    }
    guard partial.byteCount == file.byteCount else {
      throw HubSession.Retry(
        reason: "the answer ended at byte \(partial.byteCount) of \(file.byteCount)",
        hasProgress: partial.byteCount > offset)
    }
  }

  /// The tag of what the hub leads to is the file's hash, where it tells one.
  private func check(_ head: HTTPHead, _ file: HubFile, _ url: HubURL) throws {
    if let size = head["x-linked-size"].flatMap(Int.init), size != file.byteCount {
      throw HubError.wrongSize(
        file.path, expected: file.byteCount, found: size, place: url.place)
    }
    guard let tag = head["x-linked-etag"].map(Self.tag), tag != file.hash.digits else { return }
    throw HubError.wrongHash(
      file.path, expected: file.hash.digits, found: tag, place: url.place)
  }

  /// A tag without its quotes and its mark of weakness.
  static func tag(_ text: String) -> String {
    var text = text[...]
    if text.hasPrefix("W/") { text = text.dropFirst(2) }
    return text.filter { $0 != "\"" }
  }

  /// Looks where an answer's first byte belongs, and makes the partial blob end there.
  private func place(
    _ head: HTTPHead, _ file: HubFile, _ partial: PartialBlob, _ url: HubURL
  ) throws {
    switch head.status {
    case 200:
      if let length = head["content-length"].flatMap(Int.init), length != file.byteCount {
        throw HubError.wrongSize(
          file.path, expected: file.byteCount, found: length, place: url.place)
      }
      // The whole file, asked for or not: the server takes no ranges, or has another file.
      if partial.byteCount > 0 { try partial.clear() }
    case 206:
      guard
        let match = head["content-range"]?.wholeMatch(of: /bytes (\d+)-\d+\/(\d+|\*)/),
        Int(match.1) == partial.byteCount
      else {
        try partial.clear()
        throw HubSession.Retry(reason: "the server sends another part than was asked for")
      }
      if match.2 != "*", Int(match.2) != file.byteCount {
        try partial.clear()
        throw HubError.wrongSize(
          file.path, expected: file.byteCount, found: Int(match.2) ?? 0, place: url.place)
      }
      partial.resume()
    default:
      try partial.clear()
      throw HubSession.Retry(reason: "the server does not go on there (status \(head.status))")
    }
  }
}
