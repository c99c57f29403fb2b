# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""Makes the golden merges for `--mergekit-exact`: whole models, through mergekit's commands.

Run it in this folder with a Python that has mergekit 0.1.5, torch and safetensors:

    python make.py [GROUP…]

Writes a JSON for each group (all where none is named) and versions.json. The models are not kept:
element i of the tensor t of the model m is a function of these three, which the tests compute too.

    u(m, t, i) = (⌊mix(fnv1a(m + "/" + t) + (i + 1)·0x9E3779B97F4A7C15) / 2⁴⁰⌋ − 2²³) · 2⁻²³
    x(m, t, i) = u("base", t, i) + u(m, t, i) / 4        m ≠ base; in float32

with mix the end of splitmix64 and fnv1a of 64 bits. What is kept of a result: a CRC-32 of the names,
one of each tensor's bytes in the order of the names, and for methods that round otherwise here some
elements of each tensor.
"""

import json
import os
import pathlib
import shutil
import sys
import tempfile
import zlib
from importlib.metadata import version

os.environ |= {"HF_HUB_OFFLINE": "1"}

import numpy as np
import torch
from mergekit.io.tasks import LoaderCache
from mergekit.scripts import multimerge, run_yaml
from safetensors import safe_open
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).resolve().parent
TOKENIZERS = HERE.parent / "merge-planning" / "models"
QUIET = ["--no-copy-tokenizer", "--no-write-model-card", "--quiet"]
# Sines, arc cosines and sums whose order PyTorch leaves open.
SAMPLED = {"slerp", "nuslerp", "multislerp", "karcher", "model_stock", "arcee_fusion", "sce"}
MASK = (1 << 64) - 1


def uniform(model, tensor, count):
    h = 0xCBF29CE484222325
    for byte in f"{model}/{tensor}".encode():
        h = ((h ^ byte) * 0x100000001B3) & MASK
    with np.errstate(over="ignore"):
        z = np.uint64(h) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return ((z >> np.uint64(40)).astype(np.int64) - (1 << 23)).astype(np.float32) * np.float32(2.0**-23)


def shapes(layers, vocabulary, head):
    found = {"model.embed_tokens.weight": (vocabulary, 8), "model.norm.weight": (8,)}
    for layer in range(layers):
        stem = f"model.layers.{layer}."
        found |= {stem + f"{n}_layernorm.weight": (8,) for n in ("input", "post_attention")}
        found |= {stem + f"self_attn.{n}_proj.weight": (r, 8) for n, r in zip("qkvo", (8, 4, 4, 8))}
        found |= {stem + f"mlp.{n}_proj.weight": (6, 8) for n in ("gate", "up")}
        found[stem + "mlp.down_proj.weight"] = (8, 6)
    if head:
        found["lm_head.weight"] = (vocabulary, 8)
    return found


def gpt2_shapes(layers, vocabulary):
    found = {"transformer.wte.weight": (vocabulary, 8), "transformer.wpe.weight": (9, 8)}
    found |= {f"transformer.ln_f.{n}": (8,) for n in ("weight", "bias")}
    for layer in range(layers):
        stem = f"transformer.h.{layer}."
        for n, inner, outer in (("attn.c_attn", 8, 24), ("attn.c_proj", 8, 8), ("mlp.c_fc", 8, 10), ("mlp.c_proj", 10, 8)):
            found |= {f"{stem}{n}.weight": (inner, outer), f"{stem}{n}.bias": (outer,)}
        found |= {stem + f"{n}.{k}": (8,) for n in ("ln_1", "ln_2") for k in ("weight", "bias")}
    return found


GPT2_CONFIG = {
    "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "n_embd": 8, "n_head": 2, "n_inner": 10,
    "n_positions": 9, "n_ctx": 9,
}


def write_model(folder, name, spec):
    """`spec`: kind, type, layers, vocabulary, head, tied, tokenizer; as in the JSON."""
    folder = folder / name
    folder.mkdir(parents=True)
    weights = {}
    is_gpt2 = spec.get("kind") == "gpt2"
    found = (gpt2_shapes(spec["layers"], spec["vocabulary"]) if is_gpt2
             else shapes(spec["layers"], spec["vocabulary"], spec["head"]))
    for tensor, shape in found.items():
        count = int(np.prod(shape))
        values = uniform("base", tensor, count)
        if name != "base":
            values = values + uniform(name, tensor, count) * np.float32(0.25)
        weights[tensor] = torch.from_numpy(values).reshape(shape).to(getattr(torch, spec["type"]))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama",
        "vocab_size": spec["vocabulary"], "hidden_size": 8, "intermediate_size": 6,
        "num_hidden_layers": spec["layers"], "num_attention_heads": 2, "num_key_value_heads": 1,
        "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "tie_word_embeddings": spec["tied"], "bos_token_id": 1, "eos_token_id": 2,
        "torch_dtype": spec["type"],
    }
    if is_gpt2:
        config |= GPT2_CONFIG | {"n_layer": spec["layers"]}
        config = {k: v for k, v in config.items() if not k.startswith(("num_", "hidden", "inter", "max", "rope", "rms"))}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    if spec["tokenizer"]:
        for file in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(TOKENIZERS / spec["tokenizer"] / file, folder / file)


def spec(type="float32", layers=2, vocabulary=12, head=True, tied=None, tokenizer=None):
    return {"type": type, "layers": layers, "vocabulary": vocabulary, "head": head,
            "tied": not head if tied is None else tied, "tokenizer": tokenizer}


def entry(model, layers=None, **parameters):
    result = {"model": model}
    if layers:
        result["layer_range"] = list(layers)
    if parameters:
        result["parameters"] = parameters
    return result


def recipe(method, *models, base=None, dtype=None, out=None, name=None, slices=None, tokenizer=None,
           **parameters):
    found = {"merge_method": method}
    if slices:
        found["slices"] = slices
    else:
        found["models"] = list(models)
    for key, value in (("base_model", base), ("dtype", dtype), ("out_dtype", out), ("name", name),
                       ("tokenizer", tokenizer), ("parameters", parameters)):
        if value:
            found[key] = value
    return found


def weighted(names="abc", **more):
    """Entries with weights, and lists of further parameters."""
    return [entry(n, weight=w, **{k: v[i] for k, v in more.items()})
            for i, (n, w) in enumerate(zip(names, (1.0, 0.4, -0.3)))]


FEW = [0.5, 0.31, 0.8]
KERNELS = {
    "linear": recipe("linear", entry("a", weight=0.3), entry("b", weight=0.9), entry("c", weight=0.4)),
    "linear_sum": recipe("linear", *weighted(["base", "a", "b"]), normalize=False),
    "slerp": recipe("slerp", entry("a"), base="base", t=0.37),
    "slerp_filtered": recipe("slerp", entry("base"), entry("a"), base="base", t=[
        {"filter": "self_attn", "value": [0, 0.5, 0.3, 0.7, 1]},
        {"filter": "mlp", "value": [1, 0.5, 0.7, 0.3, 0]}, {"value": 0.5}]),
    "nuslerp": recipe("nuslerp", entry("a", weight=0.6), entry("b", weight=0.9)),
    "nuslerp_changes": recipe("nuslerp", entry("a", weight=0.6), entry("b", weight=0.9), base="base"),
    "nuslerp_rows": recipe("nuslerp", entry("a", weight=0.6), entry("b", weight=0.9), nuslerp_flatten=False),
    "nuslerp_columns": recipe("nuslerp", entry("a", weight=0.6), entry("b", weight=0.9),
                              nuslerp_flatten=False, nuslerp_row_wise=True),
    "multislerp": recipe("multislerp", entry("a", weight=0.3), entry("b", weight=0.9), entry("c", weight=0.4)),
    "multislerp_changes": recipe("multislerp", entry("a", weight=0.3), entry("b", weight=0.9),
                                 base="base", normalize_weights=False),
    "karcher": recipe("karcher", entry("a"), entry("b"), entry("c")),
    "karcher_short": recipe("karcher", entry("a"), entry("b"), max_iter=3, tol=1e-3),
    "model_stock": recipe("model_stock", entry("a"), entry("b"), entry("c"), base="base"),
    "model_stock_rows": recipe("model_stock", entry("a"), entry("b"), base="base", filter_wise=True),
    "nearswap": recipe("nearswap", entry("a"), base="base", t=0.03),
    "sce": recipe("sce", entry("a"), entry("b"), entry("c"), base="base"),
    "sce_selected": recipe("sce", entry("a"), entry("b"), entry("c"), base="base", select_topk=0.4),
    "ram": recipe("ram", entry("a"), entry("b"), entry("c"), base="base"),
    "ram_coarse": recipe("ram", entry("a"), entry("b"), entry("c"), base="base", epsilon=0.1),
    "ramplus_tl": recipe("ramplus_tl", entry("a"), entry("b"), base="base", epsilon=0.12),
    "ramplus_tl_large": recipe("ramplus_tl", entry("a"), entry("b"), entry("c"), base="base",
                               epsilon=0.1, r=0.5, alpha=0.6),
    "arcee_fusion": recipe("arcee_fusion", entry("a"), base="base"),
    "passthrough": recipe("passthrough", entry("a", scale=[0.3, 1.7])),
    "passthrough_whole": recipe("passthrough", entry("a")),
    "task_arithmetic": recipe("task_arithmetic", *weighted(), base="base"),
    "task_arithmetic_normalized": recipe("task_arithmetic", *weighted(), base="base", normalize=True, **{"lambda": 0.8}),
    "ties": recipe("ties", *weighted(density=FEW), base="base"),
    "ties_sum": recipe("ties", *weighted(density=[0.9, 0.0, 0.01]), base="base", normalize=0.0, int8_mask=1.0),
    "ties_rescaled": recipe("ties", *weighted(density=FEW), base="base", rescale=True),
    "dare_linear": recipe("dare_linear", *weighted(density=FEW), base="base"),
    "dare_ties": recipe("dare_ties", *weighted(density=[0.53, 1.0, 0.0]), base="base"),
    "dare_ties_plain": recipe("dare_ties", *weighted(density=FEW), base="base", rescale=False,
                              normalize=True, **{"lambda": 1.2}),
    "della": recipe("della", *weighted(density=FEW), base="base"),
    "della_plain": recipe("della", *weighted(density=[0.5, 1.0, 0.0], epsilon=[0.3, 0.1, 0.1]),
                          base="base", rescale=False),
    "della_linear": recipe("della_linear", *weighted(density=FEW, epsilon=[0.3, 0.1, 0.15]), base="base"),
    "breadcrumbs": recipe("breadcrumbs", *weighted(density=FEW, gamma=[0.05, 0.1, 0.2]), base="base"),
    "breadcrumbs_ties": recipe("breadcrumbs_ties", *weighted(density=FEW), base="base", rescale=True, normalize=True),
}

def slice_of(*sources, **more):
    return {"sources": list(sources)} | more


DEEP = {
    # layers.10 is executed before layers.2, and what draws nothing moves nothing.
    "dare_ties": recipe("dare_ties", entry("a", weight=0.6, density=0.53), entry("b", weight=0.8, density=[0.3, 1.0]), base="base"),
    "dare_linear_filtered": recipe(
        "dare_linear", entry("a", weight=[0.2, 0.9, 0.4]), entry("b", weight=0.8), base="base", rescale=False,
        density=[{"filter": "mlp", "value": [0.9, 0.2]}, {"filter": "layers.1", "value": 1}, {"value": 0.4}]),
    "della": recipe("della", entry("a", weight=0.6), entry("b", weight=0.8, epsilon=[{"filter": "q_proj", "value": 0.2}]),
                    base="base", density=[0.3, 0.7], epsilon=0.1),
    "della_linear": recipe("della_linear", entry("b", weight=0.6, density=0.5), entry("base"), entry("a", weight=0.8, density=[0.4, 0.6]),
                           base="base", epsilon=0.05),
    "dare_base_first": recipe("dare_ties", entry("base"), entry("b", weight=0.6, density=0.5), entry("a", weight=0.8, density=0.7), base="base"),
    "dare_modules": {
        "merge_method": "dare_ties", "base_model": "base", "parameters": {"density": 0.45, "normalize": 1.0, "int8_mask": 1.0},
        "modules": {"default": {"slices": [slice_of(entry("base", (0, 12)), entry("a", (0, 12), weight=[0, 1]), entry("b", (0, 12), weight=0.5))]}}},
    # Layers used twice, and layers of different places merged with each other.
    "dare_stacked": recipe("dare_ties", base="base", slices=[
        slice_of(entry("base", (0, 8)), entry("a", (0, 8), weight=0.6, density=0.5), entry("b", (0, 8), weight=0.7, density=[0.2, 1])),
        slice_of(entry("base", (4, 12)), entry("a", (4, 12), weight=0.6, density=0.5), entry("b", (4, 12), weight=0.7, density=[0.2, 1]))]),
    "della_offset": recipe("della_linear", base="base", density=0.5, slices=[
        slice_of(entry("base", (0, 5)), entry("a", (3, 8), weight=0.6)),
        slice_of(entry("base", (6, 11)), entry("b", (7, 12), weight=[0.5, 1]), entry("a", (2, 7), weight=0.4))]),
    "dare_crossed": recipe("dare_linear", base="base", density=0.5, weight=0.5, slices=[
        slice_of(entry("base", (0, 6)), entry("a", (6, 12)), entry("b", (0, 6))),
        slice_of(entry("base", (6, 12)), entry("a", (0, 6)), entry("b", (6, 12)))]),
    "passthrough_stacked": recipe("passthrough", slices=[
        slice_of(entry("a", (0, 8))), slice_of(entry("b", (4, 12), scale=[
            {"filter": "o_proj", "value": 0}, {"filter": "down_proj", "value": [1, 0.5]}]))]),
    "slice_bases": recipe("dare_ties", base="base", weight=0.7, density=[0.5, 0.9], slices=[
        slice_of(entry("base", (0, 4)), entry("a", (0, 4))),
        slice_of(entry("a", (4, 12)), entry("b", (4, 12)), base_model="a")]),
}

GPT2 = {
    "dare_ties": recipe("dare_ties", *weighted("ab", density=[0.53, 0.4]), base="base"),
    "della_linear": recipe("della_linear", *weighted("ab", density=[0.5, [0.3, 0.7]], epsilon=[0.1, 0.2]), base="base"),
    "stacked": recipe("dare_linear", base="base", density=0.5, weight=[0.3, 0.6], slices=[
        slice_of(entry("base", (0, 8)), entry("a", (0, 8))), slice_of(entry("base", (3, 11)), entry("b", (3, 11)))]),
    "ties": recipe("ties", *weighted("ab", density=[0.5, 0.7]), base="base"),
    "sce": recipe("sce", *weighted("ab"), base="base"),
    "fusion": recipe("arcee_fusion", entry("a"), base="base"),
}

TIED_MODELS = {"base": spec(), "a": spec(), "tied": spec(head=False), "tied2": spec(head=False),
               "stored": spec(tied=True), "stored2": spec(tied=True)}
TIED = {
    "all": recipe("dare_ties", entry("tied2", weight=0.7, density=0.5), base="tied"),
    "base": recipe("dare_ties", entry("a", weight=0.7, density=0.5), entry("tied2", weight=0.3, density=0.4), base="tied"),
    "other": recipe("dare_linear", entry("a", weight=0.7, density=0.5), entry("tied", weight=0.3, density=0.4), base="base"),
    # mergekit merges a head that no loader will read, and draws for it.
    "stored_head": recipe("dare_ties", entry("stored2", weight=0.7, density=0.5), base="stored"),
}

TYPE_MODELS = {
    "base": spec(), "a": spec(), "b": spec(), "half": spec("float16"), "brain": spec("bfloat16"),
    "brain2": spec("bfloat16"), "double": spec("float64"), "double2": spec("float64"),
}
TYPES = {
    "inputs_rounded": recipe("task_arithmetic", entry("a", weight=0.5), entry("b", weight=0.3), base="base", dtype="bfloat16"),
    "inputs_rounded_dare": recipe("dare_ties", entry("a", weight=0.5, density=0.53), entry("b", weight=0.3, density=0.7), base="base", dtype="float16"),
    "inputs_widened": recipe("dare_linear", entry("brain2", weight=0.5, density=0.53), base="brain", dtype="float32", out="bfloat16"),
    "result_rounded": recipe("linear", entry("a", weight=0.5), entry("b", weight=0.3), out="float16"),
    "rounded_and_widened": recipe("linear", entry("a", weight=0.5), entry("b", weight=0.3), dtype="bfloat16", out="float32"),
    "copied": recipe("passthrough", entry("a"), dtype="bfloat16", out="float32"),
    "copied_double": recipe("passthrough", entry("double"), out="bfloat16"),
    "mixed_16": recipe("linear", entry("half", weight=0.5), entry("brain", weight=0.3)),
    "mixed_32": recipe("dare_ties", entry("a", weight=0.5, density=0.5), entry("half", weight=0.3, density=0.6), base="brain"),
    "mixed_64": recipe("task_arithmetic", entry("double", weight=0.5), entry("half", weight=0.3), base="brain"),
    "double": recipe("dare_ties", entry("double2", weight=0.1, density=0.5), entry("a", weight=0.3, density=0.6), base="double"),
    "double_asked": recipe("della_linear", entry("a", weight=0.1, density=0.5), entry("b", weight=0.3), base="base", dtype="float64"),
    "double_stock": recipe("model_stock", entry("a"), entry("b"), base="base", dtype="float64", out="float32"),
    "fusion": recipe("arcee_fusion", entry("brain2"), base="brain", dtype="bfloat16"),
    "fusion_cast": recipe("arcee_fusion", entry("brain2"), base="brain", dtype="bfloat16", out="bfloat16"),
    "ramplus": recipe("ramplus_tl", entry("half"), entry("brain2"), base="brain", dtype="float16"),
}

VOCABULARIES = {"t1": 6, "t2": 7, "t3": 5}
TOKENS = {
    "base": dict(source="base"),
    "model": dict(source="t3"),
    "model_padded": dict(source="t3", pad_to_multiple_of=8),
    "rules": dict(source="t2", pad_to_multiple_of=4, tokens={
        "a": {"source": "t2", "force": True},
        "f": {"source": {"kind": "model_token", "model": "t1", "token": "d"}},
        "g": {"source": {"kind": "zero"}}}),
}

MULTI = {
    "masks": [
        recipe("dare_ties", entry("a", weight=0.6, density=0.5), base="base", dtype="bfloat16", name="stage"),
        recipe("dare_linear", entry("stage", weight=0.5, density=0.6), entry("b", weight=0.4, density=0.7), base="base")],
    "widened": [
        recipe("arcee_fusion", entry("a"), base="base", dtype="bfloat16", name="stage"),
        recipe("task_arithmetic", entry("stage", weight=0.5), entry("b", weight=0.4), base="base", out="bfloat16")],
    "double": [
        recipe("linear", entry("a", weight=0.6), entry("b", weight=0.7), dtype="float64", name="stage"),
        recipe("task_arithmetic", entry("stage", weight=0.3), base="base")],
    "chain": [
        recipe("ties", entry("a", weight=0.6, density=0.5), base="base", dtype="float16", name="one"),
        recipe("dare_ties", entry("one", weight=0.6, density=0.5), entry("b", weight=1, density=0.4), base="base", name="two", out="bfloat16"),
        recipe("linear", entry("one", weight=1), entry("two", weight=2))],
}


def depth(config):
    return config["n_layer"] if "n_layer" in config else config["num_hidden_layers"]


class Group:
    def __init__(self, name, models):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.name, self.models, self.cases = name, models, []
        for model, details in models.items():
            write_model(self.folder, model, details)

    def located(self, value, key=None):
        if isinstance(value, dict):
            return {k: self.located(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [self.located(v) for v in value]
        is_model = key in ("model", "base_model", "source") and value in self.models
        return str(self.folder / value) if is_model else value

    def run(self, name, documents, seed, *options):
        """Runs one case; the text keeps the models' bare names."""
        # mergekit keeps models by their paths, and stages have the same ones.
        LoaderCache().loaders.clear()
        single = isinstance(documents, dict)
        documents = [documents] if single else documents
        out = self.folder / "out"
        config = self.folder / "recipe.yaml"
        config.write_text("\n---\n".join(json.dumps(self.located(d)) for d in documents))
        arguments = QUIET + ["--random-seed", str(seed), *options]
        if single:
            run_yaml.main.main([str(config), str(out), *arguments], standalone_mode=False)
        else:
            stages = self.folder / "stages"
            multimerge.main.main(
                [str(config), "-I", str(stages), "--out-path", str(out), *arguments], standalone_mode=False)
            shutil.rmtree(stages)
        tensors = {}
        for file in sorted(out.glob("*.safetensors")):
            with safe_open(file, "pt") as opened:
                for key in opened.keys():
                    tensors[key] = opened.get_tensor(key)
        names = sorted(tensors)
        types = [str(tensors[n].dtype).removeprefix("torch.") for n in names]
        case = {
            "name": name, "yaml": "\n---\n".join(json.dumps(d) for d in documents), "seed": seed,
            "names": zlib.crc32("\n".join(names).encode()), "layers": depth(json.loads((out / "config.json").read_text())),
            "types": types if len(set(types)) > 1 else types[:1],
            "sums": "".join(f"{zlib.crc32(tensors[n].contiguous().view(torch.uint8).numpy().tobytes()):08x}" for n in names),
        }
        if any(d["merge_method"] in SAMPLED for d in documents):
            case["samples"] = []
            for n in names:
                x = tensors[n].double().flatten()
                case["samples"].append([float(f"{x[(k * (len(x) - 1)) // 3].item():.9g}") for k in range(4)])
        index = out / "model.safetensors.index.json"
        if index.exists():
            case["index"] = json.loads(index.read_text())
        self.cases.append(case)
        shutil.rmtree(out)

    def write(self):
        text = json.dumps({"models": self.models, "cases": self.cases}, separators=(",", ":"))
        (HERE / f"{self.name}.json").write_text(text.replace('{"name"', '\n{"name"') + "\n")
        shutil.rmtree(self.folder)
        print(self.name, len(self.cases), flush=True)


