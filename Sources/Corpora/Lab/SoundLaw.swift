// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A regular sound change: in this environment, this letter becomes those, in every word.
public struct SoundLaw: Equatable, Sendable {
  /// Where a law works.
  public enum Environment: String, Sendable {
    /// Everywhere.
    case anywhere
    /// As the first letter.
    case initial
    /// As the last letter.
    case final
    /// Between two vowels.
    case betweenVowels = "between vowels"
    /// Before e or i.
    case beforeFrontVowel = "before e, i"
    /// Before a consonant.
    case beforeConsonant = "before a consonant"
  }

  /// The letter that changes.
  public let from: Character
  /// What it becomes: one letter or two.
  public let to: String
  /// Where.
  public let environment: Environment

  /// Makes a law.
  public init(_ from: Character, _ to: String, _ environment: Environment) {
    self.from = from
    self.to = to
    self.environment = environment
  }

  /// The word after the change. All places change at once: the environment is the word before it.
  public func apply(to word: String) -> String {
    let letters = Array(word)
    var out = ""
    for i in letters.indices {
      if letters[i] == from && holds(in: letters, at: i) {
        out += to
      } else {
        out.append(letters[i])
      }
    }
    return out
  }

  /// Such as `p > f / initial`.
  public var notation: String { "\(from) > \(to) / \(environment.rawValue)" }

  private func holds(in letters: [Character], at i: Int) -> Bool {
    let next = i + 1 < letters.count ? letters[i + 1] : nil
    switch environment {
    case .anywhere: return true
    case .initial: return i == 0
    case .final: return next == nil
    case .betweenVowels:
      return i > 0 && Self.isVowel(letters[i - 1]) && next.map(Self.isVowel) ?? false
    case .beforeFrontVowel: return next == "e" || next == "i"
    case .beforeConsonant: return next.map { !Self.isVowel($0) } ?? false
    }
  }

  static func isVowel(_ letter: Character) -> Bool { "aeiouyæøå".contains(letter) }

  /// The changes that languages are made of; a language takes some, in an order of its own. All are
  /// of kinds found in real languages, and none deletes a letter, so no word vanishes.
  static let pool = [
    SoundLaw("p", "f", .initial), SoundLaw("p", "b", .betweenVowels),
    SoundLaw("t", "d", .betweenVowels), SoundLaw("t", "s", .beforeFrontVowel),
    SoundLaw("k", "h", .initial), SoundLaw("k", "g", .betweenVowels),
    SoundLaw("k", "tj", .beforeFrontVowel), SoundLaw("b", "v", .betweenVowels),
    SoundLaw("d", "ð", .betweenVowels), SoundLaw("g", "j", .beforeFrontVowel),
    SoundLaw("s", "sj", .beforeFrontVowel), SoundLaw("s", "h", .betweenVowels),
    SoundLaw("v", "w", .initial), SoundLaw("r", "l", .beforeConsonant),
    SoundLaw("m", "n", .final), SoundLaw("l", "lj", .beforeFrontVowel),
    SoundLaw("u", "y", .anywhere), SoundLaw("a", "o", .beforeConsonant),
    SoundLaw("a", "å", .final), SoundLaw("e", "æ", .beforeConsonant),
    SoundLaw("o", "ø", .anywhere), SoundLaw("i", "e", .final),
    SoundLaw("f", "v", .betweenVowels), SoundLaw("n", "nn", .betweenVowels),
  ]
}
