// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// What can go wrong when a tokenizer is read, trained, or written.
public enum TokenizationError: Diagnosed, Equatable {
  /// The file is not JSON; `cause` says where.
  case document(DocumentError)
  /// A file is missing or cannot be read.
  case unreadable(file: String, reason: String)
  /// A file could not be written.
  case unwritable(file: String, reason: String)
  /// A value in tokenizer.json has another type than the format says, or is absent.
  case wrongValue(path: String, expected: String, found: String, origin: String)
  /// The file is valid, but names something this version cannot do exactly.
  case unsupported(path: String, found: String, supported: [String], origin: String)
  /// Two tokens claim one id.
  case duplicateID(Int, first: String, second: String, origin: String)
  /// One token has two ids.
  case duplicateToken(String, first: Int, second: Int, origin: String)
  /// An id far beyond the number of tokens.
  case idTooLarge(Int, token: String, limit: Int, origin: String)
  /// An added token whose id in the file is not the one that it gets.
  case addedTokenID(String, id: Int, expected: Int, origin: String)
  /// A merge whose right token does not begin with the model's prefix; `index` counts from 0.
  case mergeWithoutPrefix(index: Int, right: String, prefix: String, origin: String)
  /// A regular expression that cannot be compiled.
  case badPattern(path: String, pattern: String, reason: String, origin: String)
  /// A file that is not what its name says; `place` is a byte offset or a line.
  case malformed(file: String, place: String, reason: String)
  /// A merge names a token that the vocabulary lacks; `index` counts from 0.
  case unknownMergeToken(index: Int, left: String, right: String, missing: String, origin: String)
  /// A special token's role names a token that the tokenizer lacks.
  case unknownSpecialToken(role: String, token: String, origin: String)
  /// An id outside the vocabulary.
  case idOutOfRange(Int, position: Int, vocabularySize: Int)
  /// The training settings contradict themselves.
  case trainingSetting(name: String, value: String, expected: String)
  /// There was no text to train on.
  case emptyCorpus(textCount: Int)
  /// A code that is no script of Unicode.
  case unknownScript(String, known: [String])

  public var diagnosis: Diagnosis {
    switch self {
    case .document(let cause): cause.diagnosis
    case .unreadable(let file, let reason):
      Diagnosis(
        what: "A tokenizer file cannot be read: \(reason).", where: file,
        next: "A model folder needs tokenizer.json, or one of tokenizer.model, vocab.json with "
          + "merges.txt, vocab.txt, *.tiktoken; copy it there.")
    case .unwritable(let file, let reason):
      Diagnosis(
        what: "A tokenizer file cannot be written: \(reason).", where: file,
        next: "Check the free space and the permissions of the folder.", kind: .failed)
    case .wrongValue(let path, let expected, let found, let origin):
      Diagnosis(
        what: "`\(path)` should be \(expected), found \(found).", where: origin,
        next: "The file is damaged or not a tokenizer.json; fetch it again.")
    case .unsupported(let path, let found, let supported, let origin):
      Diagnosis(
        what: "`\(path)` is \(found), which this version cannot do exactly.", where: origin,
        next: "Supported there: \(supported.joined(separator: ", ")).")
    default: inconsistency
    }
  }

  private var inconsistency: Diagnosis {
    switch self {
    case .duplicateID(let id, let first, let second, let origin):
      Diagnosis(
        what: "The tokens \(quoted(first)) and \(quoted(second)) both have id \(id).",
        where: origin, next: "Give every token an id of its own, from 0 without gaps.")
    case .duplicateToken(let token, let first, let second, let origin):
      Diagnosis(
        what: "The token \(quoted(token)) has the ids \(first) and \(second).", where: origin,
        next: "Keep one of the two entries.")
    case .idTooLarge(let id, let token, let limit, let origin):
      Diagnosis(
        what: "The token \(quoted(token)) has the id \(id); expected 0 to \(limit - 1).",
        where: origin, next: "The file is damaged; fetch it again.")
    case .addedTokenID(let token, let id, let expected, let origin):
      Diagnosis(
        what: "The added token \(quoted(token)) has the id \(id) in the file, but every reader "
          + "gives it \(expected), the next after the model's tokens.",
        where: origin, next: "Put the token into the model's vocabulary, or number it \(expected).")
    case .mergeWithoutPrefix(let index, let right, let prefix, let origin):
      Diagnosis(
        what: "Merge \(index) ends in \(quoted(right)), which does not begin with the model's "
          + "prefix \(quoted(prefix)).",
        where: origin, next: "Vocabulary and merges belong to different models; fetch both again.")
    case .badPattern(let path, let pattern, let reason, let origin):
      Diagnosis(
        what: "`\(path)` is no regular expression that can be used: \(reason).",
        where: "\(origin), \(quoted(pattern))",
        next: "Correct the pattern, or fetch the file again.")
    case .malformed(let file, let place, let reason):
      Diagnosis(
        what: "A tokenizer file is damaged: \(reason).", where: "\(file), \(place)",
        next: "Fetch the file again.")
    case .unknownMergeToken(let index, let left, let right, let missing, let origin):
      Diagnosis(
        what: "Merge \(index) (\(quoted(left)) with \(quoted(right))) needs the token "
          + "\(quoted(missing)), which the vocabulary lacks.",
        where: origin, next: "Vocabulary and merges belong to different models; fetch both again.")
    case .unknownSpecialToken(let role, let token, let origin):
      Diagnosis(
        what: "\(role) is \(quoted(token)), which is not a token.", where: origin,
        next: "Name a token of the vocabulary there, or remove the entry.")
    case .idOutOfRange(let id, let position, let size):
      Diagnosis(
        what: "Token id \(id) is outside the vocabulary of \(size) tokens.",
        where: "position \(position) of the token list",
        next: "Ids and tokenizer must come from the same model.")
    case .trainingSetting(let name, let value, let expected):
      Diagnosis(
        what: "The tokenizer setting `\(name)` should be \(expected), found \(value).",
        where: "tokenizer trainer", next: "Correct the setting.")
    case .unknownScript(let code, let known):
      Diagnosis(
        what: "`\(code)` is no script that Unicode has letters of.", where: "the names of scripts",
        next: nearestName(to: code, in: known).map { "Did you mean `\($0)`?" }
          ?? "Use codes of ISO 15924, such as Latn, Cyrl, Arab, Deva, Ethi, Jpan.")
    case .emptyCorpus(let count):
      Diagnosis(
        what: "There is no text to train a tokenizer on.",
        where: "tokenizer trainer, after \(count) texts",
        next: "Check that the text files are not empty and that cleaning left something.")
    default:
      Diagnosis(what: "The tokenizer is damaged.", where: "tokenizer", next: "Fetch it again.")
    }
  }

  private func quoted(_ text: String) -> String { "`\(text)`" }
}
