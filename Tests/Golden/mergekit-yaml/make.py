# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""Records what mergekit makes of scalars in a YAML recipe: PyYAML's types, then pydantic's.

Run it in this folder with a Python that has mergekit:

    python make.py

Writes scalars.json: for each text, plain and in quotes, its value as a parameter that is a number, a
whole number or a flag, as an end of `layer_range` and as `pad_to_multiple_of`; null where mergekit
refuses it. Numbers that JSON lacks are texts. And documents.json: what mappings with merge keys,
anchors and markers come to.
"""

import json
import math
import pathlib
from importlib.metadata import version

import yaml
from mergekit.config import InputModelDefinition, InputSliceDefinition, evaluate_setting
from mergekit.tokenizer.config import TokenizerConfig
from pydantic import TypeAdapter

HERE = pathlib.Path(__file__).resolve().parent
TEXTS = """0 1 -1 +1 2 1.0 0.5 .5 5. -.5 +.5 1e-3 1E3 1e3 1.0e-3 1.0e3 1.e3 1.0e+3 1.5E-2 10e-1 1e0 1.0e
1_000 1_000.5 1__0 _1 1_ 0_1 0x10 +0x10 0x1_0 0X10 0x1p3 0o17 017 012 -012 08 00 0b11 -0b1_1 0b2 1:30 1:30.5 1:60
190:20:30 -1:30 1:3.25 yes Yes YES yEs no No NO on On ON off Off OFF y n Y N t f true True TRUE tRUE false False FALSE
~ null Null .inf -.inf +.inf .nan .NaN inf nan Infinity 1e300 -1e300 1e999 0.0 2.5 -0 1,5 1.2.3 2001-01-01
3.4028235e38 3.5e38 1e-300""".split()
DOCUMENTS = [
    "a: &x {k: 1, l: 2}\nb:\n  <<: *x\n  k: 3\n",
    "base: &b\n  w: 1\n  v: &v [1, 2]\nm:\n  - <<: *b\n    w: 2\n  - <<: [*b, {z: 3}]\n    v: *v\n",
    "a: &x\n  p: {q: 1}\nb:\n  <<: *x\nc:\n  <<: {<<: *x, r: 2}\n",
    "a: yes\nb: [no, on, off, y, n]\nc: 'yes'\nd: \"on\"\n",
    "a: !!float 1\nb: !!int '012'\nc: !!bool yes\nd: !!str 5\ne: !!null ''\n",
    "%YAML 1.1\n---\na: 1\n...\n",
    "--- # first\na: 1\n",
    "---\na: |\n  x\n  --- y\nb: >-\n  p\n  q\n",
    "a: 'it''s'\nb: \"t\\tu\"\nc: plain text: no\n".replace(": no", " no"),
    "? a\n: 1\n? b\n: [x,\n   y]\n",
    "\ufeffa: 1\n",
    "a: [1, 2, ]\nb: {c: , d}\n",
]


def value(make):
    try:
        found = make()
    except Exception:
        return None
    if isinstance(found, float) and not math.isfinite(found):
        return str(found)
    return found


def parameter(source, kind):
    def make():
        data = yaml.safe_load(f"model: m\nparameters:\n  p: {source}\n")
        setting = InputModelDefinition.model_validate(data).parameters["p"]
        return evaluate_setting("x", setting, 0, validate=TypeAdapter(kind).validate_python)

    return value(make)


rows = []
for text in TEXTS:
    for source in (text, json.dumps(text)):
        layer = value(
            lambda: InputSliceDefinition.model_validate(
                yaml.safe_load(f"model: m\nlayer_range:\n- {source}\n- 2000000\n")
            ).layer_range[0]
        )
        pad = value(
            lambda: TokenizerConfig.model_validate(
                yaml.safe_load(f"source: union\npad_to_multiple_of: {source}\n")
            ).pad_to_multiple_of
        )
        rows.append(
            {
                "yaml": source,
                "number": parameter(source, float),
                "whole": parameter(source, int),
                "flag": parameter(source, bool),
                "layer": layer,
                "pad": pad,
            }
        )

documents = [{"yaml": text, "value": yaml.safe_load(text)} for text in DOCUMENTS]


def write(name, data):
    lines = ",\n".join(" " + json.dumps(row, ensure_ascii=True) for row in data)
    (HERE / name).write_text("[\n" + lines + "\n]\n", encoding="utf-8")


write("scalars.json", rows)
write("documents.json", documents)
versions = {name: version(name) for name in ("mergekit", "pydantic", "pydantic_core", "PyYAML")}
(HERE / "versions.json").write_text(json.dumps(versions, indent=2) + "\n", encoding="utf-8")
