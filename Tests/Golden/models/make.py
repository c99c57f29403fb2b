# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""Golden values of transformers: tiny random Llamas, their logits, and ten AdamW steps.

    python3 -m pip install torch==2.15.0 transformers==5.23.0 && python3 make.py

Writes llama-plain/, llama-rich/ (model folders), and golden.json.
"""
import json
import pathlib

import torch
import transformers

here = pathlib.Path(__file__).parent
torch.manual_seed(7)
torch.set_num_threads(1)

common = dict(vocab_size=61, intermediate_size=40, num_hidden_layers=2, max_position_embeddings=64,
              initializer_range=0.2, bos_token_id=0, eos_token_id=0)
configs = {
    "llama-plain": transformers.LlamaConfig(
        hidden_size=32, num_attention_heads=4, num_key_value_heads=4, tie_word_embeddings=True,
        rms_norm_eps=1e-5, **common),
    "llama-rich": transformers.LlamaConfig(
        hidden_size=24, num_attention_heads=4, num_key_value_heads=2, head_dim=10,
        tie_word_embeddings=False, attention_bias=True, mlp_bias=True, rms_norm_eps=1e-6,
        rope_parameters=dict(rope_type="llama3", rope_theta=1000.0, factor=8.0,
                             low_freq_factor=1.0, high_freq_factor=4.0,
                             original_max_position_embeddings=16),
        **common),
}
golden = {"tool": f"transformers {transformers.__version__}, torch {torch.__version__}", "models": {}}
for name, config in configs.items():
    model = transformers.LlamaForCausalLM(config).float().eval()
    with torch.no_grad():
        for parameter in model.parameters():  # biases and norms that matter
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter) * 0.3)
    model.save_pretrained(here / name)
    ids = torch.randint(0, 61, (40,))
    with torch.no_grad():
        logits = model(ids[None]).logits[0]
        generated = model.generate(ids[None, :9], max_new_tokens=12, do_sample=False,
                                   eos_token_id=None, pad_token_id=0)[0, 9:]
    entry = dict(ids=ids.tolist(), logits=[[float(x) for x in row] for row in logits[[0, 1, 17, 39]]],
                 rows=[0, 1, 17, 39], generated=generated.tolist())

    # Ten steps: no decay on rank-1 tensors, clipping by global norm, cosine without warm-up.
    decay = [p for p in model.parameters() if p.dim() > 1]
    plain = [p for p in model.parameters() if p.dim() <= 1]
    optimizer = torch.optim.AdamW(
        [dict(params=decay, weight_decay=0.1), dict(params=plain, weight_decay=0.0)],
        lr=1e-2, betas=(0.9, 0.95), eps=1e-8)
    batches = torch.randint(0, 61, (10, 3, 17))
    losses, norms = [], []
    import math
    for step, batch in enumerate(batches):
        rate = 1e-3 + (1e-2 - 1e-3) * 0.5 * (1 + math.cos(math.pi * (step + 1) / 10))
        for group in optimizer.param_groups:
            group["lr"] = rate
        out = model(batch[:, :-1]).logits
        loss = torch.nn.functional.cross_entropy(out.reshape(-1, 61), batch[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)))
        optimizer.step()
        losses.append(float(loss))
    entry.update(batches=batches.tolist(), losses=losses, gradient_norms=norms)
    golden["models"][name] = entry
(here / "golden.json").write_text(json.dumps(golden))
