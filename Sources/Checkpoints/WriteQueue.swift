// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Synchronization
import Tensors

/// Writes what others compute, in the order it arrives, on a thread of its own.
///
/// A file takes one write at a time. Threads that wrote for themselves would wait for each other, most
/// of all in methods that first read a whole tensor and then write it, and would start the disk while
/// they could compute. Here they hand over their bytes and go on; they wait only where ``capacity``
/// buffers are full.
///
/// Memory: a buffer for each run of bytes under way, at most 64 MiB for two-byte elements in usual chunks: enough
/// to keep the writer busy while a method reads the next tensor a first time.
final class WriteQueue: Sendable {
  /// How many runs of bytes may be under way.
  static let capacity = 512

  private struct State {
    var spare: [Buffer] = []
    var failure: CheckpointError?
  }

  private let queue = DispatchQueue(label: "koine.writing")
  private let room = DispatchSemaphore(value: capacity)
  private let state = Mutex(State())

  /// Lets `fill` make `byteCount` bytes, and has them written to `file` at `offset` some time later.
  /// - Throws: what `fill` throws; or why something added before could not be written.
  func add(
    byteCount: Int, to file: OutputFile, at offset: Int,
    _ fill: (inout MutableRawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    room.wait()
    let buffer: Buffer
    do throws(CheckpointError) {
      buffer = try spare(byteCount)
      try buffer.fill(byteCount, fill)
    } catch {
      room.signal()
      throw error
    }
    queue.async { [self] in
      write(buffer, byteCount, to: file, at: offset)
      room.signal()
    }
  }

  /// Waits until nothing is under way.
  func drain() { queue.sync {} }

  /// Waits until all is written.
  func finish() throws(CheckpointError) {
    drain()
    if let failure = state.withLock({ $0.failure }) { throw failure }
  }

  /// A buffer with room for `byteCount` bytes: the last one used, which the processor still knows.
  private func spare(_ byteCount: Int) throws(CheckpointError) -> Buffer {
    let (buffer, failure) = state.withLock { ($0.spare.popLast(), $0.failure) }
    if let failure { throw failure }
    if let buffer, buffer.capacity >= byteCount { return buffer }
    return Buffer(capacity: byteCount)
  }

  private func write(_ buffer: Buffer, _ byteCount: Int, to file: OutputFile, at offset: Int) {
    // After a failure the rest is only let go.
    if state.withLock({ $0.failure != nil }) { return }
    do throws(CheckpointError) {
      try buffer.withBytes(byteCount) { (bytes) throws(CheckpointError) in
        try file.write(bytes, at: offset)
      }
      state.withLock { $0.spare.append(buffer) }
    } catch {
      state.withLock { $0.failure = error }
    }
  }

  /// Memory that one thread has at a time: who fills it, then the queue.
  // Safety: `start` points to `capacity` bytes from `init` to `deinit`; the hand-over orders accesses.
  @safe private final class Buffer: @unchecked Sendable {
    private let start: UnsafeMutableRawPointer
    let capacity: Int

    init(capacity: Int) {
      self.capacity = capacity
      unsafe start = .allocate(byteCount: max(1, capacity), alignment: 64)
    }

    deinit { unsafe start.deallocate() }

    func fill(
      _ byteCount: Int, _ body: (inout MutableRawSpan) throws(CheckpointError) -> Void
    ) throws(CheckpointError) {
      precondition(byteCount <= capacity, "\(byteCount) bytes in a buffer of \(capacity)")
      // Safety: inside the memory, and the span cannot leave `body`, which fills all of it.
      var span = unsafe MutableRawSpan(_unsafeStart: start, byteCount: byteCount)
      try body(&span)
    }

    func withBytes(
      _ byteCount: Int, _ body: (RawSpan) throws(CheckpointError) -> Void
    ) throws(CheckpointError) {
      precondition(byteCount <= capacity, "\(byteCount) bytes in a buffer of \(capacity)")
      // Safety: as above.
      let bytes = unsafe UnsafeRawBufferPointer(start: start, count: byteCount)
      try body(unsafe bytes.bytes)
    }
  }
}
