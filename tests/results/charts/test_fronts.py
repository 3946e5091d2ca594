"""Charts of several objectives: the hypervolume by candidate, and trade-offs on parallel axes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evo_nas.errors import RunError
from evo_nas.results.charts.fronts import read_front
from evo_nas.results.charts.parallel import Column, Group, parallel_coordinates
from evo_nas.results.page.run import run_page
from evo_nas.results.result import Result
from tests.kit.finished import SPACE, evaluation, made, stage_of
from tests.kit.svg import assert_inside, texts, titles

GENOMES = [SPACE.canonical(g) for g in ((0, 0, 0) * 2, (1, 0, 0) * 2, (2, 0, 0) * 2, (1, 1, 0) * 2)]


def several(*values: tuple[int, float], strategy: str = "nsga2") -> Result:
    """Candidates of these FLOPs and scores."""
    result = made(
        *(
            replace(evaluation(genome, score, position=i), flops=flops)
            for i, (genome, (flops, score)) in enumerate(zip(GENOMES, values, strict=False))
        )
    )
    return replace(result, config=replace(result.config, strategy=strategy))


def test_the_hypervolume_grows_with_each_that_joins_the_front() -> None:
    result = several((20, 0.0), (10, 0.5), (30, 0.2), (20, 1.0))  # worst 30 and 0, best 10 and 1
    front = read_front(result.stage(), result.config, SPACE)
    numbers, volumes = front.hypervolumes()
    assert numbers == [1, 2, 4]  # the third is dominated
    assert volumes == pytest.approx([0.0, 0.5, 0.75])
    figure = result.plot_hypervolume()
    assert figure.title == "stage1: hypervolume"
    assert_inside(figure.svg)


def test_where_nothing_differs_all_is_dominated() -> None:
    result = several((10, 0.5), (10, 0.5))
    assert read_front(result.stage(), result.config, SPACE).hypervolumes() == ([1], [1.0])
    assert_inside(result.plot_trade_offs().svg)


def test_trade_offs_show_who_is_on_the_front_and_who_was_retrained() -> None:
    result = several((20, 0.0), (10, 0.5), (30, 0.2), (20, 1.0))
    finalist = evaluation(GENOMES[3], 0.9, phase="finalists")
    result = replace(result, evaluations=(*result.evaluations, finalist))
    figure = result.plot_trade_offs("stage1")
    assert_inside(figure.svg)
    assert titles(figure.svg) == [
        *(f"candidate {i}" for i in (1, 2, 3, 4)), "candidate 2", "candidate 4", "candidate 4",
    ]  # fmt: skip
    words = texts(figure.svg)
    assert {"Pareto front", "finalist", "accuracy", "flops", "params"} <= set(words)
    assert words.index("1") < words.index("0")  # the best is at the top
    assert words.index("10") < words.index("30")
    page = run_page(result, SPACE)
    assert figure.svg in page
    assert result.plot_hypervolume().svg in page


def test_thousands_of_candidates_are_thinned_but_the_front() -> None:
    one = several((20, 0.5)).evaluations[0]
    evaluations = [replace(one, flops=20 + i, position=i) for i in range(1, 700)]
    config = several().config
    stage = stage_of(*evaluations, replace(one, flops=5, position=700))
    drawn = titles(read_front(stage, config, SPACE).trade_offs.svg)
    assert len(drawn) == 234 + 1
    assert drawn[-1] == "candidate 700"


def test_one_objective_has_no_front() -> None:
    alone = several((20, 0.0), (10, 0.5), strategy="spos")
    for plot in (alone.plot_hypervolume, alone.plot_trade_offs):
        with pytest.raises(RunError, match="of stage1 seeks accuracy alone"):
            plot()
    assert "hypervolume" not in run_page(alone, SPACE)


def test_what_is_best_is_at_the_top_of_each_axis() -> None:
    drawn = parallel_coordinates(
        [Column("up", [1, 2], maximise=True), Column("down", [5_000_000, 7.5], maximise=False)],
        [Group("<all>", [0, 1], ["a", "b & c"])],
        title="both",
    )
    assert_inside(drawn)
    assert texts(drawn) == ["both", "<all>", "up", "2", "1", "down", "7.5", "5M"]
    assert "M58.0 318.0L442.0 318.0" in drawn
    assert "M58.0 98.0L442.0 98.0" in drawn
