# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""Makes the golden merges for planning: which layers, which parameters, by mergekit.

Run it in this folder with a Python that has mergekit, torch and safetensors:

    python make.py

Writes models/<name>/ (tiny Llamas of five layers), cases/<case>.yaml, results/<case>.safetensors,
results/<case>.config.json and versions.json.
"""

import json
import os
import pathlib
import shutil
import sys
import tempfile
from importlib.metadata import version

os.environ |= {"HF_HUB_OFFLINE": "1"}

import torch
import yaml
from mergekit.config import MergeConfiguration
from mergekit.merge import run_merge
from mergekit.options import MergeOptions
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

HERE = pathlib.Path(__file__).resolve().parent
LAYERS = 5
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": 6,
    "hidden_size": 4,
    "intermediate_size": 3,
    "num_hidden_layers": LAYERS,
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
SHAPES = {"model.embed_tokens.weight": (6, 4), "model.norm.weight": (4,)}
for layer in range(LAYERS):
    stem = f"model.layers.{layer}."
    SHAPES |= {
        stem + "input_layernorm.weight": (4,),
        stem + "post_attention_layernorm.weight": (4,),
        stem + "self_attn.q_proj.weight": (4, 4),
        stem + "self_attn.k_proj.weight": (2, 4),
        stem + "self_attn.v_proj.weight": (2, 4),
        stem + "self_attn.o_proj.weight": (4, 4),
        stem + "mlp.gate_proj.weight": (3, 4),
        stem + "mlp.up_proj.weight": (3, 4),
        stem + "mlp.down_proj.weight": (4, 3),
    }


def write_model(name, weights, **config):
    folder = HERE / "models" / name
    folder.mkdir(parents=True)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(CONFIG | config, indent=2) + "\n")


def entry(model, layers=None, **parameters):
    result = {"model": model}
    if layers:
        result["layer_range"] = list(layers)
    if parameters:
        result["parameters"] = parameters
    return result


def passthrough(scale):
    return dict(merge_method="passthrough", models=[entry("a", scale=scale)])


CASES = {
    # Gradients of one, two and five points, and of numbers that YAML 1.1 reads as texts.
    "gradient_one": passthrough([0.7]),
    "gradient_two": passthrough([0.1, 0.8]),
    "gradient_three": passthrough([0.1, 0.9, 0.3]),
    "gradient_five": passthrough([1, 0.5, 0, -0.5, 2]),
    "gradient_text": passthrough(["1e-1", "2e-1", "7e-1"]),
    "filters": passthrough(
        [
            {"filter": "mlp", "value": [0.0, 1.0]},
            {"filter": "o_proj", "value": 0.5},
            {"filter": "layers.3", "value": 0.25},
            {"value": 2},
        ]
    ),
    "one_condition": passthrough({"filter": "*", "value": [0.5, 1.5]}),
    # An empty list and filters that match nothing leave the parameter to the next scope.
    "fall_through": dict(
        merge_method="passthrough",
        models=[entry("a", scale=[{"filter": "q_proj", "value": 3}])],
        parameters={"scale": [{"filter": "k_proj", "value": 5}]},
    ),
    "empty_list": dict(
        merge_method="passthrough", models=[entry("a", scale=[])], parameters={"scale": 0.5}
    ),
    # Layers moved and repeated; each slice has its own gradient, a single layer the last value.
    "slices": dict(
        merge_method="passthrough",
        slices=[
            {"sources": [entry("a", (0, 3))]},
            {"sources": [entry("b", (1, 4), scale=[1.0, 3.0])]},
            {"sources": [entry("a", (1, 3))]},
            {"sources": [entry("c", (4, 5))]},
        ],
        parameters={"scale": [0.25, 0.75]},
    ),
    # Filters of a source's parameter see the input's name, those of a shared one the output's.
    "names": dict(
        merge_method="linear",
        slices=[
            {"sources": [entry("a", (3, 5)), entry("b", (2, 4))]},
            {"sources": [entry("a", (0, 2)), entry("b", (1, 3))]},
        ],
        parameters={
            "weight": [{"filter": "layers.3.", "value": 0.25}, {"filter": "layers.1.", "value": 0.5},
                       {"value": 1.0}],
            "normalize": [{"filter": "layers.1.", "value": False}, {"value": True}],
        },
    ),
    "flags": dict(
        merge_method="linear",
        models=[entry("a", weight=0.5), entry("b", weight=1)],
        parameters={"normalize": [True, 0, "yes", "off"]},
    ),
    # All five scopes: source, slice, module, top, default.
    "scopes": dict(
        merge_method="task_arithmetic",
        base_model="a",
        modules={
            "default": {
                "slices": [
                    {
                        "sources": [
                            entry("a", (0, 5)),
                            entry("b", (0, 5), weight=[{"filter": "q_proj", "value": 0.1}]),
                        ],
                        "parameters": {"weight": [{"filter": "mlp", "value": [0.2, 0.4]}]},
                    }
                ],
                "parameters": {
                    "weight": [{"filter": "v_proj", "value": 0.5}],
                    "lambda": [{"filter": "layernorm", "value": 0.5}],
                },
            }
        },
        parameters={"weight": 0.7},
    ),
    "base_appended": dict(
        merge_method="task_arithmetic", base_model="a",
        models=[entry("b", weight=[0, 1]), entry("c", weight=0.5)],
    ),
    "slice_base": dict(
        merge_method="task_arithmetic",
        base_model="a",
        slices=[
            {"sources": [entry("a", (0, 2)), entry("b", (0, 2))]},
            {"sources": [entry("c", (2, 5)), entry("b", (2, 5))], "base_model": "c"},
        ],
        parameters={"weight": 0.25},
    ),
    # Tied heads, both ways.
    "tied_and_untied": dict(
        merge_method="linear", models=[entry("a"), entry("untied")], parameters={"weight": 0.5}
    ),
    "untied_and_tied": dict(
        merge_method="linear", models=[entry("untied"), entry("a")], parameters={"weight": 0.5}
    ),
    "mixed_types": dict(
        merge_method="linear", models=[entry("a", weight=1), entry("half", weight=1)],
    ),
    "out_type": dict(
        merge_method="linear", models=[entry("a", weight=1), entry("b", weight=1)],
        out_dtype="bfloat16",
    ),
    # A stack keeps working when it is empty in the middle.
    "empty_slice": dict(
        merge_method="passthrough",
        slices=[
            {"sources": [entry("a", (0, 2))]},
            {"sources": [entry("b", (2, 2))]},
            {"sources": [entry("b", (3, 5))]},
        ],
    ),
}

# Vocabularies that share some tokens, in other orders; `<…>` are special added tokens.
VOCABULARIES = {
    "t1": ["a", "b", "c", "d", "e", "<s>"],
    "t2": ["c", "a", "f", "b", "g", "<s>", "<x>"],
    "t3": ["b", "f", "h", "a", "<y>"],
}
TOKENIZER_CASES = {
    "tokens_base": dict(tokenizer_source="base"),
    "tokens_model": dict(tokenizer_source="t3"),
    "tokens_union": dict(tokenizer_source="union"),
    "tokens_rules": dict(
        tokenizer={
            "source": "union",
            "tokens": {
                "a": {"source": "t2", "force": True},
                "f": {"source": {"kind": "model_token", "model": "t1", "token": "d"}},
                "h": {"source": {"kind": "model_token", "model": "t2", "token_id": 1}},
                "e": {"source": {"kind": "zero"}},
                "<s>": {"source": {"kind": "zero"}, "force": True},
                "new": {"source": {"kind": "model_token", "model": "t1", "token": "b"}},
            },
            "pad_to_multiple_of": 8,
        }
    ),
    "tokens_tied": dict(
        merge_method="task_arithmetic", tokenizer_source="union", models=[entry("t2"), entry("t3")]
    ),
}


def write_tokenizer_model(name, tokens, generator):
    ordinary = [t for t in tokens if not t.startswith("<")]
    weights = {
        k: torch.randn((len(tokens), *s[1:]) if "embed" in k else s, generator=generator)
        for k, s in SHAPES.items() if "layers" not in k
    }
    write_model(name, weights, vocab_size=len(tokens), num_hidden_layers=0)
    tokenizer = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(ordinary)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([t for t in tokens if t.startswith("<")])
    folder = HERE / "models" / name
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"}) + "\n")


def merge(name, case, names):
    """Runs one case; the text of the recipe is kept with the models' bare names."""
    # JSON is YAML.
    (HERE / "cases" / f"{name}.yaml").write_text(json.dumps(case, indent=1) + "\n")

    def located(value, key=None):
        if isinstance(value, dict):
            return {k: located(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [located(v) for v in value]
        is_model = key in ("model", "base_model", "tokenizer_source", "source") and value in names
        return str(HERE / "models" / value) if is_model else value

    options = MergeOptions(
        copy_tokenizer=False, write_model_card=False, quiet=True, random_seed=1)
    with tempfile.TemporaryDirectory() as out:
        run_merge(MergeConfiguration.model_validate(located(case)), out, options)
        target = HERE / "results" / f"{name}.safetensors"
        shutil.copyfile(f"{out}/model.safetensors", target)
        target.chmod(0o644)
        config = json.loads(pathlib.Path(f"{out}/config.json").read_text())
        facts = {k: config[k] for k in ("num_hidden_layers", "vocab_size")}
        tokenizer = pathlib.Path(out) / "tokenizer.json"
        if tokenizer.exists():
            facts["tokens"] = Tokenizer.from_file(str(tokenizer)).get_vocab()
        (HERE / "results" / f"{name}.config.json").write_text(json.dumps(facts) + "\n")


def main():
    for folder in ("models", "results", "cases"):
        shutil.rmtree(HERE / folder, ignore_errors=True)
    for folder in ("results", "cases"):
        (HERE / folder).mkdir()
    generator = torch.Generator().manual_seed(20261121)

    def noise():
        return {k: torch.randn(s, generator=generator) for k, s in SHAPES.items()}

    for name in "abc":
        write_model(name, noise())
    untied = noise() | {"lm_head.weight": torch.randn((6, 4), generator=generator)}
    write_model("untied", untied, tie_word_embeddings=False)
    half = {k: v.to(torch.bfloat16) for k, v in noise().items()}
    write_model("half", half, torch_dtype="bfloat16")
    for name, case in CASES.items():
        merge(name, case, {*"abc", "untied", "half"})
    for name, tokens in VOCABULARIES.items():
        write_tokenizer_model(name, tokens, generator)
    for name, case in TOKENIZER_CASES.items():
        merge(
            name,
            dict(merge_method="linear", base_model="t1",
                 models=[entry(m) for m in VOCABULARIES], parameters={"weight": 0.5}) | case,
            set(VOCABULARIES),
        )
    versions = {k: version(k) for k in ("mergekit", "torch", "safetensors", "tokenizers", "transformers")}
    versions["python"] = sys.version.split()[0]
    (HERE / "versions.json").write_text(json.dumps(versions, indent=2) + "\n")


if __name__ == "__main__":
    main()
