// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// What can be wrong between a model folder and a conversation.
public enum GenerationError: Diagnosed, Equatable {
  /// The prompt alone fills the model's positions.
  case promptTooLong(tokenCount: Int, limit: Int, prompt: Int)
  /// An empty prompt, and a tokenizer without a token that begins a text.
  case nothingToContinue
  /// A chat without a template.
  case noTemplate(String)
  /// A text for a prior that has no tokens.
  case emptyPrior(String)
  /// A setting of language control outside its range.
  case setting(name: String, expected: String, found: String)
  /// The tokenizer has tokens that the model has no rows for.
  case vocabulary(tokenizer: Int, model: Int)

  public var diagnosis: Diagnosis {
    switch self {
    case .promptTooLong(let count, let limit, let prompt):
      Diagnosis(
        what: "The prompt has \(count) tokens; the model has \(limit) positions, answer included.",
        where: "prompt \(prompt + 1)", next: "Shorten it, or use a model with more positions.")
    case .nothingToContinue:
      Diagnosis(
        what: "The prompt is empty and the tokenizer has no token that begins a text.",
        where: "the prompt", next: "Give at least one word.")
    case .noTemplate(let path):
      Diagnosis(
        what: "The model has no chat template.", where: path,
        next: "Use a model that was trained on conversations, or name a template with --template "
          + "(a file, `chatml` or `plain`).")
    case .emptyPrior(let name):
      Diagnosis(
        what: "There is no text to count tokens in.", where: name,
        next: "Give text of the language that is wanted.")
    case .setting(let name, let expected, let found):
      Diagnosis(
        what: "The \(name) should be \(expected), found \(found).", where: "language control",
        next: "Give a value in that range.")
    case .vocabulary(let tokenizer, let model):
      Diagnosis(
        what: "The tokenizer has \(tokenizer) tokens, the model rows for \(model).",
        where: "the model's folder",
        next: "Use the tokenizer that the model was trained with.")
    }
  }
}
