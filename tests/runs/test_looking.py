"""Looking at what is there needs no plug-in, and none of the packages that are slow to import."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from evo_nas.results.result import Result
from evo_nas.space.space import Cell
from evo_nas.space.table import portrait
from tests.kit.plugins import Tiny
from tests.kit.runs import run

SLOW = ["torch", "fvcore", "deap", "scipy", "sklearn", "pandas", "matplotlib", "timm"]
COMMANDS = """
import sys
from evo_nas.cli.app import main
run, *slow = sys.argv[1:]
for words in (
    ["--help"], ["run", "--help"], ["compare", "--help"], ["--version"], ["list"],
    ["list", "spaces"], ["list", "evaluators"], ["list", "strategies"], ["list", "data"],
    ["list", "networks"], ["list", "runs"], ["show", run], ["show", run, "--json"],
    ["clean", run, "--dry-run"],
):
    sys.argv = ["evo-nas", *words]
    try:
        main()
    except SystemExit as end:
        assert not end.code, words
    imported = [name for name in slow if name in sys.modules]
    assert not imported, (words, imported)
"""


def test_nothing_slow_is_imported(whole: Result, tmp_path: Path) -> None:
    (tmp_path / "runs").symlink_to(whole.folder.parent)
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "COLUMNS": "80"}
    ended = subprocess.run(
        [sys.executable, "-c", COMMANDS, whole.folder, *SLOW],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "Best network of " in ended.stdout


def test_what_a_run_keeps_is_what_its_plug_ins_say(whole: Result) -> None:
    space = whole.space
    assert whole.facts["portrait"] == portrait(space, whole.architecture.genome)
    assert whole.portrait is whole.facts["portrait"]
    kept = whole.facts["objectives"]
    assert kept == {spec: whole.objective(spec) for spec in kept}
    without = replace(whole, facts={**whole.facts, "portrait": None, "objectives": None})
    assert without.portrait == whole.portrait
    assert {spec: without.objective(spec) for spec in kept} == kept


class Strange(Tiny):
    """A space whose picture no file can hold."""

    def picture(self, genome: object) -> tuple[Cell, ...]:
        return (Cell("of a kind", ("a line",), complex(0, 1)),)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_picture_that_cannot_be_kept_spoils_no_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(tmp_path / "run", space=f"{__file__}:Strange", samples=8)
    assert found.best is not None
    assert found.facts["portrait"] is None
