// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The texts of files, one after the other, none of them kept: every line of plain text, the member
/// or column `text` of every record, in any format of ``CorpusFormat``.
///
/// A sequence cannot throw while it is gone through, so it ends at the first error; call ``check()``
/// afterwards. It can be gone through once.
public final class TextFiles: Sequence, IteratorProtocol {
  private let stream: DocumentStream
  private var failure: (any Error)?
  /// How many texts were given.
  public private(set) var textCount = 0
  /// How many bytes of UTF-8 they had together.
  public private(set) var byteCount = 0

  /// Looks at names only, but opens every file once.
  ///
  /// - Throws: ``CorpusError`` for a file that is missing, unreadable or of an unknown ending.
  public init(_ paths: [String]) throws {
    for path in paths {
      // A missing file is the more useful message than a strange name.
      _ = try ByteSource(path: path)
      guard CorpusFormat(path: path) != nil else {
        throw CorpusError.unknownFormat(path, known: CorpusFormat.endings)
      }
    }
    var settings = CorpusSettings(name: "texts", files: paths)
    settings.boundary = .line
    stream = DocumentStream(files: paths, settings)
  }

  public func next() -> String? {
    guard failure == nil else { return nil }
    do {
      guard let text = try stream.next()?.document.text else { return nil }
      textCount += 1
      byteCount += text.utf8.count
      return text
    } catch {
      failure = error
      return nil
    }
  }

  /// Throws what ended the sequence early.
  public func check() throws {
    if let failure { throw failure }
  }
}
