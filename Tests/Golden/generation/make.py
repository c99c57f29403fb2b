# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""Golden values of transformers' logits processors on fixed logits, and of whole generations with
penalties on the tiny models of ../models.

    python3 -m pip install torch==2.15.0 transformers==5.23.0 && python3 make.py

Writes golden.json. A score that transformers excludes (-inf) is null.
"""
import json
import math
import pathlib

import torch
import transformers
from transformers.generation import logits_process as lp

here = pathlib.Path(__file__).parent
torch.manual_seed(11)
torch.set_num_threads(1)

VOCABULARY = 40


def numbers(row):
    return [None if math.isinf(float(x)) else float(x) for x in row]


rows = [torch.randn(VOCABULARY) * 3, torch.randn(VOCABULARY), torch.zeros(VOCABULARY)]
rows[2][::3] = 2.0  # ties
histories = [[3, 5, 5, 17, 3], [0], [39, 38, 3, 6]]
cases = []
for logits, history in zip(rows, histories):
    ids = torch.tensor([history])
    processors = (
        [("temperature", t, lp.TemperatureLogitsWarper(t)) for t in (0.5, 0.9, 3.0)]
        + [("top_k", k, lp.TopKLogitsWarper(k)) for k in (1, 3, 14, 40, 100)]
        + [("top_p", p, lp.TopPLogitsWarper(p)) for p in (0.0625, 0.5, 0.9, 0.99)]
        + [("min_p", p, lp.MinPLogitsWarper(p)) for p in (0.0, 0.02, 0.2, 1.0)]
        + [("repetition_penalty", p, lp.RepetitionPenaltyLogitsProcessor(p)) for p in (0.5, 1.3, 2.0)]
        + [("min_new_tokens", n, lp.MinNewTokensLengthLogitsProcessor(2, n, [4, 6])) for n in (2, 9)]
    )
    for name, value, processor in processors:
        out = processor(ids, logits[None].clone())[0]
        cases.append(dict(name=name, value=value, history=history, prompt_count=min(2, len(history)),
                          logits=numbers(logits), scores=numbers(out)))
    chain = [lp.RepetitionPenaltyLogitsProcessor(1.3), lp.TemperatureLogitsWarper(0.7),
             lp.TopKLogitsWarper(20), lp.TopPLogitsWarper(0.8), lp.MinPLogitsWarper(0.1)]
    out = logits[None].clone()
    for processor in chain:
        out = processor(ids, out)
    cases.append(dict(name="chain", value=0, history=history, prompt_count=len(history),
                      logits=numbers(logits), scores=numbers(out[0])))

# Whole generations, greedy: what the penalties do over many steps.
generations = []
models = here.parent / "models"
for name in ("llama-plain", "llama-rich"):
    model = transformers.LlamaForCausalLM.from_pretrained(models / name).float().eval()
    for prompt in ([3, 1, 4, 1, 5], [9, 2, 6], [60]):
        for penalty, minimum, stops in ((1.0, 0, None), (1.5, 0, None), (1.0, 6, [0, 7, 11, 20]),
                                        (1.2, 0, [5, 30])):
            with torch.no_grad():
                out = model.generate(
                    torch.tensor([prompt]), max_new_tokens=16, do_sample=False, pad_token_id=0,
                    repetition_penalty=penalty, min_new_tokens=minimum or None, eos_token_id=stops,
                    return_dict_in_generate=True, output_logits=True)
            new = out.sequences[0, len(prompt):].tolist()
            logprobs = [float(torch.log_softmax(row[0].double(), -1)[token])
                        for row, token in zip(out.logits, new)]
            generations.append(dict(model=name, prompt=prompt, repetition_penalty=penalty,
                                    min_new_tokens=minimum, stop_ids=stops or [], generated=new,
                                    log_probabilities=logprobs))

golden = dict(tool=f"transformers {transformers.__version__}, torch {torch.__version__}",
              processors=cases, generations=generations)
(here / "golden.json").write_text(json.dumps(golden))
