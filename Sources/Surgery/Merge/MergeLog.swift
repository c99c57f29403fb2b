// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Tensors

/// What computing a merge has shown that planning it could not, such as a matrix that had to be
/// regularised. Filled while the result is written or read; ask afterwards.
public final class MergeLog: Sendable {
  /// By tensor, so that one computed twice is not told of twice.
  private let notes = Mutex<[String: [String]]>([:])
  /// By tensor, the first number that is not finite.
  private let overflows = Mutex<[String: (index: Int, type: ElementType)]>([:])

  init() {}

  func add(_ texts: [String], tensor: String) { notes.withLock { $0[tensor] = texts } }

  /// Notes down a number of the result that is NaN or infinite.
  func add(overflowAt index: Int, as type: ElementType, tensor: String) {
    overflows.withLock {
      if index < $0[tensor]?.index ?? .max { $0[tensor] = (index, type) }
    }
  }

  /// A sentence each, in the order of the tensors' names.
  public var messages: [String] {
    let told = notes.withLock { notes in
      notes.sorted { $0.key < $1.key }.flatMap { tensor, texts in
        texts.map { "`\(tensor)`: \($0)" }
      }
    }
    return told + overflow
  }

  private var overflow: [String] {
    overflows.withLock { found in
      guard let first = found.min(by: { $0.key < $1.key }) else { return [] }
      let others =
        found.count > 2
        ? " and \(found.count - 1) other tensors" : found.count > 1 ? " and another tensor" : ""
      return [
        "The result is not finite: `\(first.key)`\(others) overflowed "
          + "\(first.value.type.rawValue), first at element \(first.value.index). Choose a wider "
          + "`dtype`, or smaller weights."
      ]
    }
  }
}
