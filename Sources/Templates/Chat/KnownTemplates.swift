// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Chat templates that are asked for by name, written for this project after the formats' public
/// descriptions.
///
/// They render texts: `content` is a string, and tools, documents and reasoning are not read.
/// A model's own template, where it has one, knows more about the model.
///
/// - Departs: mergekit has templates of the same names. `chatml` renders the same; the others of
///   mergekit write further white space (a line end after each `<|eot_id|>` of `llama3`, a space
///   before `[INST]`), and its `mistral` also refuses roles out of turn.
public enum KnownTemplates {
  /// The names, in byte order.
  public static let names = texts.keys.sorted()

  /// The template of that name; `nil` for an unknown one.
  public static func text(_ name: String) -> String? { texts[name] }

  private static let texts: [String: String] = [
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
}
