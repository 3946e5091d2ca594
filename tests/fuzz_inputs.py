"""Inputs for tests.fuzzing: valid files with parts changed, and files that no program writes."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import sqlite3
from pathlib import Path

from evo_nas import schema

SPACE = 'name = "mine"\ndepth = 2\n[target]\nwidth = 48\nheads = 3\nimage_size = 32\n[options]\nheads = [0, 1, 3]\n'
TABLE = "a,b,flops,accuracy\n" + "".join(
    f"{a},{b},{10 * a + b},0.{a}{b}\n" for a in range(3) for b in range(3)
)
POINTS = "family,name,flops,accuracy\nours,one,1.4G,0.76\nours,two,2G,77.1\n"
RECIPE = "[supernet]\n{0}[train]\n{0}".format(
    'optimizer = "sgd"\nepochs = 1\nbatch_size = 32\nlearning_rate = 0.1\nweight_decay = 0.0\n'
)
VALUES = (
    "null", "true", "-0.0", "1e999999", "-1", "9" * 5000, "0x" + "f" * 5000, "NaN", "nan", "inf",
    '"' + "x" * 100_000 + '"', '"\\u0000"', '"\\ud800"', '"../../etc/passwd"', '"os:system?command=touch pwned"',
    '"٣"', "[]", "{}", "[" * 3000 + "]" * 3000, "1_0", "1970-01-01", '"%s%n"', "18446744073709551616",
    '"\\u001b[2J"', '"a\\nb"', "''", '""', "0", "2147483648",
)  # fmt: skip
WHOLE = {
    "empty": b"", "NUL": b"\0" * 4096, "no UTF-8": b"\xff\xfe\x00a" * 99, "long line": b"a" * 10_000_000,
    "deep JSON": b"[" * 100_000, "deep TOML": b"a=" + b"[" * 100_000, "dotted TOML": b"a." * 5000 + b"a=1",
    "deep objects": b'{"a":' * 50_000, "commas": b"," * 200_000, "quote": b'"', "newlines": b"\r\n" * 100_000,
}  # fmt: skip
NAMES = (
    "plain",
    "with space",
    "new\nline",
    "50%",
    "a" * 200,
    "ü٣",
    "bad\udcff",
    "semi;colon",
    "-dash",
    "q?x=1&y=2",
)
WORDS = ("1e999999", "9" * 5000, "-1", "", "nan", "--", "٣", "\udcff", "\n", "%s", "../..", "x" * 5000, "1.4G", "0",
         "glit_tiny", "table?file=", "a:b", "os:system", "?", "digits?train=-1", "best.json", "-0.0", "inf")  # fmt: skip


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Valid content with one part, or a few, changed; sometimes something else altogether."""
    kind = chance.randrange(8)
    if kind == 0:
        return WHOLE[chance.choice(list(WHOLE))]
    if kind == 1:
        return content[: chance.randrange(len(content) + 1)]
    if kind == 2:
        return b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n")
    if kind == 3:
        found = bytearray(content)
        for _ in range(chance.randint(1, 20)):
            found[chance.randrange(len(found))] = chance.randrange(256)
        return bytes(found)
    return _with_value(content, chance)


def _with_value(content: bytes, chance: random.Random) -> bytes:
    """One value of JSON, TOML or CSV replaced by another, or a line repeated or left out."""
    lines = content.decode("utf-8", "replace").split("\n")
    place = chance.randrange(len(lines))
    line, value = lines[place], chance.choice(VALUES)
    if chance.random() < 0.2:
        lines[place : place + 1] = [line] * chance.choice((0, 2))
    else:
        sign = next((s for s in (": ", " = ") if s in line), "")
        if sign:
            ending = "," if line.endswith(",") else ""
            lines[place] = f"{line.partition(sign)[0]}{sign}{value}{ending}"
        else:
            parts = line.split(",")
            parts[chance.randrange(len(parts))] = value
            lines[place] = ",".join(parts)
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def damage_store(path: Path, chance: random.Random) -> None:
    """One cell of a run's SQLite file changed, or bytes of the file."""
    if chance.random() < 0.3:
        path.write_bytes(mutated(path.read_bytes(), chance))
        return
    table, columns = chance.choice((
        ("evaluations", ("genome", "metrics", "parents", "origin", "stage", "phase", "flops", "params",
                         "seconds", "trained", "measured", "generation", "position", "options")),
        ("facts", ("value", "key")), ("spent", ("seconds", "trained", "stage", "phase")),
        ("choices", ("name",)),
    ))  # fmt: skip
    value = chance.choice((*VALUES, b"\xff\0", 10**18, -1, 1.5, float("inf"), "[0]", "[[0,0]]", "[9,9]",
                           '{"accuracy": NaN}', '{"accuracy": "a"}', "{}", "\udcff"[:0]))  # fmt: skip
    connection = sqlite3.connect(path)
    with contextlib.suppress(sqlite3.Error):
        connection.execute(
            f"UPDATE {table} SET {chance.choice(columns)} = ? WHERE rowid = {chance.randint(1, 4)}",
            (value,),
        )
        if chance.random() < 0.8:  # as a stranger would, who wants it to be read
            schema.seal(connection)
        connection.commit()
    connection.close()


