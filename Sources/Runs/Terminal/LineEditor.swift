// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A line of text under the hands of somebody at a terminal: keys in, text and cursor out.
///
/// It knows nothing of the terminal itself: bytes come from ``TerminalInput``, and `rendering` is what
/// it shows. Keys are those of Emacs and readline.
package struct LineEditor {
  /// What a key led to.
  package enum Event: Equatable {
    /// Nothing that shows: half a character, an unknown key.
    case none
    /// Text or cursor changed.
    case changed
    /// The line is done.
    case submitted(String)
    /// Ctrl-C on an empty line; on another it only clears the line.
    case interrupted
    /// Ctrl-D on an empty line.
    case ended
    /// Ctrl-L: the screen is to be cleared.
    case clear
    /// Ctrl-Z: the process is to stop until the shell wakes it.
    case suspended
    /// Ctrl-\: the process is to end.
    case quit
  }

  package private(set) var characters: [Character] = []
  /// From 0 to the number of characters.
  package private(set) var cursor = 0
  private var history: [String]
  /// Which line of the history is shown; its count stands for the new line.
  private var place: Int
  /// The new line, while another is shown.
  private var draft: [Character] = []
  /// Bytes of a key that is not whole.
  private var pending: [UInt8] = []
  /// Inside text that the terminal marks as pasted, where keys are text.
  private var isPasting = false
  /// Whether the last byte of pasted text was a carriage return: a line feed after it is the same
  /// line's end.
  private var hasPastedReturn = false
  /// What Ctrl-Y puts back.
  private var cut: [Character] = []

  /// - Parameter history: earlier lines, the oldest first.
  package init(history: [String] = []) {
    self.history = history
    place = history.count
  }

  package var text: String { String(characters) }

  /// Takes a byte from the terminal.
  package mutating func feed(_ byte: UInt8) -> Event {
    pending.append(byte)
    if pending[0] == 0x1B { return escape() }
    if byte < 0x80 {
      // What was half a character before it will never be one.
      pending = []
      return isPasting ? paste(byte) : key(byte)
    }
    let length =
      switch pending[0] {
      case 0xC2..<0xE0: 2
      case 0xE0..<0xF0: 3
      case 0xF0..<0xF5: 4
      default: 0
      }
    guard length > 0 else {
      pending = []
      return .none
    }
    guard pending.count == length else { return .none }
    defer { pending = [] }
    guard let text = String(validating: pending, as: UTF8.self) else { return .none }
    return insert(text)
  }

  private mutating func paste(_ byte: UInt8) -> Event {
    defer { hasPastedReturn = byte == 13 }
    return switch byte {
    case 10 where hasPastedReturn: .none
    case 10, 13: insert("\n")
    case 9, 32..<127: insert(String(UnicodeScalar(byte)))
    default: .none
    }
  }

  private mutating func key(_ byte: UInt8) -> Event {
    switch byte {
    case 1: return move(to: 0)
    case 2: return move(to: cursor - 1)
    case 3:
      if characters.isEmpty { return .interrupted }
      replace(with: [])
      return .changed
    case 4:
      if characters.isEmpty { return .ended }
      return delete(cursor..<cursor + 1)
    case 5: return move(to: characters.count)
    case 6: return move(to: cursor + 1)
    case 8, 127: return delete(cursor - 1..<cursor)
    case 10, 13: return .submitted(text)
    case 11: return kill(cursor..<characters.count)
    case 12: return .clear
    case 14: return recall(place + 1)
    case 16: return recall(place - 1)
    case 21: return kill(0..<cursor)
    case 23: return kill(wordStart..<cursor)
    case 25: return insert(String(cut))
    case 26: return .suspended
    case 28: return .quit
    case 32..<127: return insert(String(UnicodeScalar(byte)))
    default: return .none
    }
  }

  /// ESC and what follows; takes it when it is whole.
  private mutating func escape() -> Event {
    guard pending.count >= 2 else { return .none }
    let kind = pending[1]
    if kind == UInt8(ascii: "O") || kind == UInt8(ascii: "[") {
      guard pending.count >= 3, let last = pending.last else { return .none }
      // Parameters, then a byte from @ on.
      guard (0x40...0x7E).contains(last) else {
        if pending.count > 32 { pending = [] }
        return .none
      }
      let parameters = String(decoding: pending[2..<pending.count - 1], as: UTF8.self)
      pending = []
      return sequence(parameters, last)
    }
    pending = []
    switch kind {
    case UInt8(ascii: "b"): return move(to: wordStart)
    case UInt8(ascii: "f"): return move(to: wordEnd)
    case UInt8(ascii: "d"): return kill(cursor..<wordEnd)
    case 8, 127: return kill(wordStart..<cursor)
    default: return .none
    }
  }

  private mutating func sequence(_ parameters: String, _ last: UInt8) -> Event {
    // "1;5C": the key C with Ctrl (5) or Alt (3).
    let isWord = parameters.hasSuffix(";5") || parameters.hasSuffix(";3")
    switch (last, parameters.split(separator: ";").first ?? "") {
    case (UInt8(ascii: "~"), "200"):
      isPasting = true
      hasPastedReturn = false
    case (UInt8(ascii: "~"), "201"): isPasting = false
    case _ where isPasting: return .none
    case (UInt8(ascii: "A"), _): return recall(place - 1)
    case (UInt8(ascii: "B"), _): return recall(place + 1)
    case (UInt8(ascii: "C"), _): return move(to: isWord ? wordEnd : cursor + 1)
    case (UInt8(ascii: "D"), _): return move(to: isWord ? wordStart : cursor - 1)
    case (UInt8(ascii: "H"), _), (UInt8(ascii: "~"), "1"), (UInt8(ascii: "~"), "7"):
      return move(to: 0)
    case (UInt8(ascii: "F"), _), (UInt8(ascii: "~"), "4"), (UInt8(ascii: "~"), "8"):
      return move(to: characters.count)
    case (UInt8(ascii: "~"), "3"): return delete(cursor..<cursor + 1)
    default: break
    }
    return .none
  }

  private mutating func insert(_ text: String) -> Event {
    // A combining mark joins the character before it: the whole line is cut into characters anew.
    let before = String(characters[..<cursor]) + text
    let after = String(characters[cursor...])
    characters = Array(before + after)
    cursor = min(before.count, characters.count)
    return .changed
  }

  private mutating func delete(_ range: Range<Int>) -> Event {
    let range = range.clamped(to: 0..<characters.count)
    guard !range.isEmpty else { return .none }
    characters.removeSubrange(range)
    cursor = range.lowerBound
    return .changed
  }

  private mutating func kill(_ range: Range<Int>) -> Event {
    guard !range.isEmpty else { return .none }
    cut = Array(characters[range])
    return delete(range)
  }

  private mutating func move(to place: Int) -> Event {
    let place = min(max(0, place), characters.count)
    guard place != cursor else { return .none }
    cursor = place
    return .changed
  }

  private mutating func replace(with text: [Character]) {
    characters = text
    cursor = text.count
  }

  private mutating func recall(_ wanted: Int) -> Event {
    guard (0...history.count).contains(wanted), wanted != place else { return .none }
    if place == history.count { draft = characters }
    place = wanted
    replace(with: wanted == history.count ? draft : Array(history[wanted]))
    return .changed
  }

  /// Where the word before the cursor begins.
  private var wordStart: Int {
    var place = cursor
    while place > 0, characters[place - 1].isWhitespace { place -= 1 }
    while place > 0, !characters[place - 1].isWhitespace { place -= 1 }
    return place
  }

  /// Where the word behind the cursor ends.
  private var wordEnd: Int {
    var place = cursor
    while place < characters.count, characters[place].isWhitespace { place += 1 }
    while place < characters.count, !characters[place].isWhitespace { place += 1 }
    return place
  }

  /// What to send to a terminal of `width` cells to show the line in one row: what does not fit is
  /// scrolled out on the left.
  package func rendering(prompt: String, width: Int) -> String {
    let cells = characters.map { $0 == "\n" ? "↵" : DisplayWidth.printable(String($0)) }
    let widths = cells.map { DisplayWidth.of($0) }
    // A cell for the cursor behind the end.
    let room = max(2, width - DisplayWidth.of(prompt) - 1)
    var first = 0
    while widths[first..<cursor].reduce(0, +) > room { first += 1 }
    var end = first
    var used = 0
    while end < cells.count, used + widths[end] <= room {
      used += widths[end]
      end += 1
    }
    let column = DisplayWidth.of(prompt) + widths[first..<cursor].reduce(0, +)
    return "\r" + prompt + cells[first..<end].joined() + "\u{1B}[K\r"
      + (column > 0 ? "\u{1B}[\(column)C" : "")
  }
}
