// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents

/// What a merged model's folder says about itself: `README.md`, the model card, and
/// `koine_config.yaml`, the recipe to the letter.
///
/// Made offline. The card names as `base_model` only what looks like a model of a hub, and says
/// nothing of the machine: no time, no absolute path but those the recipe itself holds.
public struct ModelCard: Sendable {
  /// The text of the recipe, verbatim.
  public let recipeText: String
  public let recipe: MergeRecipe
  public let plan: MergePlan
  /// Of the program, for the card.
  public let version: String
  /// What the command line said beside the recipe, such as `--random-seed 7`; empty for nothing.
  public let options: String
  /// The commits of models of a hub that were read.
  public let commits: [ModelReference.Location: String]

  public init(
    recipeText: String, recipe: MergeRecipe, plan: MergePlan, version: String, options: String = "",
    commits: [ModelReference.Location: String] = [:]
  ) {
    self.recipeText = recipeText
    self.recipe = recipe
    self.plan = plan
    self.version = version
    self.options = options
    self.commits = commits
  }

  /// `README.md` and `koine_config.yaml`, for ``CheckpointWriter/Options/documents``.
  ///
  /// - Parameter title: the model's name, usually that of its folder.
  public func documents(title: String) -> [Checkpoint.CompanionFile] {
    let card = Array(markdown(title: title).utf8)
    return [
      Checkpoint.CompanionFile(name: "README.md", contents: card),
      Checkpoint.CompanionFile(name: "koine_config.yaml", contents: Array(recipeText.utf8)),
    ]
  }

  /// The card.
  public func markdown(title: String) -> String {
    """
    \(frontMatter)
    # \(title)

    A merge of language models, made with Koine \(version).

    ## How

    \(method)

    ## From

    \(sources)

    ## What came out

    \(result)

    ## The recipe

    `koine merge koine_config.yaml OUT\(options.isEmpty ? "" : " " + options)` makes it again, \
    byte for byte.

    \(fenced(recipeText, as: "yaml"))

    """
  }

  private var frontMatter: String {
    let fetched = recipe.stored.filter { !$0.isAdapter && commits[$0.location] != nil }
    let names = (fetched.map(\.location.path) + plan.models.compactMap(hubName))
      .reduce(into: [String]()) { names, name in
        if !names.contains(name) { names.append(name) }
      }
    var lines = ["---"]
    if !names.isEmpty { lines += ["base_model:"] + names.map { "- \($0)" } }
    lines += ["library_name: transformers", "tags:", "- koine", "- merge", "- \(recipe.method)"]
    return (lines + ["---"]).joined(separator: "\n")
  }

  private var method: String {
    guard let card = try? MergeMethods.named(recipe.method).card else { return recipe.method }
    var lines = ["`\(card.id)`: \(card.title).", "", fenced(card.formula, as: ""), ""]
    lines += ["Source: \(card.source)."]
    if card.isReconstruction { lines[lines.count - 1] += " A reconstruction of it." }
    lines += ["Departs from it: \(card.departs)."]
    return lines.joined(separator: "\n")
  }

  private var sources: String {
    let base = recipe.baseModel
    var lines = recipe.references.map { reference in
      "- \(Self.escaped(reference.description))\(reference == base ? ", the base" : "")"
    }
    // A branch moves on; a commit says what was read.
    let fetched = recipe.stored.compactMap { stored in
      commits[stored.location].map { "- `\(stored.location)`: `\($0)`" }
    }
    if !fetched.isEmpty { lines += ["", "Models of a hub were read at these commits:", ""] }
    return (lines + fetched).joined(separator: "\n")
  }

  private var result: String {
    let types = Set(
      plan.checkpoint.names.compactMap { plan.checkpoint.info($0)?.elementType.rawValue }
    ).sorted().joined(separator: ", ")
    let merged = plan.tensors.count { $0.action == .merge }
    var lines = [
      "\(plan.checkpoint.parameterCount) parameters in \(plan.checkpoint.names.count) tensors "
        + "(\(types)), of which \(merged) are merged."
    ]
    lines += plan.notes.map { "- \($0)" }
    if lines.count > 1 { lines.insert("", at: 1) }
    return lines.joined(separator: "\n")
  }

  /// A block that holds `text` whatever it holds.
  private func fenced(_ text: String, as language: String) -> String {
    var fence = "```"
    while text.contains(fence) { fence += "`" }
    return "\(fence)\(language)\n\(text)\(text.hasSuffix("\n") ? "" : "\n")\(fence)"
  }

  /// In backticks, also where the name has some.
  private static func escaped(_ name: String) -> String {
    name.contains("`") ? "`` \(name) ``" : "`\(name)`"
  }

  /// The name a hub knows a model by, as its own config says; a folder's path says where it lies on
  /// one machine, not what it is.
  private func hubName(_ model: MergePlan.Model) -> String? {
    // What was fetched is known by its name, whatever its config says.
    let isFetched = recipe.stored.contains {
      commits[$0.location] != nil && model.name.hasPrefix($0.location.description)
    }
    guard !isFetched, let name = model.checkpoint.config["_name_or_path"]?.string,
      Self.looksLikeHub(name)
    else { return nil }
    return name
  }

  /// Whether a name is `owner/name` as hubs have them.
  static func looksLikeHub(_ name: String) -> Bool {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    return parts.count == 2
      && parts.allSatisfy { part in
        guard let first = part.first, first.isASCII, first.isLetter || first.isNumber else {
          return false
        }
        return part.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
      }
  }
}
