"""What a run delivers is made again where it is lost, and never believed where it is damaged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

import evo_nas
from evo_nas.core.devices import environment
from evo_nas.errors import CheckpointError, EvaluatorError, RunError, SpecError
from evo_nas.results.networks.trained import load_trained
from evo_nas.results.result import Result, load_result
from evo_nas.search.store.store import Store
from evo_nas.search.upkeep import clean
from tests.kit.plugins import Keep
from tests.kit.runs import Listener, outcome, run, stopped


class Keeping(Keep):
    """As Keep, and says itself which weights are gone, as `train` does."""

    def weights(self, genome: tuple[int, ...]) -> Path | None:
        path = super().weights(genome)
        return path if path is not None and path.exists() else None


class Forgetful(Keep):
    """Says that it keeps weights, and has none."""

    def weights(self, genome: tuple[int, ...]) -> None:
        return None


KEEPING = "tests.runs.test_lost_files:Keeping"


@pytest.mark.parametrize("retrainer", ["tests.kit.plugins:Keep", KEEPING])
@pytest.mark.parametrize("lost", ["best.json", "best.safetensors"])
def test_the_best_network_is_trained_again_if_its_weights_are_gone(
    tmp_path: Path, retrainer: str, lost: str
) -> None:
    whole = outcome(run(tmp_path / "run", retrainer=retrainer))
    for file in tmp_path.glob("run/checkpoints/*/finalists/*.safetensors"):
        file.unlink()
    (tmp_path / "run" / lost).unlink()
    assert outcome(evo_nas.resume(tmp_path / "run")) == whole
    assert load_result(tmp_path / "run").notes == {}


def test_only_the_best_is_evaluated_again_and_only_where_it_has_to(finished: Path) -> None:
    (finished / "best.safetensors").unlink()
    listener = Listener()
    evo_nas.resume(finished, listener)
    assert not any("the best network's weights are missing" in line for line in listener.heard)
    clean(finished)
    (finished / "best.safetensors").unlink()
    evo_nas.resume(finished, listener)
    assert any("the best network's weights are missing" in line for line in listener.heard)
    assert len(list(finished.glob("checkpoints/*/finalists/*.safetensors"))) == 1


def test_weights_that_come_out_otherwise_are_noted(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean(finished)
    (finished / "best.safetensors").unlink()
    evaluate = Keep.evaluate

    def other(self: Keep, genome: tuple[int, ...]) -> Mapping[str, float]:
        return {"accuracy": evaluate(self, genome)["accuracy"] + 0.25}

    monkeypatch.setattr(Keep, "evaluate", other)
    (line,) = evo_nas.resume(finished).notes["stage2 finalists"]
    assert line.startswith("the weights of the best network were lost, and evaluated anew they are")


def test_weights_that_cannot_be_had_again_end_the_run(tmp_path: Path) -> None:
    with pytest.raises(EvaluatorError, match="the evaluator kept no weights of the best network"):
        run(tmp_path / "run", retrainer="tests.runs.test_lost_files:Forgetful")
    assert not (tmp_path / "run" / "best.json").exists()


@pytest.mark.parametrize("place", [-5, 200])
def test_a_flipped_bit_in_delivered_weights_is_noticed_by_whoever_reads_them(
    finished: Path, whole: Result, place: int
) -> None:
    file = finished / "best.safetensors"
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)
    for read in (load_trained, evo_nas.load):
        with pytest.raises(CheckpointError, match=r"best.safetensors (are damaged|is no file of)"):
            read(str(finished))
    file.unlink()  # as the message says
    assert outcome(evo_nas.resume(finished)) == outcome(whole)


def test_a_changed_figure_in_best_json_is_noticed(finished: Path, whole: Result) -> None:
    file = finished / "best.json"
    content = json.loads(file.read_text())
    content["measured"]["test_accuracy"] = 0.95
    file.write_text(json.dumps(content))
    told = "best.json is not what was written: damaged or edited"
    with pytest.raises(RunError, match=told):
        load_result(finished)
    with pytest.raises(SpecError, match=told):
        load_trained(str(finished))
    del content["sha256"]  # an edit that was meant
    file.write_text(json.dumps(content))
    assert load_result(finished).best is not None
    file.unlink()
    assert outcome(evo_nas.resume(finished)) == outcome(whole)


def test_other_versions_and_hardware_are_noted(tmp_path: Path) -> None:
    stopped(5, run, tmp_path / "run")
    store = Store(tmp_path / "run" / "run.sqlite")
    store.set_fact("versions", {**environment("cpu"), "torch": "1.0.0", "device": "cpu (another)"})
    store.close()
    (line,) = evo_nas.resume(tmp_path / "run").notes["run"]
    now = environment("cpu")
    assert line == (
        f"went on with torch {now['torch']} instead of 1.0.0, device {now['device']} instead of "
        "cpu (another)"
    )
