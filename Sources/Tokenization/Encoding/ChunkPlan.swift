// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Where a text may be cut so that its parts, encoded one by one, have the ids of the whole.
///
/// Nearly every tokenizer treats the text before a space and from the space on by themselves, but
/// which stages do follows from their settings. Where it is certain, text is cut before each space
/// that stands behind a character other than white space, and the ids of each part, a "chunk", are
/// remembered: in running text most chunks have been seen before. Where it is not certain there is
/// no plan, and texts go through the stages whole (``Tokenizer/encodePlainly(_:)``), which is the
/// reference that a test compares with.
struct ChunkPlan: Sendable {
  /// Whether the first space of a chunk is put there by the normalizer again.
  let dropsSpace: Bool
  /// Whether a character before the space may be one with it for the normalizer.
  private let normalizesGraphemes: Bool
  /// What spaces are written as; the same character in the text stands in the way of a cut.
  private let mark: UInt32?

  /// - Parameter normalizedTokens: the added tokens that are searched in normalised text, with what
  ///   is searched.
  /// - Returns: `nil` where chunks may have other ids than the whole.
  init?(
    normalizer: (any Normalizer)?, preTokenizer: (any PreTokenizer)?, model: any TokenModel,
    normalizedTokens: [(token: AddedToken, pattern: String)]
  ) {
    guard let normalization = Normalization(normalizer) else { return nil }
    normalizesGraphemes = normalization.hasGraphemes
    dropsSpace = normalization.prefix != nil
    var mark = normalization.replacement
    let members = Self.members(of: preTokenizer)
    if members.isEmpty {
      guard dropsSpace == (mark != nil), normalization.prefix == mark,
        let model = model as? BPEModel,
        Self.separates(model, String(mark.map { Character($0) } ?? " "))
      else { return nil }
    } else if let metaspace = Self.metaspace(members) {
      // With a prefix, Metaspace itself must write the space that a chunk goes without.
      if let prefix = normalization.prefix {
        guard metaspace.scheme == .never, prefix == metaspace.replacement,
          mark == nil || mark == prefix
        else { return nil }
      } else if mark != nil {
        return nil
      }
      mark = metaspace.replacement
    } else {
      guard !dropsSpace, mark == nil, Self.cutsBeforeSpaces(members) else { return nil }
    }
    self.mark = mark?.value
    for (token, pattern) in normalizedTokens {
      // White space behind such a token is part of it, and so would be what a cut takes away.
      guard !token.stripsRight else { return nil }
      var isAfterText = false
      for scalar in pattern.unicodeScalars {
        let isSpace = scalar == " " || scalar == mark
        if isSpace, isAfterText { return nil }
        isAfterText = !isSpace
      }
    }
  }

  // MARK: - Cutting

  /// The end of the chunk that begins at `start`, and the hash of `bytes[keyStart..<end]`.
  ///
  /// - Parameter bytes: valid UTF-8.
  @inline(__always)
  func chunkEnd(
    in bytes: UnsafeBufferPointer<UInt8>, from start: Int, keyStart: Int
  ) -> (end: Int, hash: UInt64) {
    // FNV-1a; the cache mixes the result.
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    var position = keyStart
    while position < bytes.count {
      let byte = bytes[position]
      if byte == 0x20, position > start {
        let last = bytes[position - 1]
        // A chunk that goes without its space must not become empty.
        if last > 0x20, last != 0x7F, position + 1 < bytes.count,
          last < 0x80 || allowsCut(bytes, before: position)
        {
          break
        }
      }
      hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3
      position += 1
    }
    return (position, hash)
  }

  /// Whether the character before a space, no ASCII, lets the text be cut there.
  private func allowsCut(_ bytes: UnsafeBufferPointer<UInt8>, before position: Int) -> Bool {
    var start = position - 1
    while start > 0, bytes[start] & 0xC0 == 0x80 { start -= 1 }
    var value = UInt32(bytes[start])
    switch position - start {
    case 2: value &= 0x1F
    case 3: value &= 0x0F
    default: value &= 0x07
    }
    for index in start + 1..<position { value = value << 6 | UInt32(bytes[index] & 0x3F) }
    if value == mark || UnicodeClasses.table[value].contains(.space) { return false }
    return !normalizesGraphemes || !Self.joinsNext(value)
  }

