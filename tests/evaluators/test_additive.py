"""Predictions of an additive model: less noise than what it learns from, the same each time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau

import evo_nas
from evo_nas.core.plugins import registry
from evo_nas.core.streams import Streams
from evo_nas.errors import EvaluatorError, SpecError
from evo_nas.evaluation.evaluator import EvaluationContext, Evaluator, Objective
from evo_nas.space.space import Genome, Space
from tests.kit.runs import Listener, outcome, run, stopped
from tests.kit.spaces import TinySpace, all_canonical
from tests.kit.tinyspace import tiny_context

SPACE = TinySpace(3)
NETWORKS = all_canonical(SPACE)


def truth(genome: Genome) -> float:
    return float(sum(np.sin(7 * i + 3 * gene) / 10 for i, gene in enumerate(genome)))


class Lucky(Evaluator):
    """The truth and luck, of the genome's own; ``sign`` -1 is an error instead of a score."""

    def __init__(self, *, sign: int = 1, failing: int = 0, noise: float = 0.2) -> None:
        self._sign, self._failing, self._noise = sign, failing, noise
        self.objectives = (Objective("score", maximise=sign > 0),)

    def open(self, space: Space, context: EvaluationContext) -> None:
        self._context = context

    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        self._context.ledger.measured += 1
        luck = Streams(5).generator("luck", *genome)
        if luck.random() < self._failing / 100:
            raise EvaluatorError("out of luck")
        return {"score": self._sign * (truth(genome) + self._noise * luck.standard_normal())}


def opened(folder: Path, base: str = "", reference: int = 300, **changes: object) -> Evaluator:
    spec = f"additive?base={__name__}:Lucky{base}&reference={reference}"
    evaluator: Evaluator = registry.load("evaluator", spec)
    evaluator.open(SPACE, tiny_context(folder, **changes))
    return evaluator


def scores(evaluator: Evaluator) -> list[float]:
    found = dict(evaluator.evaluate_many(NETWORKS))
    return [found[i]["additive"] for i in range(len(NETWORKS))]  # type: ignore[index]


def tau(ours: list[float], theirs: list[float]) -> float:
    return float(kendalltau(ours, theirs).statistic)


def test_predictions_are_nearer_to_the_truth_than_what_teaches_them(
    tmp_path: Path,
) -> None:
    listener = Listener()
    evaluator = opened(tmp_path, progress=listener)
    predicted, true = scores(evaluator), [truth(genome) for genome in NETWORKS]
    lucky = Lucky()
    lucky.open(SPACE, tiny_context(tmp_path))
    assert tau(predicted, true) > tau([lucky.evaluate(g)["score"] for g in NETWORKS], true) + 0.1
    said = listener.heard[-1]
    assert said.startswith("an additive model of ")
    assert f"scores of {__name__}:Lucky has a Kendall's tau of 0." in said


def test_a_prediction_depends_on_nothing_but_the_sample_and_costs_no_score(tmp_path: Path) -> None:
    context = tiny_context(tmp_path)
    evaluator: Evaluator = registry.load("evaluator", f"additive?base={__name__}:Lucky")
    evaluator.open(SPACE, context)
    spent = context.ledger.measured
    assert 20 < spent <= 500  # the different networks of the sample
    together = scores(evaluator)
    assert [evaluator.evaluate(genome)["additive"] for genome in NETWORKS] == together
    assert context.ledger.measured == spent
    assert scores(opened(tmp_path, reference=500)) == together


def test_more_is_better_where_the_base_has_less_is_better(tmp_path: Path) -> None:
    assert scores(opened(tmp_path, "?sign=-1")) == scores(opened(tmp_path))


def test_what_fails_is_left_out_and_half_of_the_sample_at_most(tmp_path: Path) -> None:
    true = [truth(genome) for genome in NETWORKS]
    assert tau(scores(opened(tmp_path, "?failing=30%26noise=0")), true) > 0.7
    said = r"additive: .*:Lucky\?failing=90 scores \d+ of \d+ networks of its sample, too few"
    with pytest.raises(EvaluatorError, match=said):
        opened(tmp_path, "?failing=90")


def test_what_says_nothing_is_told_so(tmp_path: Path) -> None:
    listener = Listener()
    opened(tmp_path, "?noise=100", progress=listener)
    constant = "no better than chance"
    assert constant in listener.heard[-1] or "tau of 0.0" in listener.heard[-1]


def test_a_sample_of_a_few_is_refused() -> None:
    with pytest.raises(SpecError, match="reference=5 must be a whole number, 20 or more"):
        registry.load("evaluator", "additive?reference=5")


def test_a_run_that_was_stopped_ends_as_one_that_was_not(tmp_path: Path) -> None:
    given = {"evaluator": f"additive?base={__name__}:Lucky&reference=40"}
    whole = run(tmp_path / "whole", **given)
    stopped(5, run, tmp_path / "run", **given)
    assert outcome(evo_nas.resume(tmp_path / "run")) == outcome(whole)
