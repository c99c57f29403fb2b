// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// What one pass over a document counts.
struct TextMeasures {
  /// Unicode scalars of the lines and the newlines between them.
  var characters = 0
  var words = 0
  /// Scalars other than white space, and how many of them are of each class.
  var visible = 0
  var letters = 0
  var digits = 0
  var symbols = 0
  var wordsWithLetters = 0
  var lines = 0
  var bulletLines = 0
  var ellipsisLines = 0

  init(_ document: Document) {
    characters = max(0, document.segments.count - 1)
    for segment in document.segments { add(segment) }
  }

  private mutating func add(_ line: String) {
    var (isInWord, hasLetter) = (false, false)
    for scalar in line.unicodeScalars {
      characters += 1
      if isSpace(scalar) {
        isInWord = false
        continue
      }
      if !isInWord {
        words += 1
        (isInWord, hasLetter) = (true, false)
      }
      visible += 1
      switch ScalarKind(scalar) {
      case .letter:
        letters += 1
        if !hasLetter { wordsWithLetters += 1 }
        hasLetter = true
      case .digit: digits += 1
      case .symbol: symbols += 1
      case .other: break
      }
    }
    let text = line.unicodeScalars.drop(while: isSpace)
    guard let first = text.first else { return }
    lines += 1
    if Self.bullets.contains(first) { bulletLines += 1 }
    let end = line.unicodeScalars.reversed().drop(while: isSpace)
    if end.first == "…" || end.starts(with: "...".unicodeScalars) { ellipsisLines += 1 }
  }

  private static let bullets: Set<Unicode.Scalar> = [
    "•", "‣", "▪", "●", "○", "◦", "·", "-", "*", "–",
  ]

  subscript(measure: TextFilterSettings.Measure) -> Double {
    func share(_ part: Int, _ whole: Int) -> Double {
      whole > 0 ? Double(part) / Double(whole) : 0
    }
    return switch measure {
    case .characters: Double(characters)
    case .words: Double(words)
    case .meanWordLength: share(visible, words)
    case .lettersShare: share(letters, visible)
    case .digitsShare: share(digits, visible)
    case .symbolsShare: share(symbols, visible)
    case .wordsWithLettersShare: share(wordsWithLetters, words)
    case .bulletLinesShare: share(bulletLines, lines)
    case .ellipsisLinesShare: share(ellipsisLines, lines)
    }
  }
}

/// A scalar by its general category.
enum ScalarKind {
  case letter, digit, symbol, other

  init(_ scalar: Unicode.Scalar) {
    if scalar.value < 0x80 {
      self =
        switch scalar.value {
        case 0x30...0x39: .digit
        case 0x41...0x5A, 0x61...0x7A: .letter
        case 0x21...0x7E: .symbol
        default: .other
        }
      return
    }
    self =
      switch scalar.properties.generalCategory {
      case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
        .nonspacingMark, .spacingMark, .enclosingMark:
        .letter
      case .decimalNumber, .letterNumber, .otherNumber: .digit
      case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
        .initialPunctuation, .finalPunctuation, .otherPunctuation, .mathSymbol, .currencySymbol,
        .modifierSymbol, .otherSymbol:
        .symbol
      default: .other
      }
  }
}
