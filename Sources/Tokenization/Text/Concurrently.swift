// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Dispatch

/// Loops over all cores. Which thread runs which index is not determined, so what is computed must
/// depend on the index alone.
enum Concurrently {
  /// The results of `body` for each index in `0..<count`, in the order of the indices.
  static func map<Output: Sendable>(
    _ count: Int, _ body: @Sendable (Int) -> Output
  ) -> [Output] {
    guard count > 1 else { return (0..<max(0, count)).map(body) }
    return [Output](unsafeUninitializedCapacity: count) { buffer, initialized in
      // Safety: every index is initialised exactly once, by the one iteration that owns it.
      nonisolated(unsafe) let start = buffer.baseAddress
      DispatchQueue.concurrentPerform(iterations: count) { index in
        if let start { (start + index).initialize(to: body(index)) }
      }
      initialized = count
    }
  }

  /// `count` things cut into at most `parts` runs of about equal length.
  static func runs(of count: Int, parts: Int) -> [Range<Int>] {
    let parts = max(1, min(parts, count))
    return (0..<parts).map { count * $0 / parts..<count * ($0 + 1) / parts }
  }
}
