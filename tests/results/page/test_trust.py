"""Trust in a report: what the scores say of themselves, and the run's trust reports, in words."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evo_nas
from evo_nas.analysis.correlation import trust
from evo_nas.core.plugins import registry
from evo_nas.errors import RunError
from evo_nas.results.agreement import Agreement, RepeatNoise
from evo_nas.results.page.run import run_page, trust_parts
from evo_nas.results.result import Result, load_result
from evo_nas.results.statistics import Estimate
from evo_nas.results.trust_report import Trust, read_trust, trust_picture
from evo_nas.results.trust_summary import noise, verdicts
from evo_nas.search.store.store import Evaluation
from evo_nas.training.ledger import Ledger
from tests.kit.mutations import changes, read_or_refused
from tests.kit.pages import read_page
from tests.kit.runs import SMALL, SPACE


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Trust]:
    folder = tmp_path_factory.mktemp("runs") / "run"
    noisy = {**SMALL, "samples": 40, "evaluator": "tests.kit.plugins:Noisy"}
    evo_nas.run(SPACE, "1K", run_dir=folder, **noisy)
    found = trust(folder, genomes=8, repeats=2, against="tests.kit.plugins:Noisy?noise=0.05")
    return load_result(folder), found


def test_a_trust_report_is_read_again_as_it_was_written(trusted: tuple[Result, Trust]) -> None:
    result, found = trusted
    again = read_trust(found.file, result.evaluations)
    assert again.agreements == found.agreements
    assert again.noise == found.noise
    assert again.means == found.means
    assert (again.error, again.reliability) == (found.error, found.reliability)
    assert [e.genome for e in again.networks] == [e.genome for e in found.networks]


def test_the_page_tells_all_of_it(trusted: tuple[Result, Trust]) -> None:
    result, found = trusted
    page = read_page((result.folder / "report.html").read_text())  # made anew by trust
    for each in found.agreements:
        assert f"{each.name} {each.tau} {each.rho}" in page.text
    assert found.noise is not None
    assert f"±{found.noise.deviation:.4f}" in page.text
    assert "was not measured; evo-nas trust" not in page.text


def test_the_page_says_how_reliable_scores_are(trusted: tuple[Result, Trust]) -> None:
    result, _ = trusted
    page = read_page(run_page(result, registry.load("space", result.config.space)))
    for stage in result.stages:
        reliability = result.reliability(stage)
        assert reliability is not None
        assert f"{stage}: the reliability of the scores is {reliability:.2f}" in page.text
    assert page.text.count("Other validation images would move a score by ±") == 2


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", "{}", '{"stage": "stage2", "against": "table", "networks": []}'],
)
def test_a_damaged_report_is_named_and_the_others_are_shown(
    content: str, trusted: tuple[Result, Trust], tmp_path: Path
) -> None:
    result, found = trusted
    broken = found.file.with_name("trust-broken.json")
    broken.write_text(content)
    try:
        parts, problems = trust_parts(result)
        assert len(parts) == 1
        assert len(problems) == 1
        assert "trust-broken.json" in problems[0]
    finally:
        broken.unlink()


def test_candidates_of_another_run_are_refused(trusted: tuple[Result, Trust]) -> None:
    result, found = trusted
    document = json.loads(found.file.read_text())
    assert document["networks"]
    with pytest.raises(RunError, match="no trust report of this run"):
        read_trust(found.file, result.evaluations[:3])


@settings(max_examples=60)
@given(data=st.data())
def test_a_report_with_anything_changed_is_sound_or_refused(
    trusted: tuple[Result, Trust], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    result, found = trusted
    made = data.draw(changes(json.loads(found.file.read_text())))
    path = tmp_path_factory.mktemp("report") / "trust.json"
    path.write_text(json.dumps(made.document))
    also = ("genome", "against", "evaluator")  # what is not of this run, or no spec
    reader = partial(read_trust, searched=result.evaluations)
    read = read_or_refused(reader, path, made.names, also)
    if read is not None:
        assert trust_picture(read)


# -- in plain words -------------------------------------------------------------------------------

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
