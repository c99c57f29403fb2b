// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Templates

/// The chat template that a recipe asks for, and the files it is written to.
///
/// `auto` is the one most inputs have; a short word is a known name; anything else is the template.
///
/// - Source: mergekit 0.1.5, `chat_template` of a recipe.
/// - Departs: among equally many inputs the first wins, where mergekit's order is a set's; the
///   template keeps the white space at its ends, which mergekit takes off, unless mergekit's own
///   results are asked for; `auto` without any template is an error, there nothing. Known are
///   ``KnownTemplates``, also for mergekit's own results.
struct ChatTemplateChoice {
  /// `chat_template` of the recipe.
  let wanted: String
  /// Whether the text is the one that mergekit writes.
  let isMergekitExact: Bool

  /// The template's text: names are told from templates as by mergekit, by length, line breaks and
  /// braces.
  func text(
    _ models: [InputModel], notes: inout MergePlanner.Notes
  ) throws(MergeError) -> String {
    if wanted == "auto" { return try mostFrequent(models, &notes) }
    if wanted.utf8.count < 256, !wanted.contains("\n"), !wanted.contains("{"),
      let text = KnownTemplates.text(wanted)
    {
      return text
    }
    guard wanted.utf8.count >= 20, wanted.contains("{") else {
      let names = KnownTemplates.names
      throw .operation(
        Diagnosis(
          what: "`chat_template` should be `auto`, one of \(names.joined(separator: ", ")), or a "
            + "Jinja text, found `\(wanted)`.",
          where: "`chat_template`",
          next: nearestName(to: wanted, in: names).map { "Did you mean `\($0)`?" }
            ?? "Choose one of them."))
    }
    return wanted
  }

  /// The files with the template in chat_template.jinja, and in tokenizer_config.json for older
  /// releases of transformers; the other templates of the donor are left out.
  ///
  /// - Parameter origin: the donor of `files`, for messages.
  func files(
    _ files: [Checkpoint.CompanionFile], models: [InputModel], origin: String,
    notes: inout MergePlanner.Notes
  ) throws(MergeError) -> [Checkpoint.CompanionFile] {
    let text = try text(models, notes: &notes)
    guard files.contains(where: { $0.name == "tokenizer.json" || $0.name == "tokenizer.model" })
    else {
      throw .operation(
        Diagnosis(
          what: "A chat template is asked for, and the result has no tokenizer.", where: origin,
          next: "Put the tokenizer's files into the folder, or leave `chat_template` out."))
    }
    // The weights are what is merged: a template for other programs, or for later, stops nothing.
    do throws(TemplateError) {
      _ = try JinjaTemplate(text, name: "the chat template")
    } catch {
      notes.add(
        "The chat template is written as it is, but Koine cannot read it: "
          + "\(error.diagnosis.what) (\(error.diagnosis.where))")
    }
    let made: [(name: String, contents: [UInt8])]
    do {
      var configuration: JSON = [:]
      if let file = files.first(where: { $0.name == "tokenizer_config.json" }) {
        let place = "\(origin)/\(file.name)"
        configuration = try JSON.parse(try file.bytes(), origin: place)
        guard configuration.object != nil else {
          throw TemplateError.file(
            place, problem: "it should be an object, not \(configuration.kindName)")
        }
      }
      made = try ChatTemplates(["default": text], origin: origin).files(
        configuration: configuration)
    } catch let error as any Diagnosed {
      throw .operation(error.diagnosis)
    } catch {
      preconditionFailure("an error of an unknown type: \(error)")
    }
    let replaced = Set(made.map(\.name) + ["chat_template.json"])
    return
      (files.filter { !replaced.contains($0.name) && !ChatTemplates.isAdditional($0.name) }
      + made.map { Checkpoint.CompanionFile(name: $0.name, contents: $0.contents) })
      .sorted { $0.name < $1.name }
  }

  /// White space at the ends makes no other template, as in mergekit.
  private func mostFrequent(
    _ models: [InputModel], _ notes: inout MergePlanner.Notes
  ) throws(MergeError) -> String {
    var counts: [(key: String, text: String, count: Int, model: String)] = []
    for model in models {
      let own: String?
      do throws(CheckpointError) {
        own = try ChatTemplates(model.checkpoint)["default"]
      } catch {
        throw .checkpoint(error)
      }
      guard let own, !own.isEmpty else { continue }
      let key = Self.stripped(own)
      // Bytes, for Swift's texts are equal where they only look the same.
      if let index = counts.firstIndex(where: { $0.key.isExactly(key) }) {
        counts[index].count += 1
      } else {
        counts.append((key, own, 1, model.name))
      }
    }
    // The first of equals, in the recipe's order.
    guard let most = counts.map(\.count).max(), let best = counts.first(where: { $0.count == most })
    else {
      throw .operation(
        Diagnosis(
          what: "`chat_template` is `auto`, and no model has a template.", where: "`chat_template`",
          next: "Name one of \(KnownTemplates.names.joined(separator: ", ")), or leave it out."))
    }
    notes.add("The chat template is that of \(best.model).")
    return isMergekitExact ? best.key : best.text
  }

  /// Without white space at the ends, of which Python has four characters more than Unicode.
  private static func stripped(_ text: String) -> String {
    func isSpace(_ scalar: Unicode.Scalar) -> Bool {
      scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value)
    }
    var rest = text.unicodeScalars.drop(while: isSpace)
    while let last = rest.last, isSpace(last) { rest.removeLast() }
    return String(rest)
  }
}
