"""Hostile files and command lines against every parser and the command line.

    nice -n 15 python -m tests.fuzzing --minutes 15 --seed 1

Inputs are valid files with parts changed, and files that no program writes. Each goes through
evo_nas.cli.main in this process under a time limit (SIGALRM), one in a hundred in a process of its
own. It must end with exit code 0 or 2, with one line on the error stream and no traceback for 2,
within the limit, and must write nothing beside the folder that it was given. What does otherwise is
kept under --keep, with the command line; the same seed gives the same inputs again.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from unittest import mock

from evo_nas import api, cli

from .fuzz_inputs import TABLE, case

LIMIT = 60  # seconds for one input; a first count of a space takes 10 s of a core
ROOT = Path(__file__).resolve().parents[1]


def make_run(folder: Path) -> None:
    """A finished run, for others to damage."""
    table = folder.with_name("table.csv")
    table.write_text(TABLE)
    api.run(
        f"table?file={table}", "25", evaluator="table", strategy="random_search", samples=6,
        population=3, finalists=2, run_dir=folder,
    )  # fmt: skip


class Late(BaseException):
    """The time limit; nothing catches it by accident."""


def _late(number: int, frame: FrameType | None) -> None:
    raise Late


def run_here(arguments: list[str]) -> str:
    """What is wrong with how the command ended, "" if nothing."""
    said = io.StringIO()
    signal.signal(signal.SIGALRM, _late)
    signal.alarm(LIMIT)
    try:
        with (
            mock.patch.object(sys, "argv", ["evo-nas", *arguments]),
            contextlib.redirect_stderr(said),
            contextlib.redirect_stdout(io.StringIO()),
        ):
            cli.main()
    except SystemExit as end:
        return judged(end.code, said.getvalue())
    except Late:
        return f"hang: more than {LIMIT} s"
    except BaseException:
        return traceback.format_exc()
    finally:
        signal.alarm(0)
    return ""


def run_apart(arguments: list[str], folder: Path) -> str:
    """The same in a process of its own."""
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "evo_nas", *arguments], cwd=folder, capture_output=True, check=False,
            timeout=2 * LIMIT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"hang: more than {2 * LIMIT} s in a process"
    except ValueError:  # no command line can hold it
        return ""
    return judged(ended.returncode, ended.stderr.decode("utf-8", "replace"))


def judged(code: object, said: str) -> str:
    if "Traceback" in said or code not in (None, 0, 2):
        return f"exit code {code}: {said}"
    if code == 2 and len(said.strip().splitlines()) != 1:
        return f"not one line: {said}"
    return ""


def contents(folder: Path, without: Path) -> dict[str, str]:
    """Digests of all files under a folder, but for those in one of them."""
    found = {}
    for place, folders, files in os.walk(folder):
        if Path(place) == without:
            folders.clear()
            continue
        for name in files:
            path = Path(place, name)
            found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def failures(seconds: float, seed: int, keep: Path, apart: int = 100) -> Iterator[tuple[str, str]]:
    """Inputs for so long: the kind of each, and what is wrong with it."""
    began, number = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as temporary, contextlib.chdir(temporary):
        base = Path(temporary)
        run = base / "sound"
        make_run(run)
        while time.monotonic() - began < seconds:
            number += 1
            chance = random.Random(f"{seed} {number}")
            folder = base / "input"
            folder.mkdir()
            kind, arguments = case(folder, run, chance)
            before = contents(base, folder)
            os.chdir(folder)
            alone = number % apart == 0
            wrong = run_apart(arguments, folder) if alone else run_here(arguments)
            os.chdir(base)
            if contents(base, folder) != before:
                wrong += "\na file outside was written"
            if wrong:
                kept = keep / f"{seed}-{number}"
                shutil.rmtree(kept, ignore_errors=True)
                kept.mkdir(parents=True)
                (kept / "wrong.txt").write_text(f"{kind}\n{arguments!r}\n{wrong}", errors="replace")
                with contextlib.suppress(OSError, shutil.Error):
                    shutil.copytree(folder, kept / "input", symlinks=True, ignore=_special)
            shutil.rmtree(folder)
            yield kind + (" (own process)" if alone else ""), wrong


def _special(place: str, names: list[str]) -> set[str]:
    return {name for name in names if Path(place, name).is_fifo()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"))
    options = parser.parse_args()
    kinds: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    print(f"seed {options.seed}, {options.minutes:g} minutes", flush=True)
    for kind, problem in failures(60 * options.minutes, options.seed, options.keep.resolve()):
        kinds[kind] += 1
        if problem:
            last = problem.strip().splitlines()[-1][:160]
            wrong[last] += 1
            print(f"{sum(kinds.values())}: {kind}: {last}", flush=True)
    for kind, count in sorted(kinds.items()):
        print(f"{count:7,} {kind}")
    print(f"{sum(kinds.values()):7,} inputs, {sum(wrong.values())} wrong, kept in {options.keep}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
