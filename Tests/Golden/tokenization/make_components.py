# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""Makes small tokenizers of every component, and what Hugging Face tokenizers makes of hard texts with
them: python make_components.py

components.json      versions, the texts, the number of files and cases
components-*.jsonl   a case a line: name, tokenizer (as Hugging Face writes it), and for each text by number
                     the ids, with special tokens where these differ, the decoded text where it is another
scalars.json         for each component that looks at single characters: the CRC-32 of every 4,096 scalars: of of
                     what becomes of them
"""

import json
import os
import zlib

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

HERE = os.path.dirname(os.path.abspath(__file__))

TEXTS = [
    "", " ", "  ", "a", "Hello World", "  two  spaces  ", "tab\tnew\nline\r\nend \n", "\0nul\0", "\u00a0nbsp\u2003em\u3000wide",
    "हिन्दी में क्या है? तुम्हारी ज्ञान-परीक्षा १२३ है।", "தமிழ்நாட்டில் வாழ்கிறேன்", "བོད་སྐད་ཡིག་ནི། བཀྲ་ཤིས་བདེ་ལེགས།",
    "ሰላም ለሁሉም። ፫፬ አዲስ አበባ", "السَّلَامُ عَلَيْكُمْ ٢٠٢٤ می‌خواهم", "שָׁלוֹם עֲלֵיכֶם", "日本語と한국어와中文。カタカナー漢字 ﾊﾝｶｸ",
    "👩‍💻👨‍👩‍👧‍👦 ❤️love 🏳️‍🌈🇫🇴 👍🏽 1️⃣2️⃣", "Å A\u030a é e\u0301 ạ̈ 각 ﬁ ½ Ⅷ ㎏ ™ İ ß ẞ Σς ǅ", "z\u0323\u0307\u0301 \u0344 \u0f73\u0f71",
    "it's they're WE'LL I'd, don't! (stop) [x] {y} <z> $5+3=8 ^~`|", "¿qué? «oui» „ja“ … — ‽ ⸘ ੴ ⁇",
    "x<s>y</s> <s> z", "a [MASK] b[MASK]c  [MASK]  d", "wordtok tokword tok-tok tok", "TOK Tok tOk", "<0x41><0xFF>", "a▁b ▁ c▁▁d",
    "1234567890 12,345.67 ٣٤ Ⅻ ²³", "aaaaaaaaaaaa abababab abcabcabc", "\ufffd\ufeff\u200b\u200d\u2028\u2029\x85\x7f\x8f\x9f\x01",
    "don't do not can not I 'm he 's", "newer lowest widest low", "ı𝒜𝔸𐐀 ﷺ ｶﾞ", "unknown ☃ ☃☃ q☃q", "x" * 150 + " y", "<s>", "a<s>", " <s> ",
]

WORDS = "low lower lowest new newer widest wide hello world tok ab abc abab".split()


def bpe(**options):
    """A vocabulary of letters, some marks and merges learned by hand."""
    prefix, suffix = options.get("continuing_subword_prefix", ""), options.get("end_of_word_suffix", "")
    letters = list("abcdefghilmnorstvwxyzHWTOK▁ .,!'<>") + ["é", "ा", "日", "👍"]
    vocab = {}

    def add(token):
        vocab.setdefault(token, len(vocab))

    for token in ["<unk>", "<s>", "</s>"]:
        add(token)
    for letter in letters:
        for token in {letter, prefix + letter, letter + suffix, prefix + letter + suffix}:
            pass
        add(letter)
        if prefix:
            add(prefix + letter)
        if suffix:
            add(letter + suffix)
        if prefix and suffix:
            add(prefix + letter + suffix)
    if options.get("byte_fallback"):
        for byte in range(256):
            add(f"<0x{byte:02X}>")
    merges = []
    for word in WORDS:
        symbols = [(prefix if i else "") + c + (suffix if i == len(word) - 1 else "") for i, c in enumerate(word)]
        while len(symbols) > 1:
            i = 0 if len(merges) % 2 == 0 else len(symbols) - 2
            left, right = symbols[i], symbols[i + 1]
            if left not in vocab or right not in vocab:
                break
            joined = left + right[len(prefix) if i + 1 else 0:]
            add(joined)
            if (left, right) not in merges:
                merges.append((left, right))
            symbols[i:i + 2] = [joined]
    return models.BPE(vocab=vocab, merges=merges, **options)


def unigram(byte_fallback=False, unk_id=0):
    pieces = [("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0), ("▁", -2.0)]
    if byte_fallback:
        pieces += [(f"<0x{b:02X}>", -9.5 - b / 1000) for b in range(256)]
    seen = {p for p, _ in pieces}
    score = -3.0
    for word in ["▁low", "▁lower", "est", "▁new", "er", "▁wide", "▁hello", "▁world", "ab", "abc", "▁ab", "▁tok", "tok", "日本", "語", "ा", "a☃"] + list(
        "abcdefghiklmnorstuvwxyzHW.,'!▁") + ["हि", "न्", "aa", "aaa", "ba"]:
        if word not in seen:
            seen.add(word)
            pieces.append((word, score))
            score -= 0.37
    return models.Unigram(pieces, unk_id, byte_fallback)


def wordpiece(**options):
    vocab = {}
    for token in ["[UNK]", "[CLS]", "[SEP]", "[MASK]", "[PAD]", "hello", "world", "low", "##er", "##est", "new", "wide", "##st", "日", "本",
                  "tok", "##tok", ",", "!", "'", "s", "##s", "a", "##a", "##b", "##c", "b", "é", "e", "हि", "##न्", "x", "do", "not", "."] + list(
            "cdfghiklmnopqrtuvwyz") + ["##" + c for c in "defghiklmnopqrtuvwxyz"]:
        vocab.setdefault(token, len(vocab))
    return models.WordPiece(vocab=vocab, unk_token="[UNK]", **options)


def wordlevel():
    vocab = {}
    for token in ["<unk>", "hello", "world", "low", "newer", "a", "b", "x", ",", "!", "tok", "<s>", "日", "1", " ", "aaa"]:
        vocab.setdefault(token, len(vocab))
    return models.WordLevel(vocab=vocab, unk_token="<unk>")


def make(model, normalizer=None, pre=None, post=None, decoder=None, added=()):
    t = Tokenizer(model)
    if normalizer:
        t.normalizer = normalizer
    if pre:
        t.pre_tokenizer = pre
    if post:
        t.post_processor = post
    if decoder:
        t.decoder = decoder
    for token in added:
        (t.add_special_tokens if token.special else t.add_tokens)([token])
    return t


def charsmap():
    """A table of replacements as sentencepiece compiles it."""
    import io
    import tempfile

    import sentencepiece as spm

    with tempfile.TemporaryDirectory() as folder:
        rules = os.path.join(folder, "rules.tsv")
        with open(rules, "w") as f:
            for source, target in [("ﬁ", "fi"), ("Å", "å"), ("e\u0301", "é"), ("½", "1/2"), ("\u00a0", " "), ("W", "w"), ("तु", "TU"),
                                   ("\u200d", ""), ("ab", "X"), ("abab", "Y"), ("\r\n", "\n"), ("👍🏽", "👍"), ("a\u030a", "å"), ("\t", " ")]:
                f.write(" ".join(f"{ord(c):X}" for c in source) + "\t" + " ".join(f"{ord(c):X}" for c in target) + "\n")
        out = io.BytesIO()
        spm.SentencePieceTrainer.train(sentence_iterator=iter(["hello world abc"] * 9), model_writer=out, vocab_size=16, hard_vocab_limit=False, normalization_rule_tsv=rules,
                                       minloglevel=2)
        from sentencepiece import sentencepiece_model_pb2 as pb
        m = pb.ModelProto()
        m.ParseFromString(out.getvalue())
        return m.normalizer_spec.precompiled_charsmap


def special(text, **flags):
    return AddedToken(text, special=True, normalized=flags.pop("normalized", False), **flags)


def cases():
    S = normalizers.Sequence
    P = pre_tokenizers
    ms = lambda **k: P.Metaspace(**k)
    spm_decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    ends = processors.TemplateProcessing("<s> $A </s>", "<s> $A </s> $B:1 </s>:1", [("<s>", 1), ("</s>", 2)])
    word = lambda: wordlevel()
    yield "bpe-plain", make(bpe(unk_token="<unk>"), post=ends)
    yield "bpe-no-unk", make(bpe())
    yield "bpe-fuse", make(bpe(unk_token="<unk>", fuse_unk=True), pre=P.WhitespaceSplit())
    yield "bpe-bytes", make(bpe(unk_token="<unk>", byte_fallback=True, fuse_unk=True), S([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]), decoder=spm_decoder, post=ends, added=[special("<s>"), special("</s>")])
    yield "bpe-ignore", make(bpe(unk_token="<unk>", ignore_merges=True), pre=P.Whitespace())
    yield "bpe-prefix", make(bpe(unk_token="<unk>", continuing_subword_prefix="##"), pre=P.BertPreTokenizer(), decoder=decoders.WordPiece())
    yield "bpe-suffix", make(bpe(unk_token="<unk>", end_of_word_suffix="</w>"), S([normalizers.NFC(), normalizers.Lowercase()]), P.WhitespaceSplit(), decoder=decoders.BPEDecoder())
    yield "bpe-both", make(bpe(unk_token="<unk>", continuing_subword_prefix="@", end_of_word_suffix="</w>", byte_fallback=True), pre=P.Whitespace())
    for scheme in ["always", "first", "never"]:
        for split in [True, False]:
            yield f"unigram-{scheme}-{split}", make(unigram(), pre=ms(prepend_scheme=scheme, split=split), decoder=decoders.Metaspace(prepend_scheme=scheme), added=[special("<s>"), special("[MASK]", lstrip=True), AddedToken("tok", single_word=True)])
    yield "unigram-bytes", make(unigram(True), S([normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]), ms(), decoder=spm_decoder, post=ends)
    yield "unigram-strip-first", make(unigram(), S([normalizers.Strip(True, False), normalizers.Lowercase()]), ms(prepend_scheme="first"), added=[special("<s>", rstrip=True)])
    yield "precompiled", make(unigram(), normalizers.Precompiled(charsmap()), ms())
    yield "bert", make(wordpiece(), normalizers.BertNormalizer(), P.BertPreTokenizer(), processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1)), decoders.WordPiece(), added=[special("[CLS]"), special("[SEP]"), special("[MASK]", lstrip=True), special("[UNK]")])
    yield "bert-cased", make(wordpiece(max_input_chars_per_word=5), normalizers.BertNormalizer(lowercase=False, clean_text=False, strip_accents=True), P.BertPreTokenizer(), decoder=decoders.WordPiece("##", False))
    yield "bert-plain", make(wordpiece(), normalizers.BertNormalizer(handle_chinese_chars=False, strip_accents=False), P.Sequence([P.WhitespaceSplit(), P.Punctuation("merged_with_previous")]), processors.RobertaProcessing(("[SEP]", 2), ("[CLS]", 1)))
    for form in ["NFD", "NFKD", "NFKC", "NFC"]:
        yield form, make(unigram(), S([getattr(normalizers, form)(), normalizers.StripAccents()] if form == "NFD" else [getattr(normalizers, form)()]), P.WhitespaceSplit())
    yield "byte-normalizer", make(bpe(unk_token="<unk>"), normalizers.ByteLevel(), decoder=decoders.ByteLevel())
    yield "byte-prefix", make(bpe(unk_token="<unk>"), pre=P.ByteLevel(add_prefix_space=True), decoder=decoders.ByteLevel(), post=processors.ByteLevel(), added=[special("<s>")])
    for behavior in ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]:
        yield f"punctuation-{behavior}", make(unigram(), pre=P.Punctuation(behavior))
        for invert in [False, True]:
            yield f"split-{behavior}-{invert}", make(unigram(), pre=P.Split(Regex(r"[\s,]+|a(?=b)"), behavior, invert))
    yield "split-string", make(unigram(), pre=P.Split(" ", "merged_with_next"))
    for name, pattern in {"words": r"\w+|\W", "bounds": r"\b", "lines": r"^.|.$", "case": r"(?i)TOK|we'll", "sets": r"[\w'-]+|[^\S\n]+|\d{2,3}", "empty": r"x*", "look": r"(?<=a)b|(?<!a)c|\h+", "posix": r"[[:punct:][:digit:]]+", "possessive": r"a++b?+|[^a]*+"}.items():
        yield f"regex-{name}", make(unigram(), pre=P.Split(Regex(pattern), "isolated"))
    yield "replace-regex", make(unigram(), S([normalizers.Replace(Regex(r"(\d+)\s?"), "a"), normalizers.Replace("ab", "c")]), P.Whitespace())
    yield "digits", make(word(), pre=P.Sequence([P.Whitespace(), P.Digits()]))
    yield "digits-single", make(word(), pre=P.Sequence([P.Digits(individual_digits=True), P.WhitespaceSplit()]))
    yield "delimiter", make(word(), pre=P.CharDelimiterSplit(" "))
    yield "scripts", make(word(), pre=P.UnicodeScripts())
    yield "scripts-unigram", make(unigram(), pre=P.Sequence([P.UnicodeScripts(), ms()]))
    yield "fixed", make(unigram(), pre=P.FixedLength(3))
    yield "whitespace", make(word(), normalizers.Lowercase(), P.Whitespace(), decoder=decoders.CTC("<unk>", "x"))
    yield "sequence-first", make(unigram(), pre=P.Sequence([P.WhitespaceSplit(), ms(prepend_scheme="first")]))
    yield "normalized-added", make(unigram(), S([normalizers.Lowercase(), normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]), decoder=decoders.Metaspace(), added=[AddedToken("TOK", normalized=True), AddedToken("wordtok", normalized=True, single_word=True), special("</s>", normalized=True, lstrip=True, rstrip=True)])
    yield "lower-added", make(word(), normalizers.Lowercase(), P.WhitespaceSplit(), added=[AddedToken("Tok", normalized=True), AddedToken("tok-tok", normalized=False), special("[MASK]", lstrip=True, rstrip=True, single_word=True)])
    yield "post-sequence", make(bpe(unk_token="<unk>"), pre=P.Whitespace(), post=processors.Sequence([processors.ByteLevel(), ends]))


def scalar_hashes():
    """What becomes of `x`, the scalar, `y`: the parts joined by U+0001."""
    stages = {
        "NFD": normalizers.NFD(), "NFKD": normalizers.NFKD(), "NFKC": normalizers.NFKC(), "NFC": normalizers.NFC(),
        "Lowercase": normalizers.Lowercase(), "StripAccents": normalizers.StripAccents(), "Nmt": normalizers.Nmt(),
        "BertNormalizer": normalizers.BertNormalizer(), "Strip": normalizers.Strip(),
        "Whitespace": pre_tokenizers.Whitespace(), "WhitespaceSplit": pre_tokenizers.WhitespaceSplit(),
        "Punctuation": pre_tokenizers.Punctuation(), "Digits": pre_tokenizers.Digits(), "UnicodeScripts": pre_tokenizers.UnicodeScripts(),
        "BertPreTokenizer": pre_tokenizers.BertPreTokenizer(),
    }
    result = {}
    for name, stage in stages.items():
        hashes = []
        for block in range(0, 0x110000, 4096):
            lines = []
            for scalar in range(block, block + 4096):
                if 0xD800 <= scalar < 0xE000:
                    continue
                text = "x" + chr(scalar) + "y" if name != "Strip" else chr(scalar)
                if hasattr(stage, "normalize_str"):
                    lines.append(stage.normalize_str(text))
                else:
                    lines.append("\x01".join(p for p, _ in stage.pre_tokenize_str(text)))
            hashes.append(zlib.crc32("\n".join(lines).encode()))
        result[name] = hashes
    return result


def main():
    out = {"versions": {"tokenizers": tokenizers.__version__}, "texts": TEXTS, "cases": []}
    for name, t in cases():
        rows = []
        for number, text in enumerate(TEXTS):
            try:
                ids = t.encode(text, add_special_tokens=False).ids
            except BaseException as error:  # a panic of the reference
                print(name, repr(text), str(error)[:80])
                continue
            row = {"text": number, "ids": " ".join(map(str, ids))}
            try:
                decoded = t.decode(ids, skip_special_tokens=False)
                skipped = t.decode(ids, skip_special_tokens=True)
                if decoded != text:
                    row["decoded"] = decoded
                if skipped != decoded:
                    row["skipped"] = skipped
            except BaseException as error:
                row["undecoded"] = True
                print("decode", name, repr(text), str(error)[:80])
            with_special = t.encode(text, add_special_tokens=True).ids
            if with_special != ids:
                row["special"] = " ".join(map(str, with_special))
            rows.append(row)
        pair = t.encode("low", "new").ids
        out["cases"].append({"name": name, "pair": " ".join(map(str, pair)), "rows": rows, "tokenizer": json.loads(t.to_str())})
    # Several files, so that none is large.
    lines = [json.dumps(case, ensure_ascii=False, separators=(",", ":")) + "\n" for case in out["cases"]]
    files = [""]
    for line in lines:
        if len((files[-1] + line).encode()) > 140_000:
            files.append("")
        files[-1] += line
    for number, text in enumerate(files, 1):
        with open(os.path.join(HERE, f"components-{number}.jsonl"), "w") as f:
            f.write(text)
    with open(os.path.join(HERE, "components.json"), "w") as f:
        json.dump({"versions": out["versions"], "texts": TEXTS, "files": len(files), "cases": len(lines)}, f, ensure_ascii=False, indent=0)
        f.write("\n")
    with open(os.path.join(HERE, "scalars.json"), "w") as f:
        json.dump(scalar_hashes(), f, separators=(",", ":"))
        f.write("\n")


main()
