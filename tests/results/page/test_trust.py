"""Trust in a report: what the scores say of themselves, and the run's trust reports."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evo_nas
from evo_nas.analysis.correlation import trust
from evo_nas.core.plugins import registry
from evo_nas.errors import RunError
from evo_nas.results.page.run import run_page, trust_parts
from evo_nas.results.result import Result, load_result
from evo_nas.results.trust_report import Trust, read_trust, trust_picture
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
    path = made.write(tmp_path_factory.mktemp("report"), ".json")
    also = ("genome", "against", "evaluator")  # what is not of this run, or no spec
    read = read_or_refused(
        lambda path: read_trust(path, result.evaluations), path, made.names, also
    )
    if read is not None:
        assert trust_picture(read)
