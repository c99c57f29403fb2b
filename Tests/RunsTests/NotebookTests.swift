// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import GRDB
import Testing

@testable import Runs

@Suite struct NotebookTests {
  private var sheet: ScoreSheet {
    ScoreSheet(run: "faroese", task: "sib200_fo", models: Fixture.models)
  }

  @Test func `what is saved comes back, and saving again replaces it`() throws {
    try Fixture.folder { path in
      let notebook = try Notebook.open(path + "/koine.sqlite")
      #expect(try notebook.runs().isEmpty)
      var run = Fixture.run
      run.status = .running
      run.endedAt = nil
      try notebook.save(run)
      try notebook.save(sheet)
      run = Fixture.run
      try notebook.save(run)
      #expect(try notebook.run(named: "faroese") == run)
      #expect(try notebook.scores(run: "faroese") == sheet)
      var smaller = sheet
      smaller.models.removeLast(4)
      try notebook.save(smaller)
      #expect(try notebook.scores(run: "faroese") == smaller)
      let summary = try #require(try notebook.runs().first)
      #expect(summary.stepCount == 5 && summary.finishedStepCount == 5)
      #expect(summary.best == .init(model: "CT→SFT", accuracy: 0.46))
      // Another connection, as another process would have, sees the same.
      #expect(try Notebook.open(path + "/koine.sqlite").runs() == [summary])
    }
  }

  @Test func `scores can be asked for in plain SQL`() throws {
    try Fixture.folder { path in
      let notebook = try Notebook.open(path + "/koine.sqlite")
      try notebook.save(Fixture.run)
      try notebook.save(sheet)
      let row = try notebook.queue.read { db in
        try Row.fetchOne(
          db,
          sql: """
            SELECT model, value, round(low, 3) AS low, count FROM scores
            WHERE scope = 'target' AND metric = 'acc' ORDER BY value DESC, model LIMIT 1
            """)
      }
      let found = try #require(row)
      #expect(found["model"] == "task_arithmetic" && found["value"] == 0.53)
      #expect(found["low"] == 0.465 && found["count"] == 204)
    }
  }

  @Test func `metrics are replaced by step, iteration and name`() throws {
    try Fixture.folder { path in
      let notebook = try Notebook.open(path + "/koine.sqlite")
      try notebook.save(Fixture.run)
      let points = [
        MetricPoint(step: "ct", iteration: 10, name: "train_loss", value: 3),
        MetricPoint(step: "ct", iteration: 2, name: "train_loss", value: 4),
        MetricPoint(step: "ct", iteration: 2, name: "val_loss", value: .nan),
      ]
      try notebook.save(points, run: "faroese")
      try notebook.save(
        [MetricPoint(step: "ct", iteration: 10, name: "train_loss", value: 2.5)], run: "faroese")
      let losses = try notebook.metrics(run: "faroese", step: "ct", name: "train_loss")
      #expect(losses.map(\.iteration) == [2, 10] && losses.map(\.value) == [4, 2.5])
      #expect(try notebook.metrics(run: "faroese", name: "val_loss").first?.value.isNaN == true)
      try notebook.save(Fixture.run)
      #expect(try notebook.metrics(run: "faroese").count == 3)
      try notebook.save(
        [MetricPoint(step: "ct", iteration: 1, name: "train_loss", value: 5)], run: "faroese",
        replacing: true)
      #expect(try notebook.metrics(run: "faroese").map(\.value) == [5])
      try notebook.delete(run: "faroese")
      #expect(try notebook.metrics(run: "faroese").isEmpty && notebook.runs().isEmpty)
    }
  }

