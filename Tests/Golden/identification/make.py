# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""Golden values of fastText: tiny supervised models and what they predict.

    python3 -m pip install fasttext-wheel==0.9.2 "numpy<2" && python3 make.py

The training lines are made here from word lists of invented languages, so the files are free of
other people's text. Writes *.bin, *.ftz, lines.txt (in the repository, the training text of the
trainer's tests) and golden.json. fastText trains with one thread, yet its float sums may differ from
machine to machine: the files, not the script, are what the tests compare with.
"""
import json
import pathlib
import random

import fasttext

here = pathlib.Path(__file__).parent
random.seed(5)
SYLLABLES = {
    "qaa": ["ka", "lo", "mi", "tur", "en", "ðar", "sø"],
    "qab": ["chi", "wa", "mbo", "ku", "na", "zi", "li"],
    "qac": ["при", "ве", "то", "ма", "зна", "ско", "ла"],
    "qad": ["தமி", "ழ்", "நா", "டு", "வா", "ன", "கு"],
}
words = {
    language: ["".join(random.choices(parts, k=random.randint(1, 4))) for _ in range(60)]
    for language, parts in SYLLABLES.items()
}
lines = []
for number in range(400):
    language = random.choice(list(words))
    text = " ".join(random.choices(words[language], k=random.randint(2, 9)))
    lines.append(f"__label__{language} {text}")
train = here / "lines.txt"
train.write_text("\n".join(lines) + "\n")

common = dict(thread=1, epoch=12, verbose=0, seed=3, lr=0.5)
settings = {
    "softmax": dict(loss="softmax", dim=6, minn=2, maxn=3, bucket=400, wordNgrams=1),
    "hierarchical": dict(loss="hs", dim=5, minn=0, maxn=0, bucket=300, wordNgrams=3),
    "both": dict(loss="hs", dim=4, minn=1, maxn=4, bucket=500, wordNgrams=2, minCount=3),
    "words": dict(loss="softmax", dim=4, minn=0, maxn=0, bucket=0, wordNgrams=1),
    "negative": dict(loss="ns", dim=4, minn=2, maxn=2, bucket=200, wordNgrams=1),
    "one-vs-all": dict(loss="ova", dim=4, minn=2, maxn=2, bucket=200, wordNgrams=1),
}
texts = [
    "kalomi turenðar søka", "chiwambo kuna zili", "привето мазнаскола", "தமிழ் நாடு வானகு",
    "kalomi chiwa привето", "", " ", "unseen words entirely", "a", "lo lo lo lo",
    "tab\tand\u000bvertical\u000cfeed\rreturn", "null\u0000inside", "</s>", "__label__qaa kalo",
    "__label__zzz kalo", "emoji 😀😀 ok", "e\u0301 combining", "ka" * 300,
    "\u00a0nbsp\u00a0kalo", "зна ла ла при ве", "ழ்ழ்ழ் கு",
] + [line.split(" ", 1)[1] for line in random.sample(lines, 12)]
golden = {"tool": "fasttext-wheel 0.9.2", "texts": texts, "models": {}}


def predictions(model):
    out = []
    for text in texts:
        labels, values = model.predict(text, k=4)
        out.append([[label, float(value)] for label, value in zip(labels, values)])
    return out


for name, options in settings.items():
    model = fasttext.train_supervised(str(train), **common, **options)
    model.save_model(str(here / f"{name}.bin"))
    golden["models"][f"{name}.bin"] = predictions(model)
for name, source, options in [
    # fastText trains 256 centroids a subvector: the matrix must have more rows.
    ("pruned", "softmax", dict(cutoff=300, qnorm=True, retrain=True, dsub=4)),
    ("plain", "softmax", dict(cutoff=0, qnorm=False, dsub=2)),
]:
    model = fasttext.train_supervised(str(train), **common, **settings[source])
    model.quantize(str(train), thread=1, **options)
    model.save_model(str(here / f"{name}.ftz"))
    golden["models"][f"{name}.ftz"] = predictions(model)

# A quantised output layer needs more than 256 labels.
many = here / "many.txt"
many.write_text("\n".join(
    f"__label__x{label} w{label} v{label // 7} u{label % 5}" for label in range(300) for _ in range(3)))
model = fasttext.train_supervised(str(many), thread=1, epoch=20, verbose=0, seed=3, lr=1.0, dim=4,
                                  minn=0, maxn=0, bucket=0)
model.quantize(str(many), qout=True, cutoff=0, qnorm=True, thread=1, dsub=2)
many.unlink()
model.save_model(str(here / "output.ftz"))
model = fasttext.load_model(str(here / "output.ftz"))
texts_of_many = [f"w{n} v{n // 7} u{n % 5}" for n in (0, 7, 100, 299)]
golden["output"] = {
    "texts": texts_of_many,
    "predictions": [
        [[label, float(value)] for label, value in zip(*model.predict(text, k=4))]
        for text in texts_of_many],
}
(here / "golden.json").write_text(json.dumps(golden, ensure_ascii=False, indent=0))
