# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""Makes the golden merges: tiny Llamas, merged by mergekit.

Run it in this folder with a Python that has mergekit, torch and safetensors:

    python make.py

Writes models/<name>/ (the inputs), results/<case>.safetensors (what mergekit made of them),
cases/<case>.yaml (the recipes, with paths relative to models/) and versions.json.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version

import torch
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).resolve().parent
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": 11,
    "hidden_size": 8,
    "intermediate_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 64,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "torch_dtype": "float32",
}
SHAPES = {"model.embed_tokens.weight": (11, 8), "model.norm.weight": (8,)}
for layer in range(2):
    stem = f"model.layers.{layer}."
    SHAPES |= {
        stem + "input_layernorm.weight": (8,),
        stem + "post_attention_layernorm.weight": (8,),
        stem + "self_attn.q_proj.weight": (8, 8),
        stem + "self_attn.k_proj.weight": (4, 8),
        stem + "self_attn.v_proj.weight": (4, 8),
        stem + "self_attn.o_proj.weight": (8, 8),
        stem + "mlp.gate_proj.weight": (12, 8),
        stem + "mlp.up_proj.weight": (12, 8),
        stem + "mlp.down_proj.weight": (8, 12),
    }


def write_model(name, weights):
    folder = HERE / "models" / name
    folder.mkdir(parents=True)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")


def entry(model, **parameters):
    return {"model": model} | ({"parameters": parameters} if parameters else {})


CASES = {
    "linear": dict(merge_method="linear", models=[entry("ct", weight=0.3), entry("sft", weight=0.9)]),
    "linear_sum": dict(
        merge_method="linear",
        models=[entry("ct", weight=0.25), entry("sft", weight=-0.5), entry("other", weight=1.0)],
        parameters={"normalize": False},
    ),
    "slerp": dict(merge_method="slerp", base_model="ct", models=[entry("ct"), entry("sft")], parameters={"t": 0.37}),
    "slerp_far": dict(merge_method="slerp", base_model="ct", models=[entry("other"), entry("ct")], parameters={"t": 0.8}),
    "task_arithmetic": dict(
        merge_method="task_arithmetic",
        base_model="base",
        models=[entry("ct", weight=0.7), entry("sft", weight=-0.2), entry("other", weight=0.5)],
        parameters={"lambda": 0.8},
    ),
    "task_arithmetic_normalized": dict(
        merge_method="task_arithmetic",
        base_model="base",
        models=[entry("base"), entry("ct", weight=0.7), entry("sft", weight=0.6)],
        parameters={"normalize": True},
    ),
    "ties": dict(
        merge_method="ties",
        base_model="base",
        models=[entry("ct", weight=1.0, density=0.5), entry("sft", weight=0.4, density=0.31)],
    ),
    "ties_three": dict(
        merge_method="ties",
        base_model="base",
        models=[entry("ct", weight=0.7), entry("base"), entry("sft", weight=-0.2), entry("other", weight=0.5)],
        parameters={"density": 0.8, "lambda": 0.8, "normalize": False},
    ),
    "ties_sparse": dict(
        merge_method="ties", base_model="base", models=[entry("ct"), entry("sft")],
        parameters={"density": 0.01, "weight": 1.0},
    ),
    "dare_ties_full": dict(
        merge_method="dare_ties",
        base_model="base",
        models=[entry("ct", weight=0.6), entry("sft", weight=0.8)],
        parameters={"density": 1.0},
    ),
}


def main():
    for folder in ("models", "results", "cases"):
        shutil.rmtree(HERE / folder, ignore_errors=True)
    for folder in ("results", "cases"):
        (HERE / folder).mkdir()
    generator = torch.Generator().manual_seed(20260706)

    def noise(scale):
        return {k: torch.randn(s, generator=generator) * scale for k, s in SHAPES.items()}

    def add(a, b):
        return {k: a[k] + b[k] for k in a}

    base = noise(0.1)
    write_model("base", base)
    write_model("ct", add(base, noise(0.05)))
    write_model("sft", add(base, noise(0.01)))
    write_model("other", noise(0.1))  # a stranger, so that slerp sees a wide angle
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    tool = pathlib.Path(sys.executable).with_name("mergekit-yaml")
    for name, case in CASES.items():
        case = case | {"dtype": "float32"}
        # JSON is YAML.
        text = json.dumps(case, indent=2) + "\n"
        (HERE / "cases" / f"{name}.yaml").write_text(text)
        with tempfile.TemporaryDirectory() as out:
            recipe = pathlib.Path(out) / "recipe.yaml"
            for model in ("base", "ct", "sft", "other"):
                text = text.replace(f'"{model}"', json.dumps(str(HERE / "models" / model)))
            recipe.write_text(text)
            subprocess.run(
                [tool, recipe, f"{out}/m", "--no-copy-tokenizer", "--no-write-model-card",
                 "--quiet", "--random-seed", "1"],
                check=True, env=environment,
            )
            shutil.copyfile(f"{out}/m/model.safetensors", HERE / "results" / f"{name}.safetensors")
            (HERE / "results" / f"{name}.safetensors").chmod(0o644)
    versions = {k: version(k) for k in ("mergekit", "torch", "safetensors", "transformers")}
    versions["python"] = sys.version.split()[0]
    (HERE / "versions.json").write_text(json.dumps(versions, indent=2) + "\n")


if __name__ == "__main__":
    main()
