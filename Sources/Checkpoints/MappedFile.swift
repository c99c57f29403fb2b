// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Tensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file mapped for reading, unmapped when the last reference goes.
///
/// Bytes are lent as `RawSpan`s for the duration of a closure; only who keeps this object as well
/// may store a pointer (``address(at:)``).
/// - Important: a mapped file must not be shortened while it is open: the system answers a read
///   beyond the new end with a signal. Koine never writes in place, so it never does this itself.
// Safety: `start` points to `byteCount` readable bytes from `init` to `deinit`. It is never written
// and leaves the object only as a span bound to a closure, so sharing between threads is sound.
@safe public final class MappedFile: @unchecked Sendable {
  /// The path it was opened by.
  public let path: String
  /// The size of the file when it was opened.
  public let byteCount: Int
  private let start: UnsafeMutableRawPointer?
  /// What is to be unmapped; `nil` for an empty file, as is `start`.
  private let mapping: UnsafeMutableRawBufferPointer?

  /// Maps the file at `path`; throws ``CheckpointError/cannotRead(path:reason:)``.
  public init(_ path: String) throws(CheckpointError) {
    self.path = path
    // Safety: the path lives as a C string for the length of the call.
    // Without waiting, since a pipe of that name would let us wait for ever.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .cannotRead(path: path, reason: FileSystem.reason()) }
    defer { close(descriptor) }
    var status = stat()
    // Safety: plain out-parameter.
    guard unsafe fstat(descriptor, &status) == 0 else {
      throw .cannotRead(path: path, reason: FileSystem.reason())
    }
    guard (status.st_mode & S_IFMT) == S_IFREG else {
      throw .cannotRead(path: path, reason: "not a regular file")
    }
    byteCount = Int(status.st_size)
    guard byteCount > 0 else {
      unsafe (start, mapping) = (nil, nil)
      return
    }
    // Safety: a private read-only mapping of the whole file at an address the system chooses.
    let mapping = unsafe mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0)
    guard let mapping = unsafe mapping, unsafe mapping != MAP_FAILED else {
      throw .cannotRead(path: path, reason: FileSystem.reason())
    }
    unsafe start = unsafe mapping
    unsafe self.mapping = unsafe UnsafeMutableRawBufferPointer(start: mapping, count: byteCount)
  }

  /// A file that is in memory under a name it would have: the same readers then read both.
  ///
  /// The bytes are copied to the very end of a mapping that an inaccessible page follows, so that a
  /// reader that goes beyond them is stopped by the system at once.
  package init(contents: [UInt8], path: String) throws(CheckpointError) {
    self.path = path
    byteCount = contents.count
    guard byteCount > 0 else {
      unsafe (start, mapping) = (nil, nil)
      return
    }
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let length = (byteCount + page - 1) / page * page
    // Safety: a private mapping of fresh memory, one page longer than what is used.
    let memory = unsafe mmap(
      nil, length + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | Self.anonymous, -1, 0)
    guard let memory = unsafe memory, unsafe memory != MAP_FAILED else {
      throw .cannotRead(path: path, reason: FileSystem.reason())
    }
    let first = length - byteCount
    // Safety: the bytes end where the mapping's last page begins, which nobody may touch after.
    unsafe contents.withUnsafeBytes { source in
      if let bytes = source.baseAddress {
        unsafe (memory + first).copyMemory(from: bytes, byteCount: source.count)
      }
    }
    unsafe _ = mprotect(memory, length, PROT_READ)
    unsafe _ = mprotect(memory + length, page, PROT_NONE)
    unsafe start = unsafe memory + first
    unsafe mapping = unsafe UnsafeMutableRawBufferPointer(start: memory, count: length + page)
  }

  #if canImport(Darwin)
    private static let anonymous = MAP_ANON
  #else
    private static let anonymous = MAP_ANONYMOUS
  #endif

  deinit {
    // Safety: mapped in `init` with this length, and unmapped only here.
    if let mapping = unsafe mapping {
      unsafe _ = munmap(mapping.baseAddress, mapping.count)
    }
  }

  /// Where the byte at `offset` lies, as long as the object lives; `nil` for an empty file.
  @unsafe func address(of offset: Int) -> UnsafeRawPointer? {
    precondition(offset >= 0 && offset <= byteCount, "byte \(offset) of a file of \(byteCount)")
    return unsafe start.map { unsafe UnsafeRawPointer($0) + offset }
  }

  /// Lends the bytes at `range`; traps when it reaches outside the file.
  public func withBytes<R, E: Error>(
    _ range: Range<Int>, _ body: (RawSpan) throws(E) -> R
  ) throws(E) -> R {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= byteCount,
      "bytes \(range) of a file of \(byteCount)")
    // Safety: the range lies inside the mapping, which `self` keeps alive until `body` returns.
    let bytes = unsafe UnsafeRawBufferPointer(
      start: start.map { unsafe UnsafeRawPointer($0) + range.lowerBound }, count: range.count)
    defer { extendLifetime(self) }
    return try body(unsafe bytes.bytes)
  }

  /// The address of a byte: for those who hand it to a library together with this object.
  ///
  /// Safety: valid, and readable to the end of the file, for as long as somebody keeps this object.
  @unsafe package func address(at offset: Int) -> UnsafeRawPointer {
    precondition(offset >= 0 && offset < byteCount, "byte \(offset) of a file of \(byteCount)")
    guard let start = unsafe start else { preconditionFailure("an empty file has no address") }
    return unsafe UnsafeRawPointer(start) + offset
  }
}
