// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// The documentation of the merge methods, made from their cards.
public enum MethodDocumentation {
  /// The text of docs/methods.md: every method of ``MergeMethods/all`` in that order.
  public static func markdown() -> String {
    let contents = MergeMethods.all.map { "- [`\($0.card.id)`](#\($0.card.id)): \($0.card.title)" }
    let sections = MergeMethods.all.map(section)
    return """
      <!-- Made from the methods' cards in Sources/Surgery. After a change the test of this page writes the new text. -->
      # The merge methods

      Letters: xₖ are the sources in recipe order, wₖ their weights, b is the base, δₖ = xₖ − b, n
      is the number of a tensor's elements; all is element by element unless norms or ranks are
      named. Numbers are read as f32 and rounded once, to the type of the result.

      A parameter marked *each* has one value per source: under a model, or at the top level for
      all. How recipes are written is in [merging.md](merging.md).

      \(contents.joined(separator: "\n"))

      \(sections.joined(separator: "\n"))
      """
  }

  private static func section(_ method: any MergeMethod.Type) -> String {
    let card = method.card
    var lines = ["## \(card.id)", "", sentence(card.title), "", "```", card.formula, "```", ""]
    lines += ["Sources: \(sources(card)).", ""]
    if let kind = card.statistics {
      lines += [
        "Each source needs `statistics`, made by `koine statistics --kind \(kind.rawValue)`.", "",
      ]
    }
    if card.isReconstruction {
      lines += ["**A reconstruction**: the source's exact formula is not public.", ""]
    }
    if !card.notes.isEmpty {
      let entries = ParameterSchema(method).entries
      lines += ["| parameter | default | range | |", "| --- | --- | --- | --- |"]
      for note in card.notes {
        let entry = entries.first { $0.name == note.name }
        let isEach = card.perSource.contains { $0.name == note.name }
        let standard = entry?.defaultValue.map(text) ?? "required"
        let range = note.range.isEmpty ? "true, false" : note.range
        let name = "`\(note.name)`\(isEach ? " *each*" : "")"
        let cells = [name, standard, range, note.meaning]
          .map { $0.replacing("|", with: "\\|") }
        lines.append("| \(cells.joined(separator: " | ")) |")
      }
      lines.append("")
    }
    if !card.ignored.isEmpty {
      let names = card.ignored.map { "`\($0)`" }.joined(separator: ", ")
      lines += ["Accepted without effect, as in mergekit: \(names).", ""]
    }
    lines += [
      "**Source** \(card.source). **Departs**: \(card.departs). **Cost**: \(card.cost). "
        + "**Where a model lacks the tensor**: \(incomplete(card)).",
      "",
    ]
    return lines.joined(separator: "\n")
  }

  private static func sentence(_ title: String) -> String {
    title.prefix(1).uppercased() + title.dropFirst() + "."
  }

  private static func sources(_ card: MethodCard) -> String {
    let (least, most) = (card.sourceCount.lowerBound, card.sourceCount.upperBound)
    let count = least == most ? "\(least)" : "\(least) or more"
    if card.takesDifferences { return "\(count) differences, beside the base, which is required" }
    return switch card.base {
    case .required: "\(count) beside the base, which is required"
    case .optional: "\(count), with or without a base beside them"
    case .isSource: "\(count); a base is one of them"
    }
  }

  private static func text(_ value: JSON) -> String {
    if let flag = value.bool { return flag ? "true" : "false" }
    if value == .null { return "none" }
    guard let number = value.double else { return value.serialized() }
    if number.rounded() == number, number.magnitude < 1e9 { return "\(Int(number))" }
    // Parameters are Float or Double; the shorter text that gives the Float is the one meant.
    let short = "\(Float(number))"
    return Double(Float(number)) == number || Float(short) == Float(number) ? short : "\(number)"
  }

  private static func incomplete(_ card: MethodCard) -> String {
    switch card.incomplete {
    case .refuses: "an error"
    case .mergesRest: "those that have it are merged"
    case .passesSingle: "a single one that has it passes through"
    case .passesBase: "the base's passes through where it alone has it, else an error"
    case .passesBaseBelow(let minimum):
      "with fewer than \(minimum) models, the base counted, the base's passes through"
    }
  }
}
