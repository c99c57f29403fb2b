// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Models
import Tokenization

/// The text of one answer while it grows: decoding, then stop texts. A value, so that a copy is a
/// place to go back to.
struct GrowingText: Sendable {
  private var stream: TextStream
  private var stops: StopTexts
  /// Everything let through so far.
  private(set) var text = ""
  /// How many tokens are in it.
  private(set) var tokenCount = 0
  private var isClosed = false

  init(_ tokenizer: Tokenizer, after prompt: [Int32], stopTexts: [String]) {
    stream = TextStream(tokenizer, after: prompt)
    stops = StopTexts(stopTexts)
  }

  /// Takes the tokens of an answer that are new, one at a time, and looks for the end.
  ///
  /// - Returns: whether a stop text was found.
  mutating func take(_ sequence: GeneratedSequence) -> Bool {
    while tokenCount < sequence.tokens.count, !stops.isFound {
      text += stops.add(stream.add(sequence.tokens[tokenCount].id))
      tokenCount += 1
    }
    if sequence.finish != nil, !isClosed, !stops.isFound {
      isClosed = true
      text += stops.add(stream.finish())
      text += stops.finish()
    }
    return stops.isFound
  }
}
