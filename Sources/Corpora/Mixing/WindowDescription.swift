// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tokenization

/// A window token by token, for people to see what is trained.
public struct WindowDescription: Equatable, Sendable {
  /// A token of a window.
  public struct Token: Equatable, Sendable {
    public var id: Int32
    /// What it stands for: text, with bytes that are no whole character as `<0xE2>`.
    public var text: String
    /// Its weight in the loss as a target; `nil` for the first of the window, which is none.
    public var weight: Double?
    /// Which text of the window it belongs to as an input; −1 is padding.
    public var segment: Int
    /// The position that attention gives it: from 0 in each segment.
    public var position: Int
    /// The source of its segment, where it is known.
    public var source: String?

    /// Whether it is trained at all.
    public var isTrained: Bool { (weight ?? 0) > 0 }
    /// Whether it is padding: read by nothing and not trained.
    public var isPadding: Bool { segment < 0 && !isTrained }
  }

  public var tokens: [Token]

  /// Describes a window.
  ///
  /// - Parameter sourceNames: those of the sampler's statistics.
  public init(_ window: Window, tokenizer: Tokenizer, sourceNames: [String]) {
    var first: [Int32: Int] = [:]
    tokens = window.tokens.enumerated().map { index, id in
      let segment = window.segments[index]
      if first[segment] == nil { first[segment] = index }
      var source: String?
      if segment >= 0, Int(segment) < window.sources.count {
        let place = Int(window.sources[Int(segment)])
        if sourceNames.indices.contains(place) { source = sourceNames[place] }
      }
      return Token(
        id: id, text: Self.text(id, tokenizer),
        weight: index == 0 ? nil : Double(window.weights[index - 1]), segment: Int(segment),
        position: index - (first[segment] ?? index), source: source)
    }
  }

  /// Σ weight.
  public var weightSum: Double { tokens.reduce(0) { $0 + ($1.weight ?? 0) } }

  /// The tokens with fixed keys: `id`, `text`, `weight` (null for the first), `segment`,
  /// `position`, `source`.
  public var json: JSON {
    .array(
      tokens.map { token in
        [
          "id": JSON(Int(token.id)), "text": JSON(token.text),
          "weight": token.weight.map { JSON($0) } ?? .null, "segment": JSON(token.segment),
          "position": JSON(token.position), "source": token.source.map { JSON($0) } ?? .null,
        ]
      })
  }

  private static func text(_ id: Int32, _ tokenizer: Tokenizer) -> String {
    guard Int(id) < tokenizer.vocabularySize, id >= 0 else { return "<id \(id)>" }
    let token = tokenizer.tokens[Int(id)]
    let bytes = tokenizer.bytes(of: id)
    if bytes.isEmpty || tokenizer.isSpecial(id) { return token }
    // A decoder strips the space at the start of a text, which inside of one stands.
    let space = token.hasPrefix("▁") && bytes.first != 32 ? " " : ""
    if let text = String(validating: bytes, as: UTF8.self) { return space + text }
    return bytes.map { byte in
      let digits = String(byte, radix: 16, uppercase: true)
      return "<0x" + (byte < 16 ? "0" : "") + digits + ">"
    }.joined()
  }
}
