# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""The side of `koine-bench train` that is transformers; settings and output as of koine-train-bench.

    python transformers_train.py MODEL --batch 8 --length 256 --steps 4 --threads 2
    python transformers_train.py --peak --threads 2
"""
import argparse
import json
import os
import resource
import time

parser = argparse.ArgumentParser()
parser.add_argument("model", nargs="?")
parser.add_argument("--peak", action="store_true")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--batch", type=int, default=8)
parser.add_argument("--length", type=int, default=256)
parser.add_argument("--steps", type=int, default=4)
parser.add_argument("--lora", type=int, default=0, help="the rank of adapters on all linear layers")
options = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = str(options.threads)
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["HF_HUB_OFFLINE"] = "1"

import torch  # noqa: E402

torch.set_num_threads(options.threads)


def peak():
    """Operations a second of torch's float32 matrix product: the best of nine."""
    a, b = torch.randn(2048, 2048), torch.randn(2048, 2048)
    best = float("inf")
    for _ in range(9):
        start = time.perf_counter()
        torch.mm(a, b)
        best = min(best, time.perf_counter() - start)
    return 2 * 2048**3 / best


def processor_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if options.peak:
    print(json.dumps({"losses": [], "seconds": [], "processorSeconds": [], "peak": peak()}))
    raise SystemExit

import transformers  # noqa: E402

transformers.utils.logging.disable_progress_bar()


def windows(vocabulary):
    state = 1
    while True:
        rows = []
        for _ in range(options.batch):
            row = []
            for _ in range(options.length + 1):
                state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
                row.append((state >> 33) % vocabulary)
            rows.append(row)
        yield torch.tensor(rows)


model = transformers.AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32).train()
if options.lora:
    import peft

    torch.manual_seed(0)
    model = peft.get_peft_model(model, peft.LoraConfig(
        r=options.lora, lora_alpha=2 * options.lora, target_modules="all-linear", lora_dropout=0.0))
trained = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(
    [{"params": [p for p in trained if p.dim() > 1], "weight_decay": 0.1},
     {"params": [p for p in trained if p.dim() <= 1], "weight_decay": 0.0}],
    lr=3e-4, betas=(0.9, 0.95), eps=1e-8, fused=True)
source = windows(model.config.vocab_size)
answer = {"losses": [], "seconds": [], "processorSeconds": []}
clock, processor = time.perf_counter(), processor_seconds()
for _ in range(options.steps):
    ids = next(source)
    logits = model(ids[:, :-1], use_cache=False).logits
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
    del logits
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    now, used = time.perf_counter(), processor_seconds()
    answer["losses"].append(loss.item())
    answer["seconds"].append(now - clock)
    answer["processorSeconds"].append(used - processor)
    clock, processor = now, used
print(json.dumps(answer))
