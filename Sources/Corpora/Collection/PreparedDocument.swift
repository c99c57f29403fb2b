// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A document after everything that can be said of it alone.
struct PreparedDocument: Sendable {
  /// With the text as it is now.
  var source: SourceDocument
  /// Of the text as it was read.
  var readSize = CorpusReport.Size()
  /// What lines went with which reason, of a document that stays.
  var droppedLines: [(reason: String, size: CorpusReport.Size)] = []
  /// Why the document goes.
  var dropped: (reason: String, detail: String)?
  var hash = ContentHash([UInt8]())
  var characters = 0
  var words = 0
  /// Counts of the cleaning; sizes in it are not used.
  var cleaning = CleaningReport(language: "")

  var document: Document {
    get { source.document }
    set { source.document = newValue }
  }

  /// Counts characters and words anew.
  mutating func recount() {
    characters = max(0, document.segments.count - 1)
    words = 0
    for segment in document.segments {
      var isInWord = false
      for scalar in segment.unicodeScalars {
        characters += 1
        let space = isSpace(scalar)
        if !space, !isInWord { words += 1 }
        isInWord = !space
      }
    }
  }

  /// Adds what was found out to a report, but for the document itself.
  func count(in report: inout CorpusReport) {
    report.read.add(readSize)
    report.normalizedLines += cleaning.normalizedSegments
    report.controlCharacters += cleaning.controlCharacters
    report.replacementCharacters += cleaning.replacementCharacters
    for (reason, size) in droppedLines { report.drop(size, reason: reason) }
  }
}

extension CorpusReport {
  mutating func keepExample(
    _ found: PreparedDocument, reason: String, detail: String, limit: Int
  ) {
    guard limit > 0, examples.count(where: { $0.reason == reason }) < limit else { return }
    examples.append(
      Example(
        reason: reason, detail: detail, file: found.source.file, line: found.source.line,
        text: String(found.document.text.prefix(200))))
  }
}

/// Cleans and judges a document; a value that threads share.
struct Preparation: Sendable {
  private let cleansLines: Bool
  private let filter: TextFilter
  private let decontamination: Decontamination?

  init(_ settings: CorpusSettings, _ filter: TextFilter, _ decontamination: Decontamination?) {
    cleansLines = settings.cleansLines
    self.filter = filter
    self.decontamination = decontamination
  }

  @Sendable func prepare(_ source: SourceDocument) -> Result<PreparedDocument, any Error> {
    Result { try prepared(source) }
  }

  private func prepared(_ source: SourceDocument) throws -> PreparedDocument {
    var found = PreparedDocument(source: source)
    found.readSize.add(source.document)
    let raw = source.document
    if cleansLines {
      found.document.segments = raw.segments.compactMap {
        let segment = TextCleaner.cleaned($0, counting: &found.cleaning)
        return segment.isEmpty ? nil : segment
      }
    } else {
      for segment in raw.segments {
        found.cleaning.replacementCharacters += segment.unicodeScalars.count { $0 == "\u{FFFD}" }
      }
    }
    guard found.document.segments.contains(where: { !$0.isEmpty }) else {
      found.document = raw
      found.dropped = ("empty", "")
      return found
    }
    found.noteLines("cleaning", from: raw)
    let cleaned = found.document
    switch try filter.judge(cleaned) {
    case .drop(let reason, let detail):
      found.dropped = (reason, detail)
      return found
    case .keep(let document, _, _):
      found.document = document
      found.noteLines("language", from: cleaned)
    }
    if let decontamination, let word = decontamination.firstMatch(in: found.document.text) {
      found.dropped = ("contaminated", "from word \(word + 1) on")
      return found
    }
    found.hash = ContentHash(found.document.text.utf8)
    found.recount()
    return found
  }
}

extension PreparedDocument {
  /// Notes how the text became shorter, or longer where composition needs more bytes.
  fileprivate mutating func noteLines(_ reason: String, from before: Document) {
    var size = CorpusReport.Size()
    size.lines = before.segments.count - document.segments.count
    size.bytes = before.byteCount - document.byteCount
    if size.lines != 0 || size.bytes != 0 { droppedLines.append((reason, size)) }
  }
}
