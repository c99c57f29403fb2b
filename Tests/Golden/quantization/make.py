# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""Quantises matrices with MLX itself, for tests that compare every bit.

    pip install "mlx[cpu]==0.32.4" numpy && python make.py

Each folder holds, in one type of floats, the matrix `input.weight` and for every form `bBgG` of B bits
in runs of G its integers, scales, biases, and what MLX makes of them again (`bBgG.values`).
"""
import json
import pathlib

import mlx.core as mx
import numpy as np

mx.set_default_device(mx.cpu)
here = pathlib.Path(__file__).parent
for name, dtype in [("float32", mx.float32), ("float16", mx.float16), ("bfloat16", mx.bfloat16)]:
    random = np.random.default_rng(7)
    values = random.standard_normal((6, 128)).astype(np.float32) * 0.02
    values[0] = 0  # nothing to divide by
    values[1, :32] = 0.5  # one value only
    values[2] = abs(values[2])
    values[3] = -abs(values[3])
    values[4] *= 1e-6  # below MLX's least step
    values[5] *= 1000
    matrix = mx.array(values).astype(dtype)
    tensors = {"input.weight": matrix}
    for bits in (2, 3, 4, 5, 6, 8):
        for size in (32, 64, 128):
            words, scales, biases = mx.quantize(matrix, group_size=size, bits=bits)
            form = f"b{bits}g{size}"
            tensors |= {f"{form}.words": words, f"{form}.scales": scales, f"{form}.biases": biases}
            if bits in (4, 8):
                tensors[f"{form}.values"] = mx.dequantize(words, scales, biases, size, bits)
    folder = here / name
    folder.mkdir(exist_ok=True)
    mx.save_safetensors(str(folder / "model.safetensors"), tensors, {"format": "mlx"})
    (folder / "config.json").write_text('{"model_type": "golden"}\n')
versions = {"mlx": mx.__version__, "numpy": np.__version__}
(here / "versions.json").write_text(json.dumps(versions, indent=2) + "\n")
