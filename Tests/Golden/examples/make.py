#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""Assistant masks of transformers for a template with generation blocks, and the tokens of
conversations for templates without; writes masks.json and tokenizer.json beside itself.

    python make.py
"""
import json
import pathlib

import tokenizers
import transformers
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

HERE = pathlib.Path(__file__).parent
FAMILIES = HERE.parent / "templates" / "families"
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CONVERSATIONS = [
    [("user", "Hvussu gongur?"), ("assistant", "Gott, takk fyri!")],
    [("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello there."), ("user", "Bye"),
     ("assistant", "So long, and  thanks.\n")],
    [("user", "Ø æ ð 🙂"), ("assistant", " 🙂ðæØ"), ("user", "?"), ("assistant", "Tórshavn\n\n1. a\n2. b")],
    [("user", "one"), ("assistant", "two"), ("user", "three")],
]

tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
texts = [text for talk in CONVERSATIONS for _, text in talk] * 3 + ["user assistant system thanks"]
tokenizer.train_from_iterator(
    texts,
    trainers.BpeTrainer(
        vocab_size=320, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIALS])
tokenizer.save(str(HERE / "tokenizer.json"), pretty=False)
fast = transformers.PreTrainedTokenizerFast(
    tokenizer_object=tokenizer, eos_token="<|endoftext|>", pad_token="<|endoftext|>")
rows = []
for family in ["chatml-generation", "chatml"]:
    fast.chat_template = (FAMILIES / f"{family}.jinja").read_text("utf-8")
    for talk in CONVERSATIONS:
        messages = [{"role": role, "content": text} for role, text in talk]
        marks = family == "chatml-generation"
        out = fast.apply_chat_template(
            messages, tokenize=True, return_dict=True, return_assistant_tokens_mask=marks)
        rows.append({
            "family": family, "messages": messages, "ids": out["input_ids"],
            "mask": out["assistant_masks"] if marks else None})
(HERE / "masks.json").write_text(json.dumps({
    "versions": {"transformers": transformers.__version__, "tokenizers": tokenizers.__version__},
    "rows": rows}, ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8")
