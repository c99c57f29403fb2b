// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Documents
import Foundation
import Hub
import Recipes
import Runs

/// `koine hub`: models by name, fetched ahead, listed, found.
struct HubCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hub",
    abstract: "Fetch models of the Hugging Face hub, and find them on the disk.",
    discussion: """
      Every command that takes a model's folder takes org/name[@revision] too, and fetches what is \
      missing. The cache is the one of huggingface_hub; HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, \
      HF_TOKEN and HF_HUB_OFFLINE mean the same.
      """,
    subcommands: [HubDownloadCommand.self, HubListCommand.self, HubPathCommand.self])
}

extension HubPurpose: ExpressibleByArgument {
  public init?(argument: String) {
    switch argument {
    case "model": self = .model
    case "adapter": self = .adapter
    case "tokenizer": self = .tokenizer
    case "statistics": self = .statistics
    default: return nil
    }
  }

  public static var allValueStrings: [String] { ["model", "adapter", "tokenizer", "statistics"] }
}

/// A model's name, and what is wanted of it.
struct HubModelOptions: ParsableArguments {
  @Argument(help: "org/name, or org/name@revision.")
  var name: String

  @Option(help: "A branch, a tag or a commit (default: what the name says, else main).")
  var revision: String?

  @Option(
    name: .customLong("for"), help: "What is needed: model, adapter, tokenizer or statistics.")
  var purpose = HubPurpose.model

  func model() throws -> HubModel {
    guard let revision else { return try HubModel(parsing: name) }
    return try HubModel(id: name, revision: revision)
  }
}

/// `koine hub download`.
struct HubDownloadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "download", abstract: "Fetch a model into the cache, and print its folder.",
    discussion: "After Ctrl-C or a failure the same command goes on where it was.")

  @OptionGroup var options: HubModelOptions

  @Flag(help: "Print what would be fetched, and fetch nothing.")
  var dryRun = false

  @OptionGroup var format: FormatOptions

  func run() throws {
    let model = try options.model()
    let cancellation = Cancellation()
    let display = HubDisplay()
    let signals = InterruptSignals(cancellation: cancellation) {
      Output.message("Stopping; what has come is kept. Once more Ctrl-C stops at once.")
    }
    defer { withExtendedLifetime(signals) {} }
    var settings = try HubSettings.environment()
    settings.userAgent = ModelPlace.userAgent
    let client = try HubClient(
      settings, observer: display.observer, isStopped: { cancellation.isRequested })
    if dryRun {
      let plan = try client.plan(model, for: options.purpose)
      guard format.json else { return Output.text(plan.text) }
      var json = plan.json
      json["schema"] = 1
      return Output.json(json)
    }
    let snapshot = try client.snapshot(model, for: options.purpose)
    guard format.json else { return Output.text(snapshot.folder + "\n") }
    Output.json([
      "schema": 1, "model": JSON(model.id), "revision": JSON(model.revision),
      "commit": JSON(snapshot.commit), "path": JSON(snapshot.folder),
    ])
  }
}

/// `koine hub list`.
struct HubListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the models in the cache, with their sizes.")

  @OptionGroup var format: FormatOptions

  func run() throws {
    let folder = try HubSettings.environment().cacheFolder
    let models = HubCache(folder: folder).models()
    if format.json {
      return Output.json([
        "schema": 1, "cache": JSON(folder),
        "models": JSON(
          models.map { model -> JSON in
            [
              "model": JSON(model.id), "path": JSON(model.folder), "bytes": JSON(model.byteCount),
              "partial_bytes": JSON(model.partialByteCount),
              "commits": JSON(model.commits.map { JSON($0) }),
              "refs": JSON(
                model.references.map { ["name": JSON($0.name), "commit": JSON($0.commit)] }),
            ]
          }),
      ])
    }
    guard !models.isEmpty else { return Output.text("no models in \(folder)\n") }
    let columns = [
      TextTable.Column("model", isNumber: false), TextTable.Column("revisions", isNumber: false),
      TextTable.Column("size", isNumber: true), TextTable.Column("unfinished", isNumber: true),
    ]
    let rows = models.map { model in
      let named = model.references.map { "\($0.name) (\($0.commit.prefix(8)))" }
      let others = model.commits.filter { commit in
        !model.references.contains { $0.commit == commit }
      }
      return [
        TextTable.Cell(model.id),
        TextTable.Cell((named + others.map { String($0.prefix(8)) }).joined(separator: ", ")),
        TextTable.Cell(NumberText.bytes(model.byteCount)),
        TextTable.Cell(
          model.partialByteCount > 0 ? NumberText.bytes(model.partialByteCount) : ""),
      ]
    }
    let total = models.reduce(0) { $0 + $1.byteCount + $1.partialByteCount }
    Output.text(
      TextTable(columns: columns, groups: [rows]).rendered(.detect(descriptor: 1))
        + "\(NumberText.bytes(total)) in \(folder)\n")
  }
}

/// `koine hub path`.
struct HubPathCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "path", abstract: "Print the folder of a model in the cache; asks no server.")

  @OptionGroup var options: HubModelOptions

  func run() throws {
    var settings = try HubSettings.environment()
    settings.isOffline = true
    let client = try HubClient(settings)
    let model = try options.model()
    let found = try client.cached(model, for: options.purpose)
    guard let found, found.missing.isEmpty else {
      throw HubPathError.notInCache(
        model, missing: found?.missing ?? [], cache: settings.cacheFolder)
    }
    Output.text(found.snapshot.folder + "\n")
  }
}

/// A model that is asked for and not there.
enum HubPathError: Diagnosed {
  case notInCache(HubModel, missing: [String], cache: String)

  var diagnosis: Diagnosis {
    switch self {
    case .notInCache(let model, let missing, let cache):
      Diagnosis(
        what: missing.isEmpty
          ? "The cache does not have the model."
          : "The cache has the model without `\(missing.joined(separator: "`, `"))`.",
        where: "\(model), \(cache)", next: "Run `koine hub download \(model)`.", kind: .failed)
    }
  }
}
