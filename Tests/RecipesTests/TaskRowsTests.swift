// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Documents
  import Evaluation
  import Foundation
  import Testing

  @testable import Recipes

  /// What is looked at in the rows of a task before a study runs.
  @Suite struct TaskRowsTests {
    @Test func `task rows of real data are read before anything is trained`() throws {
      let bench = try StudyTests.Bench()
      defer { bench.remove() }
      let start = try #require(StudyTests.recipe.range(of: "lab:"))
      let end = try #require(StudyTests.recipe.range(of: "text:\n"))
      var real = StudyTests.recipe
      real.removeSubrange(start.lowerBound..<end.lowerBound)
      real += "\ntask: lab_topics\n"
      try real.write(toFile: bench.folder + "/recipe.yaml", atomically: true, encoding: .utf8)
      for language in ["qaa", "qab"] {
        for (path, text) in [
          ("text/\(language).txt", "a b\n"),
          ("tasks/\(language)/train.tsv", "index_id\tcategory\ttext\n1\tx\ta\n2\ty\tb\n"),
          ("tasks/\(language)/dev.tsv", "index_id\tcategory\ttext\n3\tx\ta\n"),
          ("tasks/\(language)/test.tsv", "index_id\tcategory\ttext\n4\ty\ta\n"),
        ] {
          let file = bench.folder + "/" + path
          try FileManager.default.createDirectory(
            atPath: file.parentPath, withIntermediateDirectories: true)
          try text.write(toFile: file, atomically: true, encoding: .utf8)
        }
      }
      _ = try Study(path: bench.folder + "/recipe.yaml", dataFolder: bench.folder)
      let many = (0..<24).map { "\($0)\t\($0 < 12 ? "x" : "y")\ta\n" }.joined()
      for (file, text, expected) in [
        ("tasks/qaa/dev.tsv", "index_id\tcategory\ttext\n3\tz\ta\n", "z"),
        ("tasks/qab/test.tsv", "index_id\tcategory\n4\ty\n", "text"),
        ("tasks/qaa/train.tsv", "", "train.tsv"),
        (
          "tasks/qab/train.tsv", "index_id\tcategory\ttext\n" + many + "99\tsprots\ta\n",
          "train.tsv, line 26"
        ),
      ] {
        let path = bench.folder + "/" + file
        let good = try String(contentsOfFile: path, encoding: .utf8)
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        do {
          _ = try Study(path: bench.folder + "/recipe.yaml", dataFolder: bench.folder)
          Issue.record("accepted \(file)")
        } catch let error as any Diagnosed {
          #expect(error.description.contains(expected))
          #expect(error.description.contains(file.split(separator: "/").last ?? ""))
        }
        try good.write(toFile: path, atomically: true, encoding: .utf8)
      }
    }

    @Test func `a label that one training row misspells is named with its line`() throws {
      let bench = try StudyTests.Bench()
      defer { bench.remove() }
      let folder = bench.folder + "/data"
      for language in ["qaa", "qab"] {
        try Disk.makeFolder("\(folder)/\(language)")
        for (file, count) in [("train", 24), ("dev", 4), ("test", 4)] {
          let rows = (0..<count).map { "\($0)\t\($0 % 2 == 0 ? "sports" : "travel")\ttext \($0)" }
          let text = "index_id\tcategory\ttext\n" + rows.joined(separator: "\n") + "\n"
          try Disk.write(text, to: "\(folder)/\(language)/\(file).tsv")
        }
      }
      let path = bench.folder + "/task.yaml"
      func task(_ choices: String) throws -> EvaluationTask {
        let text = """
          task: mine
          output_type: multiple_choice
          dataset_path: "{{dataset_name}}/{{split}}.tsv"
          training_split: train
          validation_split: dev
          test_split: test
          doc_to_text: "{{text}}"
          \(choices)
          metric_list: [{metric: acc}]

          """
        return try EvaluationTask(yaml: text, origin: path)
      }
      let data = StudyData(root: .folder(folder))
      let open = try task("choices_from: training_split")
      for language in ["qaa", "qab"] { try data.checkLabels(open, language: language) }
      let train = folder + "/qab/train.tsv"
      let good = try Disk.readText(train)
      try Disk.write(good.replacing("\n6\tsports", with: "\n6\tsprots"), to: train)
      try data.checkLabels(open, language: "qaa")
      let error = #expect(throws: EvaluationError.self) {
        try data.checkLabels(open, language: "qab")
      }
      #expect(
        error?.description == """
          The label `sprots` stands in this training row and nowhere else, but would be a choice of \
          every question.
          \(train), line 8
          Did you mean `sports`? If the class is meant, list the choices in the task's `doc_to_choice`.
          """)
      // A dev row makes it a class; a list of choices is nobody's guess.
      try data.checkLabels(task("doc_to_choice: [sports, travel, sprots]"), language: "qab")
      let dev = folder + "/qab/dev.tsv"
      try Disk.write(try Disk.readText(dev) + "9\tsprots\ttext\n", to: dev)
      try data.checkLabels(open, language: "qab")
    }
  }
#endif
