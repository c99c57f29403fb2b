// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Templates

extension FuzzTarget {
  /// A template and the messages it renders: whatever it is, it ends within its limits.
  static let templates = [
    FuzzTarget(name: "template", usualCount: 3_000, parts: ["jinja", "messages.json"]) { seed in
      (
        FuzzMutator(
          seeds: templateTexts.map { [$0, templateMessages].map { Array($0.utf8) } },
          tokens: templateTokens, seed: seed), renderTemplate
      )
    }
  ]

  private static let templateTokens = [
    "{{ ", " }}", "{% ", " %}", "{%- ", " -%}", "{# ", " #}", "{% if 1 %}", "{% else %}",
    "{% endif %}", "{% for x in messages %}", "{% endfor %}", "{% set x = 1 %}", "{% macro f(x) %}",
    "{% endmacro %}", "{{ f(1) }}", "{% raw %}", "{% endraw %}", "{% generation %}",
    "{% endgeneration %}", "{% break %}", "namespace(a=1)", "range(9)", " | tojson", " | join",
    " | map('upper')", " | list", " | sort", " | indent(3)", " | int", " | round(2)", " is defined",
    "[::-1]", "[1:2]", ".items()", ".split('a')", ".format(1)", " % (1, 2)", " ** 9", " * 9", " ~ ",
    " // ", "loop.index", "loop.nextitem", "loop.cycle(1)", "'%s'", "'{}'", "x.y.z", "recursive",
    " if ", " and ", " not in ", " | batch(2)", " | groupby('role')", " | dictsort", " | unique",
  ]

  private static let templateMessages = """
    [{"role": "system", "content": "Be å 🐎"}, {"role": "user", "content": [{"type": "text",
      "text": "Hi"}]}, {"role": "assistant", "content": "a b\\nc", "n": 1.5, "tool_calls": [{"f": 1}]}]
    """

  private static let templateTexts = [
    """
    {%- set ns = namespace(n=0, s='') -%}
    {% for m in messages if m.role != 'system' %}
      {%- if loop.first %}{{ bos_token }}{% elif not loop.last %}{% continue %}{% endif -%}
      <|{{ m['role'] | upper }}|>{{ m.content if m.content is string else m.content | map(attribute='text') | join(' ') }}
      {%- set ns.n = ns.n + loop.index0 * 2 -%}
    {% else %}{{ raise_exception('none') }}{% endfor %}
    {{ ns.n ~ '/' ~ messages | length }}{% if add_generation_prompt %}A{% endif %}
    """,
    """
    {% macro turn(m, end='\\n') %}{{ '%-5s|' % m.role }}{{ m | tojson(indent=2) }}{{ end }}{% endmacro %}
    {% for m in messages[::-1] %}{{ turn(m) | trim | replace('a', 'bb') }}{% generation %}x{{ loop.previtem.role }}{% endgeneration %}{% endfor %}
    {% set block | upper %}{{ 'a,b'.split(',') }} {{ range(3, 0, -1) | list }}{% endset %}{{ block }}
    {% filter indent(2) %}{{ (7 // 2, -7 % 3, 2 ** 5, 1e3, 'é'.upper()) }}{% endfilter %}
    """,
    """
    {% for role, group in messages | groupby('role') %}{{ role }}={{ group | selectattr('n', 'defined') | list | length }};{% endfor %}
    {{ messages | map(attribute='content') | map('default', '-') | list }} {{ '{:>5}|{!r}'.format('a', 1.5) }}
    {{ 'one two three' | truncate(8) | title | center(12) }} {{ messages[0] | dictsort }} {{ {'b': [1, none]} | items | list }}
    {% with a = 1, b = 'c' %}{{ a }}{{ b * 3 }}{% endwith %}{% raw %}{{ x }}{% endraw %}{# note #}
    """,
  ]

  private static func renderTemplate(_ input: FuzzInput) throws {
    guard let source = String(validating: input[0], as: UTF8.self) else { return }
    let template = try JinjaTemplate(source, name: "chat_template.jinja")
    var limits = TemplateLimits()
    limits.stepCount = 20_000
    limits.outputByteCount = 1 << 20
    limits.textByteCount = 4 << 20
    let json = try JSON.parse(input[1], origin: "messages.json")
    var conversation = Conversation(messages: json.array ?? [json])
    conversation.addsGenerationPrompt = true
    let chat = ChatTemplate(template)
    let rendered = try chat.render(conversation, limits: limits)
    guard rendered.text.utf8.count <= limits.outputByteCount else {
      throw FuzzViolation("a text longer than its limit")
    }
    let count = rendered.text.unicodeScalars.count
    // Inside macros the places are those that transformers tells, which may lie beyond the end.
    guard rendered.generations.allSatisfy({ $0.lowerBound <= count }) else {
      throw FuzzViolation("a generation block beyond the text")
    }
    _ = rendered.generationBytes
  }
}
