# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""Conversations that the templates of families/ render, and the options they are rendered with."""

SPECIAL_TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather", "description": "The weather at a place, in °C",
        "parameters": {
            "type": "object",
            "properties": {
                "place": {"type": "string", "description": "A town"},
                "days": {"type": "integer", "minimum": 1},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            },
            "required": ["place"],
        },
    },
}
CALL = {"id": "abcdefghi", "type": "function",
        "function": {"name": "get_weather", "arguments": {"place": "Tórshavn", "days": 2}}}


def user(text):
    return {"role": "user", "content": text}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


SYSTEM = {"role": "system", "content": " Be brief. "}
CONVERSATIONS = {
    "one": {"messages": [user("Hej! Hvussu gongur?")]},
    "turns": {"messages": [SYSTEM, user("Hi"), assistant("Hello <b>&</b> 'you'"), user("  What's 2+2?\n")]},
    "ended": {"messages": [user("Count."), assistant("One, two"), user("On."), assistant("three, ")]},
    "tools": {"messages": [user("Weather?")], "tools": [WEATHER]},
    "called": {
        "messages": [
            SYSTEM, user("Weather in Tórshavn?"), assistant(None, tool_calls=[CALL]),
            {"role": "tool", "name": "get_weather", "tool_call_id": "abcdefghi", "content": "{\"t\": 9.5}"},
            assistant("9.5 °C."), user("Thanks"),
        ],
        "tools": [WEATHER],
    },
    "thinking": {
        "messages": [
            user("1+1?"), assistant("<think>\nEasy.\n</think>\n\n2"), user("2+2?"),
            assistant("4", reasoning_content="Twice two."),
        ],
    },
    "parts": {"messages": [{"role": "user", "content": [
        {"type": "text", "text": "What is this?"}, {"type": "image"}, {"type": "text", "text": "Tell."}]}]},
    "unknown": {"messages": [user("Hi"), {"role": "narrator", "content": "Meanwhile"}, user("So?")]},
    "backwards": {"messages": [assistant("I begin."), user("Odd.")]},
    "documents": {
        "messages": [user("Who?")],
        "documents": [{"title": "A", "text": "Ann did."}, {"title": "B", "text": "Bob didn't."}],
    },
}
OPTIONS = [
    {"add_generation_prompt": False}, {"add_generation_prompt": True},
    {"add_generation_prompt": True, "enable_thinking": False},
    {"continue_final_message": True},
]
# Conversations of texts, and two that a template of texts refuses or passes over.
KNOWN = ["one", "turns", "ended", "thinking", "parts", "unknown", "backwards"]
