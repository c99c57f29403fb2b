// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// What can keep a text from telling something of a model.
public enum StatisticsError: Diagnosed, Equatable {
  /// The model's folder holds no tokenizer.
  case noTokenizer(directory: String)
  /// The text gives fewer tokens than are asked for.
  case tooLittleText(found: Int, needed: Int, files: String)
  /// Sequences that are longer than the model's positions.
  case length(Int, limit: Int)
  /// Fewer tokens than one sequence.
  case tokens(Int, length: Int)
  /// A token of the text is none of the model's.
  case vocabulary(id: Int, token: String, vocabularySize: Int, directory: String)
  /// A number that a float cannot hold.
  case notFinite(tensor: String)

  public var diagnosis: Diagnosis {
    switch self {
    case .noTokenizer(let directory):
      Diagnosis(
        what: "The model has no tokenizer, so no text can be read to it.", where: directory,
        next: "Copy the tokenizer.json it was trained with into its folder.")
    case .tooLittleText(let found, let needed, let files):
      Diagnosis(
        what: "The text has \(found) tokens, and \(needed) are needed.", where: files,
        next: "Give more text, or lower --tokens or --length.")
    case .length(let length, let limit):
      Diagnosis(
        what: "Sequences of \(length) tokens do not fit: the model takes 1 to \(limit).",
        where: "`--length`", next: "Choose a shorter length.")
    case .tokens(let tokens, let length):
      Diagnosis(
        what: "\(tokens) tokens do not make one sequence of \(length).", where: "`--tokens`",
        next: "Ask for more tokens, or for shorter sequences with --length.")
    case .vocabulary(let id, let token, let vocabularySize, let directory):
      Diagnosis(
        what: "The tokenizer gives the token `\(token)` the id \(id), and the model has "
          + "\(vocabularySize) tokens.",
        where: directory, next: "Put the tokenizer of this very model into its folder.")
    case .notFinite(let tensor):
      Diagnosis(
        what: "The statistics of `\(tensor)` are too large for a float.",
        where: "in the model's arithmetic",
        next: "Check the weights with `koine inspect`.", kind: .failed)
    }
  }
}
