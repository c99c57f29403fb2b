// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import ArgumentParser
  import Documents
  import Foundation
  import Models
  import Recipes
  import Runs

  /// `koine run`: a whole recipe, from text to the report.
  struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "run",
      abstract: "Run a recipe: the whole path, from text to the report.",
      discussion: """
        What is done already is not done again: after Ctrl-C, a crash or a changed setting, the \
        same command goes on with what is missing.
        """)

    @Argument(help: "The recipe, a YAML file.", completion: .file(extensions: ["yaml", "yml"]))
    var recipe: String

    @OptionGroup var places: PlaceOptions
    @OptionGroup var format: FormatOptions

    func run() async throws {
      try RankCommands.refuse("run")
      let data = places.data ?? ProcessInfo.processInfo.environment["KOINE_DATA"]
      let models = ModelPlace.models()
      if places.dryRun, let missing = try Study.missingModel(path: recipe, hub: models) {
        guard format.json else { return Output.text(missing.text) }
        return Output.json(["schema": 1, "downloads": [missing.json]])
      }
      let study = try Study(path: recipe, dataFolder: data, hub: models)
      let folder = try RunPlaces(
        run: places.out ?? "runs/\(study.recipe.name)", cache: places.cache)
      let plan = try Plan(study.recipe, places: folder, verify: places.verify)
      if places.dryRun {
        if format.json {
          Output.json(plan.json)
        } else {
          Output.text(plan.table(.detect(descriptor: 1)))
        }
        return
      }
      // Before hours of work, not after them: the table is noted down there at the end.
      try Disk.makeFolder(folder.run.parentPath)
      _ = try Notebook.open(notebookPath(folder))
      try Engine.requireFastBLAS()
      try study.checkDevice(plan)
      let display = ProgressDisplay()
      try study.checkBaseModel(plan, observer: display.observer)
      let cancellation = Cancellation()
      let signals = InterruptSignals(cancellation: cancellation) {
        display.message("Stopping at the next safe point; once more Ctrl-C stops at once.")
      }
      defer { withExtendedLifetime(signals) {} }
      let runner = Runner(
        plan, environment: Environment.current, cancellation: cancellation,
        observer: display.observer)
      let record: RunRecord
      do { record = try await runner.run() } catch {
        note(folder)
        throw error
      }
      try conclude(study, folder, record)
    }

    /// Writes scores and report, notes the run down, and prints the table.
    private func conclude(_ study: Study, _ folder: RunPlaces, _ record: RunRecord) throws {
      let done = try Plan(study.recipe, places: folder)
      let content = try study.report(done, record)
      let sheet = ScoreSheet(run: record.name, task: content.task, models: content.models)
      let files = RunFolder(path: folder.run)
      try files.write(sheet)
      try files.write(text: ReportPage.render(content), as: "report.html")
      try files.write(text: Plots.scatter(content), as: "scatter.svg")
      let table = ResultTable(
        models: content.models, reference: content.reference,
        sources: content.sources.map(\.name), target: content.target.name)
      try files.write(text: table.markdown(), as: "table.md")
      let notebook = try Notebook.open(notebookPath(folder))
      try notebook.save(record)
      try notebook.save(sheet)
      if format.json {
        Output.text(String(decoding: try RecordCoding.encode(sheet), as: UTF8.self))
        return
      }
      let style = TerminalStyle.detect(descriptor: 1)
      Output.text(table.rendered(style))
      for note in content.notes { Output.text("\n" + style.paragraph(note)) }
      Output.text("\nReport: \(files.reportPath)\n")
    }

    /// Notes down a run that failed or was interrupted; the error is what the user must see, so a
    /// notebook that cannot be written does not stand in its way.
    private func note(_ folder: RunPlaces) {
      guard let record = try? RunFolder(path: folder.run).readRun() else { return }
      try? Notebook.open(notebookPath(folder)).save(record)
    }

    private func notebookPath(_ folder: RunPlaces) -> String {
      folder.run.parentPath + "/koine.sqlite"
    }
  }
#endif
