"""Accuracy against FLOPs: runs and points where their numbers say, published ones named so."""

from __future__ import annotations

from pathlib import Path

import pytest

import evo_nas
from evo_nas.analysis.accuracy_figure import (
    Point,
    flops_figure,
    published_points,
    read_points,
    run_point,
)
from evo_nas.errors import RunError, TableError
from evo_nas.results.result import Result
from tests.kit.command import command_line
from tests.kit.finished import evaluation, genome, made
from tests.kit.runs import BUDGET, SMALL, SPACE
from tests.kit.svg import assert_inside, dots, texts, titles


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return evo_nas.run(SPACE, BUDGET, run_dir=tmp_path_factory.mktemp("runs") / "mine", **SMALL)


def test_the_papers_table_3_is_drawn_as_published() -> None:
    points = {point.name: point for point in published_points()}
    assert len(points) == 15
    assert points["GLiT-Tiny"] == Point("GLiT (published)", "GLiT-Tiny", 1_400_000_000, 76.3)
    assert points["GLiT-Base"].accuracy == 82.3
    assert points["DeiT-Small"].flops == 4_600_000_000
    drawn = flops_figure([], published_points())
    assert_inside(drawn)
    assert "GLiT-Tiny: 76.3% at 1,400,000,000" in titles(drawn)
    families = {point.family for point in points.values()}
    assert families <= set(texts(drawn))
    assert all("published" in family for family in families)


def test_a_run_is_drawn_at_its_test_accuracy(run: Result) -> None:
    assert run.best is not None
    point = run_point(run)
    assert point.accuracy == run.best["measured"]["test_accuracy"]
    assert point.flops == run.best["target"]["flops"]
    drawn = flops_figure([run], [])
    (title,) = titles(drawn)
    assert title.startswith(f"mine: {100 * point.accuracy:.4g}% at {point.flops:,}")
    assert not any("candidates" in text for text in texts(drawn))


def test_candidates_are_drawn_if_asked_and_scored(run: Result) -> None:
    drawn = flops_figure([run], [], candidates=True)
    assert dots(drawn) == len(run.of("stage2", "search")) + 1
    assert "mine, candidates as scored in the search" in texts(drawn)
    unscored = made(evaluation(genome(0), 0.5, phase="finalists"), best=genome(0))
    assert "candidates" not in flops_figure([unscored], [], candidates=True)


def test_what_cannot_be_drawn_is_said() -> None:
    with pytest.raises(RunError, match="is not finished; evo-nas resume"):
        flops_figure([made(evaluation(genome(0), 0.5))], [])
    with pytest.raises(RunError, match="nothing to draw"):
        flops_figure([], [])
    result = made(evaluation(genome(0), 0.5), best=genome(0))
    assert result.best is not None
    result.best["measured"] = {"by": "clock", "seconds": 3.0}
    with pytest.raises(RunError, match="no accuracy"):
        flops_figure([result], [])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("family,name,flops\na,b,1G\n", "no column 'accuracy'"),
        ("family,name,flops,accuracy\na,b,many,70\n", "line 2: flops: budget 'many'"),
        ("family,name,flops,accuracy\na,b,1G,70\na,b,1G,high\n", "line 3"),
        ("family,name,flops,accuracy\na,b\n", "line 2"),
        ("", "no column 'family'"),
    ],
)
def test_wrong_points_are_named_by_their_line(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(content)
    with pytest.raises(TableError, match=said):
        read_points(tmp_path / "p.csv")
    with pytest.raises(TableError, match="cannot be read"):
        read_points(tmp_path / "none.csv")


def test_the_command(run: Result, tmp_path: Path) -> None:
    points, out = tmp_path / "p.csv", tmp_path / "a.svg"
    points.write_text("family,name,flops,accuracy\nmine & yours,x,400,0.5\n")
    given = (run.folder, "--paper", "--points", points, "--out", out)
    assert command_line("figure", "accuracy", *given) == 0
    assert {"mine & yours", "GLiT (published)"} <= set(texts(out.read_text()))
    assert "x: 50% at 400" in titles(out.read_text())
