// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Testing

@testable import Templates

/// Templates that would take all time, memory or stack, or reach out of the sandbox.
struct HostileTemplateTests {
  private func outcome(
    _ source: String, stepCount: Int = 300_000
  ) -> Result<String, TemplateError> {
    do throws(TemplateError) {
      var limits = TemplateLimits()
      limits.stepCount = stepCount
      return .success(
        try JinjaTemplate(source, name: "t.jinja").render(["l": [1, 2, 3]], limits: limits).text)
    } catch {
      return .failure(error)
    }
  }

  private static let long =
    "{% set d = {} %}{% set x = 'a' * 1000000 %}{% for i in range(90000) %}"
  private static let names =
    "{% set m = dict.fromkeys(range(8000) | map('replace', '9', 'k')) %}{% for i in range(90000) %}"
  private static let end = "{% endfor %}"
  private static let nesting = "{% set ns = namespace(x=[]) %}{% for i in range(90000) %}"

  @Test(arguments: [
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{% macro f(n) %}{{ f(n + 1) ~ f(n + 1) }}{% endmacro %}{{ f(0) }}",
    "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "{{ 'a' * 10 ** 9 }}", "{{ ('a' * 10 ** 7) * 10 ** 7 }}", "{{ [1] * 10 ** 9 }}",
    "{{ 'a' | center(10 ** 9) }}", "{{ 'a'.zfill(10 ** 9) }}", "{{ 'a'.ljust(10 ** 9) }}",
    "{{ 'a\nb' | indent(10 ** 9) }}", "{{ [1] | batch(10 ** 9, 0) | list }}",
    "{{ [1] | slice(10 ** 9) | list }}", "{{ range(10 ** 9) }}", "{{ l | tojson(indent=10 ** 9) }}",
    "{{ ('a' * 9 * 10 ** 6).replace('', 'bbbbbbbbbb') }}",
    nesting + "{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}",
    nesting + "{% set ns.x = {'a': ns.x} %}{% endfor %}",
    nesting + "{% set ns.x = ns.x | map('upper') %}{% endfor %}{{ ns.x | list }}",
    nesting + "{% set ns.x = namespace(x=ns) %}{% endfor %}",
    nesting + "{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x == ns.x[0] }}",
    "{% set ns = namespace(s='a') %}{% for i in l * 40 %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
    "{% set ns = namespace(f=1) %}{% for i in range(90000) %}{% macro m() %}{% endmacro %}"
      + "{% set ns.f = m %}{% endfor %}",
    "{% set a = namespace() %}{% set a.b = a %}{{ a }}",
    "{% set x = [1, 2, 3] * 9 %}{% for a in x %}{% for b in x %}{% for c in x %}{% for d in x %}"
      + "{{ x }}{% endfor %}{% endfor %}{% endfor %}{% endfor %}",
    "{% for a in l %}{{ ('x' * 9000000)[::-1] }}{% endfor %}",
    // Long texts: no step that looks at one whole is free, and no copy of one.
    long + "{{ x | length }}" + end, long + "{{ x | wordcount }}" + end,
    long + "{{ x.isprintable() }}" + end, long + "{{ x.istitle() }}" + end,
    long + "{{ x.isidentifier() }}" + end, long + "{{ x in 'a' }}" + end,
    long + "{{ (x ~ '.') | int }}" + end, long + "{{ l | attr(x) }}" + end,
    long + "{{ d[x] }}" + end, long + "{{ d.get((x, 1)) }}" + end,
    long + "{% set y = {x: 1} %}" + end, long + "{{ l | map(attribute=x) | list }}" + end,
    long + "{{ [] | sort(attribute=x) }}" + end,
    long + "{% set y = x.removeprefix('a') %}" + end,
    long + "{% set y = x.removesuffix('a') %}" + end,
    long + "{% set y = x.expandtabs() %}" + end, long + "{% set y = x.format() %}" + end,
    long + "{% set y = x % {} %}" + end, long + "{% set y = {x: 1} | tojson %}" + end,
    long + "{% set y = [1, 2] | tojson(separators=[x, x]) %}" + end,
    // Long lists of arguments.
    names + "{{ dict(**m) }}" + end, names + "{{ 'a'.format_map(m) }}" + end,
    names + "{{ ('{7kkk}' * 5000).format_map(m) }}" + end,
    names + "{{ 'a'.startswith(('b',) * 8000) }}" + end,
    "{% macro f(\((0..<200).map { "p\($0)=0" }.joined(separator: ","))) %}{{ kwargs }}"
      + "{% endmacro %}" + names + "{{ f(**m) }}" + end,
    // A tuple of tuples has as many parts as there are ways down.
    "{% set ns = namespace(t=(1, 2)) %}{% for i in range(190) %}{% set ns.t = (ns.t, ns.t) %}"
      + "{% endfor %}{{ {}[ns.t] }}",
  ])
  func `a template without end is stopped with its name and line`(_ source: String) throws {
    // Few steps are enough where each looks at much.
    let looksAtMuch = source.contains(Self.long) || source.contains(Self.names)
    guard case .failure(let error) = outcome(source, stepCount: looksAtMuch ? 60_000 : 300_000)
    else {
      Issue.record("it ended: \(source)")
      return
    }
    guard case .limit(let name, let line, _) = error else {
      Issue.record("\(source): \(error)")
      return
    }
    #expect(name == "t.jinja")
    #expect(line >= 1)
    #expect(error.diagnosis.what.hasPrefix("The template was stopped: "))
  }

