// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents

/// The chat template that a recipe asks for.
///
/// `auto` is the one most inputs have; a short word is a known name; anything else is the template.
enum ChatTemplate {
  /// Templates by name, written for this project after the formats' public descriptions.
  static let known: [String: String] = [
    "chatml": """
    {% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + \
    message['content'] + '<|im_end|>\\n' }}{% endfor %}\
    {% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}
    """,
    "llama3": """
    {{ bos_token }}{% for message in messages %}{{ '<|start_header_id|>' + message['role'] + \
    '<|end_header_id|>\\n\\n' + (message['content'] | trim) + '<|eot_id|>' }}{% endfor %}\
    {% if add_generation_prompt %}\
    {{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}
    """,
    "mistral": """
    {{ bos_token }}{% set state = namespace(system='') %}{% for message in messages %}\
    {% if message['role'] == 'system' %}{% set state.system = message['content'] + '\\n\\n' %}\
    {% elif message['role'] == 'user' %}\
    {{ '[INST] ' + state.system + message['content'] + ' [/INST]' }}{% set state.system = '' %}\
    {% elif message['role'] == 'assistant' %}\
    {{ ' ' + (message['content'] | trim) + eos_token }}{% endif %}{% endfor %}
    """,
    "alpaca": """
    {% for message in messages %}{% if message['role'] == 'system' %}\
    {{ (message['content'] | trim) + '\\n\\n' }}{% elif message['role'] == 'user' %}\
    {{ '### Instruction:\\n' + (message['content'] | trim) + '\\n\\n' }}\
    {% elif message['role'] == 'user_context' %}\
    {{ '### Input:\\n' + (message['content'] | trim) + '\\n\\n' }}\
    {% elif message['role'] == 'assistant' %}\
    {{ '### Response:\\n' + (message['content'] | trim) + '\\n\\n' }}{% endif %}{% endfor %}\
    {% if add_generation_prompt %}{{ '### Response:\\n' }}{% endif %}
    """,
    "exaone": """
    {% for message in messages %}{% if loop.first and message['role'] != 'system' %}\
    {{ '[|system|][|endofturn|]\\n' }}{% endif %}\
    {{ '[|' + message['role'] + '|]' + message['content'] }}\
    {% if message['role'] == 'user' %}{{ '\\n' }}{% else %}{{ '[|endofturn|]\\n' }}{% endif %}\
    {% endfor %}{% if add_generation_prompt %}{{ '[|assistant|]' }}{% endif %}
    """,
  ]

  /// The template's text: as mergekit tells names from templates, by length, line breaks and braces.
  static func text(
    _ template: String, models: [InputModel], notes: inout MergePlanner.Notes
  ) throws(MergeError) -> String {
    if template == "auto" { return try mostFrequent(models, &notes) }
    if template.utf8.count < 256, !template.contains("\n"), !template.contains("{"),
      let text = known[template]
    {
      return text
    }
    guard template.utf8.count >= 20, template.contains("{") else {
      let names = known.keys.sorted()
      throw .operation(
        Diagnosis(
          what: "`chat_template` should be `auto`, one of \(names.joined(separator: ", ")), or a "
            + "Jinja text, found `\(template)`.",
          where: "`chat_template`",
          next: nearestName(to: template, in: names).map { "Did you mean `\($0)`?" }
            ?? "Choose one of them."))
    }
    return template
  }

  /// The files with the template in tokenizer_config.json, where every release of transformers
  /// finds it.
  static func files(
    _ files: [Checkpoint.CompanionFile], template: String, models: [InputModel], origin: String,
    notes: inout MergePlanner.Notes
  ) throws(MergeError) -> [Checkpoint.CompanionFile] {
    let text = try text(template, models: models, notes: &notes)
    guard files.contains(where: { $0.name == "tokenizer.json" || $0.name == "tokenizer.model" })
    else {
      throw .operation(
        Diagnosis(
          what: "A chat template is asked for, and the result has no tokenizer.", where: origin,
          next: "Put the tokenizer's files into the folder, or leave `chat_template` out."))
    }
    var config: JSON = [:]
    if let file = files.first(where: { $0.name == "tokenizer_config.json" }) {
      config = try parse(file, origin: origin)
    }
    config["chat_template"] = JSON(text)
    let replaced: Set<String> = [
      "chat_template.jinja", "chat_template.json", "tokenizer_config.json",
    ]
    return
      (files.filter { !replaced.contains($0.name) } + [
        .init(
          name: "tokenizer_config.json",
          contents: Array((config.serialized(pretty: true) + "\n").utf8))
      ]).sorted { $0.name < $1.name }
  }

  private static func mostFrequent(
    _ models: [InputModel], _ notes: inout MergePlanner.Notes
  ) throws(MergeError) -> String {
    var counts: [(text: String, count: Int, model: String)] = []
    for model in models {
      guard let text = try own(model) else { continue }
      if let index = counts.firstIndex(where: { $0.text == text }) {
        counts[index].count += 1
      } else {
        counts.append((text, 1, model.name))
      }
    }
    // The first of equals, in the recipe's order.
    guard let most = counts.map(\.count).max(), let best = counts.first(where: { $0.count == most })
    else {
      throw .operation(
        Diagnosis(
          what: "`chat_template` is `auto`, and no model has a template.", where: "`chat_template`",
          next: "Name one of \(known.keys.sorted().joined(separator: ", ")), or leave it out."))
    }
    notes.add("The chat template is that of \(best.model).")
    return best.text
  }

  private static func own(_ model: InputModel) throws(MergeError) -> String? {
    let files = model.checkpoint.tokenizerFiles
    if let file = files.first(where: { $0.name == "chat_template.jinja" }) {
      do throws(CheckpointError) {
        return String(decoding: try file.bytes(), as: UTF8.self)
      } catch {
        throw .checkpoint(error)
      }
    }
    guard let file = files.first(where: { $0.name == "tokenizer_config.json" }) else { return nil }
    return try parse(file, origin: model.checkpoint.origin)["chat_template"]?.string
  }

  private static func parse(
    _ file: Checkpoint.CompanionFile, origin: String
  ) throws(MergeError) -> JSON {
    do {
      return try JSON.parse(try file.bytes(), origin: "\(origin)/\(file.name)")
    } catch let error as any Diagnosed {
      throw .operation(error.diagnosis)
    } catch {
      preconditionFailure("an error of an unknown type: \(error)")
    }
  }
}
