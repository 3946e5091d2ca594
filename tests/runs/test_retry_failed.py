"""Evaluating failed candidates anew changes nothing but what was mended, and loses nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

import evo_nas
from evo_nas.errors import EvoNasError, RunError
from evo_nas.results.result import load_result
from evo_nas.search.upkeep import clean
from tests.kit.plugins import Faulty, Score
from tests.kit.runs import Interruption, outcome, run, stop_after

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


def replace(folder: Path, old: str, new: str) -> None:
    config = folder / "config.toml"
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new))


def kept(folder: Path) -> tuple[int, bool]:
    return len(load_result(folder).evaluations), (folder / "best.safetensors").exists()


def test_a_run_that_was_cleaned_delivers_again(tmp_path: Path) -> None:
    """Where the retraining of finalists is recorded, and their weights are gone."""
    run(tmp_path / "run", **FAULTY)
    replace(tmp_path / "run", "tests.kit.plugins:Faulty?fault=raises", "tests.kit.plugins:Score")
    whole = outcome(run(tmp_path / "whole", retrainer="tests.kit.plugins:Keep"))
    clean(tmp_path / "run")
    again = outcome(evo_nas.resume(tmp_path / "run", retry_failed=True))
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
    tmp_path: Path, old: str, new: str
) -> None:
    run(tmp_path / "run", **FAULTY)
    before = kept(tmp_path / "run")
    text = (tmp_path / "run" / "config.toml").read_text()
    replace(tmp_path / "run", old, new)
    with pytest.raises(EvoNasError):
        evo_nas.resume(tmp_path / "run", retry_failed=True)
    (tmp_path / "run" / "config.toml").write_text(text)
    assert kept(tmp_path / "run") == before
    replace(tmp_path / "run", "tests.kit.plugins:Faulty?fault=raises", "tests.kit.plugins:Score")
    assert evo_nas.resume(tmp_path / "run", retry_failed=True).best is not None


def test_what_may_be_changed_is_said(tmp_path: Path) -> None:
    run(tmp_path / "run", **FAULTY)
    replace(tmp_path / "run", "seed = 0", "seed = 1")
    with pytest.raises(RunError, match=r"only evaluator, retrainer, data, .* may change"):
        evo_nas.resume(tmp_path / "run", retry_failed=True)


def test_an_evaluator_that_was_mended_badly_can_be_mended_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path / "run", **FAULTY)
    replace(tmp_path / "run", "plugins:Faulty?fault=raises", "plugins:Keep")
    with monkeypatch.context() as patch:
        stop_after(0, patch)
        with pytest.raises(Interruption):
            evo_nas.resume(tmp_path / "run", retry_failed=True)
    assert not any(e.failure for e in load_result(tmp_path / "run").evaluations)
    config = tmp_path / "run" / "config.toml"
    config.write_text(config.read_text().replace("plugins:Keep", "plugins:Score", 1))
    with pytest.raises(RunError, match="not what it was when the run began"):
        evo_nas.resume(tmp_path / "run")
    assert evo_nas.resume(tmp_path / "run", retry_failed=True).best is not None


def test_notes_of_candidates_go_with_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path / "run", **{**FAULTY, "evaluator": "tests.runs.test_retry_failed:NotingFaulty"})
    before = load_result(tmp_path / "run").notes["stage1 search"]
    assert before
    monkeypatch.setenv("EVO_NAS_TEST_MENDED", "1")
    result = evo_nas.resume(tmp_path / "run", retry_failed=True)
    assert len(result.notes["stage1 search"]) == len(result.of("stage1", "search"))
