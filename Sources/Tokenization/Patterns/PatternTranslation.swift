// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Rewrites an expression of Oniguruma, which Hugging Face tokenizers runs, for PCRE2, so that it
/// matches the same.
///
/// - `\w`, `\W`, `\b`, `\B`: PCRE2's words have no marks; here they have, as in Oniguruma.
/// - `\s`, `\S`: the property White_Space.
/// - `\h`, `\H`: a hexadecimal digit, in PCRE2 horizontal space.
/// - `\p{Han}` and other names of scripts: the property Script, in PCRE2 Script_Extensions.
/// - `^` and `$` stand at every line's ends (the expression is compiled for that).
///
/// Refused, because PCRE2 reads them otherwise: `(?m)`, `(?s)`, sets in sets and `&&`, `{n,m}+`,
/// `\Q`, `\C`, `\N`, `\O`, `\W`, `\H` and most named sets inside a set.
///
/// What stays different: PCRE2 knows an older Unicode (10.42: version 14), and folds single
/// characters only where case is ignored (`ß` does not match `ss`).
enum PatternTranslation {
  /// Alphabetic characters, marks, decimal digits, connectors, and `²³¹¼½¾`, which are letters to
  /// Oniguruma because Latin-1 is a table of its own there.
  private static let word =
    #"\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{b2}\x{b3}\x{b9}\x{bc}-\x{be}"#
    + #"\x{24b6}-\x{24e9}\x{1f130}-\x{1f149}\x{1f150}-\x{1f169}\x{1f170}-\x{1f189}"#
  private static let space =
    #"\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"#
  private static let notSpace =
    #"\x{0}-\x{8}\x{e}-\x{1f}\x{21}-\x{84}\x{86}-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}"#
    + #"\x{200b}-\x{2027}\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{10ffff}"#
  private static let hexadecimal = "0-9a-fA-F"
  private static let refusedEscapes: Set<Character> = ["Q", "E", "C", "N", "O", "u", "U", "l", "L"]
  private static let namedSets = [
    "[:digit:]": #"\p{Nd}"#, "[:space:]": space, "[:punct:]": #"\p{P}\p{S}"#,
  ]

  /// - Parameters:
  ///   - path: where the expression stands, for messages.
  static func translate(
    _ pattern: String, path: String, origin: String
  ) throws(TokenizationError) -> String {
    func refuse(_ what: String) -> TokenizationError {
      .badPattern(
        path: path, pattern: pattern, reason: "\(what) has another meaning in PCRE2",
        origin: origin)
    }
    // Scalars, because a pattern may combine a mark with a bracket.
    let scalars = pattern.unicodeScalars.map { Character($0) }
    var result = ""
    var isInSet = false
    var position = 0
    func rest(_ count: Int) -> String { String(scalars[position...].prefix(count)) }
    while position < scalars.count {
      let character = scalars[position]
      position += 1
      if character == "\\" {
        guard position < scalars.count else {
          result.append(character)
          break
        }
        let escaped = scalars[position]
        position += 1
        if refusedEscapes.contains(escaped) { throw refuse("`\\\(escaped)`") }
        if escaped == "p" || escaped == "P", rest(1) == "{" {
          let name = scalars[(position + 1)...].prefix { $0 != "}" }
          position += name.count + 1
          result += property(String(name), isNegated: escaped == "P")
          continue
        }
        guard let text = escape(escaped, isInSet: isInSet) else {
          throw refuse("`\\\(escaped)` inside a set")
        }
        result += text
      } else if isInSet {
        if character == "]" {
          isInSet = false
        } else if character == "&", rest(1) == "&" {
          throw refuse("`&&` inside a set")
        } else if character == "[" {
          let name = String((["["] + scalars[position...].prefix { $0 != "]" } + ["]"]))
          guard let set = namedSets[name] else { throw refuse("`[` inside a set") }
          position += name.count - 1
          result += set
          continue
        }
        result.append(character)
      } else {
        result.append(character)
        if character == "[" {
          isInSet = true
          if rest(1) == "^" {
            result.append("^")
            position += 1
          }
          // The first character of a set may be its closing bracket.
          if rest(1) == "]" {
            result += "\\]"
            position += 1
          }
        } else if character == "(", rest(1) == "?" {
          let flags = scalars[(position + 1)...].prefix { $0.isLetter || $0 == "-" }
          let end = position + 1 + flags.count
          let setsFlags = end < scalars.count && (scalars[end] == ":" || scalars[end] == ")")
          if setsFlags, flags.contains(where: { $0 != "i" && $0 != "x" && $0 != "-" }) {
            throw refuse("`(?\(String(flags)))`")
          }
        } else if character == "}", rest(1) == "+" {
          // `\p{L}+` is no interval.
          if isInterval(scalars[..<(position - 1)]) { throw refuse("`+` after an interval") }
        }
      }
    }
    return result
  }

  /// `\p{name}` up to its closing brace. A script is the property Script there; PCRE2 takes the bare
  /// name for Script_Extensions.
  private static func property(_ name: String, isNegated: Bool) -> String {
    let isInverse = name.hasPrefix("^")
    let bare = isInverse ? String(name.dropFirst()) : name
    guard RegularExpression.isScript(bare) else { return "\\\(isNegated ? "P" : "p"){\(name)" }
    return "\\\(isNegated != isInverse ? "P" : "p"){sc:\(bare)"
  }

  /// The escape in PCRE2's syntax; `nil` where it cannot be written inside a set.
  private static func escape(_ escaped: Character, isInSet: Bool) -> String? {
    switch escaped {
    case "w": isInSet ? word : "[\(word)]"
    case "W": isInSet ? nil : "[^\(word)]"
    case "s": isInSet ? space : "[\(space)]"
    case "S": isInSet ? notSpace : "[\(notSpace)]"
    case "h": isInSet ? hexadecimal : "[\(hexadecimal)]"
    case "H": isInSet ? nil : "[^\(hexadecimal)]"
    case "b" where !isInSet:
      "(?:(?<=[\(word)])(?![\(word)])|(?<![\(word)])(?=[\(word)]))"
    case "B" where !isInSet:
      "(?:(?<=[\(word)])(?=[\(word)])|(?<![\(word)])(?![\(word)]))"
    default: "\\\(escaped)"
    }
  }

  private static func isInterval(_ text: ArraySlice<Character>) -> Bool {
    // Longer ones hold numbers that neither engine takes.
    guard let open = text.suffix(32).lastIndex(of: "{") else { return false }
    let content = text[(open + 1)...]
    return !content.isEmpty && content.allSatisfy { $0 == "," || ("0"..."9").contains($0) }
  }
}
