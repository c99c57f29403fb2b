# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""The side of `koine-bench infer` that is transformers; options and output as of koine-infer.

    python transformers_infer.py TASK MODEL --type bfloat16 --threads 2 --batch 1 …
"""
import argparse
import json
import os
import time

parser = argparse.ArgumentParser()
parser.add_argument("task")
parser.add_argument("model")
parser.add_argument("--type", default="float32")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--batch", type=int, default=1)
parser.add_argument("--length", type=int, default=512)
parser.add_argument("--prompt", type=int, default=32)
parser.add_argument("--tokens", type=int, default=128)
parser.add_argument("--rounds", type=int, default=3)
options = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = str(options.threads)
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["HF_HUB_OFFLINE"] = "1"

import torch  # noqa: E402
import transformers  # noqa: E402

transformers.utils.logging.disable_progress_bar()
torch.set_num_threads(options.threads)


def load():
    return transformers.AutoModelForCausalLM.from_pretrained(
        options.model, dtype=getattr(torch, options.type)).eval()


def texts(count, length, vocabulary):
    state, rows = 1, []
    for _ in range(count):
        row = []
        for _ in range(length):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            row.append((state >> 33) % vocabulary)
        rows.append(row)
    return torch.tensor(rows)


def score(model, ids):
    logits = model(ids[:, :-1], use_cache=False).logits
    logits = torch.log_softmax(logits.float(), -1)
    return logits.gather(-1, ids[:, 1:, None]).double().sum((1, 2))


def generate(model, ids):
    answer = model.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, pad_token_id=0,
        min_new_tokens=options.tokens, max_new_tokens=options.tokens)
    return answer[:, ids.shape[1]:]


def peak():
    """Operations a second of torch's float32 matrix product: the best of nine."""
    a, b = torch.randn(2048, 2048), torch.randn(2048, 2048)
    best = float("inf")
    for _ in range(9):
        start = time.perf_counter()
        torch.mm(a, b)
        best = min(best, time.perf_counter() - start)
    return 2 * 2048**3 / best


if options.task == "peak":
    print(json.dumps({"seconds": [], "check": f"{peak():.0f}"}))
    raise SystemExit

seconds, check = [], ""
with torch.inference_mode():
    if options.task != "load":
        model = load()
        length = options.length + 1 if options.task == "score" else options.prompt
        ids = texts(options.batch, length, model.config.vocab_size)
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
print(json.dumps({"seconds": seconds, "check": check}))
