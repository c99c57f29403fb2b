# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""The side of `koine-bench infer` that is transformers; options and output as of koine-infer.

    python transformers_infer.py TASK MODEL --type bfloat16 --threads 2 --batch 1 …
    python transformers_infer.py --peak --threads 2
"""
import time

import peer

options = peer.options(
    ["task", "model"], type="float32", batch=1, length=512, prompt=32, tokens=128, rounds=3)

import torch  # noqa: E402
import transformers  # noqa: E402


def load():
    return transformers.AutoModelForCausalLM.from_pretrained(
        options.model, dtype=getattr(torch, options.type)).eval()


def score(model, ids):
    logits = model(ids[:, :-1], use_cache=False).logits
    logits = torch.log_softmax(logits.float(), -1)
    return logits.gather(-1, ids[:, 1:, None]).double().sum((1, 2))


def generate(model, ids):
    answer = model.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, pad_token_id=0,
        min_new_tokens=options.tokens, max_new_tokens=options.tokens)
    return answer[:, ids.shape[1]:]


seconds, check = [], ""
with torch.inference_mode():
    if options.task != "load":
        model = load()
        length = options.length + 1 if options.task == "score" else options.prompt
        ids = peer.texts(peer.sample_tokens(model.config.vocab_size), options.batch, length)
    for attempt in range(options.rounds + 1):
        start = time.perf_counter()
        if options.task == "load":
            check = str(load().config.vocab_size)
        elif options.task == "score":
            check = f"{score(model, ids)[0].item():.3f}"
        else:
            answer = generate(model, ids)
            assert answer.shape == (options.batch, options.tokens)
            check = " ".join(str(token) for token in answer[0, :8].tolist())
        if attempt > 0:
            seconds.append(round(time.perf_counter() - start, 6))
peer.answer(seconds=seconds, check=check)
