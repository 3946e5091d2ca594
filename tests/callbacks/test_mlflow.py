from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evo_nas.search.course.audience import make_callbacks
from tests.kit.callbacks import play

mlflow = pytest.importorskip("mlflow", reason="MLflow is missing")


@pytest.fixture
def uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # as the callback sets it
    return f"file://{tmp_path / 'mlruns'}"


def runs(uri: str) -> list[Any]:
    client = mlflow.MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("glit")
    return list(client.search_runs([experiment.experiment_id]))


def history(uri: str, run: Any, name: str) -> list[tuple[int, float]]:
    found = mlflow.MlflowClient(tracking_uri=uri).get_metric_history(run.info.run_id, name)
    return sorted((metric.step, metric.value) for metric in found)


def test_an_experiment_has_a_run_and_goes_on_with_it(tmp_path: Path, uri: str) -> None:
    spec = f"mlflow?uri={uri}&experiment=glit"
    play(make_callbacks(spec)[0], tmp_path / "my-run", status="stopped")
    (run,) = runs(uri)
    assert run.info.status == "KILLED"
    assert run.info.run_name == "my-run"
    assert run.data.params == {"space": "tiny", "settings.samples": "2"}
    assert history(uri, run, "stage1/search/training/loss") == [(1, 2.0), (2, 1.0)]
    assert history(uri, run, "stage1/search/failed") == [(1, 0.0), (2, 1.0)]
    assert "test_accuracy" not in run.data.metrics
    play(make_callbacks(spec)[0], tmp_path / "my-run", recorded=3)
    (run,) = runs(uri)
    assert run.info.status == "FINISHED"
    assert history(uri, run, "stage1/finalists/accuracy") == [(3, 0.75), (4, 0.75)]
    assert run.data.metrics["test_accuracy"] == 0.75


def test_a_folder_is_a_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
    play(make_callbacks(f"mlflow?uri={tmp_path / 'log'}&experiment=glit")[0], tmp_path)
    (run,) = runs(str(tmp_path / "log"))
    assert run.info.status == "FINISHED"


def test_names_have_the_characters_that_mlflow_takes() -> None:
    from evo_nas.callbacks.mlflow import _name

    assert _name("stage1/search/zero_cost?scores=naswot") == "stage1/search/zero_cost_scores_naswot"
