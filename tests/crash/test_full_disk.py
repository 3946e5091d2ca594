"""A search on digits on a disk that is really full, and made larger for the run to go on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evo_nas.core.files import TEMPORARY

from .killing import SEARCH, begin, differences, finish, outcome

# The disk is one in memory, in a mount namespace of its own that nobody else sees and that takes
# it along when it ends: what is to be looked at is copied out.
MOUNT = 'mount -t tmpfs -o size="$1" full disk'
SCRIPT = f"""
{MOUNT} || exit 1
cd disk
shift
"$@" --run-dir run --jobs 1 2> ../stopped
echo $? > ../code
mount -o remount,size=1g full . || exit 1
"$1" -m evo_nas resume run --quiet 2> ../resumed || exit 1
cp -r run ..
"""


def in_namespace(folder: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "disk").mkdir()
    return subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", script, "sh", *arguments],
        cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.PIPE, text=True,
        check=False, timeout=600,
    )  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _may_mount(tmp_path_factory: pytest.TempPathFactory) -> None:
    try:
        tried = in_namespace(tmp_path_factory.mktemp("try"), MOUNT, "1m")
    except FileNotFoundError:
        pytest.skip("there is no command unshare: it is Linux that has it")
    if tried.returncode:
        pytest.skip(f"no small disk can be mounted here: {tried.stderr.strip()}")


def check(folder: Path, expected: dict[str, object], size: str, *arguments: str) -> None:
    """Begin a run on so small a disk, go on with it on a larger one, and compare."""
    ended = in_namespace(folder, SCRIPT, size, sys.executable, "-m", "evo_nas", *arguments)
    said = (folder / "stopped").read_text()
    assert (folder / "code").read_text() == "2\n", said
    assert said.count("\n") == 1
    assert "disk is full" in said
    assert ended.returncode == 0, (folder / "resumed").read_text() + ended.stderr
    assert (folder / "resumed").read_text() == ""
    assert not differences(outcome(folder / "run"), expected)
    assert not list((folder / "run").rglob(TEMPORARY)), "temporary files are left"


@pytest.mark.parametrize("size", ["600k", "900k"])  # the first shared weights, or the second
def test_a_run_stops_with_one_line_and_goes_on_where_there_is_space(
    tmp_path: Path, expected: dict[str, object], size: str
) -> None:
    check(tmp_path, expected, size, *SEARCH)


def test_so_does_a_run_whose_store_is_all_that_grows(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    rows = [f"{a},{b},{a + b},0.{a * b % 97}" for a in range(40) for b in range(40)]
    table.write_text("\n".join(["a,b,flops,accuracy", *rows]))
    search = ("run", "--space", f"table?file={table}", "--flops", "99", "--evaluator", "table",
              "--strategy", "random_search", "--samples", "1500", "--quiet")  # fmt: skip
    assert finish(begin(tmp_path, *search, "--run-dir", "whole")) == (0, "")
    check(tmp_path, outcome(tmp_path / "whole"), "300k", *search)
