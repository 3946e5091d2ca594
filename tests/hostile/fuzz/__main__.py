"""Hostile files and command lines against every parser and the command line.

    nice -n 15 python -m tests.hostile.fuzz --minutes 15 --seed 1

Inputs are valid files with parts changed, and files that no program writes. Each goes through
evo_nas.cli.app.main in this process under a time limit (SIGALRM), one in a hundred in a process of its
own; networks also through evo_nas.load. It must end with exit code 0 or 2 (of check also 1), with
one line on the error stream and no traceback for 2, within the limit, and must write nothing but
what it was told to: all other files are compared, also those of the working folder, of the home
folder and of that for temporary files, which lie in one place for it. What does otherwise is kept
under --keep, with the command line; the same seed gives the same inputs again.
"""

from __future__ import annotations

import argparse
import contextlib
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

import pytest

import evo_nas
from evo_nas.cli import app as cli
from evo_nas.core.plugins.trusted_code import ALLOW
from evo_nas.errors import EvoNasError

from .cases import Case, case
from .seeds import Seeds

LIMIT = 60  # seconds for one input; a first count of a space takes 10 s of a core
ROOT = Path(__file__).resolve().parents[3]
COSTS = "home/.cache/evo-nas/costs"  # counted before; what else is written at home is found
PARQUET = "home/.cache/huggingface"  # what datasets copies
KNOWN = "home/.local/state/evo-nas/known-code"  # what was typed, never what a file names


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
            if arguments[0] == "load":  # no command
                evo_nas.load(arguments[1])
            else:
                cli.main()
    except EvoNasError:
        return ""
    except SystemExit as end:
        return judged(end.code, said.getvalue(), arguments[0])
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
    return judged(ended.returncode, ended.stderr.decode("utf-8", "replace"), arguments[0])


def judged(code: object, said: str, command: str) -> str:
    """What is wrong with this end, "" if nothing."""
    if code == 1 and command == "check":  # the plug-in is wrong
        code = 0
    if "Traceback" in said or code not in (None, 0, 2):
        return f"exit code {code}: {said}"
    if code == 2 and len(said.strip().splitlines()) != 1:
        return f"not one line: {said}"
    return ""


def contents(folder: Path, *without: Path) -> dict[str, tuple[int, ...]]:
    """What tells whether something under a folder was written, but for some places in it."""
    found = {}
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if Path(place, name) not in without]
        for name in (*folders, *files):
            path = Path(place, name)
            if path not in without:
                stat = path.lstat()
                is_file = not path.is_dir() or path.is_symlink()
                written = (stat.st_size, stat.st_mtime_ns, stat.st_ino) if is_file else ()
                found[str(path)] = (stat.st_mode, *written)
    return found


@contextlib.contextmanager
def at_home(base: Path) -> Iterator[None]:
    """With a home, a place for temporary files and a working folder of its own."""
    for name in ("home", "tmp", "work"):
        (base / name).mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(base / "home"))
        patch.setenv("TMPDIR", str(base / "tmp"))
        patch.setenv("HF_HOME", str(base / PARQUET))
        patch.setattr(tempfile, "tempdir", str(base / "tmp"))
        for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", ALLOW):
            patch.delenv(name, raising=False)
        if "datasets" in sys.modules:  # it has asked already
            config = sys.modules["datasets"].config
            patch.setattr(config, "HF_DATASETS_CACHE", base / PARQUET / "datasets")
        patch.chdir(base / "work")
        yield


def failures(seconds: float, seed: int, keep: Path, apart: int = 100) -> Iterator[tuple[str, str]]:
    """Inputs for so long: the kind of each, and what is wrong with it."""
    number = 0
    with tempfile.TemporaryDirectory() as temporary, at_home(Path(temporary)):
        base = Path(temporary)
        (base / "seeds").mkdir()
        (base / COSTS).mkdir(parents=True)
        seeds = Seeds(base / "seeds")
        seeds.make()
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            number += 1
            folder = base / "input"
            folder.mkdir()
            one = case(folder, seeds, random.Random(f"{seed} {number}"))
            allowed = [base / COSTS, base / PARQUET, *one.own]
            allowed += [base / KNOWN] if one.kind == "words" else []
            before = contents(base, *allowed)
            os.chdir(one.here or base / "work")
            alone = number % apart == 0 and one.arguments[0] != "load"
            wrong = run_apart(one.arguments, Path.cwd()) if alone else run_here(one.arguments)
            os.chdir(base / "work")
            after = contents(base, *allowed)
            if other := sorted(p for p in before | after if before.get(p) != after.get(p)):
                wrong += f"\nwritten outside: {other}"
            if wrong:
                _keep(keep / f"{seed}-{number}", one, folder, wrong)
            shutil.rmtree(folder)
            (base / KNOWN).unlink(missing_ok=True)
            shutil.rmtree(base / PARQUET, ignore_errors=True)
            yield one.kind + (" (own process)" if alone else ""), wrong


def _keep(kept: Path, one: Case, folder: Path, wrong: str) -> None:
    def special(place: str, names: list[str]) -> set[str]:
        return {name for name in names if Path(place, name).is_fifo()}

    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    (kept / "wrong.txt").write_text(f"{one.kind}\n{one.arguments!r}\n{wrong}", errors="replace")
    with contextlib.suppress(OSError, shutil.Error):
        shutil.copytree(folder, kept / "input", symlinks=True, ignore=special)


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
