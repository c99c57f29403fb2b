// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Tensors
import Testing

@testable import Checkpoints

@Suite struct WriteQueueTests {
  /// The offsets written, in order, and what happens at a write.
  private final class Journal: Sendable {
    private let offsets = Mutex<[Int]>([])
    var all: [Int] { offsets.withLock { $0 } }
    func add(_ offset: Int) { offsets.withLock { $0.append(offset) } }
  }

  private func withFile(
    _ write: @escaping @Sendable (Int32, RawSpan, Int) -> Int,
    _ body: (OutputFile, String) throws -> Void
  ) throws {
    let path = FileManager.default.temporaryDirectory.path + "/koine-queue-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let file = try OutputFile(
      path, shownAs: "the file", byteCount: 1000, calls: OutputCalls(write: write))
    try body(file, path)
  }

  private func fill(_ value: UInt8) -> (inout MutableRawSpan) throws(CheckpointError) -> Void {
    { (bytes) throws(CheckpointError) in
      for i in 0..<bytes.byteCount { bytes.storeBytes(of: value, toByteOffset: i, as: UInt8.self) }
    }
  }

  @Test func `more runs than there are buffers come out at their places, from any thread`() throws {
    try withFile(OutputCalls.system.write) { file, path in
      let queue = WriteQueue()
      let count = 5 * WriteQueue.capacity
      try Parallel.forEach(count: count, threads: 4) { (i) throws(CheckpointError) in
        // Of several lengths, so that buffers are used again for shorter and longer runs.
        try queue.add(byteCount: 100 + i % 3, to: file, at: 103 * i, self.fill(UInt8(i % 251)))
      }
      try queue.finish()
      try file.finish()
      let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      for i in 0..<count {
        #expect(bytes[103 * i] == UInt8(i % 251) && bytes[103 * i + 99] == UInt8(i % 251))
      }
    }
  }

  @Test func `after a write that fails nothing is written, and adding and finishing say why`()
    throws
  {
    let journal = Journal()
    let write: @Sendable (Int32, RawSpan, Int) -> Int = { _, bytes, offset in
      journal.add(offset)
      if offset >= 20 {
        errno = ENOSPC
        return -1
      }
      return bytes.byteCount
    }
    try withFile(write) { file, _ in
      let queue = WriteQueue()
      var addError: CheckpointError?
      for i in 0..<(3 * WriteQueue.capacity) where addError == nil {
        do throws(CheckpointError) {
          try queue.add(byteCount: 10, to: file, at: 10 * i, fill(1))
        } catch {
          addError = error
        }
      }
      // More runs than buffers: one of them had to wait until the failure was known.
      let failure = try #require(addError)
      #expect(failure.diagnosis.where.contains("the file"))
      #expect(throws: CheckpointError.self) { try queue.finish() }
      #expect(journal.all == [0, 10, 20])
    }
  }

  @Test func `what cannot be computed takes no buffer away`() throws {
    try withFile(OutputCalls.system.write) { file, _ in
      let queue = WriteQueue()
      for _ in 0..<(2 * WriteQueue.capacity) {
        #expect(throws: CheckpointError.self) {
          try queue.add(byteCount: 10, to: file, at: 0) { (_) throws(CheckpointError) in
            throw .interrupted
          }
        }
      }
      try queue.add(byteCount: 10, to: file, at: 0, fill(1))
      try queue.finish()
    }
  }
}
