// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// What a person needs to mend a failure: three lines, in this order.
public struct Diagnosis: Equatable, Sendable {
  /// Whose fault it is, which decides the exit code.
  public enum Kind: Sendable {
    /// Input that cannot be right (exit code 65).
    case malformedInput
    /// The input was fine, the work failed: disk full, killed, not finite (exit code 1).
    case failed
  }

  /// What is wrong: the thing, the expected, the found.
  public var what: String
  /// Where: file, tensor, line, key.
  public var `where`: String
  /// What to do next.
  public var next: String
  /// Input or work.
  public var kind: Kind

  /// Makes a diagnosis of three sentences; line breaks inside them, as a damaged file's names may
  /// hold, become escapes, and a full stop that an inserted reason brought is not doubled.
  public init(what: String, where place: String, next: String, kind: Kind = .malformedInput) {
    self.what = what.singleLine.endingOnce
    self.where = place.singleLine
    self.next = next.singleLine.endingOnce
    self.kind = kind
  }
}

/// An error that can say what, where and what next. Every error type of every room conforms.
public protocol Diagnosed: Error, CustomStringConvertible {
  /// The three lines and the kind.
  var diagnosis: Diagnosis { get }
}

extension Diagnosed {
  /// The diagnosis as three lines.
  public var description: String {
    let diagnosis = diagnosis
    return "\(diagnosis.what)\n\(diagnosis.where)\n\(diagnosis.next)"
  }
}
