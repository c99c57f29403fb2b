# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""What the peers that run on torch share: options, threads, sample tokens, a matrix product to compare with.

`--peak` measures that product in place of any work. Import this before torch.
"""
import argparse
import json
import os
import time


def options(positional, **fallbacks):
    """The program's options: positional words, and `--name` for each keyword, of its fallback's type."""
    parser = argparse.ArgumentParser()
    for name in positional:
        parser.add_argument(name, nargs="?")
    parser.add_argument("--peak", action="store_true")
    for name, fallback in {"threads": 2, **fallbacks}.items():
        parser.add_argument(f"--{name}", type=type(fallback), default=fallback)
    found = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(found.threads)
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch

    torch.set_num_threads(found.threads)
    if found.peak:
        answer(seconds=[], peak=peak(torch))
        raise SystemExit
    import transformers

    transformers.utils.logging.disable_progress_bar()
    return found


def peak(torch):
    """Operations a second of torch's float32 matrix product: the best of nine."""
    a, b = torch.randn(2048, 2048), torch.randn(2048, 2048)
    best = float("inf")
    for _ in range(9):
        start = time.perf_counter()
        torch.mm(a, b)
        best = min(best, time.perf_counter() - start)
    return 2 * 2048**3 / best


def sample_tokens(vocabulary):
    """The tokens of SampleTokens.swift, without end."""
    state = 1
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        yield (state >> 33) % vocabulary


def texts(tokens, count, length):
    """The next tokens as `count` rows of `length`."""
    import torch

    return torch.tensor([[next(tokens) for _ in range(length)] for _ in range(count)])


def answer(**values):
    """Says what the turn came to: the line that Answer.swift reads."""
    print(json.dumps(values))
