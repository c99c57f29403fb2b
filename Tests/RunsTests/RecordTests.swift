// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Testing

@testable import Runs

@Suite struct RecordTests {
  @Test func `records come back from their files as they were`() throws {
    try Fixture.folder { path in
      let folder = RunFolder(path: path + "/runs/faroese")
      try folder.create()
      try folder.write(Fixture.run)
      #expect(try folder.readRun() == Fixture.run)
      let sheet = ScoreSheet(run: "faroese", task: "sib200_fo", models: Fixture.models)
      try folder.write(sheet)
      #expect(try folder.readScores() == sheet)
      try folder.write(Fixture.report, as: "report.json")
      #expect(try folder.read(ReportContent.self, from: "report.json") == Fixture.report)
      // Equal values, equal bytes, and nothing left beside them.
      let before = try Data(contentsOf: URL(fileURLWithPath: folder.path(of: "run.json")))
      try folder.write(try folder.readRun())
      #expect(try Data(contentsOf: URL(fileURLWithPath: folder.path(of: "run.json"))) == before)
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      #expect(names == ["report.json", "run.json", "scores.json", "steps"])
    }
  }

  @Test func `run json has the documented keys`() throws {
    var run = Fixture.run
    run.steps = []
    run.recipeText = "a: 1"
    let text = String(decoding: try RecordCoding.encode(run, pretty: false), as: UTF8.self)
    #expect(
      text == """
        {"ended_at":"2026-11-18T12:16:50.500Z","environment":{"blas":"OpenBLAS 0.3.21 (SkylakeX)",\
        "core_count":2,"device":"cpu","engine":"MLX 0.32.4","memory_bytes":16500000000,\
        "processor":"AMD EPYC 9R14","system":"Debian GNU/Linux 12"},"koine_version":"0.2.0",\
        "name":"faroese","recipe_path":"Examples/faroese/recipe.yaml","recipe_text":"a: 1",\
        "schema":1,"seeds":[{"name":"data","value":17},{"name":"training",\
        "value":18446744073709551615}],"started_at":"2026-11-18T11:06:40.250Z","status":"done",\
        "steps":[]}
        """)
  }

  @Test(arguments: [
    (0.0, "1970-01-01T00:00:00.000Z"), (-0.001, "1969-12-31T23:59:59.999Z"),
    (1_795_000_000.0625, "2026-11-18T11:06:40.063Z"), (1.9996, "1970-01-01T00:00:02.000Z"),
  ])
  func `times are rounded to milliseconds once`(seconds: Double, text: String) throws {
    let written = Timestamp.text(Date(timeIntervalSince1970: seconds))
    #expect(written == text)
    #expect(Timestamp.text(try #require(Timestamp.date(written))) == text)
  }

  @Test func `numbers that JSON has no word for survive`() throws {
    let values = [Double.nan, .infinity, -.infinity, 0.1]
    let data = try RecordCoding.encode(values)
    let back = try RecordCoding.decode([Double].self, from: data, path: "x")
    #expect(back[0].isNaN && Array(back[1...]) == [.infinity, -.infinity, 0.1])
  }

  @Test func `a damaged record names file and key`() throws {
    try Fixture.folder { path in
      let folder = RunFolder(path: path)
      try folder.write(
        text: #"{"schema":1,"run":"a","task":"t","models":[{"kind":"merge"}]}"#, as: "scores.json")
      #expect(throws: RunsError.self) { try folder.readScores() }
      do { _ = try folder.readScores() } catch let error as RunsError {
        #expect(
          error.description == """
            The record cannot be read: the key `name` is missing in `models.0`.
            \(path)/scores.json
            Delete the file and run the recipe again; finished steps are not redone.
            """)
        #expect(error.diagnosis.kind == .malformedInput)
      }
      try folder.write(text: #"{"schema":9}"#, as: "run.json")
      #expect(throws: RunsError.newerRecord(path: "\(path)/run.json", found: 9, known: 1)) {
        try folder.readRun()
      }
    }
  }

  @Test func `a write that fails leaves the old file and no other`() throws {
    try Fixture.folder { path in
      // A folder where the file should be: rename fails after the bytes were written.
      let target = path + "/run.json"
      try FileManager.default.createDirectory(
        atPath: target + "/inside", withIntermediateDirectories: true)
      #expect(throws: RunsError.self) { try AtomicFile.write(Data("x".utf8), to: target) }
      #expect(try FileManager.default.contentsOfDirectory(atPath: path) == ["run.json"])
      do { try AtomicFile.write(Data(), to: path + "/none/run.json") } catch let error as RunsError
      {
        #expect(
          error.description == """
            Cannot write: no such file or folder.
            \(path)/none/run.json
            Check the path; the folder it lies in must exist.
            """)
      }
    }
  }

  @Test func `a full disk says so`() throws {
    guard FileManager.default.fileExists(atPath: "/dev/full") else {
      print("skipped: no /dev/full here")
      return
    }
    let descriptor = open("/dev/full", O_WRONLY)
    defer { close(descriptor) }
    do {
      try FileBytes.writeAll(Data("x".utf8), to: descriptor, path: "runs/a/run.json")
      Issue.record("the write went through")
    } catch let error as RunsError {
      #expect(
        error.description == """
          Cannot write: no space left on the disk.
          runs/a/run.json
          Free some space and run the same command again; it resumes.
          """)
      #expect(error.diagnosis.kind == .failed)
    }
  }
}
