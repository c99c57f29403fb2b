// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A text that belongs together: its segments (sentences, paragraphs, lines) in reading order.
///
/// Documents are what is split, shuffled and ended with the end-of-text token; segments are what is
/// cleaned and compared.
public struct Document: Equatable, Sendable {
  /// The lines; none holds a newline.
  public var segments: [String]

  /// Makes a document of its lines.
  public init(segments: [String]) { self.segments = segments }

  /// The segments joined by newlines: what is tokenized, hashed and scored.
  public var text: String { segments.joined(separator: "\n") }

  /// UTF-8 bytes of `text`.
  public var byteCount: Int {
    segments.reduce(max(0, segments.count - 1)) { $0 + $1.utf8.count }
  }
}

/// Where a document of a plain text file ends.
public enum DocumentBoundary: String, Codable, CaseIterable, Sendable {
  /// At empty lines if the file has one between two lines of text, else at every line.
  case automatic = "auto"
  /// At empty lines; a file without one is a single document.
  case emptyLine = "empty_line"
  /// At every line; empty lines say nothing.
  case line
}
