// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Documents
import Foundation
import Recipes
import Runs

/// Where the notebook of runs is.
struct NotebookOptions: ParsableArguments {
  @Option(help: "The folder that holds the runs.", completion: .directory)
  var folder = "runs"

  /// The notebook, or `nil` when no run was ever noted down there.
  ///
  /// - Throws: `RunLookupError.noFolder` where a folder was named that is none.
  func open() throws -> Notebook? {
    if folder != "runs", Disk.identity(folder)?.isFolder != true {
      throw RunLookupError.noFolder(folder)
    }
    let path = folder + "/koine.sqlite"
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    return try Notebook.openForReading(path)
  }
}

/// `koine runs`: what was run, and how it ended.
struct RunsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "runs", abstract: "List the runs, or show one.")

  @Argument(help: "The run to show; all by default.")
  var name: String?

  @OptionGroup var notebook: NotebookOptions
  @OptionGroup var format: FormatOptions

  func run() throws {
    guard let book = try notebook.open() else {
      if let name { throw RunLookupError.noNotebook(run: name, folder: notebook.folder) }
      if format.json { Output.json(["schema": 1, "runs": []]) }
      Output.message("No runs in \(notebook.folder)/ yet; `koine run RECIPE` makes one.")
      return
    }
    if let name { try show(name, book) } else { try list(book) }
  }

  private func list(_ book: Notebook) throws {
    let runs = try book.runs()
    if format.json {
      Output.json([
        "schema": 1,
        "runs": JSON(
          runs.map { run -> JSON in
            [
              "name": JSON(run.name), "status": JSON(run.status.rawValue),
              "started_at": JSON(Timestamp.text(run.startedAt)),
              "recipe": JSON(run.recipePath), "steps": JSON(run.stepCount),
              "finished_steps": JSON(run.finishedStepCount),
              "best_model": run.best.map { JSON($0.model) } ?? .null,
              "best_accuracy": run.best.map { JSON($0.accuracy) } ?? .null,
            ]
          }),
      ])
      return
    }
    let columns = [
      TextTable.Column("run", isNumber: false), TextTable.Column("status", isNumber: false),
      TextTable.Column("started", isNumber: false, rank: 2), TextTable.Column("steps", rank: 1),
      TextTable.Column("best in the target", isNumber: false), TextTable.Column("acc"),
    ]
    let rows = runs.map { run -> [TextTable.Cell] in
      [
        run.name, run.status.rawValue, Timestamp.minutes(run.startedAt),
        "\(run.finishedStepCount)/\(run.stepCount)", run.best?.model ?? "",
        run.best.map { NumberText.fixed($0.accuracy, 2) } ?? "",
      ].map { TextTable.Cell($0) }
    }
    Output.text(
      TextTable(columns: columns, groups: [rows]).rendered(.detect(descriptor: 1)))
  }

  private func show(_ name: String, _ book: Notebook) throws {
    let run = try book.run(named: name)
    if format.json {
      Output.text(String(decoding: try RecordCoding.encode(run), as: UTF8.self))
      return
    }
    var text = "\(run.name): \(run.status.rawValue), \(Timestamp.minutes(run.startedAt)), "
    text += "\(NumberText.duration(seconds: run.wallSeconds)) of work\n"
    if let failure = run.failure { text += failure + "\n" }
    let columns = [
      TextTable.Column("step", isNumber: false), TextTable.Column("kind", isNumber: false),
      TextTable.Column("state", isNumber: false), TextTable.Column("time"),
      TextTable.Column("tokens"), TextTable.Column("memory", rank: 1),
    ]
    let rows = run.steps.map { step -> [TextTable.Cell] in
      [
        step.name, step.kind, step.state.rawValue, NumberText.duration(seconds: step.wallSeconds),
        step.trainedTokens.map(NumberText.count) ?? "",
        step.peakMemoryByteCount.map(NumberText.bytes) ?? "",
      ].map { TextTable.Cell($0) }
    }
    let style = TerminalStyle.detect(descriptor: 1)
    text += "\n" + TextTable(columns: columns, groups: [rows]).rendered(style)
    Output.text(text)
  }
}

/// `koine compare`: two runs side by side.
struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare", abstract: "Compare the scores of two runs.")

  @Argument(help: "The first run.")
  var first: String

  @Argument(help: "The second run.")
  var second: String

  @OptionGroup var notebook: NotebookOptions

  func run() throws {
    guard let book = try notebook.open() else {
      throw RunLookupError.noNotebook(run: first, folder: notebook.folder)
    }
    Output.text(try book.compare(first, second).rendered(.detect(descriptor: 1)))
  }
}

/// A run was asked for where there is none.
enum RunLookupError: Diagnosed {
  /// The folder has no notebook.
  case noNotebook(run: String, folder: String)
  /// There is no such folder.
  case noFolder(String)

  var diagnosis: Diagnosis {
    switch self {
    case .noNotebook(let run, let folder):
      Diagnosis(
        what: "There is no run `\(run)`: no run was ever noted down here.",
        where: "\(folder)/koine.sqlite",
        next: "Name the folder that holds the runs with --folder.")
    case .noFolder(let folder):
      Diagnosis(
        what: "There is no such folder.", where: folder.isEmpty ? "`--folder`" : folder,
        next: "Name the folder that holds the runs with --folder, by default `runs`.")
    }
  }
}