def put(path: Path, content: bytes, chance: random.Random) -> str:
    """Write the input, mostly as a file; the kind of what lies there."""
    path.unlink(missing_ok=True)
    special = chance.random()
    if special < 0.02:
        os.mkfifo(path)
        return "FIFO"
    if special < 0.04:
        path.mkdir()
        return "folder in its place"
    if special < 0.06:
        path.symlink_to(path.name)
        return "link to itself"
    if special < 0.08:
        path.symlink_to("/dev/zero")
        return "device"
    path.write_bytes(content)
    if special < 0.09:
        path.chmod(0)
        return "no permission"
    return "content"


def case(folder: Path, run: Path, chance: random.Random) -> tuple[str, list[str]]:
    """Prepare one input in ``folder``; its kind and the command line."""
    kind = chance.choice(("architecture", "space", "table", "json table", "points", "recipe", "run", "run",
                          "store", "store", "comparison", "weights", "words"))  # fmt: skip
    stem = folder / chance.choice(NAMES)
    if kind == "words":
        command = chance.choice(("show", "space", "costs", "report", "resume", "trust", "train", "list", "run",
                                 "compare", "convert", "figure", "--version"))  # fmt: skip
        flags = ("--flops", "--geometry", "--recipe", "--json", "--seed", "--samples", "--population",
                 "--mutation-rate", "--evaluator", "--strategy", "--data", "--device", "--threads")  # fmt: skip
        words = [chance.choice((*WORDS, *flags)) for _ in range(chance.randrange(5))]
        dry = ["--dry-run"] if command in ("run", "compare") else []
        if command == "train":
            words = ["no_network", *words]
        return kind, [command, *words, *dry]
    if kind in ("run", "store"):
        copy = folder / "run"
        shutil.copytree(run, copy)
        name = "run.sqlite" if kind == "store" else chance.choice(
            ("config.toml", "best.json", "run.lock", "report.html", "run.sqlite", "trust-x.json")
        )  # fmt: skip
        target = copy / name
        if kind == "store":
            damage_store(target, chance)
        else:
            before = target.read_bytes() if target.exists() else b'{"stage": "stage1"}\n'
            kind = f"run: {put(target, mutated(before, chance), chance)}"
        command = chance.choice((["show"], ["report"], ["resume", "--quiet"], ["figure", "accuracy"],
                                 ["show", "--json"], ["trust", "--genomes", "4", "--quiet"]))  # fmt: skip
        return kind, [*command, str(copy)]
    if kind == "comparison":
        copy = folder / "comparison"
        copy.mkdir()
        text = 'strategies = ["random_search"]\nseeds = [0]\nprotocols = ["paper"]\njobs = 1\n[options]\nspace = "table"\nflops = "25"\n'
        where = put(copy / "comparison.toml", mutated(text.encode(), chance), chance)
        return f"comparison: {where}", [chance.choice(("show", "report")), str(copy)]
    suffix, content, command = {
        "architecture": (".json", (run / "best.json").read_bytes(), ["show"]),
        "space": (".toml", SPACE.encode(), ["space"]),
        "table": (".csv", TABLE.encode(), ["space", "table?file="]),
        "json table": (".json", json.dumps([{"a": i, "flops": i, "accuracy": 0.5} for i in range(4)], indent=1).encode(),
                       ["space", "table?file="]),
        "points": (".csv", POINTS.encode(), ["figure", "accuracy", "--out", str(folder / "o.svg"), "--points"]),
        "recipe": (".toml", RECIPE.encode(), ["run", "--dry-run", "--space", "glit_hl", "--flops", "1.4G", "--recipe"]),
        "weights": (".pth", b"PK\x03\x04" + os.urandom(0) + RECIPE.encode(), ["convert", "glit_tiny"]),
    }[kind]  # fmt: skip
    path = stem.with_name(stem.name + suffix)
    where = put(path, mutated(content, chance), chance)
    if command[-1].endswith("="):
        arguments = [*command[:-1], command[-1] + str(path)]
    else:
        arguments = [*command, str(path)]
    if kind == "weights":
        arguments.append(str(folder / "o.safetensors"))
    return f"{kind}: {where}", arguments
