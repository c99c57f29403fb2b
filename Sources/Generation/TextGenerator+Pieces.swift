// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Foundation
  import Synchronization

  extension TextGenerator {
    /// The answer to one prompt as a sequence of pieces, for `for try await`.
    ///
    /// The work has a thread of its own. It ends early when the sequence is let go or its task is
    /// cancelled.
    public func pieces(
      after prompt: String, options: TextOptions
    ) -> AsyncThrowingStream<TextPiece, any Error> {
      AsyncThrowingStream { continuation in
        let isOver = Flag()
        continuation.onTermination = { _ in isOver.set() }
        let thread = Thread {
          do {
            _ = try generate(
              [prompt], options: options, isCancelled: { isOver.isSet },
              onPiece: { continuation.yield($0) })
            continuation.finish()
          } catch {
            continuation.finish(throwing: error)
          }
        }
        thread.name = "koine generation"
        thread.start()
      }
    }

    private final class Flag: Sendable {
      private let value = Atomic(false)
      var isSet: Bool { value.load(ordering: .relaxed) }
      func set() { value.store(true, ordering: .relaxed) }
    }
  }
#endif