  @Test(arguments: [
    String(repeating: "(", count: 100_000), "{{ " + String(repeating: "(", count: 100_000),
    "{{ " + String(repeating: "[", count: 50_000) + String(repeating: "]", count: 50_000) + " }}",
    "{{ " + String(repeating: "-", count: 100_000) + "1 }}",
    "{{ " + String(repeating: "1 if 1 else ", count: 100_000) + "1 }}",
    "{{ 1" + String(repeating: " if 1", count: 200_000) + " }}",
    String(repeating: "{% if 1 %}", count: 100_000),
    "{{ {" + String(repeating: "{", count: 10_000) + " }}",
    "{% set " + String(repeating: "(", count: 10_000) + " = 1 %}",
  ])
  func `brackets and tags may not nest without end`(_ source: String) {
    let outcome = outcome(source)
    if source.hasPrefix("{") {
      guard case .failure(.syntax) = outcome else {
        Issue.record("\(outcome)")
        return
      }
    } else {
      #expect(throws: Never.self) { try outcome.get() }
    }
  }

  @Test func `long chains need no depth`() throws {
    let sum = "{{ " + Array(repeating: "1", count: 20_000).joined(separator: " + ") + " }}"
    #expect(try outcome(sum).get() == "20000")
    let filters = "{{ 'a'" + String(repeating: " | upper", count: 20_000) + " }}"
    #expect(try outcome(filters).get() == "A")
    let nots = "{{ " + String(repeating: "not ", count: 20_001) + "1 }}"
    #expect(try outcome(nots).get() == "False")
    let elses = "{% if 0 %}" + String(repeating: "{% elif 0 %}", count: 20_000) + "{% endif %}x"
    #expect(try outcome(elses).get() == "x")
  }

