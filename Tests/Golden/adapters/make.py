# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""Adapters made by PEFT, and what PEFT makes of base and adapter, for AdapterGoldenTests.swift.

    python make.py            (torch, transformers, peft, safetensors; versions.json records which)

Writes bases/NAME, adapters/NAME and results/NAME.safetensors (the tensors of the merged model that
differ from the base's). PEFT has no mlx-lm adapters: those are computed here by mlx-lm's formula,
W + scale * lora_b.T @ lora_a.T, and with DoRA m * W' / |W'| by rows.
"""
import json
import os
import shutil

import peft
import safetensors
import torch
import transformers
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM
from transformers import Qwen2Config, Qwen2ForCausalLM

HERE = os.path.dirname(os.path.abspath(__file__))


def at(*parts):
    return os.path.join(HERE, *parts)


def llama(tied, dtype=torch.float32):
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=23, hidden_size=12, intermediate_size=20, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, tie_word_embeddings=tied,
        max_position_embeddings=16)).to(dtype)


def gpt2():
    return GPT2LMHeadModel(GPT2Config(
        vocab_size=23, n_embd=12, n_layer=1, n_head=2, n_positions=8, n_inner=20))


def qwen2():
    return Qwen2ForCausalLM(Qwen2Config(
        vocab_size=23, hidden_size=12, intermediate_size=20, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=1, tie_word_embeddings=False,
        max_position_embeddings=16))


BASES = {
    "llama": lambda: llama(False), "llama-bf16": lambda: llama(False, torch.bfloat16),
    "tied": lambda: llama(True), "gpt2": gpt2, "qwen2": qwen2,
}


def base(name):
    torch.manual_seed(sorted(BASES).index(name) + 1)
    model = BASES[name]()
    for parameter in model.parameters():
        parameter.data.copy_(torch.randn(parameter.shape) * 0.3 + 0.1)
    if name == "tied":
        model.tie_weights()
    return model


ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
# name: (base, settings of LoRA)
CASES = {
    "plain": ("llama", dict(r=3, lora_alpha=6, target_modules=ALL)),
    "patterns": ("llama", dict(
        r=4, lora_alpha=8, target_modules=["q_proj", "v_proj", "down_proj"],
        rank_pattern={"layers.1.self_attn.q_proj": 2, "down_proj": 1},
        alpha_pattern={r"model\.layers\.[0-9]+\.self_attn\.v_proj": 5, "layers.0.mlp.down_proj": 3})),
    "rslora": ("llama", dict(r=4, lora_alpha=3, use_rslora=True, target_modules=["q_proj", "o_proj"])),
    "dora": ("llama", dict(r=2, lora_alpha=4, use_dora=True, target_modules=["k_proj", "up_proj"])),
    "embeddings": ("llama", dict(r=2, lora_alpha=4, target_modules=["embed_tokens", "lm_head"])),
    "dora-embeddings": ("llama", dict(
        r=2, lora_alpha=4, use_dora=True, target_modules=["embed_tokens"])),
    "saved": ("llama", dict(
        r=2, lora_alpha=2, target_modules=["q_proj"], modules_to_save=["lm_head", "norm"])),
    "half": ("llama-bf16", dict(r=3, lora_alpha=6, target_modules=ALL)),
    "biases": ("qwen2", dict(r=2, lora_alpha=4, bias="all", target_modules=["q_proj", "v_proj"])),
    "lora-bias": ("qwen2", dict(
        r=2, lora_alpha=4, lora_bias=True, target_modules=["q_proj", "k_proj"])),
    "gpt2": ("gpt2", dict(
        r=2, lora_alpha=4, fan_in_fan_out=True, target_modules=["c_attn", "c_proj", "c_fc"])),
    "gpt2-dora": ("gpt2", dict(
        r=2, lora_alpha=4, use_dora=True, fan_in_fan_out=True, target_modules=["c_attn", "c_fc"])),
    "tied-embeddings": ("tied", dict(r=2, lora_alpha=4, target_modules=["embed_tokens"])),
    "tied-head": ("tied", dict(r=2, lora_alpha=4, target_modules=["lm_head"])),
    "tied-saved": ("tied", dict(
        r=2, lora_alpha=4, target_modules=["q_proj"], modules_to_save=["embed_tokens"])),
}
# Cases that are also saved as adapter_model.bin.
PICKLED = ["dora", "saved"]


def clean(name):
    """A name of the wrapped model without what PEFT adds."""
    parts = name.removeprefix("base_model.model.").split(".")
    return ".".join(p for p in parts if p not in ("base_layer", "default", "modules_to_save"))


def expected(model):
    """The weights the wrapped model computes with, module by module, ties taken apart."""
    tensors = {}
    for name, module in model.named_modules():
        if not hasattr(module, "get_delta_weight"):
            if type(module).__name__ == "ModulesToSaveWrapper":
                for key, value in module.modules_to_save["default"].named_parameters():
                    tensors[clean(name) + "." + key] = value
            continue
        layer = module.get_base_layer()
        # `merge` writes into the layer's weight, which a tied head shares: work on a copy.
        original = layer.weight.data.clone()
        variant = module.lora_variant.get("default")
        if variant is None:
            tensors[clean(name) + ".weight"] = original + module.get_delta_weight("default")
        else:
            tensors[clean(name) + ".weight"] = variant.merge_safe(module, "default", original)
        if getattr(layer, "bias", None) is not None:
            bias = layer.bias.data.clone()
            if module.lora_bias["default"]:
                bias += module.lora_B["default"].bias * module.scaling["default"]
            tensors[clean(name) + ".bias"] = bias
    for name, value in model.named_parameters():
        if value.requires_grad and "lora_" not in name and clean(name) not in tensors:
            tensors[clean(name)] = value
    return {k: v.detach().clone().contiguous() for k, v in tensors.items()}


def peft_case(name, base_name, settings):
    model = base(base_name)
    model.name_or_path = base_name
    torch.manual_seed(100 + sorted(CASES).index(name))
    wrapped = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **settings))
    for key, parameter in wrapped.named_parameters():
        if parameter.requires_grad:
            scale = 1.0 if "magnitude" in key else 0.5
            parameter.data.copy_((torch.rand(parameter.shape) * scale + (0.5 if scale == 1 else -0.2)))
    wrapped.eval()
    result = expected(wrapped)
    wrapped.save_pretrained(at("adapters", name), save_embedding_layers=False)
    # The model card is of no use here.
    os.remove(at("adapters", name, "README.md"))
    if name in PICKLED:
        # As PEFT wrote adapters before safetensors; the same weights as those beside.
        wrapped.save_pretrained(
            at("adapters", name + "-pickled"), save_embedding_layers=False,
            safe_serialization=False)
        os.remove(at("adapters", name + "-pickled", "README.md"))
    save_file(result, at("results", name + ".safetensors"))


def mlx_case(name, kind):
    model = base("llama")
    state = model.state_dict()
    torch.manual_seed(500 + len(name))
    rank, scale = 3, 2.5
    tensors, result = {}, {}
    modules = [f"model.layers.1.{m}" for m in ("self_attn.q_proj", "self_attn.k_proj", "mlp.down_proj")]
    modules.append("model.embed_tokens")
    for module in modules:
        weight = state[module + ".weight"]
        embeds = module.endswith("embed_tokens")
        first, last = weight.shape if embeds else reversed(weight.shape)
        a, b = torch.randn(first, rank) * 0.3, torch.randn(rank, last) * 0.3
        if kind == "full":
            new = weight + torch.randn(weight.shape) * 0.1
            tensors[module + ".weight"] = result[module + ".weight"] = new
            continue
        tensors[module + ".lora_a"], tensors[module + ".lora_b"] = a, b
        new = weight + ((scale * a) @ b if embeds else (scale * b.T) @ a.T)
        if kind == "dora":
            m = torch.rand(weight.shape[0]) + 0.5
            tensors[module + ".m"] = m
            new = (m / torch.linalg.norm(new, dim=1))[:, None] * new
        result[module + ".weight"] = new
    os.makedirs(at("adapters", name), exist_ok=True)
    save_file({k: v.contiguous() for k, v in tensors.items()},
              at("adapters", name, "adapters.safetensors"))
    save_file({k: v.contiguous() for k, v in result.items()}, at("results", name + ".safetensors"))
    with open(at("adapters", name, "adapter_config.json"), "w") as file:
        json.dump({"fine_tune_type": kind, "num_layers": 1, "model": "llama", "iters": 10, "lora_parameters": {
            "rank": rank, "scale": scale, "dropout": 0.0, "keys": ["self_attn.q_proj"]}}, file, indent=1)


if __name__ == "__main__":
    for folder in ("bases", "adapters", "results"):
        shutil.rmtree(at(folder), ignore_errors=True)
        os.makedirs(at(folder))
    for name in BASES:
        base(name).save_pretrained(at("bases", name))
        extra = at("bases", name, "generation_config.json")
        if os.path.exists(extra):
            os.remove(extra)
    for name, (base_name, settings) in CASES.items():
        peft_case(name, base_name, settings)
    for kind in ("lora", "dora", "full"):
        mlx_case("mlx-" + kind, kind)
    with open(at("versions.json"), "w") as file:
        json.dump({"peft": peft.__version__, "torch": torch.__version__,
                   "transformers": transformers.__version__,
                   "safetensors": safetensors.__version__}, file, indent=1)
