"""Which choices matter: known where the scores were made from them."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from evo_nas.errors import RunError
from evo_nas.results.page.run import run_page
from evo_nas.results.result import Result
from tests.kit.finished import SPACE, evaluation, made
from tests.kit.svg import assert_inside, texts


def scored(count: int, noise: float = 0.0) -> Result:
    """Candidates whose score is the first block's kind, and a little of the second one's."""
    drawn = random.Random(0)
    genomes = {
        SPACE.canonical([drawn.randrange(len(choice.options)) for choice in SPACE.choices])
        for _ in range(50 * count)
    }
    genomes = sorted(genomes)
    drawn.shuffle(genomes)
    return made(
        *(
            evaluation(g, (1 - noise) * (g[0] + 0.25 * g[3]) + noise * drawn.random(), position=i)
            for i, g in enumerate(genomes[:count])
        )
    )


def test_the_choices_that_scores_were_made_of_matter() -> None:
    found = scored(60).importance()
    assert [*found.spreads.values()] == sorted(found.spreads.values(), reverse=True)
    assert next(iter(found.spreads)) == "block0.kind"
    second = {n: v for n, v in found.spreads.items() if n.startswith("block1")}
    assert 0 < max(second.values()) < found.spreads["block0.kind"] / 2
    assert found.tau > 0.8


def test_they_are_drawn_the_longest_first() -> None:
    result = scored(60)
    figure = result.plot_importance("stage1")
    assert figure.title == "stage1: which choices matter"
    assert_inside(figure.svg)
    assert texts(figure.svg)[1] == "block0.kind"
    page = run_page(result, SPACE)
    assert "Which choices matter" in page
    assert figure.svg in page


def test_what_scores_do_not_say_is_told() -> None:
    with pytest.raises(RunError, match="stage1 is not known: fewer than 50 different candidates"):
        scored(20).importance()
    assert "Which choices matter" not in run_page(scored(20), SPACE)
    with pytest.raises(RunError, match="no better than chance"):
        scored(60, noise=1.0).importance()
    alike = made(*(replace(e, metrics={"accuracy": 0.5}) for e in scored(60).evaluations))
    with pytest.raises(RunError, match="no better than chance"):
        alike.importance()
