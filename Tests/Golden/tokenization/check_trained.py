# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""Golden values of trainers over characters, with Hugging Face tokenizers: python check_trained.py

trained-fallback.json    a tokenizer whose model Hugging Face's BpeTrainer learns from corpus.txt, 600 tokens;
                         our trainer must learn the same
trained-unigram.json     made by our UnigramTrainer from corpus.txt, 600 tokens; read here, not written
trained-ids.json         the ids and decoded texts that Hugging Face tokenizers gives with both files for the
                         hard texts of golden.json
"""

import json
import os

import tokenizers
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
# What `PieceCutter` does by hand.
PIECES = (
    r" ?[\p{L}\p{M}\x{200C}\x{200D}]+| ?\p{N}| ?[^\s\p{L}\p{M}\p{N}\x{200C}\x{200D}]+|\s+(?!\S)|\s+"
)


def train(lines):
    t = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    t.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Prepend(" ")])
    t.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(PIECES), "isolated"), pre_tokenizers.Metaspace(prepend_scheme="never", split=False)])
    special = ["<unk>", "<s>", "</s>", "<pad>"] + [f"<0x{b:02X}>" for b in range(256)]
    # `max_token_length` there excludes its value.
    t.train_from_iterator(lines, trainers.BpeTrainer(
        vocab_size=600, min_frequency=2, show_progress=False, special_tokens=special, max_token_length=17))
    return json.loads(t.to_str())["model"]


def main():
    with open(os.path.join(HERE, "corpus.txt"), encoding="utf-8", newline="") as f:
        lines = f.read().split("\n")
    with open(os.path.join(HERE, "golden.json"), encoding="utf-8") as f:
        texts = json.load(f)["texts"]
    result = {"versions": {"tokenizers": tokenizers.__version__}}
    with open(os.path.join(HERE, "trained-unigram.json"), encoding="utf-8") as f:
        ours = json.load(f)
    mark = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
    fallback = ours | {"model": train(lines), "pre_tokenizer": None, "normalizer": {
        "type": "Sequence", "normalizers": ours["normalizer"]["normalizers"] + [mark]}}
    result["merges"] = len(fallback["model"]["merges"])
    with open(os.path.join(HERE, "trained-fallback.json"), "w", encoding="utf-8") as f:
        json.dump(fallback, f, ensure_ascii=False, indent=1)
        f.write("\n")
    for name in ("fallback", "unigram"):
        path = os.path.join(HERE, f"trained-{name}.json")
        t = Tokenizer.from_file(path)
        ids = [t.encode(x, add_special_tokens=False).ids for x in texts]
        result[name] = {
            "ids": [" ".join(map(str, i)) for i in ids],
            "decoded": [t.decode(i, skip_special_tokens=False) for i in ids]}
    with open(os.path.join(HERE, "trained-ids.json"), "w", encoding="utf-8") as f:
        json.dump(result, f, ensure_ascii=False, separators=(",", ":"))
        f.write("\n")


if __name__ == "__main__":
    main()