  /// Grapheme_Cluster_Break=Prepend may be one cluster with a space; taken in whole blocks.
  private static func joinsNext(_ value: UInt32) -> Bool {
    switch value {
    case 0x600...0x605, 0x6DD, 0x70F, 0x890...0x891, 0x8E2, 0xD4E, 0x11000...0x11FFF: true
    // Controls break clusters, and newer scalars nobody knows.
    case 0xE0000...0x10FFFF: true
    default: false
    }
  }

  // MARK: - What the stages do

  /// What the normalizer does, if each of its steps treats what a space begins by itself.
  private struct Normalization {
    var hasGraphemes = false
    /// What is put before the text, one character.
    var prefix: Unicode.Scalar?
    /// What spaces are replaced by, one character.
    var replacement: Unicode.Scalar?

    init?(_ normalizer: (any Normalizer)?) {
      for member in Self.members(of: normalizer) {
        switch member {
        // A space neither composes with what stands before it nor changes places with it.
        case is NFCNormalizer, is NFDNormalizer, is NFKCNormalizer, is NFKDNormalizer:
          guard prefix == nil else { return nil }
        case let member as PrecompiledNormalizer:
          guard prefix == nil, !member.takesLongest else { return nil }
          hasGraphemes = true
        case let member as PrependNormalizer:
          guard prefix == nil, let scalar = Self.single(member.prefix) else { return nil }
          prefix = scalar
        case is ReplaceNormalizer:
          guard prefix != nil, replacement == nil,
            member.json["pattern"]?["String"]?.string == " ",
            let content = member.json["content"]?.string, let scalar = Self.single(content)
          else { return nil }
          replacement = scalar
        default: return nil
        }
      }
      guard replacement == nil || replacement == prefix else { return nil }
    }

    private static func single(_ text: String) -> Unicode.Scalar? {
      text.unicodeScalars.count == 1 ? text.unicodeScalars.first : nil
    }

    private static func members(of normalizer: (any Normalizer)?) -> [any Normalizer] {
      guard let normalizer else { return [] }
      guard let sequence = normalizer as? NormalizerSequence else { return [normalizer] }
      return sequence.normalizers.flatMap { members(of: $0) }
    }
  }

  private static func members(of preTokenizer: (any PreTokenizer)?) -> [any PreTokenizer] {
    guard let preTokenizer else { return [] }
    guard let sequence = preTokenizer as? PreTokenizerSequence else { return [preTokenizer] }
    return sequence.members.flatMap { members(of: $0) }
  }

  /// Metaspace as the last stage, the only one or after a cut at white space.
  private static func metaspace(_ members: [any PreTokenizer]) -> MetaspacePreTokenizer? {
    guard let last = members.last as? MetaspacePreTokenizer, last.scheme != .first else {
      return nil
    }
    switch members.count {
    case 1: return last.splits ? last : nil
    case 2: return members[0] is WhitespaceSplit ? last : nil
    default: return nil
    }
  }

  /// Whether a word begins at every space behind a character other than white space.
  private static func cutsBeforeSpaces(_ members: [any PreTokenizer]) -> Bool {
    var cuts = false
    for (index, member) in members.enumerated() {
      switch member {
      case let split as SplitPreTokenizer:
        // None of the known patterns matches a space behind anything but white space, and each
        // looks no further back than where it begins.
        guard case .known = split.matcher else { return false }
        cuts = true
      case let bytes as ByteLevelPreTokenizer:
        guard index == members.count - 1, !bytes.addsPrefixSpace else { return false }
        if bytes.usesRegex { cuts = true }
      case is WhitespaceSplit, is WhitespacePreTokenizer:
        guard members.count == 1 else { return false }
        cuts = true
      default: return false
      }
    }
    return cuts
  }

  /// Whether no merge joins what ends in another character with what begins with `space`.
  private static func separates(_ model: BPEModel, _ space: String) -> Bool {
    let options = model.options
    guard !options.ignoresMerges, options.continuingPrefix == nil, options.endSuffix == nil,
      // Characters that are left out would make neighbours of those around them.
      options.fallsBackToBytes || options.unknownToken != nil,
      model.vocabulary.ownID(of: space) != nil
    else { return false }
    let tokens = model.vocabulary.tokens
    let mark = Array(space.utf8)
    let begins = tokens.map { $0.utf8.starts(with: mark) }
    let ends = tokens.map { $0.utf8.reversed().starts(with: mark.reversed()) }
    return model.merges.allSatisfy { !begins[Int($0.right)] || ends[Int($0.left)] }
  }
}
