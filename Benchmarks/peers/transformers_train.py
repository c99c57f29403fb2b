# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""The side of `koine-bench train` that is transformers; settings and output as of koine-train-bench.

    python transformers_train.py MODEL --batch 8 --length 256 --steps 4 --threads 2
    python transformers_train.py --peak --threads 2
"""
import resource
import time

import peer

# lora: the rank of adapters on all linear layers.
options = peer.options(["model"], batch=8, length=256, steps=4, lora=0)

import torch  # noqa: E402
import transformers  # noqa: E402


def processor_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


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
tokens = peer.sample_tokens(model.config.vocab_size)
answer = {"losses": [], "seconds": [], "processorSeconds": []}
clock, processor = time.perf_counter(), processor_seconds()
for _ in range(options.steps):
    ids = peer.texts(tokens, options.batch, options.length + 1)
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
peer.answer(**answer)
