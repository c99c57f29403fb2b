// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// What can go wrong between a checkpoint and an answer.
public enum ModelError: Diagnosed, Equatable {
  /// The engine (MLX) refused or failed; `operation` names the call.
  case engine(operation: String, message: String)
  /// `config.json` says something that cannot be or that Koine cannot run yet; `file` is its path
  /// where that is known.
  case configuration(key: String, expected: String, found: String, file: String = "config.json")
  /// No architecture of this `model_type`.
  case unknownArchitecture(String, known: [String], file: String = "config.json")
  /// A token id the embedding has no row for.
  case idOutOfRange(id: Int, vocabularySize: Int)
  /// A text longer than the model's positions, or an empty one where a token is needed.
  case length(tokenCount: Int, limit: Int)
  /// The linked BLAS is the slow reference one.
  case slowBLAS(String)
  /// A loss, gradient or logit that is NaN or infinite.
  case notFinite(name: String, index: Int)
  /// A setting of generation outside its range.
  case option(name: String, expected: String, found: String)
  /// The processes of a job could not be joined.
  case distributed(String, reason: String)
  /// Masks and limits together exclude every token.
  case noTokenAllowed(row: Int, step: Int)

  public var diagnosis: Diagnosis {
    switch self {
    case .engine(let operation, let message):
      Diagnosis(
        what: "The array engine failed: \(message).", where: "in \(operation)",
        next: "If the machine is out of memory, use a smaller batch; otherwise please report it.",
        kind: .failed)
    case .configuration(let key, let expected, let found, let file):
      Diagnosis(
        what: "`\(key)` should be \(expected), found \(found).", where: file,
        next: "Correct the configuration, or use a model of a supported kind.")
    case .unknownArchitecture(let name, let known, let file):
      Diagnosis(
        what: "Koine cannot run models of the type `\(name)` yet.", where: "\(file), `model_type`",
        next: "It runs \(known.joined(separator: ", ")); merging by weights works for any model.")
    case .idOutOfRange(let id, let vocabularySize):
      Diagnosis(
        what: "The token id \(id) is outside the model's vocabulary of \(vocabularySize).",
        where: "the input ids",
        next: "Encode the text with the tokenizer of this very model.")
    case .length(let tokenCount, let limit):
      Diagnosis(
        what: "\(tokenCount) tokens do not fit: the model takes 1 to \(limit).",
        where: "the input ids", next: "Cut the text, or use a model with more positions.")
    case .slowBLAS(let name):
      Diagnosis(
        what: "Matrix products would run on \(name), some thirty times slower than OpenBLAS.",
        where: "the link order of this build",
        next: "Run scripts/setup, then build again; `koine --version` shows the BLAS in use.",
        kind: .failed)
    case .notFinite(let name, let index):
      Diagnosis(
        what: "`\(name)` is not finite at element \(index).", where: "in the model's arithmetic",
        next: "Lower the learning rate, or check the weights with `koine inspect`.", kind: .failed)
    case .option(let name, let expected, let found):
      Diagnosis(
        what: "The \(name) should be \(expected), found \(found).",
        where: "the options of generation, or the model's generation_config.json",
        next: "Give a value in that range.")
    case .distributed(let backend, let reason):
      Diagnosis(
        what: "This process cannot join the others: \(reason).", where: "the backend `\(backend)`",
        next: "Start it with mpirun or srun where `\(backend)` is installed; docs/distributed.md "
          + "tells how.", kind: .failed)
    case .noTokenAllowed(let row, let step):
      Diagnosis(
        what: "Nothing may be written: masks and limits exclude every token of the vocabulary.",
        where: "prompt \(row + 1), new token \(step + 1)",
        next: "Allow more scripts, use a penalty in place of a mask, or lower the minimum length.")
    }
  }
}

extension ModelError {
  /// The same error naming the `config.json` of the model in `folder`: who reads a configuration
  /// does not know where it lay.
  package func inModel(_ folder: String) -> ModelError {
    let file = "\(folder)/config.json"
    return switch self {
    case .configuration(let key, let expected, let found, _):
      .configuration(key: key, expected: expected, found: found, file: file)
    case .unknownArchitecture(let name, let known, _):
      .unknownArchitecture(name, known: known, file: file)
    default: self
    }
  }
}
