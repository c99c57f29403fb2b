# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""Makes the golden merges: tiny Llamas, and single tensors of awkward shapes, merged by mergekit.

Run it in this folder with a Python that has mergekit, torch and safetensors:

    python make.py              # both
    python make.py models       # the tiny Llamas, through mergekit-yaml
    python make.py kernels      # the single tensors, through mergekit's merge_tensors

`models` writes models/<name>/ (the inputs), results/<case>.safetensors (what mergekit made of
them) and cases/<case>.yaml (the recipes, with paths relative to models/).

`kernels` writes kernels/inputs.safetensors (`<model>/<shape>`), kernels/<part>.safetensors
(`<case>/<shape>`, absent where mergekit refuses the shape), kernels/doubles.safetensors (the same,
computed in float64, of methods that sum over tensors) and kernels/cases.json.

Both write versions.json.
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


KERNEL_SHAPES = {
    "scalar": (), "one": (1,), "vector": (7,), "matrix": (13, 11), "column": (5, 1),
    "cube": (2, 3, 5), "wide": (16, 24), "empty": (0, 3),
}
THREE = ["a", "b", "c"]
MIXED = {"weight": [0.7, -0.2, 0.5]}
PLAIN = {"weight": [0.6, 0.9, 0.4]}


def case(method, sources, own=None, base=True, **shared):
    return dict(method=method, base=base, sources=sources, own=own or {}, shared=shared)


KERNELS = {
    "linear": case("linear", THREE, PLAIN, base=False),
    "linear_sum": case("linear", THREE, MIXED, base=False, normalize=False),
    "slerp": case("slerp", ["a"], t=0.37),
    "slerp_far": case("slerp", ["c"], t=0.8),
    "nuslerp": case("nuslerp", ["a", "c"], {"weight": [0.3, 0.9]}, base=False),
    "nuslerp_rows": case(
        "nuslerp", ["a", "c"], {"weight": [0.3, 0.9]}, base=False, nuslerp_flatten=False),
    "nuslerp_columns": case(
        "nuslerp", ["a", "c"], {"weight": [0.3, 0.9]}, base=False, nuslerp_flatten=False,
        nuslerp_row_wise=True),
    "nuslerp_base": case("nuslerp", ["a", "b"], {"weight": [1.0, 0.5]}),
    "nuslerp_base_rows": case("nuslerp", ["a", "b"], {"weight": [1.0, 0.5]}, nuslerp_flatten=False),
    "nuslerp_base_columns": case(
        "nuslerp", ["a", "b"], {"weight": [1.0, 0.5]}, nuslerp_flatten=False, nuslerp_row_wise=True),
    "nuslerp_balanced": case("nuslerp", ["a", "b"], {"weight": [0.5, -0.5]}, base=False),
    "multislerp": case("multislerp", THREE, PLAIN, base=False),
    "multislerp_base": case("multislerp", THREE, PLAIN),
    "multislerp_sum": case("multislerp", THREE, PLAIN, base=False, normalize_weights=False, eps=1e-6),
    "multislerp_single": case("multislerp", ["a"], {"weight": [0.3]}),
    "karcher": case("karcher", THREE, base=False),
    "karcher_two": case("karcher", ["a", "c"], base=False, max_iter=3, tol=1e-4),
    "model_stock": case("model_stock", THREE),
    "model_stock_rows": case("model_stock", ["a", "b"], filter_wise=True),
    "nearswap": case("nearswap", ["a"], t=0.02),
    "nearswap_small": case("nearswap", ["b"], t=0.001),
    "sce": case("sce", THREE),
    "sce_topk": case("sce", THREE, select_topk=0.4),
    "sce_two": case("sce", ["a", "b"], select_topk=0.75, int8_mask=True),
    "ram": case("ram", THREE),
    "ram_epsilon": case("ram", THREE, epsilon=0.02),
    "ramplus_tl": case("ramplus_tl", ["a", "b"]),
    "ramplus_tl_strong": case("ramplus_tl", THREE, r=0.5, alpha=1.5, epsilon=0.03),
    "arcee_fusion": case("arcee_fusion", ["a"]),
    "arcee_fusion_far": case("arcee_fusion", ["c"]),
    "passthrough": case("passthrough", ["a"], base=False),
    "passthrough_scale": case("passthrough", ["a"], {"scale": [-1.37]}, base=False),
    "task_arithmetic": case("task_arithmetic", THREE, PLAIN),
    "task_arithmetic_mixed": case("task_arithmetic", THREE, MIXED, normalize=True, **{"lambda": 0.8}),
    "ties": case("ties", THREE, PLAIN),
    "ties_trimmed": case(
        "ties", THREE, MIXED | {"density": [0.8, 0.3, 0.5]}, normalize=False, **{"lambda": 0.8}),
    "ties_rescaled": case("ties", THREE, PLAIN | {"density": [0.5, 0.5, 0.25]}, rescale=True),
    "dare_linear": case("dare_linear", THREE, PLAIN),
    "dare_linear_mixed": case("dare_linear", THREE, MIXED, normalize=True, **{"lambda": 1.3}),
    "dare_ties": case("dare_ties", THREE, PLAIN),
    "dare_ties_mixed": case("dare_ties", THREE, MIXED, normalize=True, **{"lambda": 1.3}),
    "della": case("della", THREE, PLAIN),
    "della_mixed": case("della", THREE, MIXED, normalize=False, **{"lambda": 1.3}),
    "della_linear": case("della_linear", THREE, PLAIN),
    "della_linear_mixed": case("della_linear", THREE, MIXED, normalize=True, **{"lambda": 1.3}),
    "breadcrumbs": case("breadcrumbs", THREE, PLAIN),
    "breadcrumbs_sparse": case(
        "breadcrumbs", THREE, MIXED | {"density": [0.8, 0.3, 0.5], "gamma": [0.01, 0.2, 0.3]}),
    "breadcrumbs_rescaled": case(
        "breadcrumbs", THREE, PLAIN | {"density": [0.9, 0.4, 0.6]}, rescale=True, normalize=True),
    "breadcrumbs_ties": case("breadcrumbs_ties", THREE, PLAIN),
    "breadcrumbs_ties_sparse": case(
        "breadcrumbs_ties", THREE, MIXED | {"density": [0.8, 0.3, 0.95], "gamma": [0.05, 0.2, 0.3]},
        normalize=True),
}

