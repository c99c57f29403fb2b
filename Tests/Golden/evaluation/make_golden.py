# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""Writes golden.json: numbers that lm-evaluation-harness, scikit-learn, numpy and scipy give.

    pip install lm_eval==0.4.13 --no-deps && pip install scikit-learn scipy numpy jinja2 pyyaml
    python make_golden.py > golden.json
"""

import json
import math
import random
import re
import sys
from pathlib import Path

import jinja2
import numpy as np
import scipy
import sklearn
from scipy.stats import binomtest, bootstrap
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics import f1_score
from sklearn.naive_bayes import MultinomialNB

import lm_eval
from importlib.metadata import version
from lm_eval.api import metrics as lm_metrics
from lm_eval.api.model import TemplateLM
from lm_eval.api.task import PerplexityTask
from lm_eval.utils import (
    get_rolling_token_windows,
    make_disjoint_window,
    weighted_f1_score,
)

rng = random.Random(7)

# --- pair encoding: lm-eval's own code over a tokenizer that any language can copy -----------------
# ids: one per code point, but the pairs below are merged to one id, first come first served, so that
# a merge can cross the boundary of context and continuation. 1 is BOS and is prepended on request.
MERGES = {" s": 900001, "th": 900002, ": ": 900003, "ab": 900004}


def encode(text, add_special_tokens):
    ids = [1] if add_special_tokens else []
    i = 0
    while i < len(text):
        if text[i : i + 2] in MERGES:
            ids.append(MERGES[text[i : i + 2]])
            i += 2
        else:
            ids.append(ord(text[i]))
            i += 1
    return ids


class Toy(TemplateLM):
    backend = "causal"

    def __init__(self, adds_bos, prefix):
        self.adds_bos, self.prefix, self.seen = adds_bos, prefix, []

    @property
    def eot_token_id(self):
        return self.prefix

    @property
    def prefix_token_id(self):
        return self.prefix

    def tok_encode(self, string, add_special_tokens=None, **kwargs):
        return encode(
            string, self.adds_bos if add_special_tokens is None else add_special_tokens
        )

    def _loglikelihood_tokens(self, requests, **kwargs):
        self.seen += [(list(c), list(k)) for _, c, k in requests]
        return [(0.0, False)] * len(requests)

    def loglikelihood_rolling(self, requests, **kwargs):
        raise NotImplementedError

    def generate_until(self, requests, **kwargs):
        raise NotImplementedError


class Request:
    def __init__(self, *args):
        self.args = args


texts = [
    ("Topic:", " sports"),
    ("belong to: \n\n", " science/technology"),
    ("a b\u00a0\u2003", "c"),
    ("tail\x1c", "x"),
    ("zero width\u200b", " x"),
    ("cut a", "b"),
    ("", "plain"),
    ("", "\x01then"),
    ("line\r\n", "next"),
    ("é́ ", "th"),
    ("ends with colon:", " th s"),
]
pairs = []
for adds_bos in (False, True):
    toy = Toy(adds_bos, 1)
    toy.loglikelihood([Request(c, k) for c, k in texts], disable_tqdm=True)
    for (context, continuation), (head, tail) in zip(texts, toy.seen):
        whole = head + tail
        inputs = {
            str(m): whole[-(m + 1) :][:-1]
            for m in (24, 40)
            if len(tail) <= m
        }
        pairs.append(
            dict(context=context, continuation=continuation, adds_bos=adds_bos, head=head,
                 tail=tail, inputs=inputs)
        )

# --- rolling windows -------------------------------------------------------------------------------
windows = []
for count, length, context in [
    (0, 4, 1), (1, 4, 1), (4, 4, 1), (5, 4, 1), (8, 4, 1), (9, 4, 1), (10, 4, 1),
    (10, 4, 2), (10, 4, 4), (11, 5, 3), (3, 1, 1), (17, 8, 1),
]:
    tokens = list(range(100, 100 + count))
    made = map(make_disjoint_window, get_rolling_token_windows(tokens, 7, length, context))
    windows.append(
        dict(count=count, length=length, context=context, windows=[[list(a), list(b)] for a, b in made])
    )

# --- templates: the same engine and options as lm_eval.utils ---------------------------------------
environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
row = {"text": "It's {a} 'test' — ≠ {{x}}", "label": "sports"}
templates = [
    dict(template=t, text=environment.from_string(t).render(**row))
    for t in ["{{text}}\nTopic:", "{{ text }}\n\n", "{ {{label}} }", "a\r\nb {{label}}", "no holes\n", "{x}"]
]

# --- multiple choice, as process_results computes it ----------------------------------------------
choices = ["science/technology", "travel", "političs", "ọ̀rọ̀", "a"]
mc = []
for _ in range(60):
    lls = [round(-rng.random() * 4 * len(c) ** 0.8, 2) for c in choices]
    if rng.random() < 0.2:
        lls[3] = lls[1]
    gold = rng.randrange(len(choices))
    chars = np.array([float(len(c)) for c in choices])
    size = np.array([float(len(c.encode())) for c in choices])
    mc.append(dict(lls=lls, gold=gold, pred=int(np.argmax(lls)), norm=int(np.argmax(lls / chars)),
                   bytes=int(np.argmax(lls / size))))
golds, preds = [d["gold"] for d in mc], [d["pred"] for d in mc]


def mean_of(key):
    hits = [1.0 if d[key] == d["gold"] else 0.0 for d in mc]
    return [lm_metrics.mean(hits), lm_metrics.mean_stderr(hits)]


multiple_choice = dict(
    choices=choices, documents=mc, acc=mean_of("pred"), acc_norm=mean_of("norm"),
    acc_bytes=mean_of("bytes"),
    macro_f1=float(f1_score(golds, preds, average="macro")),
    weighted_f1=float(weighted_f1_score(list(zip(golds, preds)))),
)

# --- rolling metrics -------------------------------------------------------------------------------
docs = ["One  two\tthree.", " leading and trailing ", "Føroyar\u00a0eru\u2003oyggjar\n\n", "x", ""]
lls = [-12.25, -30.5, -41.125, -2.0, 0.0]
words = [PerplexityTask.count_words(d) for d in docs]
size = [PerplexityTask.count_bytes(d) for d in docs]
rolling = dict(
    texts=docs, lls=lls, words=words, bytes=size,
    word_perplexity=lm_metrics.weighted_perplexity(list(zip(lls, words))),
    byte_perplexity=lm_metrics.weighted_perplexity(list(zip(lls, size))),
    bits_per_byte=lm_metrics.bits_per_byte(list(zip(lls, size))),
)

# --- statistics ------------------------------------------------------------------------------------
sample = [round(rng.gauss(3, 2), 3) for _ in range(40)]
quantiles = [[q, float(np.quantile(sample, q))] for q in (0, 0.025, 0.1, 0.5, 0.975, 1)]
mcnemar = [[b, c, float(binomtest(min(b, c), b + c).pvalue)] if b + c else [0, 0, 1.0]
           for b, c in [(0, 0), (1, 0), (3, 9), (9, 3), (5, 5), (0, 20), (40, 71), (1200, 1350)]]
# A ratio of sums, resampled 200,000 times: ours must come near with its own draws.
num = [round(rng.gauss(200, 60), 2) for _ in range(50)]
den = [rng.randrange(60, 240) for _ in range(50)]
num2 = [round(x * rng.gauss(0.97, 0.05), 2) for x in num]
g = np.random.default_rng(5)
index = g.integers(0, 50, size=(200_000, 50))
a, a2, d = np.array(num), np.array(num2), np.array(den, float)
one = a[index].sum(1) / d[index].sum(1)
two = a2[index].sum(1) / d[index].sum(1)
statistics = dict(
    sample=sample, deviation=float(np.std(sample, ddof=1)),
    stderr=float(lm_metrics.mean_stderr(sample)), quantiles=quantiles, mcnemar=mcnemar,
    ratio=dict(num=num, num2=num2, den=den, value=float(a.sum() / d.sum()),
               interval=[float(x) for x in np.quantile(one, [0.025, 0.975])],
               stderr=float(one.std(ddof=1)),
               difference=[float(x) for x in np.quantile(two - one, [0.025, 0.975])]),
)

# --- naive Bayes -----------------------------------------------------------------------------------
train = [
    ("The match ended  with two goals", "sports"), ("A goal in the last minute", "sports"),
    ("Fótbóltur er ítróttur", "sports"), ("The parliament voted on the law", "politics"),
    ("New law on fishing", "politics"), ("Ferðafólk í Íslandi", "travel"),
    ("Travel by ship\tto the islands", "travel"), ("The İstanbul ferry", "travel"),
]
test = ["two goals and a law", "the ship to Istanbul", "løgtingið", "ab", ""]
vectorizer = CountVectorizer(analyzer="char", ngram_range=(3, 5))
model = MultinomialNB(alpha=1.0).fit(
    vectorizer.fit_transform([t for t, _ in train]), [y for _, y in train]
)
naive_bayes = dict(
    train=train, test=test, labels=[str(c) for c in model.classes_],
    vocabulary=len(vectorizer.vocabulary_),
    scores=model.predict_joint_log_proba(vectorizer.transform(test)).tolist(),
)

# --- the published prompt, rendered by Jinja from lm-eval's own file --------------------------------
import yaml

folder = Path(lm_eval.__file__).parent / "tasks/afrobench/sib/prompt_1"
published = yaml.safe_load((folder / "sib_kin.yaml").read_text())
shared = (folder / "sib").read_text().replace("!function ", "")
shared = yaml.safe_load(shared)
sib = dict(
    task=published["task"], text=row["text"],
    prompt=environment.from_string(published["doc_to_text"]).render(**row),
    choices=shared["doc_to_choice"],
)

golden = dict(
    made_with=dict(lm_eval=version("lm_eval"), sklearn=sklearn.__version__,
                   numpy=np.__version__, scipy=scipy.__version__, jinja2=jinja2.__version__,
                   python=sys.version.split()[0]),
    pairs=pairs, windows=windows, template_row=row, templates=templates,
    multiple_choice=multiple_choice, rolling=rolling, statistics=statistics,
    naive_bayes=naive_bayes, sib_prompt_1=sib,
)
lines = [f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in golden.items()]
print("{" + ",\n".join(lines) + "}")
