// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The system calls through which output reaches the disk; tests replace them to fill it.
package struct OutputCalls: Sendable {
  /// Writes bytes at an offset, like `pwrite`: the number written, or −1 with `errno` set.
  package var write: @Sendable (_ descriptor: Int32, RawSpan, _ offset: Int) -> Int
  /// Puts what was written on the disk, like `fsync`: 0, or −1 with `errno` set.
  package var synchronize: @Sendable (_ descriptor: Int32) -> Int32 = { fsync($0) }
  /// Closes the file, like `close`: 0, or −1 with `errno` set.
  package var close: @Sendable (_ descriptor: Int32) -> Int32 = { systemClose($0) }

  package static let system = OutputCalls { descriptor, bytes, offset in
    // Safety: the span's bytes are readable for the length of the call.
    unsafe bytes.withUnsafeBytes {
      unsafe pwrite(descriptor, $0.baseAddress, $0.count, off_t(offset))
    }
  }

  package init(
    write: @escaping @Sendable (_ descriptor: Int32, RawSpan, _ offset: Int) -> Int
  ) {
    self.write = write
  }
}

/// `close` under a name that no member hides.
private func systemClose(_ descriptor: Int32) -> Int32 { close(descriptor) }

/// A folder that comes into being whole: filled under a hidden name beside its target, then renamed.
///
/// The hidden name holds the process's number; leftovers of processes that were killed are removed
/// when the same target is written again.
struct StagedFolder {
  private let target: String
  /// Throws where the target may not be replaced.
  private let checkTarget: () throws(CheckpointError) -> Void
  private let staging: String
  private let byteCount: Int
  private let calls: OutputCalls

  /// Checks the target and makes the hidden folder. `byteCount` is for messages.
  ///
  /// - Parameters:
  ///   - isOurs: whether a folder with these names may be replaced by force.
  ///   - mayHold: whether such a folder may hold a file of that name.
  init(
    target: String, force: Bool, byteCount: Int, calls: OutputCalls,
    isOurs: @escaping ([String]) -> Bool = { $0.contains("config.json") },
    mayHold: @escaping (String) -> Bool = Checkpoint.mayHold
  ) throws(CheckpointError) {
    try Self.check(target, force: force, isOurs: isOurs, mayHold: mayHold)
    let (parent, name) = FileSystem.split(target)
    self.target = FileSystem.join(parent, name)
    let place = self.target
    checkTarget = { () throws(CheckpointError) in
      try Self.check(place, force: force, isOurs: isOurs, mayHold: mayHold)
    }
    self.byteCount = byteCount
    self.calls = calls
    try FileSystem.makeDirectories(parent)
    let prefix = ".\(name).partial-"
    Self.removeLeftovers(in: parent, prefix: prefix)
    var number = 0
    while FileSystem.exists(FileSystem.join(parent, "\(prefix)\(getpid())-\(number)")) {
      number += 1
    }
    staging = FileSystem.join(parent, "\(prefix)\(getpid())-\(number)")
    // Safety: the path lives as a C string for the length of the call.
    if unsafe mkdir(staging, 0o777) != 0 {
      throw .writing(target, neededByteCount: byteCount)
    }
  }

  /// Throws where the target may not be made or replaced; makes nothing.
  static func check(
    _ path: String, force: Bool,
    isOurs: ([String]) -> Bool = { $0.contains("config.json") },
    mayHold: (String) -> Bool = Checkpoint.mayHold
  ) throws(CheckpointError) {
    let (parent, name) = FileSystem.split(path)
    let target = FileSystem.join(parent, name)
    guard !["", ".", "..", "/"].contains(name) else { throw .target(path, .noName) }
    // Renaming onto a link or a file fails, and would only after all the work.
    if let destination = FileSystem.destination(ofLink: target) {
      throw .target(path, .link(to: destination))
    }
    let place = FileSystem.nearestExisting(parent)
    guard FileSystem.isDirectory(place) else { throw .target(place, .file) }
    guard FileSystem.isWritable(place) else {
      throw .cannotWrite(path: place, reason: FileSystem.reason(EACCES), neededByteCount: 0)
    }
    guard FileSystem.exists(path) else { return }
    guard FileSystem.isDirectory(path) else { throw .target(path, .file) }
    guard let present = FileSystem.names(in: path) else {
      throw .targetExists(directory: path, isCheckpoint: false, force: force)
    }
    let isReplaceable = isOurs(present)
    if !present.isEmpty, !(force && isReplaceable) {
      throw .targetExists(directory: path, isCheckpoint: isReplaceable, force: force)
    }
    if let foreign = present.sorted().first(where: { !mayHold($0) }) {
      throw .target(path, .foreignFile(foreign))
    }
  }

  /// Removes hidden folders whose process no longer exists.
  private static func removeLeftovers(in parent: String, prefix: String) {
    for name in FileSystem.names(in: parent) ?? [] where name.hasPrefix(prefix) {
      let digits = name.dropFirst(prefix.count).prefix { $0.isASCII && $0.isNumber }
      guard let process = Int32(digits), process > 0, process != getpid() else { continue }
      if kill(process, 0) != 0, errno == ESRCH {
        FileSystem.remove(FileSystem.join(parent, name))
      }
    }
  }

  func createFile(_ name: String) throws(CheckpointError) -> OutputFile {
    try OutputFile(
      FileSystem.join(staging, name), shownAs: FileSystem.join(target, name),
      byteCount: byteCount, calls: calls)
  }

