// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Templates
import Testing

@testable import Surgery

/// Chat templates of results.
extension MergeVocabularyTests {
  private static let loop = "{% for message in messages %}{{ message }}{% endfor %}"

  /// The template of a result, which stands in two files.
  private func template(_ plan: MergePlan) throws -> String {
    let read = try ChatTemplates(plan.checkpoint)
    #expect(read.names == ["default"])
    let config = try configuration(plan)["chat_template"]?.string
    let file = try #require(
      plan.checkpoint.tokenizerFiles.first { $0.name == "chat_template.jinja" })
    let text = String(decoding: try file.bytes(), as: UTF8.self)
    #expect(config == text && read["default"] == text)
    return text
  }

  private func configuration(_ plan: MergePlan) throws -> JSON {
    let file = try #require(
      plan.checkpoint.tokenizerFiles.first { $0.name == "tokenizer_config.json" })
    return try JSON.parse(try file.bytes(), origin: file.name)
  }

  private func chat(
    _ template: String, _ models: [(String, Checkpoint)], options: MergePlan.Options = .init()
  ) throws -> MergePlan {
    var recipe = MergeRecipe(
      method: "linear", models: models.map { .init($0.0, parameters: ["weight": 1]) })
    recipe.chatTemplate = template
    return try MergePlan.make(
      recipe,
      from: ModelResolver { reference in
        try #require(models.first { $0.0 == reference.description }?.1)
      }, options: options)
  }

  private func model(_ name: String, _ files: [String: String]) throws -> (String, Checkpoint) {
    (name, try folders.model(name, ["x"], start: 0, files: files))
  }

  private func model(_ name: String, template: String) throws -> (String, Checkpoint) {
    try model(
      name, ["tokenizer_config.json": "{\"chat_template\": \"\(template)\", \"k\": 1}"])
  }

  @Test func `a chat template is a known name, a text, or the most frequent one`() throws {
    let models = [
      try model("a", template: "{one}"), try model("b", template: "{two}"),
      try model("c", template: "{two}"),
    ]
    let auto = try chat("auto", models)
    #expect(try template(auto) == "{two}")
    #expect(auto.notes.contains("The chat template is that of b."))
    #expect(try configuration(auto)["k"] == 1)
    let names = try chat("auto", models).checkpoint.tokenizerFiles.map(\.name)
    #expect(names == names.sorted() && Set(names).count == names.count)
    #expect(try template(chat(Self.loop, models)) == Self.loop)
    for name in KnownTemplates.names {
      #expect(try template(chat(name, models)) == KnownTemplates.text(name))
    }
    #expect(lines { _ = try chat("chatlm", models) }[2] == "Did you mean `chatml`?")
    #expect(
      lines { _ = try chat("auto", [("d", try folders.model("d", ["x"], start: 0))]) }[0]
        == "`chat_template` is `auto`, and no model has a template.")
    let bare = try MergeModels.llama("e", MergeModels.layered(layers: 0))
    #expect(
      lines { _ = try chat("chatml", [("e", bare)]) }[0]
        == "A chat template is asked for, and the result has no tokenizer.")
  }

  @Test func `the most frequent template is looked for wherever a model may have its own`() throws {
    let list = #"[{"name": "rag", "template": "{r}"}, {"name": "default", "template": "{two}"}]"#
    let models = [
      try model("a", template: "{one}"),
      try model("b", ["tokenizer_config.json": "{\"chat_template\": \(list)}"]),
      try model(
        "c",
        [
          "chat_template.jinja": "{two}", "tokenizer_config.json": #"{"chat_template": "{one}"}"#,
        ]),
      try model("d", ["chat_template.json": #"{"chat_template": "{two}"}"#]),
      try model("e", template: "{one}"),
      // Without a default it has no voice.
      try model(
        "f",
        ["tokenizer_config.json": #"{"chat_template": [{"name": "x", "template": "{one}"}]}"#]),
    ]
    #expect(try template(chat("auto", models)) == "{two}")
    // The list of the donor gives way to the one template.
    #expect(try template(chat("auto", Array(models[1...]))) == "{two}")
    #expect(try template(chat("auto", Array(models[..<2]))) == "{one}")
    let last = try chat("auto", [models[3]])
    #expect(try template(last) == "{two}")
    #expect(!last.checkpoint.tokenizerFiles.contains { $0.name == "chat_template.json" })
  }

  @Test func `other templates of the donor come along, unless the recipe has one`() throws {
    let extra = "additional_chat_templates/rag.jinja"
    let (_, plain) = try model("a", ["chat_template.jinja": "{one}"])
    let a = Checkpoint(
      config: plain.config, origin: "a",
      sources: Dictionary(
        uniqueKeysWithValues: try plain.names.map { ($0, try plain.source($0)) }),
      tokenizerFiles: plain.tokenizerFiles + [.init(name: extra, contents: Array("{rag}".utf8))])
    let recipe = MergeRecipe(method: "linear", models: [.init("a", parameters: ["weight": 1])])
    let whole = try MergePlan.make(recipe, from: ModelResolver { _ in a })
    #expect(try ChatTemplates(whole.checkpoint).names == ["default", "rag"])
    #expect(try template(chat("{{ messages[0]['content'] }}", [("a", a)])).hasPrefix("{{"))
  }

  @Test func `white space at the ends is no other template, and stays unless mergekit's is asked`()
    throws
  {
    let models = [
      try model("a", ["chat_template.jinja": "{one}"]),
      try model("b", ["chat_template.jinja": " {two}\n"]),
      try model("c", ["chat_template.jinja": "{two}\u{1C}"]),
    ]
    #expect(try template(chat("auto", models)) == " {two}\n")
    let exact = MergePlan.Options(mergekitExact: .init())
    #expect(try template(chat("auto", models, options: exact)) == "{two}")
  }

  @Test func `a template that cannot be parsed is written with a note`() throws {
    let broken = "{% for message in messages %}{{ message }}"
    for (wanted, models) in [
      (broken, [try model("a", template: "{one}")]), ("auto", [try model("b", template: broken)]),
    ] {
      let plan = try chat(wanted, models)
      #expect(try template(plan) == broken)
      let note = plan.notes.first { $0.contains("Koine cannot read it") }
      #expect(note?.contains("the chat template, line 1") == true, "\(plan.notes)")
    }
    let sound = try chat(Self.loop, [try model("c", template: "{one}")])
    #expect(!sound.notes.contains { $0.contains("cannot read") })
  }

  @Test func `files of templates that have another form are refused by name`() throws {
    for (folder, name, text, problem) in [
      ("a", "tokenizer_config.json", #"{"chat_template": 5}"#, "should be a text or a list"),
      ("b", "tokenizer_config.json", #"{"chat_template": [{"name": "x"}]}"#, "`template`"),
      ("c", "chat_template.json", "[]", "should be an object"),
    ] {
      let found = lines { _ = try chat("auto", [try model(folder, [name: text])]) }
      #expect(found.count == 3 && found[0].contains(problem), "\(found)")
      #expect(found[1].hasSuffix("/\(name)"), "\(found)")
    }
    let found = lines { _ = try chat("chatml", [try model("d", ["tokenizer_config.json": "[]"])]) }
    #expect(found.count == 3 && found[0].contains("should be an object"), "\(found)")
  }
}
