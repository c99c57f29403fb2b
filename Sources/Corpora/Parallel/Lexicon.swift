// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Words and short phrases with their translations.
///
/// Read from tables of two columns or more without a header: a word, its translation, and what is
/// passed over. Several lines of one word are several translations, in their order, each once. Words
/// are found in their own spelling first, then in lower case.
public struct Lexicon: Equatable, Sendable {
  private var translations: [String: [String]] = [:]
  private var lowercased: [String: [String]] = [:]
  /// Words of the longest phrase that is kept.
  public private(set) var maximumWordCount = 0
  /// Pairs with more words on the first side are left out.
  static let wordLimit = 4

  /// A lexicon without words.
  public init() {}

  /// Reads tables. Throws ``CorpusError``, also where together they hold no word.
  public init(files: [String], isReversed: Bool = false, relativeTo folder: String? = nil) throws {
    for path in try CorpusFiles.expand(files, relativeTo: folder) {
      guard let format = CorpusFormat(path: path), format == .tsv || format == .csv else {
        _ = try ByteSource(path: path)
        throw CorpusError.unknownFormat(
          path, known: CorpusFormat.endings.filter { $0.hasPrefix(".tsv") || $0.hasPrefix(".csv") })
      }
      let reader = try DelimitedReader(path: path, separation: .init(segments: format))
      while let row = try reader.next() {
        guard row.count >= 2 else {
          throw CorpusError.columns(
            path, line: reader.rowLine, expected: "a word, a tab and its translation",
            found: row.count)
        }
        if isReversed { add(row[1], row[0]) } else { add(row[0], row[1]) }
      }
    }
    if translations.isEmpty {
      throw CorpusError.emptyCorpus(
        files.joined(separator: ", "), reason: "no word with a translation")
    }
  }

  /// Words and phrases that have a translation.
  public var count: Int { translations.count }

  /// Adds a translation; one without letters, or of too many words, is left out.
  public mutating func add(_ word: String, _ translation: String) {
    let words = WordSpans(word).words
    guard (1...Self.wordLimit).contains(words.count),
      translation.unicodeScalars.contains(where: \.properties.isAlphabetic)
    else { return }
    let key = words.joined(separator: " ")
    if translations[key]?.contains(translation) != true {
      translations[key, default: []].append(translation)
    }
    let lower = key.lowercased()
    if lowercased[lower]?.contains(translation) != true {
      lowercased[lower, default: []].append(translation)
    }
    maximumWordCount = max(maximumWordCount, words.count)
  }

  /// The translations of words that stand one after another; none for words it does not know.
  public func translations(of words: some Collection<String>) -> [String] {
    let key = words.joined(separator: " ")
    return translations[key] ?? lowercased[key.lowercased()] ?? []
  }
}

/// The words of a text: runs of letters, marks and digits that hold a letter, and what joins them
/// inside (an apostrophe or a hyphen between two letters).
struct WordSpans {
  let words: [String]
  /// Where each word stands, in Unicode scalars.
  let ranges: [Range<Int>]
  let scalars: [Unicode.Scalar]

  init(_ text: String) {
    scalars = Array(text.unicodeScalars)
    var words: [String] = []
    var ranges: [Range<Int>] = []
    func isInside(_ scalar: Unicode.Scalar) -> Bool {
      switch scalar.properties.generalCategory {
      case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
        .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber:
        true
      // Joiners decide the shape of letters in many scripts.
      default: scalar.value == 0x200C || scalar.value == 0x200D
      }
    }
    var start = 0
    while start < scalars.count {
      guard isInside(scalars[start]) else {
        start += 1
        continue
      }
      var end = start + 1
      while end < scalars.count {
        if isInside(scalars[end]) {
          end += 1
        } else if end + 1 < scalars.count, ["'", "’", "-", "·"].contains(scalars[end]),
          isInside(scalars[end + 1])
        {
          end += 2
        } else {
          break
        }
      }
      if scalars[start..<end].contains(where: \.properties.isAlphabetic) {
        words.append(Self.text(scalars[start..<end]))
        ranges.append(start..<end)
      }
      start = end
    }
    self.words = words
    self.ranges = ranges
  }

  static func text(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return String(view)
  }
}
