# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""Golden values of optimizers, schedules, ten training steps and adapters.

    python3 -m pip install torch==2.15.0 transformers==5.23.0 peft==0.21.2 && python3 make.py

Writes golden.json. Weights and gradients follow the formula u(name, i) of ../models/families.py, which the tests
have as well.

- `rules`: ten updates of a tall and a wide matrix, an embedding and a vector, with given gradients.
- `losses`: ten steps of llama-rich of ../models and of a tied Qwen 3 on random tokens, without clipping.
- `schedules`: rates of transformers' schedules, one step ahead: theirs begin at 0, ours at the first rise.
- `adapters`: loss and gradients of LoRA and DoRA factors (norm, and product with u(name + "?", i)).

torch.optim.Muon iterates in bfloat16. Here its iteration is replaced by the same one in float32, so that digits
can be compared; everything else of it is torch's.
"""
import importlib.util
import json
import math
import pathlib
import sys

import numpy
import peft
import torch
import transformers
from torch.optim import _muon
from transformers import optimization

here = pathlib.Path(__file__).parent
torch.set_num_threads(1)
spec = importlib.util.spec_from_file_location("families", here.parent / "models" / "families.py")
families = importlib.util.module_from_spec(spec)
sys.argv = ["families.py", "none"]
source = (here.parent / "models" / "families.py").read_text().split("\ndef variant(")[0]
exec(compile(source.replace("__file__", repr(str(here.parent / "models" / "families.py"))), "families", "exec"),
     families.__dict__)
uniform, weight = families.uniform, families.weight


def orthogonalised(matrix, coefficients, steps, eps):
    a, b, c = coefficients
    x = matrix.float()
    tall = x.size(0) > x.size(1)
    x = x.T if tall else x
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x


_muon._zeropower_via_newtonschulz = orthogonalised

# The word in recipes and its options; the torch optimizers of hidden matrices and of all else.
RULES = {
    "adamw": {},
    "sgd": {"momentum": 0.9},
    "sgd, nesterov": {"momentum": 0.8, "nesterov": True},
    "sgd, plain": {"momentum": 0.0},
    "adafactor": {},
    "adafactor, all": {"beta1": 0.8, "decay_rate": -0.7, "clip_threshold": 0.5, "epsilon1": 1e-3,
                       "epsilon2": 1e-2, "scale_parameter": True, "relative_step": True},
    "muon": {},
    "muon, original": {"scale": "original", "momentum": 0.9, "nesterov": False, "ns_steps": 3},
}


def optimizers(rule, options, parameters, lr):
    """parameters: (name, tensor, is a hidden matrix). Decay 0.1 on matrices."""
    def groups(chosen):
        return [dict(params=[p for _, p, _ in chosen if p.dim() > 1], weight_decay=0.1),
                dict(params=[p for _, p, _ in chosen if p.dim() == 1], weight_decay=0.0)]

    kind = rule.split(",")[0]
    if kind == "sgd":
        return [torch.optim.SGD(groups(parameters), lr=lr, momentum=options["momentum"],
                                nesterov=options.get("nesterov", False))]
    if kind == "adafactor":
        relative = options.get("relative_step", False)
        return [optimization.Adafactor(
            groups(parameters), lr=None if relative else lr, beta1=options.get("beta1"),
            decay_rate=options.get("decay_rate", -0.8), clip_threshold=options.get("clip_threshold", 1.0),
            eps=(options.get("epsilon1", 1e-30), options.get("epsilon2", 1e-3)),
            scale_parameter=options.get("scale_parameter", False), relative_step=relative)]
    hidden = [p for p in parameters if p[2] and kind == "muon"]
    rest = [p for p in parameters if not (p[2] and kind == "muon")]
    result = [torch.optim.AdamW(groups(rest), lr=lr, betas=(0.9, 0.95), eps=1e-8)]
    if hidden:
        scale = options.get("scale", "match_rms_adamw")
        result.append(torch.optim.Muon(
            [p for _, p, _ in hidden], lr=lr, weight_decay=0.1, momentum=options.get("momentum", 0.95),
            nesterov=options.get("nesterov", True), ns_steps=options.get("ns_steps", 5), adjust_lr_fn=scale))
    return result


def digits(values):
    return [float(f"{x:.9g}") for x in values]


def tensor(name, shape, scale=1.0):
    return torch.tensor(uniform(name, math.prod(shape)) * numpy.float32(scale)).reshape(shape)


golden = {"tool": f"transformers {transformers.__version__}, torch {torch.__version__}, peft {peft.__version__}"}

shapes = {"tall": (11, 5), "wide": (5, 9), "embedding": (7, 4), "vector": (13,)}
golden["rules"] = {}
for rule, options in RULES.items():
    parameters = [(name, torch.nn.Parameter(tensor(name, shape)), name in ("tall", "wide"))
                  for name, shape in shapes.items()]
    steps = optimizers(rule, options, parameters, 0.05)
    for step in range(10):
        for name, p, _ in parameters:
            p.grad = tensor(f"{name}#{step}", p.shape, 0.1 + 0.05 * step)
        for optimizer in steps:
            optimizer.step()
    golden["rules"][rule] = {"options": options,
                             "weights": {name: digits(p.detach().flatten().tolist()) for name, p, _ in parameters}}

golden["losses"] = {}
generator = torch.Generator().manual_seed(11)
# Without a padding token: transformers gives its row no gradient as an embedding, but one as a head.
tied = {k: v for k, v in families.qwen3(tie_word_embeddings=True).items() if k != "pad_token_id"}
for title in ("llama-rich", "qwen3"):
    def make():
        if title == "llama-rich":
            return transformers.AutoModelForCausalLM.from_pretrained(
                here.parent / "models" / title, attn_implementation="eager").float()
        config = transformers.Qwen3Config(**{k: v for k, v in tied.items() if k not in ("model_type",)})
        model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager").float()
        with torch.no_grad():
            for name, p in model.named_parameters():
                p.copy_(torch.tensor(weight(name, tuple(p.shape), False)) * 0.5 if p.dim() > 1
                        else torch.tensor(weight(name, tuple(p.shape), False)))
        return model
    vocabulary = make().config.vocab_size
    batches = torch.randint(0, vocabulary, (10, 3, 17), generator=generator)
    entry = {"batches": batches.tolist(), "losses": {}}
    for rule, rate in {"adamw": 1e-2, "adafactor": 1e-2, "sgd": 3e-2, "muon": 1e-2}.items():
        model = make()
        model.eval()
        named = [(n, p, p.dim() == 2 and "embed" not in n and "lm_head" not in n)
                 for n, p in model.named_parameters()]
        steps = optimizers(rule, RULES[rule], named, rate)
        losses = []
        for batch in batches:
            out = model(batch[:, :-1]).logits
            loss = torch.nn.functional.cross_entropy(out.reshape(-1, vocabulary), batch[:, 1:].reshape(-1))
            model.zero_grad()
            loss.backward()
            for optimizer in steps:
                optimizer.step()
            losses.append(float(loss))
        entry["losses"][rule] = {"rate": rate, "values": losses}
    golden["losses"][title] = entry
golden["qwen3"] = tied

parameter = torch.nn.Parameter(torch.zeros(1))
def rates(schedule):
    optimizer = torch.optim.SGD([parameter], lr=2.0)
    scheduler = schedule(optimizer)
    return [2.0 * scheduler.lr_lambdas[0](step + 1) for step in range(100)]


golden["schedules"] = {
    "constant": rates(lambda o: optimization.get_constant_schedule_with_warmup(o, 10)),
    "linear": rates(lambda o: optimization.get_linear_schedule_with_warmup(o, 10, 100)),
    "cosine": rates(lambda o: optimization.get_cosine_with_min_lr_schedule_with_warmup(o, 10, 100, min_lr_rate=0.25)),
    "wsd": rates(lambda o: optimization.get_wsd_schedule(o, 10, 20, num_stable_steps=70, min_lr_ratio=0.25, decay_type="linear")),
    "wsd, cosine": rates(lambda o: optimization.get_wsd_schedule(o, 10, 20, num_stable_steps=70, min_lr_ratio=0.25, decay_type="cosine")),
    "wsd, 1-sqrt": rates(lambda o: optimization.get_wsd_schedule(o, 10, 20, num_stable_steps=70, min_lr_ratio=0.25, decay_type="1-sqrt")),
    "inverse_sqrt": rates(lambda o: optimization.get_inverse_sqrt_schedule(o, 10)),
    "inverse_sqrt, timescale": rates(lambda o: optimization.get_inverse_sqrt_schedule(o, 10, timescale=40)),
}

golden["adapters"] = {}
batch = torch.tensor(golden["losses"]["llama-rich"]["batches"][0])
for kind in ("lora", "dora"):
    base = transformers.AutoModelForCausalLM.from_pretrained(
        here.parent / "models" / "llama-rich", attn_implementation="eager").float()
    model = peft.get_peft_model(base, peft.LoraConfig(
        r=3, lora_alpha=5, target_modules="all-linear", use_dora=kind == "dora", use_rslora=kind == "dora",
        task_type="CAUSAL_LM", lora_dropout=0.0))
    gradients = {}
    named = {}
    for name, p in model.named_parameters():
        if not p.requires_grad:
            continue
        key = name.removeprefix("base_model.model.").replace(".default", "").replace("vector.weight", "vector")
        named[key] = p
        with torch.no_grad():
            if "magnitude" in key:
                p.mul_(1 + 0.2 * tensor(key, p.shape))
            else:
                p.copy_(tensor(key, p.shape, 0.3))
    out = model(batch[:, :-1]).logits
    loss = torch.nn.functional.cross_entropy(out.reshape(-1, 61), batch[:, 1:].reshape(-1))
    loss.backward()
    for key, p in sorted(named.items()):
        g = p.grad.flatten().double()
        u = torch.tensor(uniform(key + "?", g.numel())).double()
        gradients[key] = digits([float(g.norm()), float(g @ u)])
    golden["adapters"][kind] = {"loss": float(loss), "gradients": gradients}

(here / "golden.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
