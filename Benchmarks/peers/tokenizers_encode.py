# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""The side of `koine-bench tokenize` that is Hugging Face tokenizers.

    python tokenizers_encode.py TOKENIZER FOLDER

FOLDER/lines and FOLDER/stretches hold texts, a NUL between two. For each line on stdin a new tokenizer
encodes both, puts the ids into FOLDER/lines.ids and FOLDER/stretches.ids (32 bits each, -1 after a text)
and prints two processor times.
"""
import array
import os
import sys
import time

from tokenizers import Tokenizer, models, pre_tokenizers


def load(folder):
    if os.path.exists(folder + "/tokenizer.json"):
        return Tokenizer.from_file(folder + "/tokenizer.json")
    model = models.BPE.from_file(folder + "/vocab.json", folder + "/merges.txt")
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return tokenizer


source, work = sys.argv[1:]
texts = {}
for name in ("lines", "stretches"):
    with open(work + "/" + name, encoding="utf-8", newline="") as file:
        texts[name] = file.read().split("\0")
for _ in sys.stdin:
    tokenizer = load(source)
    seconds = []
    for name, items in texts.items():
        start = time.process_time()
        encodings = tokenizer.encode_batch_fast(items, add_special_tokens=False)
        seconds.append(time.process_time() - start)
        ids = array.array("i")
        for encoding in encodings:
            ids.extend(encoding.ids)
            ids.append(-1)
        with open(work + "/" + name + ".ids", "wb") as file:
            file.write(ids.tobytes())
    print(*seconds, flush=True)
