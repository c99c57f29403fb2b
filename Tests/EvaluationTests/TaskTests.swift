// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Testing

@testable import Evaluation

@Suite struct TaskTests {
  @Test func `every file of the folder is a built-in task, and reads`() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Sources/Evaluation/Tasks").standardizedFileURL
    let files = try FileManager.default.contentsOfDirectory(
      atPath: folder.path(percentEncoded: false)
    ).sorted()
    #expect(files == BuiltInTasks.names.map { "\($0).yaml" })
    for name in BuiltInTasks.names {
      let task = try BuiltInTasks.task(name)
      #expect(task.name == name)
      let onDisk = try String(
        decoding: Data(contentsOf: folder.appending(path: "\(name).yaml")), as: UTF8.self)
      #expect(try EvaluationTask(yaml: onDisk, origin: task.origin) == task)
    }
  }

  @Test func `a task's identity changes with anything it says and not with where it lies`() throws {
    let text = """
      task: t
      output_type: multiple_choice
      doc_to_text: "{{text}} is"
      doc_to_choice: [a, b]
      dataset_path: "t/{{language}}/{{split}}.tsv"
      test_split: test
      metric_list: [{metric: acc}]
      languages: {x: {name: X}}

      """
    let identity = try EvaluationTask(yaml: text, origin: "one.yaml").identity
    #expect(try EvaluationTask(yaml: text, origin: "two.yaml").identity == identity)
    for (old, new) in [
      ("{{text}} is", "{{text}} was"), ("[a, b]", "[b, a]"),
      ("{metric: acc}", "{metric: acc_norm}"),
      ("test_split: test", "test_split: dev"), ("t/{{language}}", "u/{{language}}"),
      ("name: X", "doc_to_text: '{{text}}'"), ("task: t\n", "task: t\ndescription: d\n"),
      ("task: t\n", "task: t\ntarget_delimiter: ''\n"), ("task: t\n", "task: u\n"),
      ("task: t\n", "task: t\nmetadata: {version: 2}\n"), ("languages: {x", "languages: {y"),
    ] {
      let changed = text.replacing(old, with: new)
      #expect(changed != text)
      #expect(try EvaluationTask(yaml: changed, origin: "one.yaml").identity != identity, "\(new)")
    }
  }

  @Test func `sib_prompt_1 asks what lm-eval asks`() throws {
    let golden = try Golden.read("sib_prompt_1")
    let task = try BuiltInTasks.task("sib_prompt_1").localized("kin_Latn")
    let question = try task.question(
      EvaluationDocument(id: "1", label: "travel", text: golden.text("text")), origin: "test")
    #expect(task.name == (try golden.text("task")))
    #expect(question.context == (try golden.text("prompt")))
    #expect(task.choices == (try golden.list("choices").compactMap(\.string)))
    #expect(question.continuations[1] == " travel")
    #expect(question.gold == 1)
  }

  @Test func `sib200 is a short prompt in any language`() throws {
    let task = try BuiltInTasks.task("sib200")
    let faroese = try task.localized("fao_Latn")
    #expect(faroese.name == "sib200_fao_Latn")
    #expect(faroese.languageName == "Faroese")
    #expect(try faroese.path(of: .validation) == "sib200/fao_Latn/dev.tsv")
    #expect(try task.localized("eus_Latn").path(of: .test) == "sib200/eus_Latn/test.tsv")
    let question = try faroese.question(
      EvaluationDocument(id: "1", label: "health", text: "Góðan dag."), origin: "test")
    #expect(question.context == "Góðan dag.\nTopic:")
    #expect(question.continuations[question.gold] == " health")
  }

  @Test func `choices can be the labels of the training rows, sorted`() throws {
    let header = "index_id\tcategory\ttext\n"
    try withFolder([
      "tasks/lab_a/train.tsv": header + "1\tzoo\tone\n2\tant\ttwo\n3\tzoo\tthree\n",
      "tasks/lab_a/test.tsv": header + "4\tzoo\tfour\n5\tant\tfive\n",
    ]) { folder in
      let task = try BuiltInTasks.task("lab_topics").localized("lab_a")
      #expect(task.choices == nil)
      let set = try EvaluationSet.load(task, split: .test, folder: folder)
      #expect(set.task.choices == ["ant", "zoo"])
      #expect(set.documents.map(\.id) == ["4", "5"])
      let first = try EvaluationSet.load(task, split: .test, folder: folder, limit: 1)
      #expect(first.documents.map(\.id) == ["4"])
      #expect(try set.task.question(set.documents[0], origin: "").gold == 1)
    }
  }

  @Test func `a target of digits is an index into the choices`() throws {
    let task = try Small.task("aa")
    #expect(
      try task.question(EvaluationDocument(id: "1", label: "2", text: ""), origin: "").gold == 2)
    #expect(
      lines { _ = try task.question(EvaluationDocument(id: "1", label: "3", text: ""), origin: "") }
        .hasPrefix("The label `3` is none of the choices"))
  }

  @Test func `a description stands before the prompt, a language may have its own`() throws {
    let yaml =
      Small.yaml.replacing("doc_to_target", with: "description: \"Say. \"\ndoc_to_target") + """

        target_delimiter: ""
        languages:
          aa: {name: A, task: colours_of_a, doc_to_text: "{{text}} estas", doc_to_choice: [ruĝa, blua]}
        """
    let task = try EvaluationTask(yaml: yaml, origin: "t").localized("aa")
    let question = try task.question(
      EvaluationDocument(id: "1", label: "blua", text: "Ĉielo"), origin: "t")
    #expect(task.name == "colours_of_a")
    #expect(
      question == .init(context: "Say. Ĉielo estas", continuations: ["ruĝa", "blua"], gold: 1))
  }

  @Test func `a task file of one's own is read from its path`() throws {
    try withFolder(["t.yaml": Small.yaml]) { folder in
      let task = try EvaluationTask.named("\(folder)/t.yaml")
      #expect(task.name == "colours")
    }
  }

  // MARK: Bad input

  @Test func `a misspelt key is an error with line and nearest`() {
    let yaml = Small.yaml.replacing("doc_to_choice:", with: "doc_to_chioce:")
    #expect(
      lines { _ = try EvaluationTask(yaml: yaml, origin: "colours.yaml") } == """
        Unknown key `doc_to_chioce`.
        colours.yaml, line 9
        Did you mean `doc_to_choice`?
        """)
  }

  @Test(arguments: [
    (
      "- metric: acc\n", "- metric: acc_nrom\n",
      "`metric_list[0].metric` should be one of acc, acc_norm, acc_bytes, macro_f1, weighted_f1, found `acc_nrom` (did you mean `acc_norm`?)."
    ),
    (
      "- metric: acc\n", "- metric: bits_per_byte\n",
      "`metric_list[0].metric` should be one of acc, acc_norm, acc_bytes, macro_f1, weighted_f1, found `bits_per_byte`."
    ),
    (
      "- metric: acc\n", "- {metric: acc, higher_is_better: false}\n",
      "`metric_list[0].higher_is_better` should be true for `acc`, found false."
    ),
    (
      "- metric: acc\n", "- {metric: acc, aggregation: median}\n",
      "`metric_list[0].aggregation` should be `mean` for `acc`, found `median`."
    ),
    (
      "- metric: acc\n", "- {metric: acc, agregation: mean}\n",
      "Unknown key `agregation` in `metric_list[0]`."
    ),
    (
      "- metric: acc\n", "- metric: acc_norm\n",
      "`metric_list[1].metric` should be each metric once, found `acc_norm` twice."
    ),
    (
      "multiple_choice", "multiple_choise",
      "`output_type` should be one of multiple_choice, loglikelihood_rolling, found `multiple_choise` (did you mean `multiple_choice`?)."
    ),
    ("task: colours\n", "", "The key `task` is missing."),
    (
      "[red, green, deep blue]", "[red, green, red]",
      "The choices do not make a question: one stands twice."
    ),
    ("[red, green, deep blue]", "[red]", "The choices do not make a question: there are 1."),
    (
      "doc_to_choice: [red, green, deep blue]\n", "",
      "The choices do not make a question: neither `doc_to_choice` nor `choices_from` is given."
    ),
    (
      "doc_to_target: label\n", "num_fewshot: 5\n",
      "`num_fewshot` should be a whole number from 0 to 0, found `5`."
    ),
  ])
  func `a task file that cannot be right says why`(old: String, new: String, first: String) {
    let yaml = Small.yaml.replacing(old, with: new)
    let message = lines { _ = try EvaluationTask(yaml: yaml, origin: "t.yaml") }
    #expect(message.split(separator: "\n").first.map(String.init) == first)
  }

  @Test func `an unknown task or language has a guess`() throws {
    #expect(
      lines { _ = try EvaluationTask.named("sib20") } == """
        There is no task `sib20`.
        the list of tasks
        Did you mean `sib200`?
        """)
    let yaml = Small.yaml + "\nlanguages: {fao_Latn: {name: Faroese}}"
    #expect(
      lines { _ = try EvaluationTask(yaml: yaml, origin: "t").localized("foa_Latn") } == """
        The task has no language `foa_Latn`.
        task `colours`, languages
        Did you mean `fao_Latn`?
        """)
    #expect(
      lines { _ = try EvaluationTask.named("/nowhere/t.yaml") }
        .hasPrefix("The task file is missing or cannot be opened.\n/nowhere/t.yaml\n"))
  }

  @Test func `a missing data file names file, task and language`() throws {
    #expect(
      lines { _ = try EvaluationSet.load(Small.task("aa"), split: .test, folder: "/nowhere") }
        == """
        The data file of task `colours` in `aa` is missing.
        /nowhere/aa/test.tsv
        Name the folder that holds it with --data or KOINE_DATA.
        """)
    #expect(
      lines { _ = try BuiltInTasks.task("held_out_text").localized("fao").path(of: .test) } == """
        The task names no file for its test rows.
        task `held_out_text`
        Add `test_split:` to the task file, or evaluate another split.
        """)
  }

  @Test func `an empty set is an error`() throws {
    #expect(
      lines { _ = try Small.rows("aa", .test, []) } == """
        There is no document to score for task `colours_aa`.
        aa/test.tsv
        Check that the file holds rows below its header.
        """)
    #expect(
      lines { _ = try Small.text("aa", .test, ["", ""]) }
        .hasPrefix("All texts of task `held_out_aa` are empty.\naa.test.txt\n"))
    try withFolder(["aa/test.tsv": "index_id\tcategory\ttext\n"]) { folder in
      let message = lines {
        _ = try EvaluationSet.load(Small.task("aa"), split: .test, folder: folder)
      }
      #expect(message.contains("aa/test.tsv") && message.split(separator: "\n").count == 3)
    }
  }

  @Test func `a label outside the choices names row and guess`() {
    #expect(
      lines { _ = try Small.rows("aa", .test, ["red", "gren"]) } == """
        The label `gren` is none of the choices red, green, deep blue.
        aa/test.tsv, document 1
        Did you mean `green`?
        """)
  }

  @Test func `two documents of one id are an error`() {
    let message = lines {
      _ = try EvaluationSet(
        task: Small.task("aa"), split: .test,
        documents: [
          EvaluationDocument(id: "7", label: "red", text: "x"),
          EvaluationDocument(id: "7", label: "red", text: "y"),
        ], origin: "f.tsv")
    }
    #expect(message.hasPrefix("Two documents have the id `7`.\nf.tsv\n"))
  }
}
