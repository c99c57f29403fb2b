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

/// Lends `count` zeroed floats of scratch memory, 64-byte aligned, for the duration of `body`.
public func withScratch<R, E: Error>(
  count: Int, _ body: (MutableFloatChunk) throws(E) -> R
) throws(E) -> R {
  try withWorkspace(count: count) { (memory) throws(E) -> R in
    memory.fill(0)
    return try body(memory)
  }
}

/// As ``withScratch(count:_:)`` for memory that `body` fills itself: it holds whatever was there.
public func withWorkspace<R, E: Error>(
  count: Int, _ body: (MutableFloatChunk) throws(E) -> R
) throws(E) -> R {
  precondition(count >= 0, "scratch memory of \(count) floats")
  // At least one float, so that the pointer is valid for zero elements too.
  let capacity = max(1, count)
  return unsafe try Workspace.lend(byteCount: capacity * MemoryLayout<Float>.stride) {
    (raw) throws(E) -> R in
    // Safety: `raw` has room for the floats and is ours until `body` returns; every pattern of bits
    // is a float.
    let floats = unsafe raw.bindMemory(to: Float.self, capacity: capacity)
    return try body(unsafe MutableFloatChunk(pointer: floats, count: count))
  }
}

/// Lends `count` bytes, 64-byte aligned, that hold whatever was there.
package func withByteWorkspace<R, E: Error>(
  count: Int, _ body: (inout MutableRawSpan) throws(E) -> R
) throws(E) -> R {
  unsafe try Workspace.lend(byteCount: max(1, count)) { (raw) throws(E) -> R in
    // Safety: the bytes are ours until `body` returns, and the span cannot leave it.
    var span = unsafe MutableRawSpan(_unsafeStart: raw, byteCount: count)
    return try body(&span)
  }
}

/// The working memory of one thread: a stack, for lending closures nest.
///
/// Fresh memory costs a page fault for every 4 KiB, and a loop over chunks would pay it for each
/// chunk, so stacks outlive their threads and go to the next one. What does not fit is allocated.
// Safety: a workspace belongs to one thread, or to the pool; see `current`.
@safe private final class Workspace: @unchecked Sendable {
  /// The second-level cache of a core: working sets are meant to stay below it.
  static let byteCount = 2 << 20
  private static let alignment = 64
  private static let pool = Mutex<[Workspace]>([])

  private let start: UnsafeMutableRawPointer
  private var used = 0

  private init() {
    unsafe start = .allocate(byteCount: Self.byteCount, alignment: Self.alignment)
  }

  deinit { unsafe start.deallocate() }

  static func lend<R, E: Error>(
    byteCount: Int, _ body: (UnsafeMutableRawPointer) throws(E) -> R
  ) throws(E) -> R {
    let workspace = current
    let rounded = (byteCount + alignment - 1) & ~(alignment - 1)
    guard workspace.used + rounded <= Self.byteCount else {
      // Safety: freed here, after `body` has returned.
      let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: alignment)
      defer { unsafe memory.deallocate() }
      return try unsafe body(memory)
    }
    let offset = workspace.used
    workspace.used += rounded
    defer { workspace.used = offset }
    // Safety: the bytes from `offset` on are lent to nobody else before `used` goes back.
    return try unsafe body(workspace.start + offset)
  }

  /// The calling thread's workspace, which it keeps until it ends.
  private static var current: Workspace {
    // Safety: the slot holds nothing or a retained workspace, which `release` gives back.
    if let kept = unsafe pthread_getspecific(slot) {
      return unsafe Unmanaged<Workspace>.fromOpaque(kept).takeUnretainedValue()
    }
    let workspace = pool.withLock { $0.popLast() } ?? Workspace()
    _ = unsafe pthread_setspecific(slot, Unmanaged.passRetained(workspace).toOpaque())
    return workspace
  }

  private static func giveBack(_ kept: UnsafeMutableRawPointer) {
    // Safety: retained by `current`; the ending thread uses it no more.
    let workspace = unsafe Unmanaged<Workspace>.fromOpaque(kept).takeRetainedValue()
    pool.withLock { $0.append(workspace) }
  }

  private static let slot: pthread_key_t = {
    var key = pthread_key_t()
    #if canImport(Darwin)
      let status = unsafe pthread_key_create(&key) { unsafe Workspace.giveBack($0) }
    #else
      let status = unsafe pthread_key_create(&key) { kept in
        if let kept = unsafe kept { unsafe Workspace.giveBack(kept) }
      }
    #endif
    precondition(status == 0, "no thread-specific storage is left (error \(status))")
    return key
  }()
}
