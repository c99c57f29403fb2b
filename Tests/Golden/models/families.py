# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""Golden values of transformers: tiny models of every family that Koine runs.

    python3 -m pip install torch==2.15.0 transformers==5.23.0 && python3 families.py [model_type...]

(and `real.py DIR`, for configs of published models). Writes families/<model_type>.json, of all families or of those named. For each variant of a family: config.json as transformers 4 wrote
it (made by hand here) and as version 5 writes it, logits and gradients in float32 with eager
attention. Weights are not stored. They follow a formula that FamilyGolden.swift has as well:

    u(name, i) = (splitmix64(fnv1a64(name) + i) >> 40) / 2^23 - 1                  in [-1, 1)
    norms      1 + 0.3 u      (0.3 u in the Gemma families, which add the 1 themselves)
    biases     0.3 u
    embedding  u, and the same for a head of its own
    matrices   2 u / sqrt(inputs), and 4 u / sqrt(inputs) for q, k and the two in one

all rounded to float32. `checksum` is the sum of all weights of the first variant.

- `right`: one pass over a batch padded on the right.
- `left`: the same texts padded on the left, in calls of 14, 9 and seven times 1 columns over a cache,
  with the positions that transformers' generate gives.
- `gradients`: the loss is the sum of the cross-entropies of some texts, each computed by itself; of
  every tensor's gradient its norm and its product with u(name + "?", i).
