# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""Golden logits of transformers for the configs of published models, made small.

    python3 real.py DIR      the folder `configs` of the data (see families.py for what must be installed)

Writes real.json: by the name of the config's file, the logits in float32 at positions 0, 10 and 19 of the
text 0, 1, … 19, of a model with that config but 8 · heads wide, 24 in the middle, two layers and 33 tokens.
Weights follow the formula of families.py.
"""
import json
import pathlib
import sys

import torch
import transformers

from families import digits, tool, weight

golden = {"tool": tool, "models": {}}
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.json")):
    config = json.loads(path.read_text())
    config.update(hidden_size=8 * config["num_attention_heads"], intermediate_size=24, num_hidden_layers=2,
                  vocab_size=33, pad_token_id=None)
    config = transformers.AutoConfig.for_model(**config)
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            shape = tuple(parameter.shape)
            parameter.copy_(torch.from_numpy(weight(name, shape, "gemma" in config.model_type)))
        logits = model(torch.arange(20)[None], use_cache=False).logits[0]
    golden["models"][path.stem] = [digits(logits[i].tolist()) for i in (0, 10, 19)]
out = pathlib.Path(__file__).parent / "real.json"
out.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
print(out.name, out.stat().st_size)
