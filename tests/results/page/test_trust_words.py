"""What a report says in plain words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from evo_nas.results.agreement import Agreement, RepeatNoise
from evo_nas.results.statistics import Estimate
from evo_nas.results.trust_report import Trust
from evo_nas.results.trust_summary import noise, verdicts
from evo_nas.search.store.store import Evaluation
from evo_nas.training.batches import Ledger

GOOD, BAD = Estimate(0.6, 0.3, 0.9, True), Estimate(-0.6, -0.9, -0.3, True)
UNCLEAR = Estimate(0.35, -0.05, 0.66, True)
NETWORK = Evaluation(
    "stage1", "search", 0, 0, (0,), 1, 1, {"accuracy": 0.5}, "random", (), 0.0, Ledger()
)


def report(score: Estimate, *counted: Agreement) -> Trust:
    return Trust(
        folder=Path("run"),
        stage="stage1",
        evaluator="supernet",
        objective="accuracy",
        against="train",
        epochs=3,
        truth="accuracy",
        candidates=100,
        networks=(NETWORK,) * 16,
        truths=((NETWORK,) * 16,),
        agreements=(Agreement("search accuracy", score, score), *counted),
        constant=(),
        error=None,
        reliability=None,
        noise=None,
        failed=0,
        file=Path("run/trust-stage1-train.json"),
    )


@pytest.mark.parametrize(
    ("score", "said"),
    [
        (GOOD, "tau +0.60 [+0.30, +0.90]: better than chance."),
        (BAD, "worse than chance"),
        (UNCLEAR, "tau +0.35 [-0.05, +0.66]: not distinguishable from chance with 16 networks."),
        (replace(GOOD, enough=False), "not distinguishable from chance"),
    ],
)
def test_a_score_is_told_from_chance_or_not(score: Estimate, said: str) -> None:
    (told,) = verdicts(report(score))
    assert told.startswith("search accuracy: ")
    assert said in told


@pytest.mark.parametrize(
    ("tau", "ahead", "said"),
    [
        (GOOD, BAD, "Ranks better than search accuracy"),
        (UNCLEAR, BAD, "Not distinguishable from search accuracy"),
        (UNCLEAR, GOOD, "Ranks worse than search accuracy"),
        (GOOD, UNCLEAR, "Not distinguishable from search accuracy"),
    ],
)
def test_what_costs_nothing_is_compared_with_the_score(
    tau: Estimate, ahead: Estimate, said: str
) -> None:
    _, told, caution = verdicts(report(UNCLEAR, Agreement("fewer heads", tau, tau, ahead)))
    assert told.startswith(said)
    assert f"fewer heads ({ahead})" in told
    assert "flatters" in caution


def test_noise_is_told_as_far_as_it_is_known() -> None:
    (told,) = noise(report(UNCLEAR))
    assert told == "The repeat noise of train was not measured; --repeats 2 does."
    measured = replace(
        report(UNCLEAR), error=0.0212, reliability=0.58, noise=RepeatNoise(0.0123, 0.4, 0.61)
    )
    score, truth = noise(measured)
    assert "±0.0212" in score
    assert "reliability 0.58" in score
    assert "--against supernet" in score
    assert "±0.0123" in truth
    assert "a tau of about 0.61 only" in truth
    (none,) = noise(replace(report(UNCLEAR), noise=RepeatNoise(0, 1, 1)))
    assert none == "Repeats of train are equal: it has no repeat noise."
