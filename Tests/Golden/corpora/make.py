#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""Writes the Parquet and Zstandard files that Tests/CorporaTests/ParquetTests.swift reads.

Run with pyarrow:  python Tests/Golden/corpora/make.py

Each file holds the rows that `rows.jsonl` lists; its name tells how it is written. `tools.json`
records the versions. The texts are made here, from nothing.
"""
import json
import pathlib
import sys

import pyarrow as pa
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).parent
WORDS = "góðan dag hvussu gongur tað væl takk fyri og tú Ακρόπολη ስላም".split()


def rows():
    state = 12345
    out = []
    for index in range(300):
        words = []
        state = (state * 1103515245 + 12345) % 2**31
        for k in range(state % 9):
            state = (state * 1103515245 + 12345) % 2**31
            words.append(WORDS[(state >> 8) % len(WORDS)])
        text = " ".join(words)
        if index % 7 == 3:
            text = None
        elif index % 11 == 5:
            text = f"lína {index}\n" + text
        elif index % 13 == 0:
            text = "tað sama"
        out.append({"id": index, "text": text, "prompt": f"p{index % 5}"})
    return out


def main():
    data = rows()
    with open(HERE / "rows.jsonl", "w", encoding="utf-8") as file:
        for row in data:
            file.write(json.dumps({"text": row["text"], "prompt": row["prompt"]},
                                  ensure_ascii=False) + "\n")
    table = pa.table({
        "id": pa.array([r["id"] for r in data], pa.int64()),
        "text": pa.array([r["text"] for r in data], pa.string()),
        "prompt": pa.array([r["prompt"] for r in data], pa.string()),
    }, schema=pa.schema([
        pa.field("id", pa.int64()), pa.field("text", pa.string()),
        pa.field("prompt", pa.string(), nullable=False),
    ]))
    for codec in ["none", "snappy", "gzip", "zstd"]:
        for version in ["1.0", "2.0"]:
            pq.write_table(
                table, HERE / f"{codec}-pages-{version[0]}.parquet", compression=codec,
                data_page_version=version, row_group_size=120, data_page_size=512)
    for encoding in ["PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"]:
        pq.write_table(
            table, HERE / f"{encoding.lower()}.parquet", use_dictionary=False,
            column_encoding={"text": encoding, "prompt": encoding}, compression="snappy",
            data_page_size=1024)
    # What is not read.
    pq.write_table(table, HERE / "brotli.parquet", compression="brotli", row_group_size=400)
    nested = pa.table({"messages": pa.array(
        [[{"role": "user", "content": "hi"}]],
        pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())])))})
    pq.write_table(nested, HERE / "nested.parquet")
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), HERE / "empty.parquet")
    wrong = pa.array([b"good", b"b\xe6d"], pa.binary())
    pq.write_table(pa.table({"text": wrong}), HERE / "latin1.parquet")
    text = "".join(f"lína {k}: tað er ein roynd\n" for k in range(2000)).encode()
    cut = len(text) // 2
    packed = pa.compress(text[:cut], "zstd", asbytes=True) + pa.compress(text[cut:], "zstd", asbytes=True)
    (HERE / "lines.txt.zst").write_bytes(packed)
    (HERE / "tools.json").write_text(json.dumps({
        "python": sys.version.split()[0], "pyarrow": pa.__version__,
    }) + "\n")


if __name__ == "__main__":
    main()
