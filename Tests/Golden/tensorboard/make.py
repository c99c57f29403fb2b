#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Koine authors
# SPDX-License-Identifier: Apache-2.0
"""Writes an event file with TensorBoard's own record writer and messages, at fixed times.

Tests compare our writer's bytes with these, and read them back with our reader.

    pip install tensorboard==2.21.0
    python make.py
"""
import io
import json
import pathlib

import google.protobuf
import tensorboard
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter, masked_crc32c

STEPS = [
    (1700000000.0, 1, [("train/loss", 10.5), ("train/learning_rate", 2.0**-10)]),
    (1700000001.25, 10, [("train/loss", 4.1234)]),
    (1700000007.5, 300, [("val/bits_per_byte/fao_Latn", float("inf"))]),
    (1700000008.0, 3_000_000_000, [("train/loss", 0.0), ("ünïcode", -1.5)]),
]


def main() -> None:
    buffer = io.BytesIO()
    buffer.close = lambda: None
    writer = RecordWriter(buffer)
    writer.write(Event(wall_time=STEPS[0][0], file_version="brain.Event:2").SerializeToString())
    for time, step, values in STEPS:
        summary = Summary(value=[Summary.Value(tag=t, simple_value=v) for t, v in values])
        writer.write(Event(wall_time=time, step=step, summary=summary).SerializeToString())
    writer.flush()
    golden = {
        "tensorboard": tensorboard.__version__,
        "protobuf": google.protobuf.__version__,
        "masked_crc32c": {t: masked_crc32c(t.encode()) for t in ["", "a", "123456789", "x" * 1000]},
        "events": [
            {"time": time, "step": step, "values": [[t, v if v != float("inf") else "inf"]
                                                    for t, v in values]}
            for time, step, values in STEPS
        ],
        "file": buffer.getvalue().hex(),
    }
    path = pathlib.Path(__file__).parent / "golden.json"
    path.write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n")


main()
