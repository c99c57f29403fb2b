// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import Synchronization

/// Loops on several threads. Which thread does which index is not determined, so what is computed
/// must depend on the index alone.
struct Workers: Sendable {
  /// At least 1.
  let count: Int

  /// - Parameter count: threads; `nil` for one on each core.
  init(_ count: Int? = nil) {
    self.count = max(1, count ?? ProcessInfo.processInfo.activeProcessorCount)
  }

  /// The results of `body` for each element, in the order of the elements.
  func map<Element: Sendable, Output: Sendable>(
    _ elements: [Element], _ body: @Sendable (Element) -> Output
  ) -> [Output] {
    let threads = min(count, elements.count)
    guard threads > 1 else { return elements.map(body) }
    return [Output](unsafeUninitializedCapacity: elements.count) { buffer, initialized in
      // Safety: every index is initialised exactly once, by the one thread that drew it.
      nonisolated(unsafe) let start = buffer.baseAddress
      let next = Atomic(0)
      DispatchQueue.concurrentPerform(iterations: threads) { _ in
        while true {
          let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
          guard index < elements.count, let start else { return }
          (start + index).initialize(to: body(elements[index]))
        }
      }
      initialized = elements.count
    }
  }
}
