# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""Makes the golden values of this folder with Hugging Face tokenizers: python make_golden.py

corpus.txt               text in many scripts with many ties, made here from a seed
trained-<pattern>.json   tokenizer.json as Hugging Face's BpeTrainer makes and writes it from the corpus;
                         our trainer must write the same bytes
golden.json              versions; ids and decoded text of hard texts; NFC of hard texts;
                         decoded texts of random ids; the Unicode classes of the regex engine
"""

import json
import os
import random
import unicodedata

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
MARKS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}"
    r"| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
PLAIN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
PATTERNS = {"gpt2": None, "marks": MARKS, "digits": PLAIN % "", "triples": PLAIN % "{1,3}"}

SYLLABLES = {
    "latin": "ka mu ðar ey tún ø ál gi nya rwa bí sjó æv he n t'a dd",
    "devanagari": "कि त्र में हु ज्ञा नी श क् षा ं",
    "tamil": "தமி ழ் க்கு நா ன் மை ள்",
    "tibetan": "བོད་ སྐད་ ཡིག་ ང་ ཚོ་",
    "ethiopic": "ሰላ ም አዲ ስ አበ ባ",
    "arabic": "الس لام می‌ خواهم و كِتَاب",
}


def corpus(rnd):
    lines = []
    for _ in range(260):
        words = []
        for _ in range(rnd.randint(3, 12)):
            kind = rnd.choice(["latin"] * 4 + list(SYLLABLES))
            word = "".join(rnd.choice(SYLLABLES[kind].split()) for _ in range(rnd.randint(1, 4)))
            if rnd.random() < 0.1:
                word = str(rnd.randint(0, 3000))
            words.append(word + rnd.choice(["", "", "", "", ",", ".", "'s", "!?"]))
        lines.append(rnd.choice(["", "", "  ", "\t"]) + " ".join(words))
    lines += ["aaaa aaa aaaaa aa aaaaaaa", "abab ababab babab abcabc bcabc", "Å é ạ̈ 각", "👩‍💻 ❤️ 🇫🇴"] * 3
    return lines


def untrained(pattern):
    t = Tokenizer(models.BPE())
    t.normalizer = normalizers.NFC()
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=PATTERNS[pattern] is None)
    split = PATTERNS[pattern] and pre_tokenizers.Split(Regex(PATTERNS[pattern]), "isolated")
    t.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level]) if split else byte_level
    t.decoder = decoders.ByteLevel()
    return t


def train(pattern, lines, size, minimum):
    t = untrained(pattern)
    t.train_from_iterator(
        lines,
        trainers.BpeTrainer(
            vocab_size=size, min_frequency=minimum, show_progress=False,
            special_tokens=["<|endoftext|>", "<|pad|>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return t


HARD = [
    "", " ", "  ", "\n", "\r\n", "\t", "a", "'", "''s", "Góðan dag, hvussu hevur tú tað? Eg havi tað gott.",
    "Ég sá 3 hesta og 12.345 kýr árið 2024.", "n'umuntu n'ibintu, y'u Rwanda; t'anta ch'aska",
    "it's they're we'll I'd you've I'm can't IT'S THEY'RE 'ſ 'ſt 'LL 'Ve 'rE x'dy",
    "हिन्दी में क्या है? कि तुम्हारी ज्ञान-परीक्षा १२३ है।", "தமிழ்நாட்டில் வாழ்கிறேன்", "తెలుగు భాష", "বাংলা ভাষা কৃষ্ণ",
    "བོད་སྐད་ཡིག་ནི། བཀྲ་ཤིས་བདེ་ལེགས།", "ሰላም ለሁሉም። ፫፬ አዲስ አበባ", "السَّلَامُ عَلَيْكُمْ ٢٠٢٤ می‌خواهم", "ئۇيغۇر تىلى",
    "日本語と한국어와中文。", "한글 각 각", "👩‍💻👨‍👩‍👧‍👦 ❤️love 🏳️‍🌈🇫🇴 👍🏽 1️⃣2️⃣", "line one\r\nline two\r\n\r\n  three\n\n\n",
    "\ttab\t\ttabs \t mixed\t ", "a" + " " * 40 + "b" + " " * 3, "trailing   ", "   leading", "\u00a0nbsp\u00a0\u2003em\u2028ls\u2029ps\u0085nel",
    "nul\x00in\x00side \x00", "\x1c\x1d\x1e\x1f\x0b\x0c", "\u0378\u0379 \U000e0080 \uffff\ufffe \U0010ffff", "e\u0301 \u212b \u0958 \u0344 A\u030a\u0323",
    "\u0301mark first", " \u0301space mark", "12 345 1234567 ½ Ⅷ ² ٣", "x=1+2*(3-4)/5;//comment\n\treturn !x;", "...!!!???\n\n--- ### \r\n",
    "aaaaaaaaaaaaaaaaaaaa ababababab abcabcabc", "<|endoftext|>", "x<|endoftext|>y <|pad|><|pad|> <|endoftext", "word<|endoftext|> word",
    "\u088f\ua7ce\U00011de0 newest", "\u0345\u0f73\u0f71 \u1dda\u0f73", "\uacfc\u11af \u1112\u1161\u11ab", "zero\u200bwidth\u2060joiner\ufeff",
]


def random_text(rnd):
    pools = [
        range(0x20, 0x7F), range(0xA0, 0x250), range(0x300, 0x370), range(0x900, 0x980), range(0xF00, 0xFD0),
        range(0x1200, 0x1380), range(0x600, 0x700), [0x20, 0x0A, 0x0D, 0x09, 0x27, 0x2019], range(0x2000, 0x2070),
        range(0x1F300, 0x1F650), [0x200D, 0xFE0F, 0x20E3], range(0x30, 0x3A), range(0xAC00, 0xAC80),
        [ord(c) for c in "stmdrvleSTMDRVLE' \n"], range(0x10000, 0x1F000),
    ]
    return "".join(
        chr(rnd.choice(rnd.choice(pools))) for _ in range(rnd.randint(1, 24)))


def added(t):
    """Added tokens with every setting, beyond the trained vocabulary."""
    t.add_tokens([AddedToken("Tórshavn"), AddedToken("mu", single_word=True), AddedToken("<l>", lstrip=True),
                  AddedToken("<r>", rstrip=True), AddedToken("<lr>", lstrip=True, rstrip=True, normalized=False),
                  AddedToken("<l><r>", normalized=False), AddedToken("e\u0301x")])
    t.add_special_tokens([AddedToken("<|user|>", special=True, normalized=False)])
    return t


ADDED_TEXTS = [
    "í Tórshavn, T\u006f\u0301rshavn og Tórshavnar", "mu umu mu, mu\u0301 _mu mu_ (mu) muु mu\u200d", "a  <l>  b  <r>  c  <lr>  d",
    "<l> <r><l><r> <lr><lr>", "\u00e9x e\u0301x \u00e9xx", "<|user|> <|user|>\n<|user|", "  <r>  <l>  ", "<l>\u2003<l>\n<r>\t<r> x",
]


def ranges(pattern):
    """First and last scalar of each run that the regex engine puts into a class."""
    split = pre_tokenizers.Split(Regex(pattern), "removed", invert=True)
    result = []
    for start in range(0, 0x110000, 0x1000):
        scalars = [c for c in range(start, start + 0x1000) if not 0xD800 <= c < 0xE000]
        for _, (first, end) in split.pre_tokenize_str("".join(map(chr, scalars))):
            for c in scalars[first:end]:
                if result and result[-1][1] == c - 1:
                    result[-1][1] = c
                else:
                    result.append([c, c])
    return [x for pair in result for x in pair]


def nfc_texts(rnd):
    scalars = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    marks = [c for c in scalars if unicodedata.category(chr(c))[0] == "M"]
    composed = [c for c in scalars if unicodedata.decomposition(chr(c))[:1] not in ("", "<")]
    texts = ["\u1b08\u1dda\u0f73", "\uacfc\u11af", "\u1e22\U000e01a0\u0341", "\U00011935\U00011930", "q\u0307\u0323", "\u0344"]
    for _ in range(350):
        base = rnd.choice(composed + list(range(0x41, 0x7B)) * 20 + list(range(0x1100, 0x1200)))
        text = chr(base) + "".join(chr(rnd.choice(marks)) for _ in range(rnd.randint(0, 3)))
        texts.append(unicodedata.normalize("NFD", text) if rnd.random() < 0.5 else text)
    return texts


def main():
    rnd = random.Random(20)
    path = os.path.join(HERE, "corpus.txt")
    lines = corpus(rnd)
    with open(path, "w", encoding="utf-8", newline="") as f:
        f.write("\n".join(lines))
    texts = HARD + [random_text(rnd) for _ in range(100)]
    golden = {"versions": {"tokenizers": tokenizers.__version__, "python unicodedata": unicodedata.unidata_version}}
    golden["texts"] = texts
    golden["encodings"] = {}
    for pattern in PATTERNS:
        t = train(pattern, lines, 560, 2)
        if pattern in ("gpt2", "marks"):
            t.save(os.path.join(HERE, f"trained-{pattern}.json"))
        # Encode with the tokenizer as read back from its own file.
        t = Tokenizer.from_str(t.to_str())
        ids = [t.encode(x, add_special_tokens=False).ids for x in texts]
        # Strings of ids keep this file short.
        golden["encodings"][pattern] = [" ".join(map(str, i)) for i in ids]
        if pattern == "marks":
            golden["decoded"] = [t.decode(i, skip_special_tokens=False) for i in ids]
            random_ids = [[rnd.randrange(560) for _ in range(rnd.randint(1, 8))] for _ in range(100)]
            golden["random_ids"] = random_ids
            golden["random_decoded"] = [t.decode(i) for i in random_ids]
            a = added(t)
            golden["added_tokens"] = json.loads(a.to_str())["added_tokens"]
            golden["added_texts"] = ADDED_TEXTS
            golden["added_ids"] = [a.encode(x, add_special_tokens=False).ids for x in ADDED_TEXTS]
    # A corpus whose merges make the same token from different parts, a high minimum frequency, and none.
    golden["trainings"] = []
    for size, minimum, sample in [(400, 0, lines[:40]), (5000, 1, lines[40:90]), (600, 30, lines), (300, 2, ["aaaa aaaaaaa bbbb abab"])]:
        t = train("marks", sample, size, minimum)
        model = json.loads(t.to_str())["model"]
        golden["trainings"].append({
            "size": size, "minimum": minimum, "texts": [lines.index(sample[0]), len(sample)] if sample[0] in lines else sample,
            "tokens": len(model["vocab"]), "last": max(model["vocab"], key=model["vocab"].get),
            "merges": len(model["merges"]), "merge_text": "\n".join(" ".join(m) for m in model["merges"][-60:])})
    nfc = nfc_texts(rnd)
    golden["nfc"] = [[a, normalizers.NFC().normalize_str(a)] for a in nfc]
    golden["classes"] = {k: ranges(v) for k, v in {"letter": r"\p{L}", "mark": r"\p{M}", "number": r"\p{N}", "space": r"\s"}.items()}
    with open(os.path.join(HERE, "golden.json"), "w", encoding="utf-8") as f:
        json.dump(golden, f, ensure_ascii=False, separators=(",", ":"))
        f.write("\n")


if __name__ == "__main__":
    main()
