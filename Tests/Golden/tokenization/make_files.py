# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""Makes files/: small files of SentencePiece and tiktoken, and what their libraries make of hard texts:
python make_files.py, and python make_files.py check for what Koine wrote of them.

files.json         versions; by file the texts' ids, numbered as in components.json, and decoded texts
files/*.model      trained here with the settings that change ids
files/*.tiktoken   256 bytes and some merges
files/*.json       the tokenizer.json that Koine writes for each (a Swift test compares; KOINE_RECORD=1
                   writes it); `check` loads them with Hugging Face tokenizers and compares the ids
"""

import base64
import io
import json
import os
import random
import sys
import tempfile

import sentencepiece as spm
import tiktoken
import tokenizers

HERE = os.path.dirname(os.path.abspath(__file__))
TEXTS = json.load(open(os.path.join(HERE, "components.json")))["texts"] + [
    "  leading", "trailing  ", "a  b   c", "low[A]lower [A] [A]", "[A]", "[A]low", " [A] low", "new<c>low", "▁low▁", "aaaa aaa aaaaaaaaaaa", "ab\u00a0ab abab ﬁ",
    "hello hello\n\nhello", "\t", "x\n  ", "x \n y", "HelloWorld HELLOworld's iOS9 don'T/\n", "ÀÉÎ œuvre ǅ ʰx हिHi",
]
CL100K = (
    r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s""")
O200K = "|".join([
    r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
    r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
    r"""\p{N}{1,3}""", r""" ?[^\s\p{L}\p{N}]+[\r\n/]*""", r"""\s*[\r\n]+""", r"""\s+(?!\S)""", r"""\s+"""])


def corpus():
    rnd = random.Random(4)
    words = "low lower lowest new newer widest hello world abab aaa aaaa don't हिन्दी में भाषा སྐད་ཡིག ሰላም السلام 日本語 한국어 123 2024 Hello World é à".split()
    return [" ".join(rnd.choice(words) for _ in range(rnd.randint(2, 9))) + rnd.choice(["", ".", "!", ","]) for _ in range(600)]


def train(folder, name, **settings):
    out = io.BytesIO()
    spm.SentencePieceTrainer.train(sentence_iterator=iter(corpus()), model_writer=out, hard_vocab_limit=False, minloglevel=2, num_threads=1, **settings)
    with open(os.path.join(folder, name + ".model"), "wb") as f:
        f.write(out.getvalue())
    return spm.SentencePieceProcessor(model_proto=out.getvalue())


def main():
    folder = os.path.join(HERE, "files")
    os.makedirs(folder, exist_ok=True)
    result = {"versions": {"sentencepiece": spm.__version__, "tiktoken": tiktoken.__version__}, "texts": TEXTS, "files": {}}
    with tempfile.TemporaryDirectory() as scratch:
        rules = os.path.join(scratch, "rules.tsv")
        with open(rules, "w") as f:
            for source, target in [("ﬁ", "fi"), ("\u00a0", " "), ("\t", " "), ("\n", " "), ("e\u0301", "é"), ("Å", "å"), ("½", "1/2"), ("\u200d", ""), ("abab", "ab"), ("a\u030a", "å")]:
                f.write(" ".join(f"{ord(c):X}" for c in source) + "\t" + " ".join(f"{ord(c):X}" for c in target) + "\n")
        settings = {
            "bpe-bytes": dict(model_type="bpe", vocab_size=420, byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False),
            "bpe-symbols": dict(model_type="bpe", vocab_size=420, byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False, user_defined_symbols=["[A]", "wor*", "\n\n"], control_symbols=["<c>"]),
            "bpe-no-prefix": dict(model_type="bpe", vocab_size=420, byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False, add_dummy_prefix=False, user_defined_symbols=["[A]"]),
            "bpe-unknown": dict(model_type="bpe", vocab_size=160, normalization_rule_tsv=rules),
            "unigram": dict(model_type="unigram", vocab_size=160, normalization_rule_tsv=rules),
            "unigram-bytes": dict(model_type="unigram", vocab_size=400, byte_fallback=True, normalization_rule_name="identity"),
            "unigram-plain": dict(model_type="unigram", vocab_size=160, normalization_rule_name="identity", remove_extra_whitespaces=False, split_by_whitespace=False, pad_id=3),
        }
        for name, options in settings.items():
            processor = train(folder, name, **options)
            rows = [{"ids": " ".join(map(str, processor.encode(t))), "decoded": processor.decode(processor.encode(t))} for t in TEXTS]
            result["files"][name + ".model"] = rows
    ranks = {bytes([b]): b for b in range(256)}
    for word in [" low", "lower", "aa", "aaa", "aaaa", "ab", "abab", "el", "hel", "hello", " hello", "हि", "日本", "\n\n", "  ", "    ", "new", "'s", "Wor", "ld", "World", "12", "23", "123"]:
        data = word.encode()
        for end in range(2, len(data) + 1):
            if data[:end] not in ranks and (len(data) < 4 or end % 2 == 0 or end == len(data)):
                ranks[data[:end]] = len(ranks)
    for word in ["lo", "bc", "abc", "ba", "bab"]:
        ranks.setdefault(word.encode(), len(ranks))
    for name, pattern in {"cl100k-small": CL100K, "o200k-small": O200K}.items():
        with open(os.path.join(folder, name + ".tiktoken"), "w") as f:
            for token, rank in ranks.items():
                f.write(f"{base64.b64encode(token).decode()} {rank}\n")
        encoding = tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
        rows = [{"ids": " ".join(map(str, encoding.encode_ordinary(t))), "decoded": t} for t in TEXTS]
        result["files"][name + ".tiktoken"] = rows
    with open(os.path.join(HERE, "files.json"), "w") as f:
        json.dump(result, f, ensure_ascii=False, separators=(",", ":"))
        f.write("\n")


def check():
    golden = json.load(open(os.path.join(HERE, "files.json")))
    for name, rows in golden["files"].items():
        t = tokenizers.Tokenizer.from_file(os.path.join(HERE, "files", name + ".json"))
        t.encode_special_tokens = True
        wrong = [i for i, (text, row) in enumerate(zip(golden["texts"], rows)) if " ".join(map(str, t.encode(text, add_special_tokens=False).ids)) != row["ids"]]
        print(name, len(rows), "rows, other ids:", [(golden["texts"][i]) for i in wrong])


check() if sys.argv[1:] == ["check"] else main()
