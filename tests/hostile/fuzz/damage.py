"""Binary files of runs and of others with something changed; often sealed again, as by a stranger
who wants them to be read."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import random
import sqlite3
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from evo_nas.search.store import schema
from evo_nas.search.store.checksums import seal
from evo_nas.training.checkpoints import HEADER_BYTES, MAGIC
from evo_nas.training.weights import save_weights
from tests.kit.mutations import places

from .inputs import VALUES, mutated

CELLS = (*VALUES, b"\xff\0", 10**18, -1, 1.5, float("inf"), "[0]", "[[0,0]]", "[9,9]",
         '{"accuracy": NaN}', '{"accuracy": "a"}', '{"accuracy": 1e300}', "{}", "\udcff"[:0])  # fmt: skip
STORE = (
    ("evaluations", ("genome", "metrics", "parents", "origin", "stage", "phase", "flops", "params",
                     "seconds", "trained", "measured", "generation", "position", "options")),
    ("facts", ("value", "key")), ("spent", ("seconds", "trained", "stage", "phase")),
    ("choices", ("name",)),
)  # fmt: skip
SCORES = (("scores", ("metrics", "metrics", "genome", "key")),)


ODD = (None, True, -1, 0, 2**63 - 1, 10**30, 1e300, float("nan"), "x", "\x1b[2J", [], {}, [[]], {"a": 1},
       torch.zeros(3), torch.tensor(float("inf")), b"\0")  # fmt: skip


def damage(path: Path, chance: random.Random) -> str:
    """Change something in a file, by its kind; what was changed."""
    if path.suffix == ".sqlite":
        damage_store(path, chance, STORE if path.name == "run.sqlite" else SCORES)
        return "SQLite"
    if chance.random() < 0.3:
        path.write_bytes(mutated(path.read_bytes(), chance))
        return "bytes"
    if path.suffix == ".safetensors":
        return _safetensors(path, chance)
    if ".checkpoint" in path.suffixes:
        return _checkpoint(path, chance)
    if path.suffix == ".pth":
        return _pth(path, chance)
    if path.suffix == ".parquet":
        return _parquet(path, chance)
    if path.suffix == ".png" and chance.random() < 0.5:
        _png_size(path, chance)
        return "size"
    path.write_bytes(mutated(path.read_bytes(), chance))
    return "text"


def damage_store(
    path: Path, chance: random.Random, tables: tuple[tuple[str, tuple[str, ...]], ...] = STORE
) -> None:
    """One cell of a SQLite file changed, or bytes of the file."""
    if chance.random() < 0.3:
        path.write_bytes(mutated(path.read_bytes(), chance))
        return
    table, columns = chance.choice(tables)
    where = "1" if tables is SCORES else f"rowid = {chance.randint(1, 4)}"
    connection = sqlite3.connect(path)
    with contextlib.suppress(sqlite3.Error):
        connection.execute(
            f"UPDATE OR REPLACE {table} SET {chance.choice(columns)} = ? WHERE {where}",
            (chance.choice(CELLS),),
        )
        if tables is STORE and chance.random() < 0.8:
            seal(connection, schema.TABLES)
        connection.commit()
    connection.close()


def _safetensors(path: Path, chance: random.Random) -> str:
    """Another header, or other tensors and metadata with a digest that fits."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    if chance.random() < 0.4:
        header = json.dumps(json.loads(content[8 : 8 + length]), indent=1).encode()
        header = mutated(header, chance)
        path.write_bytes(len(header).to_bytes(8, "little") + header + content[8 + length :])
        return "header"
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = dict(file.metadata() or {})
    if metadata and chance.random() < 0.6:
        key = chance.choice(sorted(metadata))
        with contextlib.suppress(ValueError):
            metadata[key] = json.dumps(json.loads(metadata[key]), indent=1)
        metadata[key] = mutated(metadata[key].encode(), chance).decode("utf-8", "replace")
    else:
        change(tensors, chance)
    held = {k: v for k, v in tensors.items() if isinstance(k, str) and isinstance(v, Tensor)}
    save_weights(path, {k: v for k, v in held.items() if not v.is_sparse}, metadata)
    return "sealed"


def _checkpoint(path: Path, chance: random.Random) -> str:
    content = path.read_bytes()
    state = torch.load(io.BytesIO(content[HEADER_BYTES:]), weights_only=True)
    change(state, chance)
    buffer = io.BytesIO()
    torch.save(state, buffer)
    payload = buffer.getvalue()
    path.write_bytes(MAGIC + hashlib.sha256(payload).digest() + payload)
    return "sealed"


def _pth(path: Path, chance: random.Random) -> str:
    """A valid zip: other values, or with another pickle in it."""
    if chance.random() < 0.5:
        state = torch.load(path, weights_only=True)
        change(state, chance)
        torch.save(state, path)
        return "values"
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = chance.choice([name for name in parts if name.endswith(".pkl")] + sorted(parts)[:1])
    parts[name] = mutated(parts[name], chance)
    with zipfile.ZipFile(path, "w") as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    return "zip"


def change(document: Any, chance: random.Random) -> None:
    """One value replaced, left out or called otherwise, however deep."""
    holder, key, _ = chance.choice(list(places(document)))
    kind = chance.randrange(4)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[chance.choice((f"{key}.", 0, "", "a\nb", "x" * 999))] = holder.pop(key)
    elif isinstance(holder[key], Tensor) and kind == 2:
        tensor = holder[key]
        ways = (
            tensor.double, tensor.flatten, tensor.bool, lambda: tensor[None], lambda: tensor * float("nan"),
            lambda: tensor.new_empty(0), tensor.half, lambda: tensor.to(torch.complex64), tensor.to_sparse,
        )  # fmt: skip
        holder[key] = chance.choice(ways)()
    else:
        holder[key] = chance.choice(ODD)


def _parquet(path: Path, chance: random.Random) -> str:
    """Rows with other pictures, none, paths of other files, or labels that there are not."""
    import pyarrow as pa
    from pyarrow import parquet

    table = parquet.read_table(path)
    rows = table.to_pylist()
    for _ in range(chance.randint(1, 3)):
        row = chance.choice(rows)
        kind = chance.randrange(5)
        if kind == 0:
            row["label"] = chance.choice((-1, 3, 2**62, None))
        elif kind == 1:
            row["image"] = None
        elif kind == 2:
            places = ("/etc/passwd", "../../x", "/dev/zero", "\0", "x" * 5000, "")
            row["image"] = {"bytes": None, "path": chance.choice(places)}
        else:
            row["image"]["bytes"] = mutated(row["image"]["bytes"] or b"\0", chance)
    if chance.random() < 0.1:
        rows = []
    schema_ = table.schema.remove_metadata() if chance.random() < 0.2 else table.schema
    with contextlib.suppress(pa.ArrowException, UnicodeError):
        parquet.write_table(pa.Table.from_pylist(rows, schema=schema_), path)
    return "rows"


def _png_size(path: Path, chance: random.Random) -> None:
    """A picture that says to be of another size; its checksum fits."""
    content = bytearray(path.read_bytes())
    sizes = (0, 1, 2**16, 2**31 - 1, 2**32 - 1)
    content[16:24] = struct.pack(">II", chance.choice(sizes), chance.choice(sizes))
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    path.write_bytes(content)
