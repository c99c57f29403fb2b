// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A text on its way through the pre-tokenizers: its bytes and the words it is cut into.
struct PreTokenizedText {
  /// The text as it came in, valid UTF-8.
  let original: [UInt8]
  /// The text as rewritten so far, valid UTF-8.
  private(set) var bytes: [UInt8]
  /// Not empty, in order, without overlap; pre-tokenizers may drop text between them.
  private(set) var words: [Range<Int>]
  /// Whether the first word begins where the whole text given to the tokenizer begins.
  private(set) var startsText: Bool
  /// Where in `original` each byte of `bytes` comes from, and at last its end; `nil` while both are
  /// the same, or nobody asks.
  private var sources: [Int]?
  private let tracksSources: Bool

  /// One word, the whole text; none when it is empty.
  init(_ text: [UInt8], startsText: Bool = true, tracksSources: Bool = false) {
    original = text
    bytes = text
    words = text.isEmpty ? [] : [0..<text.count]
    self.startsText = startsText
    self.tracksSources = tracksSources
  }

  /// Where in `original` a range of `bytes` comes from; empty for what was put in.
  func source(of range: Range<Int>) -> Range<Int> {
    guard let sources else { return range }
    return sources[range.lowerBound]..<max(sources[range.lowerBound], sources[range.upperBound])
  }

  /// Cuts every word: `body` gets the bytes and a word's range, and calls back with each part that
  /// stays, in order; empty parts are dropped.
  mutating func cut(_ body: ([UInt8], Range<Int>, (Range<Int>) -> Void) -> Void) {
    var result: [Range<Int>] = []
    result.reserveCapacity(words.count + bytes.count / 4)
    for word in words {
      body(bytes, word) { part in
        if !part.isEmpty { result.append(part) }
      }
    }
    if result.first?.lowerBound != words.first?.lowerBound { startsText = false }
    words = result
  }

  /// Cuts every word at the pattern's boundaries.
  mutating func split(_ pattern: SplitPattern) {
    cut { bytes, word, keep in pattern.forEachWord(in: bytes, word, keep) }
  }

  /// Writes every word anew: `body` gets a word's bytes and its place among the words, and appends
  /// to the output.
  mutating func rewrite(_ body: (ArraySlice<UInt8>, Int, inout Output) -> Void) {
    var output = Output(tracksSources: tracksSources)
    output.bytes.reserveCapacity(bytes.count + bytes.count / 2)
    var result: [Range<Int>] = []
    result.reserveCapacity(words.count)
    for (index, word) in words.enumerated() {
      let start = output.bytes.count
      output.places = sources.map { $0[word] }
      body(bytes[word], index, &output)
      if output.bytes.count > start { result.append(start..<output.bytes.count) }
    }
    if tracksSources {
      output.sources.append(words.last.map { source(of: $0).upperBound } ?? original.count)
      sources = output.sources
    }
    bytes = output.bytes
    words = result
  }

  /// What ``rewrite(_:)`` writes.
  struct Output {
    fileprivate(set) var bytes: [UInt8] = []
    fileprivate var sources: [Int] = []
    fileprivate let tracksSources: Bool
    fileprivate var places: ArraySlice<Int>?

    fileprivate init(tracksSources: Bool) { self.tracksSources = tracksSources }

    /// Appends bytes that stand for the word's byte at `index`, its index in the slice given.
    @inline(__always)
    mutating func append(_ new: some Collection<UInt8>, from index: Int) {
      bytes.append(contentsOf: new)
      guard tracksSources else { return }
      let place = places.map { $0[index] } ?? index
      sources.append(contentsOf: repeatElement(place, count: new.count))
    }

    /// Appends one byte that stands for the word's byte at `index`.
    @inline(__always)
    mutating func append(_ new: UInt8, from index: Int) {
      bytes.append(new)
      guard tracksSources else { return }
      sources.append(places.map { $0[index] } ?? index)
    }
  }

  /// Replaces every byte of every word by its character of ``ByteAlphabet``.
  mutating func mapBytes() {
    let encoded = ByteAlphabet.encoded
    rewrite { word, _, output in
      for index in word.indices {
        let byte = word[index]
        // Most text is letters and digits, which stand for themselves.
        if byte > 0x20, byte < 0x7F {
          output.append(byte, from: index)
        } else {
          output.append(encoded[Int(byte)], from: index)
        }
      }
    }
  }
}
