// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Tokenization

/// The text of tokens as they come: every piece is whole characters, and all pieces together are the
/// text.
///
/// A character may be spread over tokens, and the text of a token may depend on its neighbours (a
/// leading space is dropped at the start of a text), so the tokens before are decoded along. What
/// was given is never taken back.
/// - Cost: decodes at most some 80 tokens for each new one.
public struct TextStream: Sendable {
  private let tokenizer: Tokenizer
  /// The last tokens, and how many bytes of their text were given.
  private var window: [Int32]
  private var givenCount: Int
  /// For how many tokens the end has not been a character.
  private var heldCount = 0

  /// A character has at most four bytes, and a token at least one: what is open longer than three
  /// tokens will never be a character.
  private static let longestHold = 3
  private static let windowLimit = 64
  private static let windowRest = 16

  /// - Parameter prompt: what the tokens continue; not part of the text.
  public init(_ tokenizer: Tokenizer, after prompt: some BidirectionalCollection<Int32>) {
    self.tokenizer = tokenizer
    window = Array(prompt.suffix(Self.windowRest))
    givenCount = 0
    givenCount = Self.closedCount(bytes)
  }

  /// What a token adds to the text; empty while a character is open.
  public mutating func add(_ id: Int32) -> String {
    window.append(id)
    let bytes = bytes
    var end = Self.closedCount(bytes)
    // A token may end one character and begin the next.
    heldCount = end == bytes.count ? 0 : end > givenCount ? 1 : heldCount + 1
    if heldCount > Self.longestHold {
      end = bytes.count
      heldCount = 0
    }
    return give(bytes, to: end)
  }

  /// What is still held back, where the text ends inside a character.
  public mutating func finish() -> String {
    let bytes = bytes
    return give(bytes, to: bytes.count)
  }

  private var bytes: [UInt8] { Array(tokenizer.decode(window).utf8) }

  private mutating func give(_ bytes: [UInt8], to end: Int) -> String {
    let piece = givenCount < end ? String(decoding: bytes[givenCount..<end], as: UTF8.self) : ""
    givenCount = max(givenCount, end)
    if window.count > Self.windowLimit, givenCount == bytes.count { shorten() }
    return piece
  }

  /// Keeps the last tokens, from one that begins with a character.
  private mutating func shorten() {
    for count in Self.windowRest..<2 * Self.windowRest {
      let rest = Array(window.suffix(count))
      let text = Array(tokenizer.decode(rest).utf8)
      if text.starts(with: Self.replacement) || Self.closedCount(text) < text.count { continue }
      window = rest
      givenCount = text.count
      return
    }
  }

  private static let replacement = Array("\u{FFFD}".utf8)

  /// The bytes before a run of replacement characters at the end.
  private static func closedCount(_ bytes: [UInt8]) -> Int {
    var end = bytes.count
    while end >= 3, bytes[end - 3..<end].elementsEqual(replacement) { end -= 3 }
    return end
  }
}
