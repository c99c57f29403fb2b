// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// What can be wrong with a template, with what it is given, or with a model folder's templates.
public enum TemplateError: Diagnosed, Equatable {
  /// The text is no template: a tag that is not closed, an expression that breaks off.
  case syntax(template: String, line: Int, problem: String)
  /// A construct of Jinja that chat templates have no use for, or that would leave the sandbox.
  case unsupported(template: String, line: Int, construct: String)
  /// An operation that Python would refuse too: a missing value used, a number added to a text.
  case rendering(template: String, line: Int, problem: String)
  /// The template itself refused the conversation by `raise_exception`.
  case raised(template: String, line: Int, message: String)
  /// A template that loops, recurses or writes without end.
  case limit(template: String, line: Int, problem: String)
  /// A model folder without a chat template.
  case noTemplate(origin: String)
  /// Several templates of which none is the default, or a name that none has.
  case noSuchTemplate(origin: String, name: String?, names: [String])
  /// A conversation that cannot be rendered, whatever the template.
  case conversation(problem: String, place: String, next: String)
  /// A file of templates that cannot be read or has another form.
  case file(String, problem: String)

  public var diagnosis: Diagnosis {
    switch self {
    case .syntax(let template, let line, let problem):
      Diagnosis(
        what: "The template is not well formed: \(problem).", where: "\(template), line \(line)",
        next: "Correct the template there.")
    case .unsupported(let template, let line, let construct):
      Diagnosis(
        what: "\(construct) is not supported in chat templates.",
        where: "\(template), line \(line)",
        next: "A chat template is one text without files; write it without that.")
    case .rendering(let template, let line, let problem):
      Diagnosis(
        what: "The template failed: \(problem).", where: "\(template), line \(line)",
        next: "Check that the messages have what the template reads, or correct the template.")
    case .raised(let template, let line, let message):
      Diagnosis(
        what: "The template refuses the conversation: \(message.excerptOfMessage)",
        where: "\(template), line \(line)", next: "Change the messages as it says.")
    case .limit(let template, let line, let problem):
      Diagnosis(
        what: "The template was stopped: \(problem).", where: "\(template), line \(line)",
        next: "Correct a template that loops; a very long conversation must be cut.")
    case .noTemplate(let origin):
      Diagnosis(
        what: "The model has no chat template.", where: origin,
        next: "Put a chat_template.jinja into the folder, or name a template; none is guessed.")
    case .noSuchTemplate(let origin, let name, let names):
      Diagnosis(
        what: name.map { "There is no chat template `\($0.excerpt)`." }
          ?? "The model has several chat templates and no default.",
        where: origin,
        next: names.isEmpty
          ? "Put the template into the folder."
          : "Name one of \(names.prefix(20).map(\.excerpt).joined(separator: ", ")).")
    case .conversation(let problem, let place, let next):
      Diagnosis(what: problem, where: place, next: next)
    case .file(let file, let problem):
      Diagnosis(
        what: "The chat template cannot be read: \(problem.clause).", where: file,
        next: "Correct the file or take it from the model's publisher again.")
    }
  }
}

extension String {
  /// A message that a template made, cut where it is longer than a person reads.
  fileprivate var excerptOfMessage: String {
    let limit = 1000
    guard unicodeScalars.count > limit else { return isEmpty ? "(no reason given)" : self }
    return String(String.UnicodeScalarView(unicodeScalars.prefix(limit))) + "…"
  }
}
