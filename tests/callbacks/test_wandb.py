from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("wandb", reason="W&B is missing")


def records(data: bytes) -> Iterator[bytes]:
    """The records of a log in blocks of 32 KiB, behind a header of 7 bytes.

    Each part has 7 bytes before it: a checksum, its length, and whether it is a whole record (1),
    or its first, a further or its last part (2, 3, 4).
    """
    place, parts = 7, b""
    while place + 7 <= len(data):
        if 0x8000 - place % 0x8000 < 7:
            place += 0x8000 - place % 0x8000
            continue
        length, kind = struct.unpack_from("<HB", data, place + 4)
        parts += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):
            yield parts
            parts = b""


def read(folder: Path) -> tuple[list[dict[str, float]], dict[str, Any], str, dict[str, Any]]:
    """The rows that an offline run has, its summary, its id, and its options."""
    from wandb.proto.wandb_internal_pb2 import Record

    def values(items: Any) -> dict[str, Any]:
        return {i.key or "/".join(i.nested_key): json.loads(i.value_json) for i in items}

    (file,) = folder.glob("wandb/offline-run-*/run-*.wandb")
    found = [Record.FromString(data) for data in records(file.read_bytes())]
    rows = [values(record.history.item) for record in found if record.HasField("history")]
    (run,) = [record.run for record in found if record.HasField("run")]
    summary: dict[str, Any] = {}
    for record in found:
        summary |= values(record.summary.update)
    return rows, summary, run.run_id, values(run.config.update)


_SCRIPT = """
from pathlib import Path
from evo_nas.search.course.audience import make_callbacks
from tests.kit.callbacks import play

play(make_callbacks("wandb?project=glit&mode=offline")[0], Path("my-run"))
"""


@pytest.mark.slow
def test_an_offline_run_has_what_happened(tmp_path: Path) -> None:
    # In a process of its own, as all is written only when that ends.
    environment = {**os.environ, "WANDB_SILENT": "true", "PYTHONPATH": os.getcwd()}
    subprocess.run([sys.executable, "-c", _SCRIPT], cwd=tmp_path, env=environment, check=True)
    rows, summary, name, options = read(tmp_path)
    assert name == "0123456789abcdef"
    assert options["settings.samples"] == 2
    scored = [row for row in rows if "stage1/search/failed" in row]
    assert [row["evaluation"] for row in scored] == [1, 2]
    assert scored[0]["stage1/search/accuracy"] == 0.5
    losses = [row for row in rows if "stage1/search/training/loss" in row]
    assert [(row["epoch"], row["stage1/search/training/loss"]) for row in losses] == [
        (1, 2),
        (2, 1),
    ]
    assert summary["test_accuracy"] == 0.75
