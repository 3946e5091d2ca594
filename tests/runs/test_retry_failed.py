"""Evaluating failed candidates anew changes nothing but what was mended, and loses nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

import evo_nas
from evo_nas.errors import EvoNasError, RunError
from evo_nas.results.result import Result, load_result
from evo_nas.search.upkeep import clean
from tests.kit.plugins import Faulty, Score
from tests.kit.runs import edit, outcome, run, stopped

FAULTY = {
    "evaluator": "tests.kit.plugins:Faulty?fault=raises",
    "retrainer": "tests.kit.plugins:Keep",
}


class NotingFaulty(Faulty):
    """As Faulty until it is mended; has something to say of each candidate that it scores."""

    def evaluate(self, genome: tuple[int, ...]) -> Mapping[str, float]:
        self.context.notes.append(f"scored {self.space.lift(genome)}")
        if "EVO_NAS_TEST_MENDED" in os.environ:
            return Score.evaluate(self, genome)
        return super().evaluate(genome)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A finished run with failures, that is only looked at."""
    return run(tmp_path_factory.mktemp("whole") / "run", **FAULTY)


@pytest.fixture
def faulty(tmp_path: Path, whole: Result) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(whole.folder, tmp_path / "run"))


def mend(folder: Path, by: str = "tests.kit.plugins:Score") -> None:
    edit(folder, FAULTY["evaluator"], by)


def kept(folder: Path) -> tuple[int, bool]:
    return len(load_result(folder).evaluations), (folder / "best.safetensors").exists()


def test_a_run_that_was_cleaned_delivers_again(tmp_path: Path, faulty: Path) -> None:
    """Where the retraining of finalists is recorded, and their weights are gone."""
    mend(faulty)
    whole = outcome(run(tmp_path / "whole", retrainer="tests.kit.plugins:Keep"))
    clean(faulty)
    again = outcome(evo_nas.resume(faulty, retry_failed=True))
    assert again[0] == whole[0]
    assert again[2] == whole[2]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tests.kit.plugins:Faulty?fault=raises", "tests.kit.plugins:Fualty"),
        ("tests.kit.plugins:Faulty?fault=raises", 'x" = '),
        ("seed = 0", "seed = 1"),
        ("samples = 24", "samples = 25"),
    ],
)
def test_nothing_is_forgotten_before_the_configuration_is_known_to_be_sound(
    faulty: Path, old: str, new: str
) -> None:
    before, text = kept(faulty), (faulty / "config.toml").read_text()
    edit(faulty, old, new)
    with pytest.raises(EvoNasError) as caught:
        evo_nas.resume(faulty, retry_failed=True)
    if "plugins" not in old:
        assert "only evaluator, retrainer, data, " in str(caught.value)
    (faulty / "config.toml").write_text(text)
    assert kept(faulty) == before
    mend(faulty)
    assert evo_nas.resume(faulty, retry_failed=True).best is not None


def test_an_evaluator_that_was_mended_badly_can_be_mended_again(faulty: Path) -> None:
    mend(faulty, "tests.kit.plugins:Noisy")
    stopped(0, evo_nas.resume, faulty, retry_failed=True)
    assert not any(e.failure for e in load_result(faulty).evaluations)
    edit(faulty, "plugins:Noisy", "plugins:Score")
    with pytest.raises(RunError, match="not what it was when the run began"):
        evo_nas.resume(faulty)
    assert evo_nas.resume(faulty, retry_failed=True).best is not None


def test_notes_of_candidates_go_with_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path / "run", **{**FAULTY, "evaluator": "tests.runs.test_retry_failed:NotingFaulty"})
    before = load_result(tmp_path / "run").notes["stage1 search"]
    assert before
    monkeypatch.setenv("EVO_NAS_TEST_MENDED", "1")
    result = evo_nas.resume(tmp_path / "run", retry_failed=True)
    assert len(result.notes["stage1 search"]) == len(result.of("stage1", "search"))
