"""A run's page: whole, escaped, without a network, and with the numbers of the store."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import evo_nas
from evo_nas.core.plugins import registry
from evo_nas.core.progress import Silent
from evo_nas.results.page.run import run_page, spending, write_report
from evo_nas.results.result import Result
from evo_nas.search.run_folder import PAGE
from evo_nas.training.ledger import Ledger
from tests.kit.command import command_line
from tests.kit.finished import Drawn, evaluation, genome, made
from tests.kit.pages import Page, read_page
from tests.kit.runs import BUDGET, SMALL, SPACE

HOSTILE = '</style></svg><script>alert(\'&amp;"1\')</script><b x="{{ 7*7 }}">'


def page_of(result: Result) -> Page:
    return read_page(run_page(result, registry.load("space", result.config.space)))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Result:
    folder = tmp_path_factory.mktemp("runs") / "run"
    return evo_nas.run(SPACE, BUDGET, run_dir=folder, **SMALL)


def test_a_run_ends_with_a_page_beside_its_network(run: Result) -> None:
    page = read_page((run.folder / PAGE).read_text())
    assert run.best is not None
    measured, space = run.best["measured"], registry.load("space", run.config.space)
    costs = space.costs(tuple(run.best["genome"]))
    told = [f"{stage} {phase}" for stage, phase in run.spent]
    told += [
        f"{run.best['target']['flops']:,} FLOPs and",
        f"{measured['validation_accuracy']:.4f}",
        f"{measured['test_accuracy']:.4f}",
        f"{len(run.evaluations)} evaluations",
        f"in all {costs['flops']:,} {costs['params']:,}",
        run.facts["data"],
        run.facts["versions"]["torch"],
        f"--samples {run.config.settings.samples}",
        "GLiT",
    ]
    assert not [words for words in told if words not in page.text]
    assert "not finished" not in page.text


def test_every_finalist_is_there_with_the_numbers_of_the_store(run: Result) -> None:
    page = page_of(run)
    for stage in run.stages:
        searched = {e.genome: (i, e) for i, e in enumerate(run.of(stage, "search"), start=1)}
        for finalist in run.of(stage, "finalists"):
            number, candidate = next(
                (i, e) for g, (i, e) in searched.items() if g == finalist.genome
            )
            row = (
                f"{finalist.metrics['accuracy']:.4f} ± 0.0100 {candidate.metrics['accuracy']:.4f} "
                f"{number} {finalist.flops:,} {finalist.params:,}"
            )
            assert row in page.text


@pytest.mark.parametrize(
    "changes",
    [
        {"strategy": "spos"},
        {"strategy": "nsga2"},
        {"strategy": "random"},
        {"strategy": "largest"},
        {"strategy": "tests.kit.own:Cheapest"},
        {"flops": "1K", "strategy": "distribution"},
        {"evaluator": "tests.kit.plugins:Seconds", "retrainer": "tests.kit.plugins:Seconds"},
        {"evaluator": "tests.kit.plugins:Noisy"},
    ],
)
def test_every_kind_of_run_has_a_page(changes: dict[str, Any], tmp_path: Path) -> None:
    options = {**SMALL, **changes}
    result = evo_nas.run(SPACE, options.pop("flops", BUDGET), run_dir=tmp_path / "r", **options)
    page = page_of(result)
    assert (tmp_path / "r" / PAGE).is_file()
    searched = "No search scored candidates" not in page.text
    assert searched == any(e.phase == "search" for e in result.evaluations)


def test_a_table_has_a_page_without_picture_and_images(tmp_path: Path) -> None:
    rows = [f"{a},{b},{a * b},{a + b}.5" for a in (1, 2, 3) for b in (4, 5)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,flops,accuracy", *rows]))
    result = evo_nas.run(
        f"table?file={tmp_path / 't.csv'}", "12", evaluator="table", samples=6, population=3,
        run_dir=tmp_path / "run",
    )  # fmt: skip
    page = page_of(result)
    assert "No images were looked at." in page.text
    assert "0 parameters" not in page.text
    assert result.best is not None
    assert f"{result.best['measured']['accuracy']:.4f}" in page.text


def test_an_unfinished_run_says_so_and_shows_what_there_is() -> None:
    page = page_of(made(evaluation(genome(0), 0.25), evaluation(genome(1), 0.5, position=1)))
    assert "This run is not finished. 2 evaluations" in page.text
    assert "evo-nas resume runs/made" in page.text
    assert "best accuracy in the search 0.5000" in page.text
    assert "No finalist has been judged yet" in page.text
    empty = page_of(made(spent={}))
    assert "0 evaluations" in empty.text
    assert "Nothing has been spent yet." in empty.text


def test_failed_candidates_are_counted_and_shown_nowhere_else() -> None:
    page = page_of(made(evaluation(genome(0), 0.25), evaluation(genome(1), None), best=genome(0)))
    assert "2 candidates" in page.text
    assert "1 of them failed and have no score." in page.text
    assert "not finished" in page_of(made(evaluation(genome(1), None))).text


def test_candidates_outside_the_budget_are_explained() -> None:
    result = made(evaluation(genome(0), 0.5), evaluation(genome(2), 0.4, position=1))
    tight = replace(result, config=replace(result.config, flops="40"))
    assert "1 of the candidates is outside of the budget" in page_of(tight).text
    assert "outside of the budget" not in page_of(result).text


def hostile_result(text: str) -> Result:
    parent, child = genome(2), genome(0)
    result = made(
        evaluation(parent, 0.5, stage=text, origin=text),
        evaluation(child, 0.6, stage=text, origin=text, parents=(parent,), position=1),
        evaluation(child, 0.7, stage=text, phase="finalists"),
        best=child,
        folder=Path("runs") / text.replace("/", "|"),
        spent={(text, text): 1.0},
        images={(text, text): Ledger(1, 1)},
        facts={"versions": {text: text}, "data": text},
    )
    assert result.best is not None
    result.best["measured"] |= {"by": text, "data": text}
    return replace(result, config=replace(result.config, data=text, space=f"table?file={text}"))


PRINTABLE = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1)


@settings(max_examples=25)
@given(PRINTABLE.map("!{}".format))  # no word that means something, such as "none"
@example(HOSTILE)
@example("]]>-->")
@example("&lt;")
def test_what_comes_from_files_is_text_and_nothing_else(text: str) -> None:
    calm = read_page(run_page(hostile_result("calm"), Drawn("calm")))
    page = read_page(run_page(hostile_result(text), Drawn(text)))
    assert page.tags == calm.tags
    assert " ".join(text.split()) in page.text


def test_a_page_of_a_thousand_evaluations_is_no_large_file() -> None:
    kinds = [genome(kind, size) for kind in (0, 1, 2) for size in (0, 1, 2)]
    rows = [evaluation(kinds[i % 9], i / 1000, generation=i // 50) for i in range(1000)]
    assert len(run_page(made(*rows, best=kinds[0]), Drawn())) < 400_000


def test_charts_that_leave_candidates_out_say_so() -> None:
    rows = [evaluation(genome(0), i / 4000, position=i) for i in range(4000)]
    assert "The charts show 2,000 of the candidates" in page_of(made(*rows)).text
    assert "The charts show" not in page_of(made(*rows[:3000])).text


def test_phases_and_their_sums() -> None:
    images = {("stage1", "training"): Ledger(100, 0), ("stage1", "search"): Ledger(0, 50)}
    found = spending(made(images=images))
    assert found.columns[-2:] == (">images, forward and backward", ">forward only")
    assert found.rows == [
        ("stage1 search", "30 s", "25%", "0", "50"),
        ("stage1 finalists", "1 min 30 s", "75%", "0", "0"),
        ("stage1 training", "0.0 s", "0%", "100", "0"),
    ]
    assert found.foot == [("in all", "2 min 00 s", "", "100", "50")]


@pytest.mark.parametrize("spent", [{}, {("stage1", "search"): 0.0}])
def test_nothing_has_been_spent(spent: dict[tuple[str, str], float]) -> None:
    found = spending(made(spent=spent))
    assert found.foot == [("in all", "0.0 s", "")]
    assert all(share == "0%" for _, _, share in found.rows)


# -- where it is written ---------------------------------------------------------------------------


def test_a_page_that_cannot_be_made_does_not_spoil_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> str:
        raise ZeroDivisionError("a picture\nof two lines")

    said: list[str] = []
    monkeypatch.setattr("tests.kit.plugins.Tiny.picture", broken)
    progress = Silent()
    monkeypatch.setattr(progress, "say", said.append, raising=False)
    result = evo_nas.run(SPACE, BUDGET, run_dir=tmp_path / "run", progress=progress, **SMALL)
    assert result.best is not None
    assert not (tmp_path / "run" / PAGE).exists()
    assert said[-1] == (
        "report.html could not be written, all else is there: "
        "ZeroDivisionError: a picture of two lines"
    )


def test_a_run_that_was_killed_before_its_page_gets_it_when_resumed(
    run: Result, tmp_path: Path
) -> None:
    shutil.copytree(run.folder, tmp_path / "run")
    page = tmp_path / "run" / PAGE
    page.unlink()
    evo_nas.resume(tmp_path / "run")
    read_page(page.read_text())
    page.write_text("kept")
    evo_nas.resume(tmp_path / "run")
    assert page.read_text() == "kept"


def test_the_command_writes_where_it_is_told(
    run: Result, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine.html"
    assert command_line("report", run.folder, "--out", out) == 0
    assert str(out) in capsys.readouterr().out
    assert out.read_text() == (run.folder / PAGE).read_text()


def test_names_that_are_no_unicode_do_not_hinder(run: Result, tmp_path: Path) -> None:
    odd = replace(run, folder=Path("runs/\udcff"))
    read_page(write_report(odd, tmp_path / "page.html").read_text())