  /// Writes a small file; `name` may lie in a folder of its own, which is made.
  func write(_ bytes: [UInt8], to name: String) throws(CheckpointError) {
    let folder = FileSystem.split(FileSystem.join(staging, name)).parent
    try FileSystem.makeDirectories(folder)
    let file = try createFile(name)
    try file.write(bytes, at: 0)
    try file.finish()
    if folder != staging { FileSystem.synchronizeDirectory(folder) }
  }

  func write(_ text: String, to name: String) throws(CheckpointError) {
    try write(Array(text.utf8), to: name)
  }

  /// Puts the folder in the target's place.
  func commit() throws(CheckpointError) {
    FileSystem.synchronizeDirectory(staging)
    let (parent, _) = FileSystem.split(target)
    // Renaming a folder onto an empty or absent one is atomic.
    // Safety, here and below: the paths live as C strings for the length of the call.
    if unsafe rename(staging, target) == 0 {
      FileSystem.synchronizeDirectory(parent)
      return
    }
    guard errno == ENOTEMPTY || errno == EEXIST else {
      throw .writing(target, neededByteCount: byteCount)
    }
    // Somebody may have put something there since the first look, and it would be lost.
    try checkTarget()
    guard try exchange() else { throw .writing(target, neededByteCount: byteCount) }
    FileSystem.synchronizeDirectory(parent)
    // The old checkpoint now bears the hidden name.
    FileSystem.remove(staging)
  }

  /// Lets the hidden folder and the target change names: in one step where the file system can, in
  /// two otherwise (a process killed between them leaves the old checkpoint under the name
  /// `….old-…` beside the target).
  private func exchange() throws(CheckpointError) -> Bool {
    #if canImport(Darwin)
      if unsafe renamex_np(staging, target, UInt32(RENAME_SWAP)) == 0 { return true }
    #elseif os(Linux)
      // Swift's Glibc module does not show renameat2 (a GNU extension), so it is looked up by name.
      // Safety: the type is that of the C declaration; 2 is RENAME_EXCHANGE.
      typealias RenameAt2 =
        @convention(c) (
          Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, UInt32
        ) -> Int32
      if let symbol = unsafe dlsym(nil, "renameat2") {
        let renameAt2 = unsafe unsafeBitCast(symbol, to: RenameAt2.self)
        if unsafe renameAt2(AT_FDCWD, staging, AT_FDCWD, target, 2) == 0 { return true }
      }
    #endif
    let old = "\(staging).old"
    guard unsafe rename(target, old) == 0 else { return false }
    guard unsafe rename(staging, target) == 0 else {
      let reason = FileSystem.reason()
      unsafe _ = rename(old, target)
      throw .cannotWrite(path: target, reason: reason, neededByteCount: 0)
    }
    unsafe _ = rename(old, staging)
    return true
  }

  /// Removes the hidden folder; the target is as it was.
  func discard() { FileSystem.remove(staging) }
}

/// A file being written at any offset by any thread; closed by ``finish()``, or when the last
/// reference goes.
final class OutputFile: Sendable {
  private let descriptor: Int32
  private let isOpen: Atomic<Bool>
  private let path: String
  private let byteCount: Int
  private let calls: OutputCalls
  private let writtenByteCount = Atomic<Int>(0)

  init(
    _ path: String, shownAs shown: String, byteCount: Int, calls: OutputCalls
  ) throws(CheckpointError) {
    // Safety: the path lives as a C string for the length of the call.
    descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    isOpen = Atomic(descriptor >= 0)
    self.path = shown
    self.byteCount = byteCount
    self.calls = calls
    if descriptor < 0 {
      throw .writing(shown, neededByteCount: byteCount)
    }
  }

  deinit {
    if isOpen.load(ordering: .relaxed) { _ = calls.close(descriptor) }
  }

  /// Writes all of `bytes` at `offset`.
  func write(_ bytes: [UInt8], at offset: Int) throws(CheckpointError) {
    // Safety: bytes are valid bytes.
    try write(unsafe bytes.span.bytes, at: offset)
  }

  /// Writes all of `bytes` at `offset`.
  func write(_ bytes: RawSpan, at offset: Int) throws(CheckpointError) {
    var done = 0
    while done < bytes.byteCount {
      let count = calls.write(descriptor, bytes.extracting(done...), offset + done)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        throw .writing(path, code: count == 0 ? ENOSPC : errno, neededByteCount: byteCount)
      }
      done += count
    }
    let sum = writtenByteCount.wrappingAdd(done, ordering: .relaxed)
    if sum.oldValue / EarlyWriteback.byteCount != sum.newValue / EarlyWriteback.byteCount {
      EarlyWriteback.begin(descriptor)
    }
  }

  /// Asks the system to put the file on the disk, which is when some file systems notice that it
  /// is full.
  func finish() throws(CheckpointError) {
    if calls.synchronize(descriptor) != 0 {
      throw .writing(path, neededByteCount: byteCount)
    }
    // Others notice only now; nobody writes after this.
    let wasOpen = isOpen.exchange(false, ordering: .relaxed)
    if wasOpen, calls.close(descriptor) != 0 {
      throw .writing(path, neededByteCount: byteCount)
    }
  }
}

extension CheckpointError {
  /// The system's error `code`; how many bytes are needed is said where it complains of space.
  fileprivate static func writing(
    _ path: String, code: Int32 = errno, neededByteCount: Int
  ) -> CheckpointError {
    let isAboutSpace = [ENOSPC, EDQUOT, EFBIG].contains(code)
    return .cannotWrite(
      path: path, reason: FileSystem.reason(code),
      neededByteCount: isAboutSpace ? neededByteCount : 0)
  }
}
