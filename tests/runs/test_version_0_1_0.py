"""What version 0.1.0 has written is opened, resumed and exported."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, make_dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import evo_nas
from evo_nas.cli.app import app
from evo_nas.errors import RunError
from evo_nas.search import config as configuration
from evo_nas.search.config import MENDABLE, Config
from evo_nas.search.store.store import Store
from tests.kit.runs import edit

RUNS = Path(__file__).parent / "version_0_1_0"
STOPPED_BEST = json.loads((RUNS / "stopped_best.json").read_text())


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    return Path(shutil.copytree(RUNS / "stopped", tmp_path / "stopped"))


def kept(folder: Path, key: str) -> object:
    store = Store(folder / "run.sqlite")
    try:
        return store.fact(key)
    finally:
        store.close()


def with_another_field() -> Any:
    """The configuration of a later version, with a value that no run has kept so far."""
    later = make_dataclass(
        "Later", [("endurance", int, 3)], bases=(Config,), frozen=True, kw_only=True
    )
    later.__module__ = Config.__module__
    return later


@pytest.mark.slow
def test_a_stopped_run_comes_to_its_network(stopped: Path) -> None:
    evo_nas.resume(stopped)
    best = json.loads((stopped / "best.json").read_text())
    assert best["genome"] == STOPPED_BEST["genome"]
    assert best["choices"] == STOPPED_BEST["choices"]
    assert best["target"] == STOPPED_BEST["target"]


def test_a_finished_run_is_opened_shown_and_exported(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(RUNS / "finished", tmp_path / "finished"))
    result = evo_nas.load_result(folder)
    assert evo_nas.resume(folder).best == result.best
    assert result.best["measured"]["test_accuracy"] > 0
    ran = CliRunner().invoke(app, ["export", str(folder), "--out", str(tmp_path / "network")])
    assert ran.exit_code == 0, ran.output
    assert any((tmp_path / "network").iterdir())
    assert CliRunner().invoke(app, ["show", str(folder)]).exit_code == 0


def test_it_goes_on_after_a_field_was_added(stopped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    later = with_another_field()
    monkeypatch.setattr(configuration, "Config", later)
    monkeypatch.setattr("evo_nas.api.Config", later)
    config = later.read(stopped / "config.toml")
    assert config.endurance == 3
    begun = {"config": kept(stopped, "config")}
    assert config.began_with(begun.get)
    # A run that this version begins is one that the later version knows, too.
    begun = {"config": json.loads(json.dumps(asdict(Config.read(stopped / "config.toml"))))}
    assert config.began_with(begun.get)


def test_what_was_added_cannot_be_changed_amid_a_run(
    stopped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = with_another_field()
    monkeypatch.setattr(configuration, "Config", later)
    edit(stopped, "seed = 0", "seed = 0\nendurance = 4")
    config = later.read(stopped / "config.toml")
    assert not config.began_with({"config": kept(stopped, "config")}.get)


@pytest.mark.parametrize(
    ("old", "new"),
    [("seed = 0", "seed = 1"), ("mutation_rate = 0.1", "mutation_rate = 0.2"),
     ("warmup = 0.2", "warmup = 0.3"), ("width = 12", "width = 24")],
)  # fmt: skip
def test_a_value_that_was_changed_is_refused(stopped: Path, old: str, new: str) -> None:
    edit(stopped, old, new)
    config = Config.read(stopped / "config.toml")
    assert not config.began_with({"config": kept(stopped, "config")}.get)
    with pytest.raises(RunError, match=r"is not what it was when the run began|are not those"):
        evo_nas.resume(stopped)


def test_what_may_be_changed_is_not_refused(stopped: Path) -> None:
    edit(stopped, "jobs = 1", "jobs = 2")
    begun = {name: kept(stopped, name) for name in ("config", "config_without_evaluators")}
    assert Config.read(stopped / "config.toml").began_with(begun.get)
    edit(stopped, 'retrainer = "train"', 'retrainer = "zero_cost"')
    config = Config.read(stopped / "config.toml")
    assert not config.began_with(begun.get)
    assert config.began_with(begun.get, (*configuration.CHANGEABLE, *MENDABLE))
