// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Testing

/// A reader under fuzzing: seeds, words of the format, and what is done with an input.
struct FuzzTarget: Sendable, CustomTestStringConvertible {
  let name: String
  /// How many inputs an ordinary test run gives it: what a debug build reads in some eight seconds.
  let usualCount: Int
  /// The parts' endings, for files of saved inputs.
  let parts: [String]
  /// Makes the mutator and the reader. Reading uses all that the reader returns; it throws the
  /// reader's `Diagnosed` error for an input that is refused, and ``FuzzViolation`` for a result
  /// that must not be.
  let make: @Sendable (_ seed: UInt64) throws -> (FuzzMutator, (FuzzInput) throws -> Void)

  var testDescription: String { name }

  static var all: [FuzzTarget] {
    documents + checkpoints + recipes + adapters + tokenizers + layouts + templates + hub
      + corpora
  }
}

/// What a reader must not do, other than crash.
struct FuzzViolation: Error {
  let text: String
  init(_ text: String) { self.text = text }
}
