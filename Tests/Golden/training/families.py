# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""Golden losses: ten steps of AdamW on a tiny model of every family that Koine runs.

    python3 -m pip install torch==2.13.0 transformers==5.23.0 && python3 families.py

Writes families.json. The models are the first variants of ../models/families.py with the weights that
`TrainingGolden.checkpoint` gives: by that file's formula, matrices halved. float32, eager attention, a constant
rate, decay 0.1 on matrices, no clipping; each step the mean cross-entropy of three windows of 16 tokens.
"""
import json
import math
import pathlib

import numpy
import torch
import transformers

here = pathlib.Path(__file__).parent
torch.set_num_threads(1)
path = here.parent / "models" / "families.py"
source = path.read_text().split("\ndef variant(")[0].replace("__file__", repr(str(path)))
families = {}
exec(compile(source, "families", "exec"), families)

RATE = 1e-2
generator = torch.Generator().manual_seed(17)
# No padding token: transformers gives its row no gradient as an embedding.
batches = torch.randint(3, 48, (10, 3, 17), generator=generator)
golden = {"tool": f"transformers {transformers.__version__}, torch {torch.__version__}", "rate": RATE,
          "batches": batches.tolist(), "families": {}}
for family, variants in families["FAMILIES"].items():
    old = next(iter(variants.values()))
    config = transformers.AutoConfig.for_model(**json.loads(json.dumps(old)))
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            values = families["weight"](name, tuple(p.shape), "gemma" in family)
            p.copy_(torch.from_numpy(values) * (0.5 if p.dim() > 1 else 1))
    optimizer = torch.optim.AdamW(
        [dict(params=[p for p in model.parameters() if p.dim() > 1], weight_decay=0.1),
         dict(params=[p for p in model.parameters() if p.dim() == 1], weight_decay=0.0)],
        lr=RATE, betas=(0.9, 0.95), eps=1e-8)
    losses = []
    for batch in batches:
        logits = model(batch[:, :-1], use_cache=False).logits
        loss = torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), batch[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    golden["families"][family] = {"config": old, "losses": losses}
    print(family, losses[0], losses[-1])
(here / "families.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