def schedules():
    """The order in which mergekit merges stacks of many layers: CRC-32 of the names, a line each."""
    from mergekit.architecture import get_architecture_info
    from mergekit.config import MergeConfiguration
    from mergekit.graph import Executor
    from mergekit.merge import _model_out_config
    from mergekit.merge_methods.task_adapter import ExecuteMergeMethodTask
    from mergekit.options import MergeOptions
    from mergekit.plan import MergePlanner

    found = []
    for layers in (4, 31, 96):
        group = Group("schedule", {n: spec(layers=layers, vocabulary=4) for n in ("base", "a", "b")})
        half = layers // 2
        ranges = [((0, half + 2), 0), ((half - 2, layers), 0), ((0, half), half), ((half, 2 * half), -half)]
        document = recipe("dare_ties", base="base", weight=0.5, density=0.5, slices=[
            slice_of(entry("base", r), entry("a", (r[0] + shift, r[1] + shift)), entry("b", r)) for r, shift in ranges])
        configuration, options = MergeConfiguration.model_validate(group.located(document)), MergeOptions()
        LoaderCache().setup(options)
        architecture = get_architecture_info(configuration, options)
        planner = MergePlanner(
            configuration, architecture, options=options, out_model_config=_model_out_config(configuration, architecture))
        tasks = Executor(planner.plan_to_disk(str(group.folder / "out"))).schedule.tasks
        names = [t.task().output_weight.name for t in tasks if isinstance(t.task(), ExecuteMergeMethodTask)]
        planned = [(w.name, t.group_label()) for w, t in planner._tensors]
        naive = [n for n, _ in sorted(planned, key=lambda x: x[1])]
        found.append({
            "layers": layers, "slices": [[*r, shift] for r, shift in ranges], "count": len(names),
            "order": zlib.crc32("\n".join(names).encode()), "first": names[:40],
            "movedFromPlan": sum(a != b for a, b in zip(names, naive))})
        shutil.rmtree(group.folder)
        print("schedule", layers, found[-1]["movedFromPlan"], flush=True)
    (HERE / "schedule.json").write_text(json.dumps(found, indent=1) + "\n")


