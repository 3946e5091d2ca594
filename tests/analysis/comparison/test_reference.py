"""Networks beside the found ones: what they are, what they cost, and that they are kept."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from evo_nas.analysis.comparison.file import Comparison
from evo_nas.analysis.comparison.page import comparison_page
from evo_nas.analysis.comparison.protocol import make_runs, plan_comparison
from evo_nas.analysis.comparison.reference import Reference, find_reference
from evo_nas.analysis.comparison.report import Report, comparison_document, finished_report, report
from evo_nas.cli.views.comparison import comparison_plan_view, comparison_view
from evo_nas.core.plugins import registry
from evo_nas.core.progress import Silent
from evo_nas.errors import EvoNasError, RunError, SettingsError
from evo_nas.results.result import load_result
from evo_nas.search.run_folder import COMPARISON
from evo_nas.space.costs.verification import network_costs
from tests.kit.pages import read_page
from tests.kit.runs import SPACE, Interruption, compared, stop_after

LAYERED = "tests.kit.plugins:Layered"
DEEP = (2, 2, 2)  # beyond the budget
OPTIONS: dict[str, Any] = {
    "space": LAYERED, "flops": "3K", "retrainer": "train", "seeds": 2, "samples": 8,
    "finalists": 2, "finalist_epochs": 1, "protocol": "paper",
    "data": "digits?train=100&validation=50&test=50",
}  # fmt: skip
DRAWN = ["largest", "long"]


def architecture(folder: Path, space: str = LAYERED, genome: tuple[int, ...] = DEEP) -> Path:
    path = folder / "deep.json"
    path.write_text(json.dumps({"space": space, "genome": genome}))
    return path


def comparison(folder: Path, **changes: Any) -> Report:
    folder.mkdir()
    given = {**OPTIONS, "references": [architecture(folder), *DRAWN], **changes}
    return compared(folder / "c", "random_search", **given)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return comparison(tmp_path_factory.mktemp("references") / "here")


ROWS = ["deep", "deep, equal FLOPs", "largest network", "random network, long"]


def costs(width: int, genome: tuple[int, ...]) -> int:
    """By hand: at the target 64 pixels and 2 classes."""
    return 64 * width + sum(genome) * width**2 + 2 * width


@pytest.mark.slow
def test_each_reference_is_one_network_a_seed_within_its_limits(found: Report) -> None:
    rows = {row.strategy: row for row in found.rows if row.protocol == "reference"}
    assert list(rows) == ROWS
    for row in rows.values():
        assert [outcome.seed for outcome in row.outcomes] == [0, 1]
        for outcome in row.outcomes:
            result = load_result(outcome.folder)
            assert result.config.seed == outcome.seed
            assert len(result.evaluations) == 1
            assert result.best is not None
            assert outcome.accuracy == result.best["measured"]["test_accuracy"]
            assert outcome.validation == result.best["measured"]["validation_accuracy"]
            assert (outcome.flops, outcome.params) == (
                result.best["target"]["flops"],
                result.best["target"]["params"],
            )
    assert rows["deep"].mean("flops") == costs(24, DEEP) == 5040
    assert rows["largest network"].mean("flops") == 2736  # two layers; three have 3,312
    for outcome in rows["largest network"].outcomes:
        assert outcome.images_trained == 64  # one epoch of a whole batch


@pytest.mark.slow
def test_at_equal_flops_a_network_is_as_wide_as_what_was_found_allows(found: Report) -> None:
    rows = {(row.protocol, row.strategy): row for row in found.rows}
    scaled = rows["reference", "deep, equal FLOPs"]
    space = registry.load("space", LAYERED)
    for outcome, first in zip(
        scaled.outcomes, rows["paper", "random_search"].outcomes, strict=True
    ):
        width = outcome.target["width"]
        assert costs(width, DEEP) == outcome.flops <= first.flops < costs(width + 3, DEEP)
        result, search = load_result(outcome.folder), load_result(first.folder)
        assert result.best is not None
        assert search.best is not None
        assert tuple(result.best["genome"]) == DEEP
        assert result.config.space == f"scaled?space={LAYERED}&width={width}"
        # And where both are trained, counted whole there.
        at = result.config.geometry
        assert (at.width, at.image_size) == (outcome.geometry["width"], 8)
        most = network_costs(space, search.best["genome"], search.config.geometry)["flops"]
        own, wider = (
            (8 * 8 + 10) * width + sum(DEEP) * width**2 for width in (at.width, at.width + 3)
        )
        assert own == network_costs(space, DEEP, at)["flops"] <= most < wider


@pytest.mark.slow
def test_the_long_training_costs_as_much_as_the_search(found: Report) -> None:
    rows = {(row.protocol, row.strategy): row for row in found.rows}
    searches = rows["paper", "random_search"].outcomes
    longs = rows["reference", "random network, long"].outcomes
    for long, search in zip(longs, searches, strict=True):
        assert search.cost - 3 * 64 < long.cost <= search.cost
        assert long.images_trained == 64 * load_result(long.folder).config.recipe.train.epochs
        assert long.flops <= 3000


@pytest.mark.slow
def test_tables_page_and_curves_tell_of_references(found: Report) -> None:
    told, page = StringIO(), read_page(comparison_page(found))
    Console(file=told, width=80).print(comparison_view(found))
    assert max(map(len, told.getvalue().splitlines())) <= 80
    shown = " ".join(told.getvalue().split())
    (widths, *_) = [
        f"{o.target['width']} wide at the target, {o.geometry['width']} where it is trained"
        for o in found.of("paper")[2].outcomes
    ]
    for text in (shown, page.text):
        assert f"deep, equal FLOPs: {widths}" in text
        assert "random network, long" in text
    for row in found.of("paper")[1:]:
        assert row.spread in shown
        assert row.spread in page.text
        assert f"{row.mean('validation'):.4f}" in page.text
    assert "largest network" in found.picture("paper").read_text()
    pairs = [(each.first, each.second) for each in found.differences]
    assert pairs == [("random_search", row) for row in ROWS]
    difference = next(e for e in found.differences if e.second == "largest network")
    first, second = found.of("paper")[0], found.of("paper")[3]
    assert difference.estimate.value == pytest.approx(
        first.mean("accuracy") - second.mean("accuracy")
    )
    assert "--reference" in comparison_page(found)
    document = comparison_document(found)
    assert [each["given"] for each in document["references"]][1:] == DRAWN
    assert document["rows"][-1]["runs"][0]["images_trained"] > 64


@pytest.mark.slow
def test_what_is_trained_is_not_trained_again(found: Report, tmp_path: Path) -> None:
    folder = tmp_path / "here" / "c"
    with pytest.MonkeyPatch.context() as patch:
        stop_after(8 + 2 + 2, patch)  # a search, and two references
        with pytest.raises(Interruption):
            comparison(folder.parent, seeds=1)
    (folder.parent / "deep.json").write_text("{}")  # the network is in the comparison
    finished = {path: path.stat().st_mtime_ns for path in folder.glob("reference/*/best.json")}
    assert len(finished) == 2
    with pytest.raises(RunError, match="is not finished; evo-nas resume"):
        finished_report(folder)
    resumed = report(folder, make_runs(folder, Silent()))
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    for row, whole in zip(resumed.rows, found.rows, strict=True):
        one, other = row.outcomes[0], whole.outcomes[0]
        assert (one.flops, one.accuracy, one.cost) == (other.flops, other.accuracy, other.cost)


def test_the_plan_tells_what_is_trained_and_for_how_long(tmp_path: Path) -> None:
    named = architecture(tmp_path)
    planned, folder = plan_comparison(
        ["random_search"], references=f"{named}, largest,long", run_dir=tmp_path / "c",
        **{**OPTIONS, "finalist_epochs": 7, "evaluator": "tests.kit.plugins:Score"},
    )  # fmt: skip
    told = StringIO()
    Console(file=told, width=80).print(comparison_plan_view(planned, planned.check(), folder))
    lines = [" ".join(line.split()) for line in told.getvalue().splitlines()]
    assert "deep 5.04K 7 448" in lines
    assert "deep, equal FLOPs as found 7 448" in lines
    assert "largest network within the limits 7 448" in lines
    assert "random network, long within the limits - as its search" in lines
    planned.save(folder)
    assert Comparison.read(folder) == planned
    assert planned.references[0] == Reference(str(named), "deep", LAYERED, DEEP, scales=True)


def test_without_references_nothing_tells_of_them(tmp_path: Path) -> None:
    Comparison(("spos",), (0,), ("paper",), 1, {"space": SPACE}).save(tmp_path / "c")
    assert "references" not in (tmp_path / "c" / COMPARISON).read_text()


def test_a_network_whose_flops_do_not_follow_the_width_stands_alone(tmp_path: Path) -> None:
    named = architecture(tmp_path, SPACE, (1, 0, 0) * 4)
    reference = find_reference(str(named), SPACE)
    assert not reference.scales
    assert [row.name for row in reference.rows] == ["deep"]


@pytest.mark.parametrize(
    ("references", "error", "said"),
    [
        (["larges"], EvoNasError, "reference 'larges' is no architecture.*drawn ones are largest"),
        (["largest", "largest"], SettingsError, "largest network.*name each once"),
        (["deit_tiny"], SettingsError, "reference deit_tiny: .* image_size 224, those of .* 8"),
        ({"largest": 1}, SettingsError, "references is"),
        ([3], SettingsError, "references is"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is_made(
    references: Any, error: type[Exception], said: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=said):
        compared(tmp_path / "c", "random", references=references, **OPTIONS)
    assert list(tmp_path.iterdir()) == []


def test_who_trains_for_no_epochs_trains_for_no_longer(tmp_path: Path) -> None:
    options = {**OPTIONS, "retrainer": "tests.kit.plugins:Score", "data": None}
    with pytest.raises(SettingsError, match=r"reference long: retrainer .*Score trains no network"):
        compared(tmp_path / "c", "random", references=["long"], **options)
