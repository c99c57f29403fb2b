// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Corpora
  import Documents
  import Runs
  import Tokenization

  /// Windows as people look at them: each token, and whether it is trained.
  public struct BatchView: Sendable {
    /// A token of a window.
    public struct Token: Equatable, Sendable {
      public var id: Int32
      /// As the vocabulary has it, with spaces and bytes made visible.
      public var text: String
      /// As a target; `nil` for the first token of a window, which is none.
      public var weight: Float?
      /// −1 is padding.
      public var segment: Int32
    }

    public let windows: [[Token]]

    init(_ windows: [Window], tokenizer: Tokenizer) {
      self.windows = windows.map { window in
        window.tokens.indices.map { place in
          let id = window.tokens[place]
          return Token(
            id: id, text: Self.visible(tokenizer.decode([id], skipSpecialTokens: false)),
            weight: place == 0 ? nil : window.weights[place - 1], segment: window.segments[place])
        }
      }
    }

    private static func visible(_ text: String) -> String {
      DisplayWidth.printable(
        text.replacing("\n", with: "⏎").replacing(" ", with: "␣").replacing("\t", with: "⇥"))
    }

    public var json: JSON {
      [
        "schema": 1,
        "windows": JSON(
          windows.map { window in
            JSON(
              window.map { token in
                [
                  "id": JSON(Int(token.id)), "text": .string(token.text),
                  "weight": token.weight.map { JSON(Double($0)) } ?? .null,
                  "segment": JSON(Int(token.segment)),
                ] as JSON
              })
          }),
      ]
    }

    /// Trained tokens stand out green (between ⟦ ⟧ without colours), read ones are plain, padding is
    /// faint and shortened; `│` stands between segments.
    public func text(_ style: TerminalStyle) -> String {
      windows.enumerated().map { index, window in
        let trained = window.count { ($0.weight ?? 0) > 0 }
        let padding = window.count { $0.segment < 0 }
        var text =
          "window \(index + 1): \(window.count) tokens, \(trained) trained, \(padding) padding\n"
        var last: Token?
        for token in window.prefix(window.count - padding) {
          if let last, last.segment != token.segment { text += style.apply(.faint, to: "│") }
          let isTrained = (token.weight ?? 0) > 0
          let shown =
            style.isStyled || !isTrained ? token.text : "⟦\(token.text)⟧"
          text += isTrained ? style.apply(.good, to: shown) : shown
          last = token
        }
        if padding > 0 { text += style.apply(.faint, to: "│ padding × \(padding)") }
        return text + "\n"
      }.joined(separator: "\n")
    }
  }
#endif
