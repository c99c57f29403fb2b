// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// What was read of one corpus, what was dropped and why, what is left.
public struct CorpusReport: Equatable, Sendable {
  /// A size of text.
  public struct Size: Equatable, Sendable {
    /// Documents.
    public var documents = 0
    /// Segments (lines).
    public var lines = 0
    /// UTF-8 bytes, newlines between lines included.
    public var bytes = 0

    /// Nothing.
    public init() {}

    mutating func add(_ document: Document) {
      documents += 1
      lines += document.segments.count
      bytes += document.byteCount
    }

    mutating func add(_ other: Size) {
      documents += other.documents
      lines += other.lines
      bytes += other.bytes
    }

    var json: JSON {
      ["documents": JSON(documents), "lines": JSON(lines), "bytes": JSON(bytes)]
    }
  }

  /// A document that was dropped, for people to look at.
  public struct Example: Equatable, Sendable {
    /// The key of ``CorpusReport/dropped``.
    public var reason: String
    /// What was measured, and the limit: `0.41 > 0.3`; empty where the reason says all.
    public var detail: String
    /// Where it stands.
    public var file: String
    /// The line or, in Parquet, the row, from 1.
    public var line: Int
    /// Its first characters.
    public var text: String
  }

  /// The corpus.
  public var name: String
  /// What came in, before anything was done to it.
  public var read = Size()
  /// What is left.
  public var kept = Size()
  /// What went, by reason, in the order in which the reasons are looked at. Whole documents, and
  /// lines of documents that stay (which count no documents).
  public private(set) var dropped: [(reason: String, size: Size)] = []
  /// Segments that were not in NFC.
  public var normalizedLines = 0
  /// Control characters removed or replaced by a space.
  public var controlCharacters = 0
  /// U+FFFD characters that the input holds.
  public var replacementCharacters = 0
  /// Lines or values that were not UTF-8 and had parts replaced.
  public var invalidLines = 0
  /// Records without text: null or empty.
  public var emptyRecords = 0
  /// Whether reading stopped because `max_bytes` was reached.
  public var reachedLimit = false
  /// Scalars of the kept text.
  public var characters = 0
  /// Words of the kept text: runs of scalars other than white space.
  public var words = 0
  /// Tokens, the end of each document included; 0 where nothing was encoded.
  public var tokens = 0
  /// Documents cut to `max_document_tokens`.
  public var truncatedDocuments = 0
  /// Tokens that cutting left out.
  public var truncatedTokens = 0
  /// What code switching did to the documents that stayed; the other counts are of the text before
  /// it. `nil` without.
  public var codeSwitched: CodeSwitcher.Report?
  /// Some of the dropped documents, the first of each reason.
  public var examples: [Example] = []

  /// An empty report.
  public init(name: String) { self.name = name }

  /// Tokens a word; `nil` without words or tokens.
  public var fertility: Double? {
    words > 0 && tokens > 0 ? Double(tokens - kept.documents) / Double(words) : nil
  }

  /// UTF-8 bytes a token; `nil` without tokens.
  public var bytesPerToken: Double? {
    tokens > kept.documents ? Double(kept.bytes) / Double(tokens - kept.documents) : nil
  }

  /// What went for one reason.
  public func size(droppedFor reason: String) -> Size {
    dropped.first { $0.reason == reason }?.size ?? Size()
  }

  /// Counts what goes for `reason`.
  mutating func drop(_ size: Size, reason: String) {
    if let index = dropped.firstIndex(where: { $0.reason == reason }) {
      dropped[index].size.add(size)
    } else {
      dropped.append((reason, size))
    }
  }

  mutating func sortDropped(by order: [String]) {
    let places = Dictionary(order.enumerated().map { ($1, $0) }) { first, _ in first }
    dropped.sort {
      (places[$0.reason] ?? order.count, $0.reason) < (places[$1.reason] ?? order.count, $1.reason)
    }
  }

  public static func == (a: Self, b: Self) -> Bool { a.json == b.json && a.examples == b.examples }
}

extension CorpusReport {
  /// All counts, with fixed keys; without examples.
  public var json: JSON {
    var reasons = JSONObject()
    for (reason, size) in dropped { reasons[reason] = size.json }
    var json: JSON = [
      "name": .string(name), "read": read.json, "kept": kept.json, "dropped": .object(reasons),
      "normalized_lines": JSON(normalizedLines), "control_characters": JSON(controlCharacters),
      "replacement_characters": JSON(replacementCharacters), "invalid_lines": JSON(invalidLines),
      "empty_records": JSON(emptyRecords), "reached_limit": JSON(reachedLimit),
      "characters": JSON(characters), "words": JSON(words), "tokens": JSON(tokens),
      "tokens_per_word": fertility.map { JSON($0) } ?? .null,
      "bytes_per_token": bytesPerToken.map { JSON($0) } ?? .null,
      "truncated_documents": JSON(truncatedDocuments), "truncated_tokens": JSON(truncatedTokens),
    ]
    if let codeSwitched {
      json["code_switched"] = [
        "documents": JSON(codeSwitched.documents), "words": JSON(codeSwitched.words),
        "known": JSON(codeSwitched.known), "replaced": JSON(codeSwitched.replaced),
      ]
    }
    return json
  }

  /// Reads what ``json`` wrote; `nil` for anything else.
  init?(_ json: JSON) {
    func size(_ json: JSON?) -> Size? {
      guard let documents = json?["documents"]?.int, let lines = json?["lines"]?.int,
        let bytes = json?["bytes"]?.int
      else { return nil }
      var size = Size()
      (size.documents, size.lines, size.bytes) = (documents, lines, bytes)
      return size
    }
    guard let name = json["name"]?.string, let read = size(json["read"]),
      let kept = size(json["kept"]), let reasons = json["dropped"]?.object,
      let limit = json["reached_limit"]?.bool
    else { return nil }
    self.init(name: name)
    (self.read, self.kept, reachedLimit) = (read, kept, limit)
    for (reason, value) in reasons.members {
      guard let size = size(value) else { return nil }
      drop(size, reason: reason)
    }
    for (key, path) in Self.counts {
      guard let count = json[key]?.int else { return nil }
      self[keyPath: path] = count
    }
    if let counts = json["code_switched"] {
      var report = CodeSwitcher.Report()
      report.documents = counts["documents"]?.int ?? 0
      report.words = counts["words"]?.int ?? 0
      report.known = counts["known"]?.int ?? 0
      report.replaced = counts["replaced"]?.int ?? 0
      codeSwitched = report
    }
  }

  private static var counts: [(String, WritableKeyPath<CorpusReport, Int>)] {
    [
      ("normalized_lines", \.normalizedLines), ("control_characters", \.controlCharacters),
      ("replacement_characters", \.replacementCharacters), ("invalid_lines", \.invalidLines),
      ("empty_records", \.emptyRecords), ("characters", \.characters), ("words", \.words),
      ("tokens", \.tokens), ("truncated_documents", \.truncatedDocuments),
      ("truncated_tokens", \.truncatedTokens),
    ]
  }
}