def plain(type, **more):
    return {n: spec(type, **more) for n in ("base", "a", "b", "c")}


def main():
    torch.set_num_threads(1)
    wanted = set(sys.argv[1:])
    jobs = []
    for type in ("float32", "bfloat16", "float16"):
        jobs.append((f"kernels-{type}", plain(type), KERNELS, 7))
    for type in ("float32", "bfloat16"):
        jobs.append((f"deep-{type}", plain(type, layers=12, vocabulary=10), DEEP, 42))
    jobs.append(("tied", TIED_MODELS, TIED, 5))
    jobs.append(("types", TYPE_MODELS, TYPES, 2**32 - 3))
    jobs.append(("multi", plain("float32"), MULTI, 11))
    gpt2 = {n: spec(layers=11, head=False) | {"kind": "gpt2"} for n in ("base", "a", "b")}
    jobs.append(("gpt2", gpt2, GPT2, 13))
    for type in ("float32", "bfloat16"):
        models = {n: spec(type, layers=1, vocabulary=v, head=False, tokenizer=n) for n, v in VOCABULARIES.items()}
        cases = {}
        for name, section in TOKENS.items():
            cases[f"linear_{name}"] = recipe("linear", *weighted(VOCABULARIES), base="t1", tokenizer=section)
            cases[f"dare_{name}"] = recipe("dare_ties", *weighted(["t2", "t3"]), base="t1", tokenizer=section, density=0.5)
        jobs.append((f"tokens-{type}", models, cases, 3))
    for name, models, cases, seed in jobs:
        if wanted and name not in wanted:
            continue
        group = Group(name, models)
        for case, documents in cases.items():
            group.run(case, documents, seed)
        group.write()
    if not wanted or "schedule" in wanted:
        schedules()
    if not wanted or "files" in wanted:
        group = Group("files", plain("float32"))
        group.run("small", KERNELS["linear"], 1, "--out-shard-size", "1000")
        group.run("medium", KERNELS["dare_linear"], 1, "--out-shard-size", "3k")
        group.write()
    versions = {k: version(k) for k in ("mergekit", "torch", "numpy", "safetensors", "transformers")}
    versions |= {"python": sys.version.split()[0], "cpu": torch.backends.cpu.get_cpu_capability()}
    (HERE / "versions.json").write_text(json.dumps(versions, indent=2) + "\n")


if __name__ == "__main__":
    main()