  @Test func `two runs are compared by model, metric and step`() throws {
    try Fixture.folder { path in
      let notebook = try Notebook.open(path + "/koine.sqlite")
      var other = Fixture.run
      other.name = "faroese-2"
      other.steps[2].hash = "other"
      other.steps.removeLast()
      other.environment.coreCount = 64
      var models = Array(Fixture.models[2...4])
      models[1].target?.accuracy = Estimate(0.61, interval: Interval(low: 0.55, high: 0.67))
      try notebook.save(Fixture.run)
      try notebook.save(
        ScoreSheet(run: "faroese", task: "t", models: Array(Fixture.models[1...3])))
      try notebook.save(other)
      try notebook.save(ScoreSheet(run: "faroese-2", task: "t", models: models))
      let comparison = try notebook.compare("faroese", "faroese-2")
      #expect(comparison.onlyInFirst == ["Naive Bayes 3–5-grams"])
      #expect(comparison.onlyInSecond == ["CT only"])
      #expect(comparison.steps.map(\.change) == [.same, .same, .changed, .same, .onlyInFirst])
      #expect(comparison.environment == [.init(name: "cores", first: "2", second: "64")])
      let moved = comparison.lines.filter { $0.difference != 0 }
      #expect(moved.map(\.model) == ["SFT only"] && moved[0].isApart)
      let lines = comparison.rendered().split(separator: "\n").map {
        $0.split(separator: " ").joined(separator: " ")
      }
      #expect(lines.contains("SFT only target acc 0.41 ±0.07 0.61 ±0.06 +0.20*"))
      #expect(
        lines.suffix(5) == [
          "Only in faroese: Naive Bayes 3–5-grams", "Only in faroese-2: CT only",
          "Steps with other inputs or settings: ct", "Steps only in faroese: evaluate",
          "cores: 2 → 64",
        ])
    }
  }

  @Test func `an unknown run gets a guess`() throws {
    try Fixture.folder { path in
      let file = path + "/koine.sqlite"
      let notebook = try Notebook.open(file)
      try notebook.save(Fixture.run)
      for body in [
        { _ = try notebook.run(named: "farose") }, { try notebook.delete(run: "farose") },
        { _ = try notebook.scores(run: "farose") },
        {
          try notebook.save(
            [MetricPoint(step: "a", iteration: 1, name: "x", value: 1)], run: "farose")
        },
      ] as [() throws -> Void] {
        #expect(throws: RunsError.unknownRun("farose", path: file, nearest: "faroese")) {
          try body()
        }
      }
      #expect(
        RunsError.unknownRun("farose", path: file, nearest: "faroese").description == """
          There is no run named `farose`.
          \(file)
          Did you mean `faroese`? `koine runs` lists them all.
          """)
    }
  }

  @Test func `a damaged file is refused in three lines`() throws {
    try Fixture.folder { path in
      let file = path + "/koine.sqlite"
      let bytes =
        Data("this is not a database, and it is long enough to be looked at".utf8)
        + Data(count: 4096)
      try bytes.write(to: URL(fileURLWithPath: file))
      do {
        _ = try Notebook.open(file)
        Issue.record("opened")
      } catch let error as RunsError {
        #expect(
          error.description == """
            The notebook is damaged or not a SQLite file: file is not a database.
            \(file)
            Move it away; the next run begins a new one, and the run folders keep their records.
            """)
      }
      #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == bytes)
    }
  }

  @Test func `a notebook that cannot be written can be read`() throws {
    try Fixture.folder { path in
      let file = path + "/koine.sqlite"
      do {
        let notebook = try Notebook.open(file)
        try notebook.save(Fixture.run)
        try notebook.save(sheet)
      }
      // Folders where SQLite's own files should be stand for a folder that takes no new file: the
      // tests may run as root, whom no permission stops.
      for suffix in ["-wal", "-shm", "-journal"] {
        try FileManager.default.createDirectory(
          atPath: file + suffix, withIntermediateDirectories: false)
      }
      let before = try Data(contentsOf: URL(fileURLWithPath: file))
      #expect(throws: RunsError.self) { try Notebook.open(file) }
      var scratch: String?
      do {
        let notebook = try Notebook.openForReading(file)
        scratch = notebook.scratch
        #expect(try notebook.runs().map(\.name) == ["faroese"])
        #expect(try notebook.scores(run: "faroese") == sheet)
        #expect(throws: RunsError.unknownRun("farose", path: file, nearest: "faroese")) {
          try notebook.run(named: "farose")
        }
      }
      #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == before)
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: path).sorted()
          == ["koine.sqlite", "koine.sqlite-journal", "koine.sqlite-shm", "koine.sqlite-wal"])
      #expect(try !FileManager.default.fileExists(atPath: #require(scratch)))
    }
  }

  @Test func `another program's database is left as it is`() throws {
    try Fixture.folder { path in
      let file = path + "/other.sqlite"
      try DatabaseQueue(path: file).write { try $0.execute(sql: "CREATE TABLE t (x)") }
      let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
      #expect(throws: RunsError.foreignNotebook(path: file, applicationID: 0)) {
        try Notebook.open(file)
      }
      #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == bytes)
    }
  }

  @Test func `a later schema is refused`() throws {
    try Fixture.folder { path in
      let file = path + "/koine.sqlite"
      try Notebook.open(file).queue.write { try $0.execute(sql: "PRAGMA user_version = 99") }
      #expect(throws: RunsError.newerNotebook(path: file, found: 99, known: 1)) {
        try Notebook.open(file)
      }
    }
  }

  @Test func `many connections may open and write at once`() async throws {
    let path = NSTemporaryDirectory() + "/koine-many-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for index in 0..<6 {
        group.addTask {
          let notebook = try Notebook.open(path + "/koine.sqlite")
          for round in 0..<5 {
            var run = Fixture.run
            run.name = "run-\(index)"
            run.recipeText = "round: \(round)"
            try notebook.save(run)
          }
        }
      }
      try await group.waitForAll()
    }
    let notebook = try Notebook.open(path + "/koine.sqlite")
    #expect(try notebook.runs().map(\.name) == (0..<6).map { "run-\($0)" })
    #expect(try notebook.run(named: "run-3").recipeText == "round: 4")
  }
}
