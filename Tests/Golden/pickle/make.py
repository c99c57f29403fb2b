# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""Makes the golden PyTorch files, each beside the same tensors as safetensors.

Run it in this folder with a Python that has torch, numpy and safetensors:

    python make.py

Writes <case>.pt and <case>.safetensors, the folder sharded/ (a checkpoint of two .bin shards with
an index) and sharded.safetensors, files that must be refused in refused/, and versions.json.
"""

import collections
import json
import os
import pathlib
import shutil
from importlib.metadata import version

import torch
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).resolve().parent
REFUSED = HERE / "refused"
torch.manual_seed(7)


def write(name, content, tensors, **options):
    """Saves `content` with torch and `tensors`, copied to be contiguous, as safetensors."""
    torch.save(content, HERE / f"{name}.pt", **options)
    plain = {key: value.detach().clone().contiguous() for key, value in tensors.items()}
    save_file(plain, HERE / f"{name}.safetensors", metadata={"format": "pt"})


def of_all_types():
    integers = {
        "i64": torch.int64,
        "i32": torch.int32,
        "i16": torch.int16,
        "i8": torch.int8,
        "u8": torch.uint8,
        "u16": torch.uint16,
        "u32": torch.uint32,
        "u64": torch.uint64,
    }
    floats = {
        "f64": torch.float64,
        "f32": torch.float32,
        "f16": torch.float16,
        "bf16": torch.bfloat16,
        "f8_e4m3": torch.float8_e4m3fn,
        "f8_e5m2": torch.float8_e5m2,
    }
    tensors = {name: torch.randn(3, 5).to(kind) for name, kind in floats.items()}
    for name, kind in integers.items():
        tensors[name] = torch.arange(7, dtype=torch.int64).to(kind)
    tensors["i64.ends"] = torch.tensor([-(2**63), 2**63 - 1])
    tensors["bool"] = torch.tensor([True, False, True])
    tensors["scalar"] = torch.tensor(2.5)
    tensors["empty"] = torch.zeros(0, 4)
    return tensors


def views():
    base = torch.randn(6, 8)
    cube = torch.randn(2, 3, 4, 5)
    half = torch.randn(9, 7).to(torch.bfloat16)
    return {
        "base": base,
        "base.again": base,
        "transposed": base.t(),
        "rows": base[2:5],
        "columns": base[:, 3:6],
        "stepped": base[::2, 1::3],
        "one.column": base[:, 5:6],
        "diagonal": base.diagonal(),
        "permuted": cube.permute(2, 0, 3, 1),
        "channels.last": cube.to(memory_format=torch.channels_last),
        "cut": cube[:, 1:, :, ::2].transpose(0, 2),
        "bf16.transposed": half.t(),
        "bytes.transposed": torch.arange(12, dtype=torch.uint8).view(3, 4).t(),
        "longs.transposed": torch.arange(12).view(3, 4).t(),
        "corner": base[5, 7],
    }


def module():
    """A state_dict as a module gives it, an OrderedDict with `_metadata`, of parameters too."""
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    plain = network.state_dict()
    kept = network.state_dict(keep_vars=True)
    marked = torch.nn.Parameter(torch.randn(2, 2))
    marked.is_sharded = False
    tagged = torch.randn(3)
    tagged.note = "a plain tensor with a Python attribute"
    kept["marked"] = marked
    kept["tagged"] = tagged
    return plain, kept


def wrapped(tensors, key):
    return {
        "epoch": 3,
        "loss": 0.25,
        "seed": 2**70,
        "small": -3,
        "negative": -(2**40),
        "args": {"lr": 1e-3, "dtype": torch.bfloat16, "device": torch.device("cpu")},
        "history": [1, 2.0, None, (True, torch.Size([2, 3]))],
        "bytes": b"\x00\xff",
        key: tensors,
        "optimizer": {"state": {0: {"exp_avg": torch.zeros(3)}}},
    }


def sharded():
    folder = HERE / "sharded"
    folder.mkdir()
    config = json.loads((HERE.parent / "merge/models/base/config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    from safetensors.torch import load_file

    tensors = load_file(HERE.parent / "merge/models/base/model.safetensors")
    names = sorted(tensors)
    middle = len(names) // 2
    weight_map = {}
    for number, part in enumerate([names[:middle], names[middle:]], 1):
        file = f"pytorch_model-{number:05}-of-00002.bin"
        torch.save({name: tensors[name] for name in part}, folder / file)
        weight_map |= {name: file for name in part}
    size = sum(t.numel() * t.element_size() for t in tensors.values())
    index = {"metadata": {"total_size": size}, "weight_map": weight_map}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index, indent=1) + "\n")
    save_file(tensors, HERE / "sharded.safetensors", metadata={"format": "pt"})


class Attack:
    def __reduce__(self):
        return os.system, ("touch koine-was-here",)


def refused():
    REFUSED.mkdir()
    two = {"a": torch.arange(4.0), "b": torch.ones(2, 2)}
    torch.save(two, REFUSED / "legacy.pt", _use_new_zipfile_serialization=False)
    torch.save(two | {"c": Attack()}, REFUSED / "attack.pt")
    torch.save(two | {"c": Attack()}, REFUSED / "attack-4.pt", pickle_protocol=4)
    torch.save({"a": torch.ones(2, dtype=torch.complex64)}, REFUSED / "complex.pt")
    torch.save({"a": torch.ones(2, 2).to_sparse()}, REFUSED / "sparse.pt")
    torch.save({"a": torch.ones(3, 1).expand(3, 4)}, REFUSED / "expanded.pt")
    torch.save({"a": torch.conj(torch.ones(2, dtype=torch.complex64)).imag}, REFUSED / "negated.pt")
    torch.save(torch.nn.Linear(2, 2), REFUSED / "module.pt")
    torch.save(torch.ones(2), REFUSED / "bare.pt")
    torch.save([torch.ones(2)], REFUSED / "list.pt")
    torch.save({"epoch": 1}, REFUSED / "no-tensors.pt")
    torch.save({"model": two, "state_dict": two}, REFUSED / "ambiguous.pt")
    torch.save({3: torch.ones(2)}, REFUSED / "number-key.pt")
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(REFUSED / "script.pt"))


def main():
    for old in [*HERE.glob("*.pt"), *HERE.glob("*.safetensors")]:
        old.unlink()
    for old in [HERE / "sharded", REFUSED]:
        shutil.rmtree(old, ignore_errors=True)
    tensors = of_all_types()
    write("types", tensors, tensors)
    tensors = views()
    write("views", tensors, tensors)
    for protocol in (3, 4, 5):
        write(f"views-{protocol}", tensors, tensors, pickle_protocol=protocol)
    plain, kept = module()
    write("module", plain, plain)
    write("parameters", kept, kept)
    pair = collections.OrderedDict(a=torch.randn(2, 3), b=torch.randn(4).to(torch.float16))
    for key in ("state_dict", "model_state_dict", "model"):
        write(key, wrapped(pair, key), pair)
    # More than one batch of SETITEMS and more memo entries than one byte counts.
    base = torch.randn(1100)
    many = {f"layer.{i}.weight": base[i : i + 1] for i in range(1100)}
    write("many", many, many)
    sharded()
    refused()
    tools = {name: version(name) for name in ("torch", "safetensors", "numpy")}
    (HERE / "versions.json").write_text(json.dumps(tools, indent=1) + "\n")


main()
