// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// How fast this machine gives bytes, to compare with.
enum Memory {
  /// Bytes a second at which all processors together read `count` bytes of memory: the best of nine.
  static func readingRate(of count: Int) -> Double {
    let workers = ProcessInfo.processInfo.activeProcessorCount
    let part = count / workers
    let memory = UnsafeMutableRawPointer.allocate(byteCount: part * workers, alignment: 4096)
    defer { memory.deallocate() }
    memset(memory, 0, part * workers)
    let address = UInt(bitPattern: memory)
    var best = Double.infinity
    for _ in 0..<9 {
      let start = ContinuousClock.now
      DispatchQueue.concurrentPerform(iterations: workers) { worker in
        // Looks for a one among zeros: the C library's widest loop over memory.
        let first = UnsafeRawPointer(bitPattern: address + UInt(worker * part))
        precondition(memchr(first!, 1, part) == nil)
      }
      best = min(best, (ContinuousClock.now - start) / .seconds(1))
    }
    return Double(part * workers) / best
  }

  /// Reads a file as `cat` does.
  static func read(_ path: String) throws -> Int {
    let file = open(path, O_RDONLY)
    guard file >= 0 else { throw CocoaError(.fileReadNoSuchFile) }
    defer { close(file) }
    let size = 1 << 20
    let buffer = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 4096)
    defer { buffer.deallocate() }
    var total = 0
    while true {
      let count = Foundation.read(file, buffer, size)
      guard count > 0 else { return total }
      total += count
    }
  }
}
