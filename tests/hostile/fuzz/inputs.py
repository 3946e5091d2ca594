"""Inputs for tests.hostile.fuzz: valid files with parts changed, and files that no program writes."""

from __future__ import annotations

import os
import random
from pathlib import Path

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
