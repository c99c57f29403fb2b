# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""What Jinja2 and transformers make of templates: snippets.json, chats.json and known.json.

Run with a Python that has the packages named in versions.json:  python make.py
Snippets are rendered by the environment that transformers compiles chat templates in; a snippet
that fails there has `null` for its text. The templates of families/ were written for this test
after the formats of the model families; none is a publisher's file. Those of known/ are the ones
that koine knows by name, as Sources/Templates/Chat/KnownTemplates.swift has them.
"""
import datetime
import json
import pathlib

import jinja2
import tokenizers
import transformers
from transformers import PreTrainedTokenizerFast
from transformers.utils import chat_template_utils as utils

import conversations
import snippets

HERE = pathlib.Path(__file__).resolve().parent


class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2024, 7, 26, 15, 4, 5, 678901)


utils.datetime = Clock


def snippet_rows():
    rows = []
    for text in snippets.SNIPPETS:
        try:
            made = utils._compile_jinja_template(text).render(**snippets.CONTEXT)
            made.encode()
        except Exception:
            made = None
        if made is not None and " at 0x" in made:
            made = None  # an address: we refuse to print what has no text of its own
        rows.append([text, made])
    return rows


def tokenizer(template):
    model = tokenizers.Tokenizer(tokenizers.models.WordLevel({"<unk>": 0}, unk_token="<unk>"))
    return PreTrainedTokenizerFast(
        tokenizer_object=model, chat_template=template, **conversations.SPECIAL_TOKENS)


def chat_row(name, template, conversation, options):
    made = tokenizer(template)
    row = {"template": name, "conversation": conversation, "options": options}
    arguments = dict(conversations.CONVERSATIONS[conversation])
    messages = arguments.pop("messages")
    try:
        row["text"] = made.apply_chat_template(messages, tokenize=False, **arguments, **options)
    except Exception as error:
        row["error"] = str(error) if type(error) is jinja2.exceptions.TemplateError else ""
        return row
    if not options.get("continue_final_message"):
        messages = [{k: v for k, v in m.items() if v is not None} for m in messages]
        texts, spans = utils.render_jinja_template(
            conversations=[messages], chat_template=template, return_assistant_tokens_mask=True,
            **made.special_tokens_map, **arguments, **options)
        assert texts == [row["text"]]
        row["spans"] = spans[0]
    return row


def chat_rows():
    rows = []
    for path in sorted((HERE / "families").glob("*.jinja")):
        template = path.read_text("utf-8")
        for conversation in conversations.CONVERSATIONS:
            for options in conversations.OPTIONS:
                if "enable_thinking" in options and "enable_thinking" not in template:
                    continue
                rows.append(chat_row(path.stem, template, conversation, options))
    return rows


def known_rows():
    """The known templates read texts only, so tools and documents are left to families/."""
    rows = []
    for path in sorted((HERE / "known").glob("*.jinja")):
        for conversation in conversations.KNOWN:
            for options in conversations.OPTIONS:
                if "enable_thinking" not in options:
                    rows.append(chat_row(path.stem, path.read_text("utf-8"), conversation, options))
    return rows


def write(name, value):
    """One line for each row, so that changes can be read."""
    rest = {k: v for k, v in value.items() if k != "rows"}
    text = json.dumps(rest, ensure_ascii=False, indent=1)
    if "rows" in value:
        rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in value["rows"])
        text = text[:-2] + ",\n \"rows\": [\n" + rows + "\n]}"
    (HERE / name).write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    write("versions.json", {"jinja2": jinja2.__version__, "transformers": transformers.__version__})
    rows = snippet_rows()
    write("snippets.json", {"context": snippets.CONTEXT, "rows": rows})
    print(len(rows), "snippets,", sum(made is None for _, made in rows), "of them errors")
    rows = chat_rows()
    write("chats.json", {"conversations": conversations.CONVERSATIONS,
                         "special_tokens": conversations.SPECIAL_TOKENS, "rows": rows})
    print(len(rows), "chats,", sum("error" in row for row in rows), "of them errors")
    rows = known_rows()
    write("known.json", {"conversations": {n: conversations.CONVERSATIONS[n] for n in conversations.KNOWN},
                         "special_tokens": conversations.SPECIAL_TOKENS, "rows": rows})
    print(len(rows), "chats of known templates,", sum("error" in row for row in rows), "of them errors")
