// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Tokenization

/// What cleaning one language's text found and left: counts of documents, segments, bytes.
public struct CleaningReport: Codable, Equatable, Sendable {
  /// A size of text.
  public struct Size: Codable, Equatable, Sendable {
    /// Documents.
    public var documents = 0
    /// Segments (lines).
    public var segments = 0
    /// UTF-8 bytes, newlines between segments included.
    public var bytes = 0

    /// The size of `documents`.
    public init(_ documents: some Sequence<Document> = [Document]()) {
      for document in documents {
        self.documents += 1
        segments += document.segments.count
        bytes += document.byteCount
      }
    }
  }

  /// The language's code, as the recipe names it.
  public var language: String
  /// What came in.
  public var read = Size()
  /// What is left.
  public var kept = Size()
  /// Documents equal to an earlier one.
  public var duplicateDocuments = 0
  /// Segments equal to an earlier one, inside documents that are not duplicates themselves.
  public var duplicateSegments = 0
  /// Segments with nothing left after cleaning.
  public var emptySegments = 0
  /// Segments that were not in NFC.
  public var normalizedSegments = 0
  /// Control characters removed or replaced by a space.
  public var controlCharacters = 0
  /// U+FFFD characters, kept: many of them mean that the text was damaged before it came to us.
  public var replacementCharacters = 0

  /// An empty report.
  public init(language: String) { self.language = language }
}

/// Brings text into one form and drops exact duplicates.
///
/// Per segment, in this order:
/// 1. Control characters (general category Cc) go: tab, line feed inside a segment, vertical tab,
///    form feed, carriage return and U+0085 become a space, the others and U+FEFF vanish; U+2028
///    and U+2029 become a space. Format characters (Cf) stay, because joiners and direction
///    marks are spelling in many scripts.
/// 2. Canonical composition (NFC).
/// 3. Spaces at both ends go; spaces inside stay.
///
/// Then duplicates, in reading order over all files of the language: a document equal to an earlier
/// one goes, and in documents of several segments also each segment of at least
/// `minimumDuplicateBytes` that occurred before. Shorter ones ("Yes.") belong to running text and
/// stay. Equality is by ``ContentHash``.
///
/// Cost: one pass; 16 bytes of memory for each document and each long segment.
public struct TextCleaner: Sendable {
  /// From how many UTF-8 bytes on a repeated segment inside a document is dropped; 0 drops all
  /// repeated ones.
  public var minimumDuplicateBytes: Int

  /// Makes a cleaner.
  public init(minimumDuplicateBytes: Int = 40) {
    self.minimumDuplicateBytes = minimumDuplicateBytes
  }

  /// The cleaned documents of one language and the count of what changed.
  ///
  /// Throws ``CorpusError/emptyCorpus(_:reason:)`` when nothing is left.
  public func clean(
    _ documents: some Sequence<Document>, language: String
  ) throws -> (documents: [Document], report: CleaningReport) {
    var report = CleaningReport(language: language)
    var seenDocuments: Set<ContentHash> = []
    var seenSegments: Set<ContentHash> = []
    var kept: [Document] = []
    for document in documents {
      report.read.documents += 1
      report.read.segments += document.segments.count
      report.read.bytes += document.byteCount
      var segments: [String] = []
      segments.reserveCapacity(document.segments.count)
      for raw in document.segments {
        let segment = Self.cleaned(raw, counting: &report)
        if segment.isEmpty { report.emptySegments += 1 } else { segments.append(segment) }
      }
      var cleaned = Document(segments: segments)
      if segments.isEmpty { continue }
      guard seenDocuments.insert(ContentHash(cleaned.text.utf8)).inserted else {
        report.duplicateDocuments += 1
        continue
      }
      cleaned.segments = segments.filter {
        $0.utf8.count < minimumDuplicateBytes
          || seenSegments.insert(ContentHash($0.utf8)).inserted
      }
      report.duplicateSegments += segments.count - cleaned.segments.count
      if cleaned.segments.isEmpty { continue }
      if cleaned.segments.count < segments.count,
        !seenDocuments.insert(ContentHash(cleaned.text.utf8)).inserted
      {
        // What is left of it is an earlier document: drop it whole, its segments are counted
        // with it and not twice.
        report.duplicateSegments -= segments.count - cleaned.segments.count
        report.duplicateDocuments += 1
        continue
      }
      kept.append(cleaned)
    }
    report.kept = CleaningReport.Size(kept)
    if kept.isEmpty {
      throw CorpusError.emptyCorpus(
        language, reason: "\(report.read.segments) lines came in, none is left after cleaning")
    }
    return (kept, report)
  }

  /// One segment after steps 1–3.
  public static func cleaned(_ segment: String) -> String {
    var report = CleaningReport(language: "")
    return cleaned(segment, counting: &report)
  }

  static func cleaned(_ segment: String, counting report: inout CleaningReport) -> String {
    var hasControls = false
    var needsNormalizer = false
    for scalar in segment.unicodeScalars {
      // Below U+0300 every scalar is its own composition.
      if scalar.value >= 0x300 { needsNormalizer = true }
      if scalar == "\u{FFFD}" { report.replacementCharacters += 1 }
      if replacement(of: scalar) != nil { hasControls = true }
    }
    var text = segment
    if hasControls {
      var scalars = String.UnicodeScalarView()
      for scalar in segment.unicodeScalars {
        switch replacement(of: scalar) {
        case .none: scalars.append(scalar)
        case .some(let new):
          report.controlCharacters += 1
          if new { scalars.append(" ") }
        }
      }
      text = String(scalars)
    }
    if needsNormalizer {
      let composed = NFCNormalizer().normalize(text)
      if !composed.unicodeScalars.elementsEqual(text.unicodeScalars) {
        report.normalizedSegments += 1
        text = composed
      }
    }
    return trimmed(text)
  }

  /// `nil`: the scalar stays; true: a space takes its place; false: it vanishes.
  private static func replacement(of scalar: Unicode.Scalar) -> Bool? {
    switch scalar.value {
    case 0x09...0x0D, 0x85, 0x2028, 0x2029: true
    case 0x00...0x1F, 0x7F...0x9F, 0xFEFF: false
    default: nil
    }
  }

  private static func trimmed(_ text: String) -> String {
    let scalars = text.unicodeScalars
    guard scalars.first == " " || scalars.last == " " else { return text }
    guard let first = scalars.firstIndex(where: { $0 != " " }),
      let last = scalars.lastIndex(where: { $0 != " " })
    else { return "" }
    return String(scalars[first...last])
  }
}
