# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""Small templates, one for each rule that a chat template may lean on."""

CONTEXT = {
    "a": 1, "b": 2, "f": 1.5, "s": "Hello World", "e": "", "n": None, "t": True,
    "u": "žluťoučký kůň 🐎 e\u0301", "l": [3, 1, 2], "names": ["beta", "Alpha", "gamma", "alpha"],
    "d": {"x": 1, "y": [1, 2], "items": "own", "z z": None}, "empty": {}, "html": "<a href='x'>&\"</a>",
    "users": [
        {"name": "Ann", "age": 31, "tags": ["x", "y"], "home": {"city": "Brno"}},
        {"name": "bob", "age": 25, "tags": [], "home": {"city": "oslo"}},
        {"name": "Cyd", "age": 31, "home": {"city": "Brno"}, "admin": True},
    ],
    "text": "  two\nlines \r\n\tand a tab  ", "num": "42", "big": 9007199254740993, "neg": -7,
}


def each(form, *values):
    return [form.replace("@", value) for value in values]


VALUES = each(
    "{{ @ }}",
    "1", "-1", "+1", "1.0", "1.50", "1e3", "1e16", "1e15", "123456789012345680.0", "1e-4", "1e-5",
    "0.1 + 0.2", "1e100", "-0.0", "1.5e-7", "1_000", "0x1F", "0b101", "0o17", "1_0.5", "007", "00",
    "true", "false", "none", "True", "None", "[]", "[1, 'a', none, 1.0, true]", "()", "(1,)", "(1, 2)",
    "1, 2", "{}", "{'a': 1, 2: [3]}", "{'a': 1,}", "[1,]", "'a' 'b'", "\"it's\"", "'say \"x\"'",
    "[\"it's\"]", "['say \"x\"']", "['both \\' and \"']", "['tab\\t nl\\n \\x00 \\u200b é \\\\']",
    "'\\x41\\u00e9\\U0001F600\\101\\q\\é\\'\\\"'", "'a\\\nb'", "['\\x7f\\xa0\\u2028']", "u", "[u]", "s", "missing",
    "missing.x", "missing['x']", "[missing]", "a.b", "n.x", "d.x", "d.items", "d['items']", "d.q", "d['z z']",
    "l[0]", "l[-1]", "l[9]", "l['x']", "l.0", "l[1.0]", "l[true]", "s[0]", "s[-1]", "s[99]", "u[5:12]", "s[::-1]",
    "s[2:]", "s[:-3]", "s[1:8:2]", "l[::-1]", "l[1:]", "l[5:]", "l[:9]", "l[-2:]", "l[::2]", "l[::0]", "(1,2,3)[::-1]",
    "d[0:1]", "d[l]", "range(5)[1:3]", "users[0].name", "users[0]['home'].city", "users[-1].admin", "users[1].admin",
    "big + 1", "9223372036854775807", "a.real is defined", "''.join", "s.upper", "2147483648 * 2",
)
ARITHMETIC = each(
    "{{ @ }}",
    "1 + 2 * 3", "(1 + 2) * 3", "7 / 2", "7 // 2", "-7 // 2", "7 // -2", "7 % 3", "-7 % 3", "7 % -3", "7.5 % 2",
    "-7.5 % 2", "7.5 // 2", "-7.5 // 2", "2 ** 3 ** 2", "-2 ** 2", "2 ** -1", "2 ** 0.5", "2 ** 62", "0 ** 0",
    "10 - 2 - 3", "6 / 2 / 3", "1 / 0", "1 // 0", "1 % 0", "1.0 / 0", "'a' + 'b'", "'a' + 1", "1 + 'a'", "'ab' * 3",
    "3 * 'ab'", "'ab' * -1", "[1] * 2", "[1] + [2]", "[1] + (2,)", "(1,) + (2,)", "true + 1", "none + 1",
    "missing + 1", "1 + missing", "-missing", "-'a'", "--1", "- -1", "not not 1", "'a' ~ 1 ~ none ~ 1.0 ~ [1]",
    "1 ~ 2 + 3", "1 + 2 ~ 3", "'a' ~ missing", "'%s-%d' % ('x', 5)", "'%5.2f|' % 3.14159", "'%05d' % -42",
    "'%-5s|' % 'ab'", "'%x %X %o' % (255, 255, 8)", "'%+d' % 3", "'%%'  % ()", "'%s' % none", "'%(a)s' % {'a': 1}",
    "'%s %s' % ('a',)", "'%s' % ('a', 'b')", "'%d' % 'x'", "'%r' % 'x'", "'%e' % 12345.678", "'%g' % 0.00001",
    "'%c' % 65", "'%s' % [1]", "'%10s|' % u", "'%.3s' % 'abcdef'", "'%d' % 3.9", "5 - -3", "1 - 1.0", "3 * 1.5",
    "a + b * f", "big * 2", "7 // 2.0", "-0.0 + 0", "1e308 * 10", "0.1 * 3", "100 * 1.1", "2 ** 0.5 * 2 ** 0.5",
    "1 if t", "1 if not t", "1 if not t else 2", "1 if a == 2 else 2 if a == 1 else 3", "(1 if n else 2) + 1",
)
LOGIC = each(
    "{{ @ }}",
    "1 == 1.0", "1 == true", "'1' == 1", "[1, 2] == [1, 2.0]", "{'a': 1} == {'a': 1}", "(1,) == [1]", "none == none",
    "missing == missing2", "missing == none", "1 < 2 < 3", "1 < 3 < 2", "3 > 2 > 1 != 0", "'a' < 'b'", "'a' < 'B'",
    "[1, 2] < [1, 3]", "[1] < [1, 0]", "1 < 'a'", "none < 1", "missing < 1", "missing > 1", "1.5 >= 1", "'é' > 'z'",
    "1 in [1, 2]", "4 in l", "4 not in l", "'ell' in s", "'x' in d", "1 in d", "1 in 'a1'", "'a' in none", "'a' in missing",
    "'' in 'a'", "'a' in ('a', 'b')", "2 in range(3)", "5 in range(3)", "[1] in [[1]]", "not 'a' in 'b'", "a and b", "n and b",
    "n or b", "e or n", "missing or 'd'", "missing and 1", "not missing", "not e", "a or missing.x", "e and missing.x",
    "true and false or true", "not true or true", "1 in [1] == true", "'a' is string and 1 is number", "a is defined",
    "missing is defined", "missing is not defined", "d.q is undefined", "d.x is defined", "n is none", "n is not none", "missing is none",
    "a is number", "t is number", "t is integer", "f is integer", "f is float", "a is float", "t is boolean", "a is boolean",
    "t is true", "1 is true", "false is false", "e is false", "s is string", "l is string", "d is mapping", "l is mapping",
    "l is iterable", "s is iterable", "a is iterable", "d is iterable", "missing is iterable", "l is sequence", "d is sequence",
    "s is sequence", "a is sequence", "d.items() is sequence", "missing is sequence", "3 is odd", "3 is even", "4 is divisibleby 2",
    "4 is divisibleby(3)", "a is eq 1", "a is equalto(1)", "a is ne 1", "b is gt 1", "b is ge 2", "b is lt 2", "b is le 2",
    "a is in [1]", "a is not in [1]", "a is sameas 1", "n is sameas none", "t is sameas 1", "range is callable", "s is callable",
    "'abc' is lower", "'ABC' is upper", "'Abc' is lower", "'1' is lower", "1 is defined is defined", "'x' is odd", "missing is odd",
    "a is nosuch", "a is defined(1)", "a is divisibleby", "a is == 1", "'tojson' is filter", "'none' is test", "'no' is filter",
    "a is string or a is number", "a is not string and not a is mapping", "l is not defined or l", "none is defined",
    "(a is defined and a) + 1", "a is number | string", "html|safe is escaped", "html is escaped", "namespace() is mapping",
)
STRINGS = each(
    "{{ @ }}",
    "s.upper()", "s.lower()", "s.title()", "'hELLO wORLD'.capitalize()", "'they''re bill\\'s'.title()", "s.swapcase()",
    "'  x '.strip() ~ '|'", "'xxaxx'.strip('x')", "'abcba'.strip('ab')", "' x '.lstrip() ~ '|'", "' x '.rstrip() ~ '|'",
    "text.strip()", "'\\u00a0x\\u3000'.strip()", "'a,b,,c'.split(',')", "'a b  c'.split()", "' a b '.split(' ')",
    "'a,b,c'.split(',', 1)", "'a,b,c'.split(sep=',', maxsplit=1)", "'a,b,c'.rsplit(',', 1)", "' a  b c '.rsplit(none, 1)",
    "' a  b c '.split(none, 1)", "'abc'.split('')", "''.split()", "''.split(',')", "'a</t>b</t>c'.split('</t>')[-1]",
    "text.splitlines()", "text.splitlines(true)", "'a\\n\\nb\\n'.splitlines()", "'a\\x0bb\\x1cc\\u2028d'.splitlines()",
    "s.startswith('He')", "s.startswith(('x', 'H'))", "s.startswith('W', 6)", "s.endswith('ld')", "s.endswith('lo', 0, 5)", "s.endswith(1)",
    "s.replace('o', '0')", "s.replace('o', '0', 1)", "'aaa'.replace('aa', 'b')", "'abc'.replace('', '-')", "u.replace('ů', 'u')",
    "s.find('o')", "s.find('o', 5)", "s.find('zz')", "s.rfind('o')", "s.rfind('o', 0, 5)", "u.find('🐎')", "s.index('W')", "s.index('q')",
    "s.count('l')", "s.count('')", "'aaaa'.count('aa')", "s.count('l', 3, 8)", "', '.join(['a', 'b'])", "','.join('abc')", "','.join([1])",
    "'{} {}'.format(1, 'b')", "'{1} {0}'.format(1, 2)", "'{x} {y[0]} {z.name}'.format(x=1, y=[2], z=users[0])", "'{:>5}|{:<5}|{:^5}|'.format(1, 2, 3)",
    "'{:05.1f} {:,} {:x} {:%}'.format(2.345, 1234567, 255, 0.5)", "'{{}} {!r}'.format('a')", "'{:*^9}'.format('mid')", "'{} {0}'.format(1)",
    "'{:.2f}'.format(1)", "'{:d}'.format(1.5)", "'{:s}'.format(1)", "'{:{}}|'.format('a', 4)", "'{}'.format()", "'{'.format()", "'{:+d} {:e}'.format(3, 1234.5)",
    "'{:g} {:.3g} {:10}|'.format(0.0001, 1234.5, 1.5)", "'x' % [1]", "'x' % range(2)", "'x' % (1,)", "'x' % 1", "'x' % 'a'", "'%s' % [1, 2]", "'{:.3} {:.3} {:.3} {:.3} {:.1} {:.1} {:.17} {:.4}|{:+012.3}'.format(100.0, 10.0, 99.96, 123456.0, 0.0, 0.5, 0.1, 0.00001234, 1e20)", "'{0.__class__}'.format(1)", "'{a}'.format_map({'a': 1})", "'7'.zfill(3)", "'-7'.zfill(4)",
    "'12'.isdigit()", "'1.2'.isdigit()", "'²'.isdigit()", "'²'.isdecimal()", "'½'.isnumeric()", "''.isdigit()", "'aé'.isalpha()", "'a1'.isalpha()", "'a1'.isalnum()",
    "' \\t'.isspace()", "'abc'.islower()", "'ABC1'.isupper()", "'Ab Cd'.istitle()", "'a_1'.isidentifier()", "'é'.isascii()", "'a\\n'.isprintable()",
    "'ab'.center(7, '*')", "'ab'.center(5)", "'abc'.center(6) ~ '|'", "'ab'.ljust(4, '.')", "'ab'.rjust(4)", "'a-b-c'.partition('-')", "'a-b-c'.rpartition('-')",
    "'abc'.partition('-')", "'abc'.rpartition('-')", "'prefix-x'.removeprefix('prefix-')", "'x.txt'.removesuffix('.txt')", "'a\\tb'.expandtabs(4)", "'STRASSE ß'.casefold()", "'ẞ ﬃ ſ ς Σ ı İ ŉ µ ΰ ᾳ Ꭰ ꭰ Ա և'.casefold()",
    "'straße'.upper()", "'ΑΣ ΑΣΑ'.lower()", "'ǆ'.title()", "'İ'.lower()|length", "u.upper()", "u|length", "s.nosuch", "s.nosuch()", "s.format", "'a'.upper().lower().title()",
    "s.upper(1)", "s.replace('a')", "s.split(1)", "'abc'[1].upper()", "s.__class__", "s.__class__.__mro__", "s['__class__']", "''.mro", "s._x", "d._x", "d['__class__']",
    "l.append(4)", "l.append", "l.pop()", "l.sort()", "l.copy()", "l.count(3)", "l.index(1)", "l.index(9)", "(1, 2, 1).count(1)", "d.update({'a': 1})", "d.pop('x')", "d.clear()",
    "d.get('x')", "d.get('q')", "d.get('q', 5)", "d.keys()", "d.values()", "d.items is string", "empty.items()", "d.keys()|list", "users[0].items()|list", "users[0].keys()|join(',')",
    "d.get(l)", "{1: 'a'}[1.0]", "{true: 'a'}[1]", "{(1, 2): 3}[(1, 2)]", "{l: 1}", "1.5.is_integer()", "(2.0).is_integer()", "range(3)", "range(1, 9, 3)|list", "range(5, 0, -2)|list",
    "range(3, 3)|list", "range(0)", "range(100001)|length", "range(99999)|length", "range('a')", "range(1, 2, 0)", "range()", "range(3).stop",
)
FILTERS = each(
    "{{ @ }}",
    "s|upper", "s|lower", "'heLLo wORLD-foo (bar)'|title", "'heLLo'|capitalize", "'  x '|trim ~ '|'", "'xxaxx'|trim('x')", "5|upper", "none|trim", "missing|trim", "l|length", "s|length", "d|length", "a|length", "missing|length", "l|count",
    "missing|default('d')", "n|default('d')", "n|default('d', true)", "e|d('d', boolean=true)", "e|default('d')", "missing|default", "missing.x|default(1)", "d.q.r|default(1)", "l|join(', ')", "l|join", "users|join(', ', attribute='name')", "users|join('-', 'home.city')", "d|join(',')", "s|join('.')", "[1, none, true]|join",
    "missing|join(',')", "5|join", "l|first", "l|last", "[]|first", "[]|last", "d|first", "d|last", "s|first", "s|last", "missing|first", "5|first", "l|reverse|list", "s|reverse", "d|reverse|list", "5|reverse", "range(3)|reverse|list", "l|list", "s|list", "d|list", "5|list", "missing|list", "(1,2)|list",
    "l|sort", "l|sort(reverse=true)", "names|sort", "names|sort(case_sensitive=true)", "users|sort(attribute='age')|map(attribute='name')|list", "users|sort(attribute='age,name', reverse=true)|map(attribute='name')|join(' ')", "users|sort(attribute='home.city')|map(attribute='name')|list", "[1, 'a']|sort", "d|sort", "[[2, 1], [1, 2]]|sort",
    "names|unique|list", "names|unique(case_sensitive=true)|list", "users|unique(attribute='age')|map(attribute='name')|list", "[1, 1.0, true, 2]|unique|list", "[[1]]|unique|list", "l|min", "l|max", "names|min", "names|max(case_sensitive=true)", "[]|min", "users|max(attribute='age')", "[1, 'a']|max", "l|sum", "users|sum(attribute='age')", "l|sum(start=10)", "['a']|sum", "[[1], [2]]|sum(start=[])", "[]|sum", "[1, 2.5]|sum",
    "l|map('string')|list", "names|map('upper')|join(',')", "users|map(attribute='name')|list", "users|map(attribute='admin')|list", "users|map(attribute='admin', default=false)|list", "users|map(attribute='tags')|map('default', 0)|list", "['1', 'x']|map('int', 9)|list", "l|map('nosuch')|list", "l|map|list", "l|map(attr='x')|list", "[[1,2],[3]]|map('join', '+')|list", "[[1,2],[3]]|map(attribute=0)|list", "5|map('upper')|list", "0|map('upper')|list", "missing|map('upper')|list",
    "[0, 1, '', 'a', none]|select|list", "[0, 1, '', 'a', none]|reject|list", "l|select('odd')|list", "l|reject('odd')|list", "l|select('gt', 1)|list", "l|select('in', [1, 2])|list", "users|selectattr('admin')|map(attribute='name')|list", "users|rejectattr('admin')|map(attribute='name')|list", "users|selectattr('age', 'equalto', 31)|map(attribute='name')|list", "users|selectattr('home.city', '==', 'Brno')|list|length", "users|selectattr('admin', 'defined')|list|length", "users|rejectattr('name', 'in', ['Ann', 'bob'])|map(attribute='name')|first", "users|selectattr('name', 'nosuch')|list", "users|selectattr|list", "l|select('divisibleby', 3)|list", "l|selectattr('x')|list",
    "d|tojson", "d|tojson(indent=2)", "users|tojson", "users[0]|tojson(indent=4)", "u|tojson", "u|tojson(ensure_ascii=true)", "'\\x00\\x1f\\x7f\"\\\\/\\b\\f\\n\\r\\t'|tojson", "1.0|tojson", "1e16|tojson", "1e-7|tojson", "none|tojson", "true|tojson", "(1, 2)|tojson", "{1: 2, none: 3, true: 4, 1.5: 5}|tojson", "{'b': 1, 'a': 2}|tojson(sort_keys=true)", "[]|tojson(indent=2)", "[[], {}]|tojson(indent=2)", "d|tojson(separators=(',', ':'))", "d|tojson(indent=2, separators=(' ;', '='))", "d|tojson(indent=0)", "d|tojson(indent='\\t')", "missing|tojson", "range(2)|tojson", "d.items()|tojson", "html|tojson", "{(1,): 1}|tojson", "d|tojson(false, 1)", "d|tojson(nosuch=1)", "(html|safe)|tojson", "l|map('string')|tojson", "(1e308 * 10)|tojson",
    "html|e", "html|escape|upper", "html|safe", "(html|e) + '<'", "'<' + (html|safe)", "(html|safe) ~ '<'", "[html|safe]", "(html|safe)|replace('a', '<')", "(html|safe).replace('a', '<')", "('<b>'|safe) * 2", "('%s'|safe) % '<'", "html|forceescape|e", "(1|e) + 'x'", "('<'|safe).join(['&', 'b'])", "('<'|safe) == '<'", "('a'|safe) is string", "'<'|e|length", "(html|safe).upper()", "('<b>'|safe)|trim ~ 'x'", "('<b>'|safe)|string + '<'", "('a'|e)|list", "['<'|safe, '<']|join('&')",
    "'42'|int", "' 42 '|int", "'4_2'|int", "'x'|int", "'x'|int(7)", "'1.9'|int", "1.9|int", "-1.9|int", "true|int", "none|int", "none|int(5)", "l|int", "missing|int", "'0x1f'|int(base=16)", "'ff'|int(0, 16)", "'0b11'|int(0, 0)", "'1e3'|int", "'inf'|int", "''|int", "'٣'|int", "'1.5'|float", "'x'|float", "'x'|float(2.0)", "' 1e3 '|float", "3|float", "none|float", "'nan'|float", "'-inf'|float", "'.5'|float", "'5.'|float", "'1_0.5'|float", "'.'|float", "'1e'|float", "5|string + 'x'", "none|string", "[1]|string", "-5|abs", "neg|abs", "-1.5|abs", "'a'|abs", "true|abs", "-x|abs",
    "42.55|round", "42.55|round(1)", "2.5|round", "3.5|round", "-2.5|round", "0.5|round", "42.55|round(1, 'floor')", "42.55|round(1, 'ceil')", "42.55|round(0, 'ceil')|int", "1234|round(-2)", "1250|round(-2)", "1350|round(-2)", "1234.5|round(-2)", "7|round", "7|round(1)", "7|round(0, 'floor')", "7|round(method='x')", "'a'|round", "2.675|round(2)", "1e300|round(2)", "(-0.4)|round",
    "'a b a'|replace('a', 'x')", "'a b a'|replace('a', 'x', 1)", "5|replace('5', 6)", "'a'|replace('a')", "'aXbX'|replace('X', '')", "d|dictsort", "{'b': 1, 'A': 2}|dictsort", "{'b': 1, 'A': 2}|dictsort(true)", "{'b': 1, 'A': 2}|dictsort(by='value', reverse=true)", "l|dictsort", "{'b': 1}|dictsort(by='x')", "d|items|list", "missing|items|list", "l|items|list", "empty|items|list", "'a\\nb\\n\\nc'|indent", "'a\\nb\\n\\nc'|indent(2, true)", "'a\\nb\\n\\nc'|indent(2, blank=true)", "'a\\nb'|indent('> ')", "'a\\nb'|indent(width=1, first=true)", "'a\\n'|indent", "''|indent", "5|indent",
    "[1,2,3,4,5]|batch(2)|list", "[1,2,3,4,5]|batch(2, 0)|list", "[1,2,3,4,5]|slice(2)|list", "[1,2,3,4,5]|slice(3, 0)|list", "[]|batch(2)|list", "[1]|slice(3)|list", "users|groupby('age')|list|length", "users|groupby('home.city')|map(attribute='grouper')|list", "users|groupby('home.city', case_sensitive=true)|map(attribute='grouper')|list", "users|groupby('admin', default=false)|map('first')|list", "s|wordcount", "u|wordcount", "'a-b c_d'|wordcount",
    "'%s and %s'|format('a', 1)", "'%(x)s'|format(x=1)", "'%s'|format", "'%d%%'|format(5)", "s|truncate(5)", "s|truncate(8, true, '', 0)", "'one two three four'|truncate(12)", "'one two three four'|truncate(12, true)", "'one two three four'|truncate(12, end='…', leeway=0)", "'one two'|truncate(5)", "s|truncate(2)", "s|center(15) ~ '|'", "s|center", "'a b/c?d=é&'|urlencode", "{'a b': 'c/d', 'e': 1}|urlencode", "[('a', 1)]|urlencode", "users[0]|attr('name')", "s|attr('upper')", "range(3)|attr('stop')", "s|nosuch", "s|upper|lower|title", "s|upper()|lower()", "-1|abs", "(-1)|abs + 1", "l|sort|first + 1", "s | replace('l', 'L') | length * 2",
    "users|map(attribute='name')|map('lower')|select('ne', 'bob')|join(', ')", "l|select('odd')|first", "(l|map('string'))|join ~ 'x'", "dict(a=1, b=2)", "dict({'a': 1}, b=2)", "dict([('a', 1)])|tojson", "dict(1)", "dict.fromkeys(['a'], 1)", "namespace(x=1).x", "namespace({'x': 2}).x", "namespace(_x=1)", "namespace(x=1)['x']", "namespace(x=1).y", "namespace(x=1, y='z')", "cycler('a', 'b').next()", "cycler()", "joiner('|')()", "strftime_now('%Y-%m-%d')", "strftime_now('%d %b %Y %H:%M:%S.%f %j %A%z%Z')", "strftime_now('')", "raise_exception('no')", "raise_exception()", "nosuch()", "s()", "n()", "a.b.c", "range(*[1, 4])|list", "dict(**{'a': 1})", "range(*5)|list", "dict(a=1, **{'a': 2})",
)
BLOCKS = [
    "{% if a %}1{% endif %}", "{% if n %}1{% elif a %}2{% else %}3{% endif %}", "{% if n %}1{% elif e %}2{% else %}3{% endif %}",
    "{% if not a == 2 %}x{% endif %}", "{% if a %}{% if n %}1{% else %}2{% endif %}{% endif %}", "{% if missing %}1{% else %}2{% endif %}",
    "{% for x in l %}{{ x }},{% endfor %}", "{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{{ loop.revindex0 }} {% endfor %}",
    "{% for x in [] %}x{% else %}none{% endfor %}", "{% for x in l %}{% else %}none{% endfor %}", "{% for x in missing %}x{% else %}e{% endfor %}", "{% for x in n %}x{% endfor %}", "{% for x in 5 %}x{% endfor %}",
    "{% for x in l if x > 1 %}{{ x }}{{ loop.index }}{{ loop.length }}{{ loop.last }} {% else %}n{% endfor %}", "{% for x in l if x > 9 %}{{ x }}{% else %}n{% endfor %}", "{% for k, v in d.items() %}{{ k }}{% endfor %}", "{% for k, v in {'a': 1}.items() %}{{ k }}={{ v }}{% endfor %}", "{% for k in users[0] %}{{ k }} {% endfor %}", "{% for k, v in users[0]|items %}{{ k }}={{ v }};{% endfor %}",
    "{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "{% for a, b in [(1, 2, 3)] %}{% endfor %}", "{% for a, b in [(1,)] %}{% endfor %}", "{% for a, b in ['xy'] %}{{ b }}{{ a }}{% endfor %}", "{% for c in 'a🐎b' %}{{ c }}|{% endfor %}",
    "{% for x in l %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {% endfor %}", "{% for x in l %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }} {% endfor %}", "{% for x in l %}{{ loop.cycle('a', 'b') }}{% endfor %}", "{% for x in [1, 1, 2] %}{{ loop.changed(x) }}{% endfor %}", "{% for x in l %}{{ loop.depth }}{{ loop.depth0 }}{% endfor %}", "{% for x in l %}{{ loop.nosuch }}{% endfor %}",
    "{% for x in l %}{% for y in l %}{{ loop.index }}{% endfor %}{{ loop.index }} {% endfor %}", "{% for x in l %}{% set outer = loop %}{% for y in 'ab' %}{{ outer.index }}{{ loop.index }} {% endfor %}{% endfor %}", "{% for x in l %}{% if loop.index == 2 %}{% break %}{% endif %}{{ x }}{% endfor %}", "{% for x in l %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}", "{% for x in l %}{% break %}{% else %}e{% endfor %}", "{% for x in l|reverse %}{{ x }}{{ loop.last }}{{ loop.length }}{% endfor %}", "{% for x in l[::-1] %}{{ x }}{% endfor %}", "{% for x in l|map('string') %}{{ x }}{{ loop.last }}{{ loop.nextitem }}{% endfor %}", "{% for x in l|select('odd') %}{{ loop.length }}{{ x }}{{ loop.revindex }}{% endfor %}",
    "{% break %}", "{{ loop }}", "{{ loop.index }}", "{% for loop in l %}{% endfor %}", "{% for x in l %}{% set x = 9 %}{{ x }}{% endfor %}{{ x }}", "{% set x = 1 %}{% for i in l %}{{ x }}{% set x = x + 1 %}{{ x }} {% endfor %}{{ x }}", "{% set x = 1 %}{% if a %}{% set x = 2 %}{% endif %}{{ x }}", "{% for i in l %}{% set y = i %}{% endfor %}{{ y }}", "{% for i in l %}{{ y }}{% set y = i %}{% endfor %}",
    "{% for n in users recursive %}{{ n.name }}{% if n.kids %}{{ loop(n.kids) }}{% endif %}{% endfor %}", "{% for x in [[1, [2]], [3]] recursive %}{% if x is sequence %}[{{ loop(x) }}]{% else %}{{ x }}{{ loop.depth }}{% endif %}{% endfor %}", "{% for x in l %}{{ loop(l) }}{% endfor %}", "{% for x in l, %}{{ x }}{% endfor %}", "{% for x in 1, 2 %}{{ x }}{% endfor %}", "{% for x in l if x is odd and x != 1 %}{{ x }}{% endfor %}", "{% for x in (l if a else []) %}{{ x }}{% endfor %}", "{% for x in l if a else [] %}{{ x }}{% endfor %}", "{% for x in range(3) %}{{ x }}{% endfor %}", "{% for m in users %}{{ m.name }}{% if not loop.last %}, {% endif %}{% endfor %}",
    "{% set x = 5 %}{{ x }}", "{% set x, y = 1, 2 %}{{ x }}{{ y }}", "{% set x = 1, 2 %}{{ x }}", "{% set (x, y) = (1, 2) %}{{ y }}", "{% set x, y = 1 %}", "{% set x, y = [1] %}", "{% set x %}a{{ b }}{% endset %}{{ x }}!", "{% set x | upper %}a{{ b }}{% endset %}{{ x }}", "{% set x | replace('a', 'b') | upper %}aa{% endset %}{{ x }}", "{% set ns = namespace(x=1) %}{% for i in l %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}", "{% set ns = namespace() %}{% set ns.a, ns.b = 1, 2 %}{{ ns.a }}{{ ns.b }}", "{% set ns = namespace() %}{% set ns.a %}b{% endset %}{{ ns.a }}", "{% set d.x = 1 %}", "{% set missing.x = 1 %}", "{% set ns = namespace() %}{% set ns._x = 1 %}", "{% set true = 1 %}", "{% set 1 = 2 %}", "{% set x = missing %}{{ x is defined }}", "{% set range = 5 %}{{ range }}", "{% set ns = namespace(l=[]) %}{% for x in l %}{% set ns.l = ns.l + [x * 2] %}{% endfor %}{{ ns.l }}", "{% set x = namespace(y=1) %}{% if x.y %}{% set x.y = false %}{% endif %}{{ x.y }}", "{% set ns = namespace(x=1) %}{{ ns.x is defined }}{{ ns.q is defined }}",
    "{% macro f(x, y=2) %}{{ x }}-{{ y }}{% endmacro %}{{ f(1) }} {{ f(1, 3) }} {{ f(y=1, x=2) }} {{ f() }}", "{% macro f(x) %}{{ x }}{% endmacro %}{{ f(1, 2) }}", "{% macro f(x) %}{{ x }}{% endmacro %}{{ f(z=2) }}", "{% macro f(x) %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1, 2, 3, z=4) }}", "{% macro f() %}{{ x }}{% endmacro %}{% set x = 1 %}{{ f() }}", "{% macro f(x, y=x) %}{{ y }}{% endmacro %}{{ f(3) }}", "{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}", "{% macro f(x) %}{% set y = x %}{{ y }}{% endmacro %}{{ f(1) }}{{ y }}", "{% macro f(x) %}<{{ caller() }}>{% endmacro %}{% call f(1) %}body{{ a }}{% endcall %}", "{% macro f(x) %}{% for i in l %}{{ caller(i) }}{% endfor %}{% endmacro %}{% call(i) f(1) %}[{{ i }}]{% endcall %}", "{% macro f() %}x{% endmacro %}{% call f() %}{% endcall %}", "{% macro f() %}{{ caller() }}{% endmacro %}{{ f() }}", "{% macro f(a) %}{{ a }}{% endmacro %}{{ f }}", "{% macro f(a, b=1) %}{% endmacro %}{{ f.name }}{{ f.arguments }}", "{% macro f(a=1, b) %}{% endmacro %}", "{% macro f(x) -%} {{ x }} {%- endmacro %}[{{ f(1) }}]", "{% for i in l %}{% macro g() %}{{ i }}{% endmacro %}{{ g() }}{% endfor %}", "{{ f(1) }}{% macro f(x) %}{{ x }}{% endmacro %}", "{% macro f(x) %}{{ x }}{% endmacro %}{{ f(1)|length }}{{ f('<')|upper ~ '!' }}", "{% macro f(x) %}{{ x }}{% endmacro %}{{ l|map('f')|list }}", "{% macro f(x) %}{% if x %}{{ raise_exception('bad ' ~ x) }}{% endif %}{% endmacro %}{{ f(0) }}ok", "{% macro f(caller) %}{{ caller }}{% endmacro %}{{ f(1) }}", "{% call s.upper() %}{% endcall %}", "{% call a %}{% endcall %}",
    "{% filter upper %}a{{ s }}{% endfilter %}", "{% filter replace('a', 'b')|upper %}aa{% endfilter %}", "{% with x = 1, y = 2 %}{{ x }}{{ y }}{% endwith %}{{ x }}", "{% with %}{% set z = 1 %}{{ z }}{% endwith %}{{ z }}", "{% set x = 1 %}{% with x = 2, y = x %}{{ y }}{% endwith %}", "{% raw %}{{ a }}{% if %}{% endraw %}", "{%- raw -%} {{ a }} {%- endraw -%} x", "{# comment #}a", "a {#- c -#} b", "{# {{ a }} {% if %} #}x", "{% generation %}a{{ b }}{% endgeneration %}c", "x{% generation %}{% set q = 1 %}{{ q }}{% endgeneration %}{{ q }}", "{% print 1, 2 %}", "{% print s %}", "{% do l %}", "{% include 'x' %}", "{% import 'x' as y %}", "{% extends 'x' %}", "{% nosuch %}", "{% endif %}", "{% if a %}", "{% for x in l %}", "{% if a %}{% endfor %}", "{% for x in l %}{% endif %}", "{% else %}", "{{ a", "{{ a }", "{% if a }}", "{{ }}", "{{ 1 + }}", "{{ (1 }}", "{{ 1) }}", "{{ [1 }}", "{{ {1 }} }}", "{{ 'a }}", "{# a", "{{ a b }}", "{{ a.1x }}", "{{ a..b }}", "{{ 1 2 }}", "{{ a ? b }}", "{{ a & b }}", "{{ $a }}", "{{ a | }}", "{{ a is }}", "{{ a if }}", "{{ not }}", "{{ f(a=1, 2) }}", "{{ f(*a, *b) }}", "{{ f(,) }}", "{% set x %}", "{% macro f %}{% endmacro %}", "{% macro f( %}{% endmacro %}", "{% if %}{% endif %}", "{% for in l %}{% endfor %}", "{% for x l %}{% endfor %}", "{% %}", "{{ a[1:2:3:4] }}", "{{ l[1:2, 3] }}", "{{ {'a' 1} }}", "{{ 'a' is string is string }}", "{% filter %}{% endfilter %}", "{% set x = %}", "{{ lambda x: x }}", "{{ a = 1 }}", "{% if a = 1 %}{% endif %}", "{% if a: %}x{% endif %}", "{{ x if x }}{{ 1 }}", "{{ '\\x4' }}", "{{ '\\u12' }}", "{% call %}{% endcall %}", "{% trans %}x{% endtrans %}",
]
SPACE = [
    "a\n{% if a %}\nb\n{% endif %}\nc\n", "a\n  {% if a %}  \n  b\n  {% endif %}\nc\n", "a\n  {%- if a -%}  \n  b\n  {%- endif -%}\n c\n", "a\n  {%+ if a %}\n  b\n  {%+ endif %}\nc", "a {% if a %}\nb{% endif %}\n\nc", "{% if a +%}\nb{% endif +%}\nc", "  {{ a }}\n  {{- b -}}  \n c", "{{- a }} ", "{{ a -}}\n\n b", "x {#- c #}\ny", "x\n  {# c #}\ny", "x\n  {# c -#}\n  y", "x\n  {#+ c +#}\ny", "\n\n{% if a %}x{% endif %}", "x\n", "x\n\n", "x\r\ny\rz\n", "{% for x in l %}\n  {{ x }}\n{% endfor %}\nend", "{% for x in l -%}\n  {{ x }}\n{%- endfor %}\nend", "  {% set x = 1 %}  {% set y = 2 %}\nz", "\t{% if a %}x{% endif %}", "x{% if a %}  {% endif %}y", "{% if a %}\n\n  x{% endif %}", "{% raw %}\n x {% endraw %}\ny", "  {% raw %}x{% endraw %}\ny", "{% raw -%}\n x \n{%- endraw %}\ny", "a\n {% macro f() %}\n x\n {% endmacro %}\n[{{ f() }}]", "{{ 'a' }}\n", "{{ 'a\nb' }}", "{{ 'a\r\nb' }}", "{% set x %}\n a\n{% endset %}[{{ x }}]", "   \n  {% if a %}b{% endif %}", "a{%- if a %} b{% endif -%} c", "a\u00a0{%- if a %}b{% endif %}", "a\n\u00a0 {% if a %}b{% endif %}", "{%if a%}b{%endif%}", "{{a}}{{b}}", "{{-1}}", "{{ -1 }}", "{{ 1 -}} x", "{%-if a-%} b {%-endif-%} c", "{% generation %}\n x\n{% endgeneration %}\ny", "{{ {'a': {'b': 1}}['a']['b'] }}", "{{ {'a': 1}}}", "{{ '}}' }}", "{{ '%}' }}{% if '%}' %}x{% endif %}", "{{ \"{{\" }}", "{ { a } }", "{a}", "{", "{{ '{#' }}", "}}", "%}", "#}", "{% if a %}\n{% endif %}\n", "a{# x #}\n\nb", "{#\n multi\n line #}\nz", "   {{ a }}   ", "{% if a %}   {{ a }}   {% endif %}   x",
]
SNIPPETS = VALUES + ARITHMETIC + LOGIC + STRINGS + FILTERS + BLOCKS + SPACE