SUMMING = {"slerp", "nuslerp", "multislerp", "karcher", "model_stock", "sce"}


def kernels():
    from mergekit.merge_methods.api import merge_tensors

    folder = HERE / "kernels"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    generator = torch.Generator().manual_seed(20261121)

    def noise(scale, kept=1.0):
        return {
            name: torch.randn(shape, generator=generator) * scale
            * (torch.rand(shape, generator=generator) < kept)
            for name, shape in KERNEL_SHAPES.items()
        }

    base = noise(0.1)
    models = {"base": base}
    # Some entries stay as they were, so that sources overlap in part only.
    for name, scale, kept in (("a", 0.05, 0.8), ("b", 0.01, 0.7)):
        change = noise(scale, kept)
        models[name] = {k: base[k] + change[k] for k in base}
    models["c"] = noise(0.1)
    save_file({f"{m}/{k}": v for m, weights in models.items() for k, v in weights.items()},
              folder / "inputs.safetensors")
    results, doubles = {}, {}
    for name, one in KERNELS.items():
        ids = (["base"] if one["base"] else []) + one["sources"]
        parameters = dict(one["shared"])
        for key, values in one["own"].items():
            parameters[key] = dict(zip(one["sources"], values))
        for shape in KERNEL_SHAPES:
            try:
                result, double = (
                    merge_tensors(
                        [models[i][shape].clone() for i in ids], one["method"],
                        parameters=parameters, ids=ids, base_index=0 if one["base"] else None,
                        name=shape, dtype=dtype, out_dtype=torch.float32)
                    for dtype in (torch.float32, torch.float64))
            except (RuntimeError, ValueError, IndexError, ZeroDivisionError) as error:
                print(f"{name}/{shape}: {type(error).__name__}: {str(error).splitlines()[0]}")
                continue
            results[f"{name}/{shape}"] = result.contiguous().clone()
            if one["method"] in SUMMING or one["shared"].get("rescale"):
                doubles[f"{name}/{shape}"] = double.contiguous().clone()
    family = {name for name, one in KERNELS.items() if "density" in json.dumps(one) or one["method"] in (
        "task_arithmetic", "ties", "dare_linear", "dare_ties", "della", "della_linear", "breadcrumbs",
        "breadcrumbs_ties")}
    for part, names in (("family", family), ("others", set(KERNELS) - family)):
        save_file({k: v for k, v in results.items() if k.split("/")[0] in names},
                  folder / f"{part}.safetensors")
    save_file(doubles, folder / "doubles.safetensors")
    for file in folder.iterdir():
        file.chmod(0o644)
    (folder / "cases.json").write_text(json.dumps(KERNELS, indent=1) + "\n")


def models():
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


def main():
    parts = sys.argv[1:] or ["models", "kernels"]
    for part in parts:
        {"models": models, "kernels": kernels}[part]()
    versions = {k: version(k) for k in ("mergekit", "torch", "safetensors", "transformers")}
    versions["python"] = sys.version.split()[0]
    (HERE / "versions.json").write_text(json.dumps(versions, indent=2) + "\n")


if __name__ == "__main__":
    main()
