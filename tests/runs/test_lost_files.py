"""What a run delivers is made again where it is lost, and never believed where it is damaged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

import evo_nas
from evo_nas.api import environment
from evo_nas.errors import CheckpointError, EvaluatorError, RunError, SpecError
from evo_nas.results.networks.trained import load_trained
from evo_nas.results.result import load_result
from evo_nas.search.store.store import Store
from evo_nas.search.upkeep import clean
from tests.kit.plugins import Keep
from tests.kit.runs import Interruption, outcome, run, stop_after


class Keeping(Keep):
    """As Keep, and says itself which weights are gone, as `train` does."""

    scored = 0

    def evaluate(self, genome: tuple[int, ...]) -> Mapping[str, float]:
        type(self).scored += 1
        return super().evaluate(genome)

    def weights(self, genome: tuple[int, ...]) -> Path | None:
        path = super().weights(genome)
        return path if path is not None and path.exists() else None


class Forgetful(Keep):
    """Says that it keeps weights, and has none."""

    def weights(self, genome: tuple[int, ...]) -> None:
        return None


def delete_finalists(folder: Path) -> None:
    for file in folder.glob("checkpoints/*/finalists/*.safetensors"):
        file.unlink()


@pytest.mark.parametrize(
    "retrainer", ["tests.kit.plugins:Keep", "tests.runs.test_lost_files:Keeping"]
)
@pytest.mark.parametrize("lost", ["best.json", "best.safetensors"])
def test_the_best_network_is_trained_again_if_its_weights_are_gone(
    tmp_path: Path, retrainer: str, lost: str
) -> None:
    whole = outcome(run(tmp_path / "run", retrainer=retrainer))
    delete_finalists(tmp_path / "run")
    (tmp_path / "run" / lost).unlink()
    assert outcome(evo_nas.resume(tmp_path / "run")) == whole
    assert load_result(tmp_path / "run").notes == {}


def test_only_the_best_is_evaluated_again_and_only_where_it_has_to(tmp_path: Path) -> None:
    run(tmp_path / "run", retrainer="tests.runs.test_lost_files:Keeping")
    before = Keeping.scored
    (tmp_path / "run" / "best.safetensors").unlink()
    evo_nas.resume(tmp_path / "run")
    assert Keeping.scored == before
    clean(tmp_path / "run")
    (tmp_path / "run" / "best.safetensors").unlink()
    evo_nas.resume(tmp_path / "run")
    assert Keeping.scored == before + 1


def test_weights_that_come_out_otherwise_are_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path / "run")
    clean(tmp_path / "run")
    (tmp_path / "run" / "best.safetensors").unlink()
    evaluate = Keep.evaluate

    def other(self: Keep, genome: tuple[int, ...]) -> Mapping[str, float]:
        return {"accuracy": evaluate(self, genome)["accuracy"] + 0.25}

    monkeypatch.setattr(Keep, "evaluate", other)
    result = evo_nas.resume(tmp_path / "run")
    (line,) = result.notes["stage2 finalists"]
    assert line.startswith("the weights of the best network were lost, and evaluated anew they are")


def test_weights_that_cannot_be_had_again_end_the_run(tmp_path: Path) -> None:
    with pytest.raises(EvaluatorError, match="the evaluator kept no weights of the best network"):
        run(tmp_path / "run", retrainer="tests.runs.test_lost_files:Forgetful")
    assert not (tmp_path / "run" / "best.json").exists()


@pytest.mark.parametrize("place", [-5, 200])
def test_a_flipped_bit_in_delivered_weights_is_noticed_by_whoever_reads_them(
    tmp_path: Path, place: int
) -> None:
    whole = outcome(run(tmp_path / "run"))
    file = tmp_path / "run" / "best.safetensors"
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)
    for read in (load_trained, evo_nas.load):
        with pytest.raises(CheckpointError, match=r"best.safetensors (are damaged|is no file of)"):
            read(str(tmp_path / "run"))
    file.unlink()  # as the message says
    assert outcome(evo_nas.resume(tmp_path / "run")) == whole


def test_a_changed_figure_in_best_json_is_noticed(tmp_path: Path) -> None:
    whole = outcome(run(tmp_path / "run"))
    file = tmp_path / "run" / "best.json"
    content = json.loads(file.read_text())
    content["measured"]["test_accuracy"] = 0.95
    file.write_text(json.dumps(content))
    told = "best.json is not what was written: damaged or edited"
    with pytest.raises(RunError, match=told):
        load_result(tmp_path / "run")
    with pytest.raises(SpecError, match=told):
        load_trained(str(tmp_path / "run"))
    del content["sha256"]  # an edit that was meant
    file.write_text(json.dumps(content))
    assert load_result(tmp_path / "run").best is not None
    file.unlink()
    assert outcome(evo_nas.resume(tmp_path / "run")) == whole


def test_other_versions_and_hardware_are_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        stop_after(5, patch)
        with pytest.raises(Interruption):
            run(tmp_path / "run")
    store = Store(tmp_path / "run" / "run.sqlite")
    store.set_fact("versions", {**environment("cpu"), "torch": "1.0.0", "device": "cpu (another)"})
    store.close()
    result = evo_nas.resume(tmp_path / "run")
    (line,) = result.notes["run"]
    now = environment("cpu")
    assert line == (
        f"went on with torch {now['torch']} instead of 1.0.0, device {now['device']} instead of "
        "cpu (another)"
    )
