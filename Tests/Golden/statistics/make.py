# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""Golden statistics of the tiny Llamas in ../models, and merges by them.

    python3 -m pip install torch==2.15.0 transformers==5.23.0 numpy==2.4.6 && python3 make.py

Writes fisher.json and gram.json (PyTorch's gradients and hooks on transformers' models: for every
tensor its sum, its norm, and some elements), and regmean.json (numpy).
"""
import json
import pathlib

import numpy
import torch
import transformers

here = pathlib.Path(__file__).parent
torch.manual_seed(11)
torch.set_num_threads(1)
tool = f"transformers {transformers.__version__}, torch {torch.__version__}, numpy {numpy.__version__}"


def summary(tensor):
    """What a test compares: whole tensors of three models would be large."""
    flat = tensor.double().flatten()
    places = sorted({0, flat.numel() - 1, flat.numel() // 2, flat.numel() // 3,
                     int(flat.argmax()), int(flat.argmin())})
    return dict(shape=list(tensor.shape), sum=float(flat.sum()), norm=float(flat.norm()),
                elements=[[place, float(flat[place])] for place in places])


def write(name, value):
    (here / name).write_text(json.dumps(value) + "\n")


fisher = {"tool": tool, "models": {}}
gram = {"tool": tool, "models": {}}
for name in ["llama-plain", "llama-rich"]:
    model = transformers.LlamaForCausalLM.from_pretrained(
        here.parent / "models" / name, dtype=torch.float32, attn_implementation="eager").double().eval()
    sequences = torch.randint(0, 61, (5, 13))
    length = sequences.shape[1] - 1

    # Each sequence's gradient of its log-likelihood, squared by itself.
    squares = {key: torch.zeros_like(parameter) for key, parameter in model.named_parameters()}
    for sequence in sequences:
        model.zero_grad()
        logits = model(sequence[None, :-1]).logits[0]
        torch.log_softmax(logits, -1)[torch.arange(length), sequence[1:]].sum().backward()
        for key, parameter in model.named_parameters():
            squares[key] += parameter.grad ** 2
    means = {key: square / len(sequences) for key, square in squares.items()}
    norm = float(sum((mean ** 2).sum() for mean in means.values()) ** 0.5)
    fisher["models"][name] = dict(
        sequences=sequences.tolist(), norm=norm,
        tensors={key: summary(mean) for key, mean in means.items()})

    # What hooks see at every linear layer; a tied head is the embedding and has no entry.
    sums = {}

    def hook(key):
        def see(module, inputs, output):
            x = inputs[0].reshape(-1, inputs[0].shape[-1])
            sums[key] = sums.get(key, 0) + x.T @ x
        return see

    for key, module in model.named_modules():
        if isinstance(module, torch.nn.Linear):
            if key == "lm_head" and model.config.tie_word_embeddings:
                continue
            module.register_forward_hook(hook(key + ".weight"))
    with torch.no_grad():
        model(sequences[:, :-1])
    count = len(sequences) * length
    gram["models"][name] = dict(
        sequences=sequences.tolist(),
        layers={key: summary(total / count) for key, total in sums.items()})
write("fisher.json", fisher)
write("gram.json", gram)

# RegMean as its formula says, in double precision, from float32 inputs.
random = numpy.random.default_rng(3)
cases = []
for rows, columns, models, alpha, weights in [
        (3, 4, 2, 0.9, [1, 1]), (5, 7, 3, 0.1, [0.5, 2, 1]), (1, 6, 2, 1.0, [1, 3]),
        (4, 1, 2, 0.9, [1, 1]), (6, 5, 2, 0.0, [1, 1]), (7, 19, 3, 0.9, [1, 1, 1])]:
    matrices, grams = [], []
    for _ in range(models):
        matrices.append(random.standard_normal((rows, columns)).astype(numpy.float32))
        x = random.standard_normal((3 * columns, columns)) * random.uniform(0.1, 10, columns)
        grams.append((x.T @ x / len(x)).astype(numpy.float32))
    left = numpy.zeros((columns, columns))
    right = numpy.zeros((columns, rows))
    for weight, matrix, one in zip(weights, matrices, grams):
        one = one.astype(float)
        shrunk = alpha * one + (1 - alpha) * numpy.diag(numpy.diag(one))
        left += weight * shrunk
        right += weight * shrunk @ matrix.astype(float).T
    merged = numpy.linalg.solve(left, right).T
    cases.append(dict(
        rows=rows, columns=columns, alpha=alpha, weights=weights,
        matrices=[m.flatten().tolist() for m in matrices],
        grams=[g.flatten().tolist() for g in grams], merged=merged.flatten().tolist()))
write("regmean.json", {"tool": tool, "cases": cases})