"""
import json
import math
import pathlib
import sys

import numpy
import torch
import transformers

here = pathlib.Path(__file__).parent / "families"
torch.set_num_threads(1)
MASK = (1 << 64) - 1

TINY = dict(vocab_size=48, hidden_size=32, intermediate_size=40, num_hidden_layers=3,
            num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64,
            rms_norm_eps=1e-5, rope_theta=100.0, torch_dtype="float32", bos_token_id=1,
            eos_token_id=2, pad_token_id=0)


def llama(**keys):
    return dict(TINY, model_type="llama", architectures=["LlamaForCausalLM"], hidden_act="silu", **keys)


def scaled(kind, **keys):
    return llama(rope_scaling=dict(rope_type=kind, **keys))


def mistral(**keys):
    return dict(TINY, model_type="mistral", architectures=["MistralForCausalLM"], hidden_act="silu", **keys)


def qwen2(**keys):
    return dict(TINY, model_type="qwen2", architectures=["Qwen2ForCausalLM"], hidden_act="silu", **keys)


def qwen3(**keys):
    return dict(TINY, model_type="qwen3", architectures=["Qwen3ForCausalLM"], hidden_act="silu",
                head_dim=12, **keys)


def gemma(**keys):
    return dict(TINY, model_type="gemma", architectures=["GemmaForCausalLM"], head_dim=12,
                **dict(dict(hidden_act="gelu_pytorch_tanh"), **keys))


def gemma2(**keys):
    return dict(TINY, model_type="gemma2", architectures=["Gemma2ForCausalLM"], head_dim=12,
                hidden_activation="gelu_pytorch_tanh", query_pre_attn_scalar=20, sliding_window=8,
                **dict(dict(attn_logit_softcapping=4.0, final_logit_softcapping=6.0), **keys))


def gemma3(**keys):
    return dict(dict(TINY, model_type="gemma3_text", architectures=["Gemma3ForCausalLM"], head_dim=12,
                hidden_activation="gelu_pytorch_tanh", query_pre_attn_scalar=20, sliding_window=8,
                rope_local_base_freq=30.0), **keys)


def smollm3(**keys):
    return dict(TINY, model_type="smollm3", architectures=["SmolLM3ForCausalLM"], hidden_act="silu", **keys)


def olmo2(**keys):
    return dict(TINY, model_type="olmo2", architectures=["Olmo2ForCausalLM"], hidden_act="silu", **keys)


def phi3(**keys):
    return dict(TINY, model_type="phi3", architectures=["Phi3ForCausalLM"], hidden_act="silu", **keys)


LONG = dict(short_factor=[1.0, 1.1, 1.3, 1.5], long_factor=[1.2, 2.0, 3.5, 6.0])
FAMILIES = {
    "llama": {
        "tied, every head its own keys": dict(llama(tie_word_embeddings=True), num_key_value_heads=4),
        "biases": llama(attention_bias=True, mlp_bias=True, head_dim=10),
        "linear": llama(rope_scaling={"type": "linear", "factor": 3.0}),
        "dynamic": dict(scaled("dynamic", factor=2.5), max_position_embeddings=16),
        "llama3": scaled("llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                         original_max_position_embeddings=16),
        "yarn": scaled("yarn", factor=4.0, original_max_position_embeddings=16),
        "yarn, all keys": scaled("yarn", factor=3.0, original_max_position_embeddings=16, beta_fast=4.0,
                                 beta_slow=0.5, mscale=0.7, mscale_all_dim=0.3, truncate=False),
        "longrope": dict(scaled("longrope", factor=4.0, **LONG), original_max_position_embeddings=16),
    },
    "mistral": {
        "window": mistral(sliding_window=8),
        "no window": mistral(sliding_window=None, head_dim=12),
    },
    "qwen2": {
        "no window in use": qwen2(use_sliding_window=False, sliding_window=8, max_window_layers=1),
        "upper layers slide": qwen2(use_sliding_window=True, sliding_window=8, max_window_layers=1,
                                    tie_word_embeddings=True),
        "layer types": qwen2(use_sliding_window=True, sliding_window=5,
                             layer_types=["sliding_attention", "full_attention", "sliding_attention"]),
        "yarn": qwen2(rope_scaling={"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}),
    },
    "qwen3": {
        "plain": qwen3(),
        "biases and windows": qwen3(attention_bias=True, use_sliding_window=True, sliding_window=8,
                                    max_window_layers=2, tie_word_embeddings=True),
    },
    "gemma": {
        "plain": gemma(),
        "first releases": dict(gemma(hidden_act="gelu"), num_key_value_heads=1),
    },
    "gemma2": {
        "plain": gemma2(),
        "no caps": gemma2(attn_logit_softcapping=None, final_logit_softcapping=None),
        "layer types, own head": gemma2(
            layer_types=["full_attention", "sliding_attention", "sliding_attention"],
            tie_word_embeddings=False),
    },
    "gemma3_text": {
        "pattern": dict(gemma3(sliding_window_pattern=3), num_hidden_layers=4),
        "linear": gemma3(sliding_window_pattern=2, rope_scaling={"rope_type": "linear", "factor": 8.0},
                         rope_theta=1000.0),
        "layer types, capped logits": gemma3(
            layer_types=["full_attention", "sliding_attention", "full_attention"],
            final_logit_softcapping=5.0),
    },
    "smollm3": {
        "every second layer without positions": smollm3(no_rope_layer_interval=2),
        "lists and windows": smollm3(no_rope_layers=[0, 1, 1], use_sliding_window=True, sliding_window=8,
                                     attention_bias=True, mlp_bias=True, tie_word_embeddings=False),
        "yarn": smollm3(rope_scaling={"rope_type": "yarn", "factor": 2.0,
                                      "original_max_position_embeddings": 16}),
    },
    "olmo2": {
        "plain": olmo2(),
        "biases": olmo2(attention_bias=True, tie_word_embeddings=True),
    },
    "phi3": {
        "window": phi3(sliding_window=8),
        "part of the heads": phi3(partial_rotary_factor=0.5, tie_word_embeddings=True),
        "longrope, long": phi3(original_max_position_embeddings=13,
                               rope_scaling=dict(type="longrope", **LONG)),
        "longrope, switching": phi3(original_max_position_embeddings=26,
                                    rope_scaling=dict(type="longrope", **LONG)),
    },
}

LENGTH, LENGTHS = 30, [30, 21, 12]
CALLS = [14, 9, 1, 1, 1, 1, 1, 1, 1]
TEXTS = [40, 17, 23]  # of the loss


def uniform(name, count):
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x100000001B3) & MASK
    with numpy.errstate(over="ignore"):
        z = numpy.uint64(seed) + numpy.arange(count, dtype=numpy.uint64)
        z += numpy.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        z ^= z >> numpy.uint64(31)
    return (z >> numpy.uint64(40)).astype(numpy.float32) / numpy.float32(1 << 23) - numpy.float32(1)


def weight(name, shape, gemma):
    u = uniform(name, math.prod(shape)).reshape(shape)
    if name.endswith(".bias"):
        return numpy.float32(0.3) * u
    if len(shape) == 1:
        return numpy.float32(0.3) * u + numpy.float32(0 if gemma else 1)
    if "embed_tokens" in name or name == "lm_head.weight":
        return u
    strong = any(part in name for part in ("q_proj", "k_proj", "qkv_proj"))
    return numpy.float32((4 if strong else 2) / math.sqrt(shape[1])) * u


def digits(values):
    return [float(f"{x:.8g}") for x in values]


def variant(config, title):
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
    gemma = "gemma" in config.model_type
    tensors = dict(model.named_parameters())
    with torch.no_grad():
        for name, parameter in tensors.items():
            parameter.copy_(torch.from_numpy(weight(name, tuple(parameter.shape), gemma)))
    entry = {}
    if not variant.seen:
        entry["checksum"] = sum(float(p.detach().double().sum()) for p in tensors.values())
        variant.seen = True
    generator = torch.Generator().manual_seed(5)
    ids = torch.randint(3, 48, (3, LENGTH), generator=generator)
    entry["ids"] = ids.tolist()
    columns = torch.arange(LENGTH)

    def rows(logits, places):
        return [digits(logits[b, i].tolist()) for b, i in places]

    with torch.no_grad():
        mask = torch.stack([(columns < n).long() for n in LENGTHS])
        places = [(b, i) for b, n in enumerate(LENGTHS) for i in (0, n // 2, n - 1)]
        entry["right"] = rows(model(ids, attention_mask=mask, use_cache=False).logits, places)

        padded = torch.zeros_like(ids)
        for b, n in enumerate(LENGTHS):
            padded[b, LENGTH - n:] = ids[b, :n]
        mask = torch.stack([(columns >= LENGTH - n).long() for n in LENGTHS])
        positions = (mask.cumsum(-1) - 1).clamp(min=0)
        cache, begin, found = transformers.DynamicCache(config=config), 0, []
        for call, count in enumerate(CALLS):
            end = begin + count
            logits = model(padded[:, begin:end], attention_mask=mask[:, :end],
                           position_ids=positions[:, begin:end], past_key_values=cache).logits
            if call in (0, 1, 2, 5, 8):
                # A row whose text has not begun yet says nothing.
                found += rows(logits, [(b, count - 1) for b, n in enumerate(LENGTHS) if end > LENGTH - n])
            begin = end
        entry["left"] = found

    texts = [torch.randint(3, 48, (n + 1,), generator=generator) for n in TEXTS]
    rope = config.rope_parameters
    if rope.get("rope_type") == "dynamic" or rope.get("original_max_position_embeddings", 0) > min(TEXTS):
        texts = texts[:1]  # frequencies of packed texts follow the whole window's length
    loss = sum(torch.nn.functional.cross_entropy(model(t[None, :-1], use_cache=False).logits[0], t[1:],
                                                 reduction="sum") for t in texts)
    loss.backward()
    entry["texts"] = [t.tolist() for t in texts]
    entry["loss"] = float(loss)
    entry["gradients"] = {
        name: digits([float(p.grad.double().norm()),
                      float((p.grad.double().numpy().ravel() * uniform(name + "?", p.numel())).sum())])
        for name, p in tensors.items()}
    return entry


tool = f"transformers {transformers.__version__}, torch {torch.__version__}"


def main():
    for family, variants in FAMILIES.items():
        if sys.argv[1:] and family not in sys.argv[1:]:
            continue
        golden = {"tool": tool, "lengths": LENGTHS, "calls": CALLS, "variants": {}}
        for title, old in variants.items():
            print(family, title)
            variant.seen = bool(golden["variants"])
            config = transformers.AutoConfig.for_model(**json.loads(json.dumps(old)))
            new = json.loads(config.to_json_string(use_diff=True))
            entry = variant(config, title)
            again = variant(transformers.AutoConfig.for_model(**json.loads(json.dumps(new))), title)
            assert again["right"] == entry["right"], "what version 5 writes means something else"
            new = {k: v for k, v in new.items() if k not in ("transformers_version", "use_cache", "attention_dropout")}
            golden["variants"][title] = dict(config_4=old, config_5=new, **entry)
        path = here / f"{family}.json"
        path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
        print(path.name, path.stat().st_size)


if __name__ == "__main__":
    main()