  @Test(arguments: [
    "{{ ''.__class__.__mro__ }}", "{{ [].__class__.__base__.__subclasses__() }}",
    "{{ ''['__class__']['__mro__'] }}", "{{ (''|attr('__class__')).mro() }}",
    "{{ '{0.__class__.__mro__}'.format('') }}", "{{ l.append(4) }}", "{{ {}.update({}) }}",
    "{{ [3, 1].sort() }}", "{{ namespace.__init__ }}{{ namespace.__init__.x }}",
    "{% set ns = namespace() %}{% set ns.__class__ = 1 %}", "{{ 'x'.encode() }}",
    "{{ 'x'.translate({120: 'y'}) }}", "{{ ''.maketrans('a', 'b') }}", #"{{ '\N{BULLET}' }}"#,
    "{% autoescape true %}x{% endautoescape %}", "a{% raw %}", "a{% raw %}{{ x }}",
    "{% include '/etc/passwd' %}", "{% import 'os' as os %}", "{% extends 'x' %}",
    "{% from 'x' import y %}", "{{ self.x() }}", "{{ cycler.__init__.__globals__.os }}",
    "{{ 9223372036854775807 + 1 }}", "{{ 10 ** 100 }}", "{{ -9223372036854775807 - 2 }}",
    "{{ 9223372036854775807 * 2 }}", "{{ (-9223372036854775807 - 1) // -1 }}",
    "{{ '%1000000000d' % 1 }}", "{{ '{:1000000000}'.format(1) }}", "{{ '%.1000000000f' % 1.0 }}",
    "{{ 1.5 | round(1000000000) }}", "{{ strftime_now('%0999999999Y') }}", "{{ ('9' * 30) | int }}",
    "{{ l[::9223372036854775807][5].x }}", "{{ 1e999 | int + 'a' }}",
    "{{ '%*d' % (1000000000, 1) }}",
    "{% break %}", "{% set caller = 1 %}{{ caller() }}", "{{ x.y.z }}", "{{ l | map('x') | list }}",
  ])
  func `what leaves the sandbox or Python's rules is an error`(_ source: String) {
    guard case .failure(let error) = outcome(source) else {
      Issue.record("it ended: \(source)")
      return
    }
    let lines = error.description.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count == 3 && lines.allSatisfy { !$0.isEmpty })
    #expect(lines[1] == "t.jinja, line 1")
  }

  @Test func `bounds at the ends of integers do not trap`() throws {
    let least = "(-9223372036854775807 - 1)"
    for (source, text) in [
      ("{{ l[\(least):] }}", "[1, 2, 3]"), ("{{ l[:\(least):\(least)] }}", "[3]"),
      ("{{ l[::9223372036854775807] }}", "[1]"), ("{{ l[9223372036854775807] }}", ""),
      ("{{ l[\(least)] }}", ""), ("{{ 'abc'[\(least)] }}", ""), ("{{ 'abc'[\(least):2] }}", "ab"),
      ("{{ 'abc'.find('c', \(least)) }}", "2"),
      ("{{ 'abc'.find('c', 9223372036854775807) }}", "-1"),
      ("{{ range(\(least), \(least)) | list }}", "[]"), ("{{ \(least) % -1 }}", "0"),
      ("{{ 'a' * \(least) }}", ""), ("{{ 'a'.replace('a', 'b', \(least)) }}", "b"),
      ("{{ 'a b'.split(none, \(least)) }}", "['a', 'b']"), ("{{ 'x'.center(\(least)) }}", "x"),
      ("{{ 'x'.zfill(\(least)) }}", "x"), ("{{ [1] | batch(\(least)) | list }}", "[[1]]"),
      ("{{ [1] | slice(\(least)) | list }}", "[]"),
      ("{{ 'ab' | truncate(9223372036854775807) }}", "ab"),
      ("{{ range(0, 5, 9223372036854775807) | list }}", "[0]"),
      ("{{ range(9223372036854775807, 0, \(least)) | list }}", "[9223372036854775807]"),
      ("{{ l | sum(start=\(least)) }}", "-9223372036854775802"),
    ] {
      #expect(try outcome(source).get() == text, "\(source)")
    }
  }

  @Test func `macros with very many parameters are read in one pass`() throws {
    let names = (0..<40_000).map { "p\($0)" }.joined(separator: ",")
    let values = (0..<40_000).map { "p\($0)=1" }.joined(separator: ",")
    #expect(try outcome("{% macro f(\(names)) %}{% endmacro %}{% set x = 1 %}a").get() == "a")
    #expect(try outcome("{% if 0 %}{{ f(\(values)) }}{% endif %}b").get() == "b")
  }

  @Test func `messages name the line and what to do`() throws {
    func message(_ source: String) -> String {
      if case .failure(let error) = outcome(source) { error.description } else { "" }
    }
    #expect(
      message("a\n{{ x.y }}") == """
        The template failed: `x` is undefined.
        t.jinja, line 2
        Check that the messages have what the template reads, or correct the template.
        """)
    #expect(
      message("{% if a %}\n{% for x in l %}\n{% endif %}") == """
        The template is not well formed: there is no tag `endif`, and `{% for %}` of line 2 waits \
        for `else` or `endfor`.
        t.jinja, line 3
        Correct the template there.
        """)
    #expect(
      message("\n\n{{ raise_exception('Only one system\nmessage.') }}") == """
        The template refuses the conversation: Only one system\\nmessage.
        t.jinja, line 3
        Change the messages as it says.
        """)
    #expect(
      message("{% include 'x' %}") == """
        The tag `{% include %}` is not supported in chat templates.
        t.jinja, line 1
        A chat template is one text without files; write it without that.
        """)
    #expect(
      message("{% for i in range(99999) %}\n{% for j in range(99999) %}{% endfor %}{% endfor %}")
        == """
        The template was stopped: it took more than 300000 steps.
        t.jinja, line 2
        Correct a template that loops; a very long conversation must be cut.
        """)
  }
}
