# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""Makes cases.json: the methods that decompose matrices, in float64, straight from the papers' formulas.

    python make.py        # needs numpy and torch; versions.json says which were used

Nothing here is taken from Koine or from the methods' published code: the singular value
decomposition is LAPACK's, orthogonalisation goes through the decomposition of the stacked vectors
(Koine inverts the root of their Gram matrix), Adam is torch's with autograd on the loss, and the
closed form solves the normal equations.

Inputs are multiples of 1/256, so that differences and low-rank changes are exact in float32.
"""
import json
import pathlib
import platform

import numpy as np
import torch

HERE = pathlib.Path(__file__).parent
NOISE = 1e-6  # of the largest singular value: below is rounding


def grid(values):
    return np.round(values * 256) / 256


def dense(rng, m, n):
    return grid(rng.normal(size=(m, n)) * 0.2)


def low_rank(rng, m, n, rank):
    return (rng.integers(-4, 5, size=(m, rank)) @ rng.integers(-4, 5, size=(rank, n))) / 256.0


def triplets(matrix, floor=0.0):
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    kept = s > max(floor, NOISE * (s[0] if len(s) else 0))
    return u[:, kept], s[kept], vt[kept]


def nearest_orthonormal(columns):
    """U Vᵀ of the decomposition, over the directions that the columns span."""
    u, s, vt = np.linalg.svd(columns, full_matrices=False)
    kept = s > 1e-5 * (s[0] if len(s) else 0)
    return u[:, kept] @ vt[kept]


def tsv_m(taus, _):
    m, n = taus[0].shape
    if min(m, n) < len(taus):
        return sum(taus) / len(taus)
    share = min(m, n) // len(taus)
    parts = [triplets(tau) for tau in taus]
    u = np.hstack([u[:, :share] for u, _, _ in parts])
    s = np.concatenate([s[:share] for _, s, _ in parts])
    v = np.hstack([vt[:share].T for _, _, vt in parts])
    return nearest_orthonormal(u) @ np.diag(s) @ nearest_orthonormal(v).T


def iso_c(taus, _):
    u, s, vt = triplets(sum(taus))
    return (s.mean() if len(s) else 0.0) * (u @ vt)


def iso_cts(taus, shared):
    m, n = taus[0].shape
    side, count = min(m, n), len(taus)
    own = round((side - int(side * shared["common_space_fraction"])) / count)
    own = min(own, side // count)
    common = side - own * count
    u, s, vt = triplets(sum(taus))
    us, ss, vs = [u[:, :common]], [s[:common]], [vt[:common].T]
    projection = us[0] @ us[0].T
    for tau in taus if own else []:
        u, s, vt = triplets(tau - projection @ tau, floor=NOISE * np.linalg.norm(tau))
        us.append(u[:, :own]), ss.append(s[:own]), vs.append(vt[:own].T)
    s = np.concatenate(ss)
    flat = nearest_orthonormal(np.hstack(us)) @ nearest_orthonormal(np.hstack(vs)).T
    return (s.mean() if len(s) else 0.0) * flat


def wudi(taus, shared):
    start = sum(taus)
    changed = [tau for tau in taus if np.any(tau)]
    if shared["solver"] == "closed_form":
        curvature = sum((t.T @ t / np.sum(t * t) for t in changed), np.zeros((start.shape[1],) * 2))
        target = sum((t @ t.T @ t / np.sum(t * t) for t in changed), np.zeros(start.shape))
        mu = shared["damping"] * np.trace(curvature) / len(curvature)
        system = curvature + mu * np.eye(len(curvature))
        return np.linalg.solve(system.T, (target + mu * start).T).T if changed else start
    delta = torch.nn.Parameter(torch.tensor(start))
    optimizer = torch.optim.Adam([delta], lr=shared["learning_rate"], weight_decay=0)
    tensors = [torch.tensor(tau) for tau in changed]
    for _ in range(shared["steps"] if changed else 0):
        loss = sum(((delta - t) @ t.T).square().sum() / t.square().sum() for t in tensors)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return delta.detach().numpy()


METHODS = {"tsv_m": tsv_m, "iso_c": iso_c, "iso_cts": iso_cts, "wudi": wudi}
SETTINGS = {
    "tsv_m": [{}],
    "iso_c": [{}],
    "iso_cts": [{"common_space_fraction": f} for f in (0.8, 0.5, 0.0)],
    "wudi": [
        {"solver": "published", "learning_rate": 1e-5, "steps": 300},
        {"solver": "published", "learning_rate": 1e-3, "steps": 40},
        {"solver": "closed_form", "damping": 0.01},
        {"solver": "closed_form", "damping": 1.0},
    ],
}


def inputs(rng):
    """Named lists of changes and weights."""
    ones = lambda count: [1.0] * count
    yield "square", [dense(rng, 6, 6) for _ in range(2)], ones(2)
    yield "tall", [dense(rng, 9, 5) for _ in range(3)], ones(3)
    yield "wide", [dense(rng, 5, 9) for _ in range(2)], ones(2)
    yield "very wide", [dense(rng, 3, 14) for _ in range(2)], ones(2)
    yield "one source", [dense(rng, 5, 4)], ones(1)
    yield "weights", [dense(rng, 6, 7) for _ in range(3)], [0.5, -1.0, 2.0]
    yield "low rank", [low_rank(rng, 8, 6, r) for r in (1, 2)], ones(2)
    yield "low rank and wide", [low_rank(rng, 5, 8, r) for r in (2, 1)], ones(2)
    same = dense(rng, 6, 4)
    yield "twice the same", [same, same], ones(2)
    yield "one unchanged", [dense(rng, 6, 5), np.zeros((6, 5))], ones(2)
    yield "a row", [dense(rng, 1, 6) for _ in range(3)], ones(3)
    yield "a column", [dense(rng, 6, 1) for _ in range(2)], ones(2)
    yield "more sources than rank", [dense(rng, 2, 5) for _ in range(4)], ones(4)


def numbers(array):
    return [float(f"{x:.10g}") for x in np.asarray(array).reshape(-1)]


def main():
    rng = np.random.default_rng(7)
    groups = []
    for name, changes, weights in inputs(rng):
        base = dense(rng, *changes[0].shape)
        taus = [w * change for w, change in zip(weights, changes)]
        results = []
        for method, function in METHODS.items():
            for shared in SETTINGS[method]:
                delta = function(taus, shared)
                results.append({"method": method, "shared": shared, "change": numbers(delta)})
        groups.append({
            "name": name, "shape": list(base.shape), "weight": weights, "base": numbers(base),
            "sources": [numbers(base + change) for change in changes], "results": results,
        })
    (HERE / "cases.json").write_text(
        "[\n" + ",\n".join(json.dumps(g, separators=(",", ":")) for g in groups) + "\n]\n")
    (HERE / "versions.json").write_text(json.dumps(
        {"numpy": np.__version__, "torch": torch.__version__, "python": platform.python_version()},
        indent=2) + "\n")


main()
