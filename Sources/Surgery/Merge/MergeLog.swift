// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// What computing a merge has shown that planning it could not, such as a matrix that had to be
/// regularised. Filled while the result is written or read; ask afterwards.
public final class MergeLog: Sendable {
  /// By tensor, so that one computed twice is not told of twice.
  private let notes = Mutex<[String: [String]]>([:])

  init() {}

  func add(_ texts: [String], tensor: String) { notes.withLock { $0[tensor] = texts } }

  /// A sentence each, in the order of the tensors' names.
  public var messages: [String] {
    notes.withLock { notes in
      notes.sorted { $0.key < $1.key }.flatMap { tensor, texts in
        texts.map { "`\(tensor)`: \($0)" }
      }
    }
  }
}
