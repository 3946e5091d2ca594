"""A result in a notebook: frames with everything recorded, figures, and what is shown of each."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
import torch

import evo_nas
from evo_nas.analysis.correlation import trust
from evo_nas.core.plugins import registry
from evo_nas.errors import RunError, SettingsError, SpaceError
from evo_nas.results.architecture import FoundArchitecture
from evo_nas.results.charts.notebook import Figure, card
from evo_nas.results.result import Result
from tests.kit.finished import Drawn, evaluation, genome, made
from tests.kit.pages import Page
from tests.kit.runs import BUDGET, SMALL, SPACE, Stop, compared
from tests.kit.svg import assert_inside

pd = pytest.importorskip("pandas")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return evo_nas.run(SPACE, BUDGET, run_dir=tmp_path_factory.mktemp("runs") / "run", **SMALL)


def shown(thing: object) -> Page:
    return Page(thing._repr_html_())  # type: ignore[attr-defined]


def test_the_frame_has_every_evaluation_as_it_was_recorded(run: Result) -> None:
    frame = run.frame()
    assert len(frame) == len(run.evaluations) == 54
    for row, recorded in zip(frame.to_dict("records"), run.evaluations, strict=True):
        for name in ("stage", "phase", "generation", "position", "origin", "flops", "params"):
            assert row[name] == getattr(recorded, name)
        assert row["accuracy"] == recorded.metrics["accuracy"]
        options = run.space.options(recorded.genome)
        for choice in run.space.choices:
            value = row[choice.name]
            assert options.get(choice.name) == (None if pd.isna(value) else value)


def test_columns_have_the_types_that_people_group_and_count_by(run: Result) -> None:
    types = run.frame().dtypes
    assert {str(types[name]) for name in ("stage", "phase", "origin")} == {"category"}
    assert {str(types[name]) for name in ("flops", "params", "generation")} == {"int64"}
    assert {str(types[name]) for name in ("accuracy", "seconds")} == {"float64"}
    assert str(types["block0.size"]) == "Int64"  # missing where the block has no size
    assert list(types["block0.kind"].categories) == ["a", "b", "c"]


def test_a_metric_that_is_called_as_a_column_is_kept_apart() -> None:
    twice = made(evaluation(genome(0), 0.5, metrics={"accuracy": 0.5, "seconds": 7.0}))
    (row,) = twice.frame().to_dict("records")
    assert (row["seconds"], row["metric.seconds"]) == (0.5, 7.0)


def test_what_only_some_have_is_missing_for_others() -> None:
    frame = made(
        evaluation(genome(0), 0.5),
        replace(evaluation(genome(1), None, position=1), failure="it raised"),
        evaluation(genome(2), 0.5, position=2, metrics={"accuracy": 0.5, "loss": 2.0}),
    ).frame()
    assert frame["failure"].isna().tolist() == [True, False, True]
    assert frame["failure"][1] == "it raised"
    assert frame["accuracy"].isna().tolist() == [False, True, False]
    assert frame["loss"].isna().tolist() == [True, True, False]
    assert len(made().frame()) == 0


def test_without_pandas_the_error_says_what_to_install(
    run: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(SettingsError, match=r"pip install 'evo-nas\[notebook\]'"):
        run.frame()


# -- figures -------------------------------------------------------------------------------------


def test_figures_are_whole_drawings_that_can_be_saved(run: Result, tmp_path: Path) -> None:
    for figure in (run.plot(), run.plot("stage1"), run.plot_search(), run.plot_search("stage1")):
        assert_inside(figure.svg)
        assert figure._repr_svg_() == figure.svg
        assert figure.save(tmp_path / "figure.svg").read_text() == figure.svg
        assert figure.svg in figure._repr_html_()
    assert "stage1" in repr(run.plot("stage1"))
    assert run.plot().title == run.plot("stage2").title


def test_what_cannot_be_drawn_says_why(run: Result) -> None:
    with pytest.raises(RunError, match="no stage 'stag1'; did you mean stage1"):
        run.plot("stag1")
    with pytest.raises(RunError, match="no evaluations yet"):
        made().plot()
    unscored = made(evaluation(genome(0), 0.5, phase="finalists", origin="finalist"))
    assert_inside(unscored.plot().svg)
    with pytest.raises(RunError, match="scored nothing"):
        unscored.plot_search()
    with pytest.raises(RunError, match="has no scores yet"):
        made(evaluation(genome(0), None)).plot()


def test_no_figure_sets_a_colour_that_a_dark_page_hides() -> None:
    style = Figure("f", "<svg/>")._repr_html_()
    for rule in ("svg{fill:currentColor", ".background{fill:none}", ".grid{stroke:currentColor"):
        assert rule in style


# -- what is shown -------------------------------------------------------------------------------


def test_a_finished_run_shows_its_network_and_how_well_it_did(run: Result) -> None:
    page = shown(run)
    assert run.best is not None
    assert str(run.folder) in page.text
    assert f"{run.best['target']['flops']:,}" in page.text
    assert f"{run.best['measured']['validation_accuracy']:.4f}" in page.text
    assert "accuracy against FLOPs" in page.text


def test_an_unfinished_run_says_how_to_go_on() -> None:
    unfinished = made(evaluation(genome(0), 0.5))
    assert "evo-nas resume runs/made" in shown(unfinished).text
    assert "not finished" in shown(made()).text
    with pytest.raises(RunError, match="evo-nas resume runs/made"):
        _ = unfinished.architecture


def test_words_of_plug_ins_are_text_and_never_tags() -> None:
    page = Page(card("<b>", [("<i>", "a & <script>")]))
    assert "a & <script>" in page.text
    assert not {"b", "i", "script"} & {tag for tag, _ in page.tags}


def test_a_plug_in_that_is_gone_costs_the_figures_only(run: Result) -> None:
    lost = replace(run, config=replace(run.config, evaluator="gone.py:Gone"))
    page = shown(lost)
    assert "there is no file 'gone.py'" in page.text
    assert str(run.folder) in page.text


# -- the architecture ----------------------------------------------------------------------------


def test_the_architecture_says_what_was_chosen_and_what_it_costs(run: Result) -> None:
    assert run.best is not None
    found = run.architecture
    assert dict(found.choices) == run.best["choices"]
    target = run.best["target"]
    assert (found.flops, found.params) == (target["flops"], target["params"])
    assert list(found.genome) == run.best["genome"]
    frame = found.frame()
    assert list(frame["slot"]) == ["block0", "block1", "block2", "block3"]
    assert list(frame["kind"]) == [found.choices[f"{slot}.kind"] for slot in frame["slot"]]
    besides = run.space.fixed_costs(())["flops"]
    assert frame["flops"].sum() + besides == found.flops
    assert f"{found.flops} FLOPs" in repr(found)
    assert f"{found.flops:,}" in shown(found).text
    network = found.build()
    at = run.space.target
    images = torch.zeros(2, at.channels, at.image_size, at.image_size)
    assert network(images).shape == (2, at.classes)
    with pytest.raises(SpaceError, match="no picture"):
        found.plot()


def test_a_space_with_a_picture_shows_it() -> None:
    found = replace(made(best=genome(1)).architecture, space=Drawn("<words>"))
    assert_inside(found.plot().svg)
    assert "<words>" in shown(found).text


# -- trust and comparisons -----------------------------------------------------------------------


def test_a_trust_report_shows_its_rankings(run: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evo_nas.results.statistics._RESAMPLES", 50)
    found = trust(run.folder, stage="stage2", genomes=4, repeats=2)
    frame = found.frame()
    assert list(frame["truth"]) == found.means
    assert list(frame["truth"]) == [
        (a + b) / 2 for a, b in zip(frame["truth_1"], frame["truth_2"], strict=True)
    ]
    assert list(frame["search"]) == [e.metrics["accuracy"] for e in found.networks]
    assert_inside(found.plot().svg)
    page = shown(found)
    for each in found.agreements:
        assert each.name in page.text
        assert str(each.tau) in page.text
    assert repr(found).startswith("<trust in stage2")


@pytest.mark.slow
def test_a_comparison_shows_each_strategy_under_each_protocol(tmp_path: Path) -> None:
    found = compared(tmp_path / "c", "spos,random", seeds=2)
    frame = found.frame()
    assert len(frame) == sum(len(row.outcomes) for row in found.rows) == 8
    assert set(frame["strategy"]) == {"spos", "random"}
    means = frame[frame["protocol"] == "paper"].groupby("strategy")["accuracy"].mean()
    assert means["spos"] == pytest.approx(found.of("paper")[0].mean("accuracy"))
    for protocol in ("paper", "equal"):
        assert_inside(found.plot(protocol).svg)
    with pytest.raises(SettingsError, match="'fair' was not compared"):
        found.plot("fair")
    assert f"{found.of('equal')[1].mean('accuracy'):.4f}" in shown(found).text
    assert "spos (paper)" in repr(found)


# -- progress ------------------------------------------------------------------------------------


def test_progress_is_shown_to_who_asks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = evo_nas.run(SPACE, BUDGET, run_dir=tmp_path / "run", **SMALL)
    assert capsys.readouterr().out == ""
    evo_nas.run(SPACE, BUDGET, run_dir=tmp_path / "again", progress=True, **SMALL)
    assert "stage2 finalists: 3 of 3" in capsys.readouterr().out
    evo_nas.resume(result.folder, progress=True)


def test_choices_without_a_slot_are_in_the_frame_of_an_architecture() -> None:
    space = registry.load("space", "autoformer_tiny")
    genome = space.canonical((1,) * len(space.choices))
    frame = FoundArchitecture(space, genome).frame()
    held = {name for name in space.options(genome) if "." not in name}
    assert held
    assert held <= set(frame.columns)
    for name in held:
        assert set(frame[name]) == {space.options(genome)[name]}
    assert len(frame) == len(space.slots)


def test_a_result_without_an_accuracy_says_what_it_has() -> None:
    found = made(evaluation(genome(0), 0.5), best=genome(0))
    assert found.best is not None
    measured = {"by": "Lookup", "data": "none", "seconds": 0.25, "error": 2.0}
    other = replace(found, best={**found.best, "measured": measured})
    assert repr(other).endswith("at the target; seconds 0.2500 by Lookup>")
    assert "seconds 0.2500 error 2.0000" in shown(other).text


def test_an_interrupt_says_how_to_go_on(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt) as stopped:
        evo_nas.run(SPACE, BUDGET, run_dir=folder, progress=Stop(), **SMALL)
    line = f"stopped; go on with evo_nas.resume({str(folder)!r})"
    assert str(stopped.value) == line
    assert stopped.value._render_traceback_() == [f"KeyboardInterrupt: {line}"]  # as IPython asks


def test_the_package_tells_its_version_and_its_names() -> None:
    assert evo_nas.__version__ == version("evo-nas")
    assert {*evo_nas.__all__, "__version__"} <= set(dir(evo_nas))


def test_a_plan_is_shown_as_a_table_and_not_as_pixels(tmp_path: Path) -> None:
    plan = evo_nas.prepare(SPACE, BUDGET, run_dir=tmp_path / "planned", **SMALL)
    assert repr(plan) == f"<evo-nas plan: {SPACE} within {BUDGET} FLOPs, in {tmp_path / 'planned'}>"
    text = shown(plan).text
    assert "Plan space tests.kit.plugins:Tiny?blocks=4 strategy hierarchical, seed 0" in text
    assert "100 training and 50 validation images" in text
    assert "stage1 decides level 0, genomes" in text
    assert "candidates 24" in text
