# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""Makes the golden values for `--mergekit-exact`: what mergekit's methods give, bit for bit.

Run it in this folder with a Python that has mergekit 0.1.5, torch, numpy and safetensors, and give
it folders with the unpacked releases 0.0.6 and 0.1.4 (`pip download --no-deps mergekit==0.0.6`):

    python make.py /path/to/mergekit-0.0.6 /path/to/mergekit-0.1.4

Writes cases-<type>.json (every method through mergekit's `merge_tensors`), cases-older.json (what
older releases do differently), large.json (tensors long enough for PyTorch's sums to have levels),
tied.json (equal magnitudes), random.json (the generator), model.json (a DARE merge of a model of
twelve layers by the command line) and versions.json. Numbers are little-endian bytes in base64.
"""

import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from importlib.metadata import version

import torch

HERE = pathlib.Path(__file__).resolve().parent
TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16, "float64": torch.float64}
SHAPES = [(), (1,), (19,), (11, 13), (3, 5, 7)]
MATRIX_OR_MORE = [(19,), (11, 13), (3, 5, 7)]


def encode(tensor):
    kind = {8: torch.int64, 4: torch.int32, 2: torch.int16}[tensor.element_size()]
    return base64.b64encode(tensor.detach().contiguous().view(kind).numpy().tobytes()).decode()


def name_of(shape):
    return "x".join(map(str, shape)) or "scalar"


def distinct(change):
    magnitudes = change.abs().flatten()
    return magnitudes.unique().numel() == magnitudes.numel() and (magnitudes > 0).all()


def inputs(dtype, shape, generator):
    """A base, three sources whose changes have no equal magnitudes, three close to the base."""
    count = 1
    for extent in shape:
        count *= extent
    base = (torch.randn(count, generator=generator) * 0.1).to(dtype)
    far = []
    for _ in range(3):
        source = torch.randn(count, generator=generator).to(dtype)
        while not distinct(source - base):
            magnitudes = (source - base).abs().tolist()
            for i, m in enumerate(magnitudes):
                if m == 0 or m in magnitudes[:i]:
                    source[i] = (torch.randn(1, generator=generator) * 1.3).to(dtype)[0]
        far.append(source)
    near = [(base.float() + 0.002 * torch.randn(count, generator=generator)).to(dtype) for _ in range(3)]
    return [x.reshape(shape) for x in [base] + far + near]


def case(method, variation="default", base=True, sources=(1, 2, 3), shapes=SHAPES, seed=None, generation="0.1.5", types=("float32", "bfloat16", "float16"), shared=None, **per_source):
    """`sources` index the inputs; `per_source` gives a value for each of them."""
    return dict(method=method, variation=variation, base=base, sources=list(sources), shapes=shapes, seed=seed, generation=generation, types=types, shared=shared or {}, per_source=per_source)


W3 = [0.7, -0.2, 0.5]
SINGLE = (1,)
NINE = (1, 2, 3, 4, 5, 6, 1, 2, 3)
NINE_WEIGHTS = [0.7, -0.2, 0.5, 0.31, 0.11, 0.9, -0.77, 0.13, 0.6]
DENSE = [0.5, 0.31, 0.8]


def with_base(method, *arguments, **keywords):
    return case(method, *arguments, base=True, **keywords)


def without(method, *arguments, **keywords):
    return case(method, *arguments, base=False, **keywords)


CASES = [
    without("linear", weight=[0.3, 0.9, 0.4]),
    without("linear", "sum", shared={"normalize": False}, weight=W3),
    without("linear", "nine", sources=NINE, weight=NINE_WEIGHTS, types=("float32", "bfloat16", "float16", "float64")),
    without("passthrough", sources=SINGLE),
    without("passthrough", "scaled", sources=SINGLE, scale=[1.003]),
    with_base("slerp", sources=SINGLE, shared={"t": 0.37}, types=("float32", "bfloat16", "float16", "float64")),
    with_base("slerp", "colinear", sources=(4,), shared={"t": 0.8}),
    without("nuslerp", sources=(1, 2), weight=[0.6, 0.9]),
    without("nuslerp", "rows", sources=(1, 2), weight=[0.6, 0.9], shared={"nuslerp_flatten": False}),
    without("nuslerp", "columns", sources=(1, 2), weight=[0.6, 0.9], shared={"nuslerp_flatten": False, "nuslerp_row_wise": True}),
    with_base("nuslerp", "changes", sources=(1, 2), weight=[0.5, -0.5]),
    with_base("nuslerp", "changes by columns", sources=(2, 3), weight=[1.0, 0.2], shared={"nuslerp_flatten": False, "nuslerp_row_wise": True}),
    without("multislerp", weight=[0.3, 0.9, 0.4]),
    with_base("multislerp", "changes", weight=[0.3, 0.9, 0.4], shared={"normalize_weights": False, "eps": 1e-3}),
    with_base("multislerp", "single", sources=SINGLE, weight=[0.3]),
    without("karcher"),
    without("karcher", "near", sources=(4, 5, 6)),
    without("karcher", "short", shared={"max_iter": 2, "tol": 0.01}),
    with_base("model_stock"),
    with_base("model_stock", "rows", shared={"filter_wise": True}),
    with_base("nearswap", sources=SINGLE, shared={"t": 0.3}),
    with_base("nearswap", "near", sources=(4,), shared={"t": 0.0005}),
    with_base("sce"),
    with_base("sce", "selected", shared={"select_topk": 0.4}),
    with_base("ram"),
    with_base("ram", "coarse", shared={"epsilon": 0.6}),
    with_base("ramplus_tl"),
    with_base("ramplus_tl", "coarse", shared={"r": 0.5, "alpha": 2.0, "epsilon": 0.6}),
    with_base("arcee_fusion", sources=SINGLE),
    with_base("arcee_fusion", "near", sources=(4,)),
    with_base("task_arithmetic", weight=W3, types=("float32", "bfloat16", "float16", "float64")),
    with_base("task_arithmetic", "normalized", shared={"normalize": True, "lambda": 0.8}, weight=W3),
    with_base("task_arithmetic", "nine", sources=NINE, shared={"normalize": True}, weight=NINE_WEIGHTS),
    with_base("ties", weight=W3, density=DENSE, types=("float32", "bfloat16", "float16", "float64")),
    with_base("ties", "sum", shared={"normalize": False, "lambda": 0.8, "int8_mask": True}, weight=W3, density=[0.9, 0.0, 0.01]),
    with_base("ties", "rescaled", shared={"rescale": True}, weight=[1.0, 0.4, 0.5], density=DENSE),
    with_base("ties", "nine", sources=NINE, weight=NINE_WEIGHTS, density=[0.5, 0.31, 0.8, 1, 1, 1, 0.2, 0.4, 0.6]),
    with_base("breadcrumbs", weight=W3, density=DENSE),
    with_base("breadcrumbs", "crowded", weight=W3, density=DENSE, gamma=[0.6, 0.1, 0.2]),
    with_base("breadcrumbs_ties", weight=W3, density=DENSE),
    with_base("breadcrumbs_ties", "rescaled", shared={"rescale": True, "normalize": True}, weight=W3, density=DENSE, gamma=[0.05, 0.1, 0.2]),
    with_base("dare_linear", seed=7, weight=W3, density=DENSE, types=("float32", "bfloat16", "float16", "float64")),
    with_base("dare_linear", "plain", seed=8, shared={"rescale": False, "lambda": 1.2}, weight=W3, density=[0.53, 1.0, 0.0]),
    with_base("dare_ties", seed=2**32 + 9, weight=W3, density=DENSE),
    with_base("dare_ties", "plain", seed=10, shared={"rescale": False, "normalize": True}, weight=W3, density=DENSE),
    with_base("della", seed=11, shapes=MATRIX_OR_MORE, weight=W3, density=DENSE, types=("float32", "bfloat16", "float16", "float64")),
    with_base("della", "plain", seed=12, shapes=MATRIX_OR_MORE, shared={"rescale": False}, weight=W3, density=[0.5, 1.0, 0.0], epsilon=[0.3, 0.1, 0.1]),
    with_base("della_linear", seed=13, shapes=MATRIX_OR_MORE, weight=W3, density=DENSE),
    with_base("della_linear", "normalized", seed=14, shapes=MATRIX_OR_MORE, shared={"rescale": False, "normalize": True}, weight=W3, density=DENSE, epsilon=[0.3, 0.1, 0.15]),
]

PLAIN = [(19,), (11, 13)]
OLDER = [
    *[
        c
        for g in ("0.0", "0.1")
        for c in (
            without("linear", generation=g, shapes=PLAIN, weight=[0.3, 0.9, 0.4]),
            with_base("slerp", generation=g, shapes=PLAIN, sources=SINGLE, shared={"t": 0.37}),
            without("nuslerp", generation=g, shapes=PLAIN, sources=(1, 2), weight=[0.6, 0.9], shared={"nuslerp_row_wise": False, "nuslerp_flatten": True}),
            with_base("model_stock", generation=g, shapes=PLAIN, shared={"filter_wise": False}),
            with_base("ties", "rescaled", generation=g, shapes=PLAIN, shared={"rescale": True}, weight=[1.0, 0.4, 0.5], density=DENSE),
            with_base("breadcrumbs", generation=g, shapes=PLAIN, weight=W3, density=DENSE, gamma=[0.6, 0.1, 0.01]),
            with_base("dare_linear", generation=g, shapes=PLAIN, seed=21, weight=W3, density=DENSE),
            with_base("dare_ties", generation=g, shapes=PLAIN, seed=22, weight=W3, density=DENSE),
            with_base("della", generation=g, shapes=PLAIN, seed=23, weight=W3, density=DENSE, epsilon=[0.15] * 3),
            with_base("della_linear", generation=g, shapes=PLAIN, seed=24, weight=W3, density=DENSE, epsilon=[0.1] * 3),
        )
    ],
    # 0.1.4 builds its `sce` task in a way that newer pydantic refuses.
    with_base("sce", generation="0.0", shapes=PLAIN, shared={"select_topk": 1.0}),
    with_base("consensus_ta", generation="0.0", shapes=PLAIN, shared={"k": 2}, weight=[1.0, 0.4, 0.5], lambdas=[0.6, 0.9, 0.4]),
    with_base("consensus_ties", generation="0.0", shapes=PLAIN, shared={"k": 1}, weight=[1.0, 0.4, 0.5], density=DENSE, lambdas=[0.6, 0.9, 0.4]),
    with_base("consensus_ties", "rescaled", generation="0.0", shapes=PLAIN, shared={"k": 1, "rescale": True}, weight=[1.0, 0.4, 0.5], density=DENSE, lambdas=[0.6, 0.9, 0.4]),
    without("karcher", generation="0.1", shapes=PLAIN, shared={"max_iter": 10, "tol": 1e-5}),
    with_base("arcee_fusion", generation="0.1", shapes=PLAIN, sources=SINGLE),
]


def merge_now(item, base, sources):
    from mergekit.merge_methods.api import merge_tensors

    ids = [f"s{i}" for i in range(len(sources))]
    parameters = dict(item["shared"])
    for name, values in item["per_source"].items():
        parameters[name] = dict(zip(ids, values))
    tensors = list(sources)
    # Where a base stands among the inputs does not matter; mergekit appends it.
    if base is not None:
        ids, tensors = ids + ["base"], tensors + [base]
    if item["seed"] is not None:
        torch.manual_seed(item["seed"])
    return merge_tensors(
        tensors, item["method"], parameters=parameters, ids=ids,
        base_index=len(tensors) - 1 if base is not None else None)


def merge_older(item, base, sources):
    from mergekit.architecture import WeightInfo
    from mergekit.common import ImmutableMap, ModelReference
    from mergekit.io.tasks import GatherTensors
    from mergekit.merge_methods.registry import REGISTERED_MERGE_METHODS

    method = REGISTERED_MERGE_METHODS[item["method"]]
    ids = [ModelReference.model_validate(f"s{i}") for i in range(len(sources))]
    shared = {p.name: p.default_value for p in method.parameters()}
    shared |= {k: v for k, v in item["shared"].items() if k in shared}
    per_source = {}
    for i, key in enumerate(ids):
        values = {p.name: p.default_value for p in method.tensor_parameters()}
        for name, given in item["per_source"].items():
            values["lambda" if name == "lambdas" else name] = given[i]
        if "k" in item["shared"]:
            values["k"] = item["shared"]["k"]
        per_source[key] = ImmutableMap(values)
    tensors = dict(zip(ids, (x.clone() for x in sources)))
    base_id = None
    if base is not None:
        base_id = ModelReference.model_validate("base")
        tensors[base_id] = base.clone()
        per_source[base_id] = ImmutableMap({})
    info = WeightInfo(name="w")
    task = method.make_task(
        output_weight=info, tensors=GatherTensors(weight_info=ImmutableMap({k: info for k in tensors})),
        parameters=ImmutableMap(shared), tensor_parameters=ImmutableMap(per_source), base_model=base_id)
    if item["seed"] is not None:
        torch.manual_seed(item["seed"])
    return task.execute(**{key: tensors for key in task.arguments()})


def results(items, type_name, merge):
    generator = torch.Generator().manual_seed(20261121)
    data = {s: inputs(TYPES[type_name], s, generator) for s in SHAPES}
    used, cases = set(), []
    for item in items:
        if type_name not in item["types"]:
            continue
        for shape in item["shapes"]:
            used.add(shape)
            x = data[shape]
            result = merge(item, x[0] if item["base"] else None, [x[k] for k in item["sources"]])
            assert result.shape == torch.Size(shape), (item, shape)
            case = {k: item[k] for k in ("method", "variation", "base", "sources", "seed", "generation", "shared", "per_source")}
            case |= {"shape": list(shape), "type": str(result.dtype).removeprefix("torch."), "result": encode(result)}
            cases.append({k: v for k, v in case.items() if v not in (None, {})})
    return {
        "type": type_name,
        "inputs": {name_of(s): [encode(x) for x in data[s]] for s in SHAPES if s in used},
        "cases": cases,
    }


def write(name, content):
    text = json.dumps(content, separators=(",", ":")).replace('{"method"', '\n{"method"')
    (HERE / f"{name}.json").write_text(text + "\n")


def older(generation):
    import pydantic

    # These releases were written for an older pydantic.
    pydantic.BaseModel.model_config["arbitrary_types_allowed"] = True
    items = [i for i in OLDER if i["generation"] == generation]
    print(json.dumps([results(items, t, merge_older) for t in ("float32", "bfloat16", "float16")]))


def large_inputs(shape, seed):
    """A base, uniform in [-1, 1) with 24 bits, and sources up to a half away; the tests draw them again."""
    torch.manual_seed(seed)
    draw = lambda: torch.rand(shape) * 2 - 1
    base = draw()
    return [base] + [base + draw() * 0.5 for _ in range(3)]


LARGE = [
    with_base("slerp", sources=SINGLE, shared={"t": 0.37}),
    without("nuslerp", "rows", sources=(1, 2), weight=[0.6, 0.9], shared={"nuslerp_flatten": False}),
    without("nuslerp", "columns", sources=(1, 2), weight=[0.6, 0.9], shared={"nuslerp_flatten": False, "nuslerp_row_wise": True}),
    with_base("multislerp", "changes", weight=[0.3, 0.9, 0.4]),
    without("karcher"),
    with_base("model_stock"),
    with_base("sce"),
    with_base("arcee_fusion", sources=SINGLE),
    with_base("ties", "rescaled", shared={"rescale": True}, weight=W3, density=DENSE),
    with_base("dare_ties", seed=31, weight=W3, density=DENSE),
    with_base("della_linear", seed=32, weight=W3, density=DENSE),
]


def large():
    shape, seed = (43, 57), 5
    x = large_inputs(shape, seed)
    cases = []
    for item in LARGE:
        result = merge_now(item, x[0] if item["base"] else None, [x[k] for k in item["sources"]])
        case = {k: item[k] for k in ("method", "variation", "base", "sources", "seed", "generation", "shared", "per_source")}
        cases.append(case | {"shape": list(shape), "type": "float32", "result": encode(result)})
    return {"type": "float32", "inputSeed": seed, "cases": cases}


def random_numbers():
    torch.manual_seed(2**32 + 5)
    bernoulli = torch.bernoulli(torch.full((40,), 0.53, dtype=torch.bfloat16)).int().tolist()
    small = torch.randint(1000, (6,)).tolist()
    big = torch.randint(2**28 + 5, (6,)).tolist()
    n = 1_000_003
    values = (torch.arange(n) * 7919) % n
    shares = torch.tensor([0.25, 0.5, 0.75])
    place = (shares * (1_000_000 - 1)).long()
    sampled = values[torch.randint(n, (1_000_000,))].sort().values[place].tolist()
    shuffled = values[torch.randperm(n)[:1_000_000]].sort().values[place].tolist()
    return {"seed": 2**32 + 5, "bernoulli": bernoulli, "small": small, "big": big, "count": n, "sampled": sampled, "shuffled": shuffled, "next": torch.randint(2**20, (3,)).tolist()}


def tied():
    """Changes of a zero base with many equal magnitudes: which of them stay is up to a sort."""
    generator = torch.Generator().manual_seed(4)
    source = (torch.randint(-9, 10, (97,), generator=generator) / 8).bfloat16()
    cases = []
    for method, per_source in (
        ("ties", {"density": [0.37]}), ("ties", {"density": [0.05]}), ("breadcrumbs", {"density": [0.4], "gamma": [0.2]}),
    ):
        item = with_base(method, "tied", shared={"normalize": False}, weight=[1.0], sources=SINGLE, **per_source)
        result = merge_now(item, torch.zeros_like(source), [source])
        cases.append({k: item[k] for k in ("method", "variation", "base", "sources", "generation", "shared", "per_source")} | {"shape": [97], "type": "bfloat16", "result": encode(result)})
    return {"type": "bfloat16", "inputs": {"97": [encode(torch.zeros_like(source)), encode(source)]}, "cases": cases}


def model():
    from safetensors.torch import load_file, save_file

    layers, hidden, vocabulary = 12, 4, 6
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": vocabulary,
        "hidden_size": hidden, "intermediate_size": 6, "num_hidden_layers": layers,
        "num_attention_heads": 1, "num_key_value_heads": 1, "max_position_embeddings": 16,
        "rms_norm_eps": 1e-5, "tie_word_embeddings": False, "bos_token_id": 1, "eos_token_id": 2,
        "torch_dtype": "bfloat16",
    }
    shapes = {"model.embed_tokens.weight": (vocabulary, hidden), "lm_head.weight": (vocabulary, hidden), "model.norm.weight": (hidden,)}
    for layer in range(layers):
        stem = f"model.layers.{layer}."
        shapes |= {stem + n: (hidden,) for n in ("input_layernorm.weight", "post_attention_layernorm.weight")}
        shapes |= {stem + f"self_attn.{n}_proj.weight": (hidden, hidden) for n in "qkvo"}
        shapes |= {stem + f"mlp.{n}_proj.weight": (6, hidden) for n in ("gate", "up")}
        shapes |= {stem + "mlp.down_proj.weight": (hidden, 6)}
    generator = torch.Generator().manual_seed(3)
    weights = {m: {k: torch.randn(s, generator=generator).bfloat16() for k, s in shapes.items()} for m in ("base", "a", "b")}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name, tensors in weights.items():
            (folder / name).mkdir()
            save_file(tensors, folder / name / "model.safetensors", metadata={"format": "pt"})
            (folder / name / "config.json").write_text(json.dumps(config))
        recipe = {
            "merge_method": "dare_ties", "base_model": str(folder / "base"),
            "models": [
                {"model": str(folder / "a"), "parameters": {"weight": 0.6, "density": 0.53}},
                {"model": str(folder / "b"), "parameters": {"weight": 0.8, "density": [0.3, 1.0]}},
            ],
        }
        (folder / "recipe.yaml").write_text(json.dumps(recipe))
        tool = pathlib.Path(sys.executable).with_name("mergekit-yaml")
        subprocess.run(
            [tool, folder / "recipe.yaml", folder / "out", "--no-copy-tokenizer", "--no-write-model-card", "--quiet", "--random-seed", "42"],
            check=True, env=os.environ | {"HF_HUB_OFFLINE": "1"})
        merged = load_file(folder / "out" / "model.safetensors")
    tensors = {
        name: {"shape": list(shape)} | {m: encode(w[name]) for m, w in weights.items()} | {"result": encode(merged[name])}
        for name, shape in shapes.items()
    }
    return {"seed": 42, "layers": layers, "tensors": tensors}


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--older":
        older(sys.argv[2])
        return
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    for name in TYPES:
        write(f"cases-{name}", results(CASES, name, merge_now))
    groups = []
    for generation, folder in zip(("0.0", "0.1"), sys.argv[1:]):
        done = subprocess.run(
            [sys.executable, __file__, "--older", generation], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
            env=os.environ | {"PYTHONPATH": str(pathlib.Path(folder).resolve())})
        groups += json.loads(done.stdout.splitlines()[-1])
    write("cases-older", groups)
    write("large", large())
    write("tied", tied())
    write("random", random_numbers())
    write("model", model())
    versions = {k: version(k) for k in ("mergekit", "torch", "numpy", "safetensors", "transformers")}
    versions |= {"mergekit before": ["0.0.6", "0.1.4"], "python": sys.version.split()[0], "cpu": torch.backends.cpu.get_cpu_capability()}
    (HERE / "versions.json").write_text(json.dumps(versions, indent=2) + "\n")


if __name__ == "__main__":
    main()
