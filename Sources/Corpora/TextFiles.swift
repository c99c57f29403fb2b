// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The texts of files, one after the other, none of them kept: every line of `.txt` that has text,
/// the member `text` of every line of `.jsonl`; both also as `.gz`.
///
/// A sequence cannot throw while it is gone through, so it ends at the first error; call ``check()``
/// afterwards. It can be gone through once.
public final class TextFiles: Sequence, IteratorProtocol {
  private var files: ArraySlice<(path: String, isRecords: Bool)>
  private var reader: LineReader?
  private var failure: (any Error)?
  /// How many texts were given.
  public private(set) var textCount = 0
  /// How many bytes of UTF-8 they had together.
  public private(set) var byteCount = 0

  /// Looks at names only, but opens every file once.
  ///
  /// - Throws: ``CorpusError`` for a file that is missing, unreadable or of an unknown ending.
  public init(_ paths: [String]) throws {
    files = try paths.map { path in
      // A missing file is the more useful message than a strange name.
      _ = try LineReader(path: path)
      guard let ending = CorpusReader.endings.last(where: { path.hasSuffix($0) }) else {
        throw CorpusError.unknownFormat(path, known: CorpusReader.endings)
      }
      return (path, ending.hasPrefix(".jsonl"))
    }[...]
  }

  public func next() -> String? {
    do {
      while failure == nil, let (path, isRecords) = files.first {
        let open = try reader ?? LineReader(path: path)
        reader = open
        while let line = try open.next() {
          guard !CorpusReader.isBlank(line) else { continue }
          let text = isRecords ? try CorpusReader.text(ofRecord: line, in: open) : line
          textCount += 1
          byteCount += text.utf8.count
          return text
        }
        reader = nil
        files = files.dropFirst()
      }
    } catch {
      failure = error
    }
    return nil
  }

  /// Throws what ended the sequence early.
  public func check() throws {
    if let failure { throw failure }
  }
}
