"""Logs to MLflow."""

from __future__ import annotations

import importlib.util
import os
import re
import time
from collections.abc import Mapping
from typing import Any

from .callback import RunBegun, RunEnded
from .logger import Axis, Logger

_TAG = "evo_nas.run"
_STATUS = {"finished": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}


class MLflow(Logger):
    """Logs to MLflow, as one run of an experiment; a resumed run goes on with it.

    Args:
        uri: the tracking server, or a folder; by default as MLflow says (MLFLOW_TRACKING_URI, or
            mlflow.db here), and the folder "mlruns" with mlflow-skinny, which has no databases.
        experiment: the experiment.
    """

    library = "mlflow"

    def __init__(self, uri: str = "", experiment: str = "evo-nas") -> None:
        super().__init__()
        self._uri, self._experiment = uri, experiment

    def open(self, run: RunBegun, options: Mapping[str, Any]) -> None:
        import mlflow
        from mlflow.entities import Param

        uri = self._uri or mlflow.get_tracking_uri()
        databases = importlib.util.find_spec("sqlalchemy") is not None
        if not self._uri and uri.startswith("sqlite:") and not databases:
            uri = "mlruns"
        if "://" not in uri or uri.startswith("file:"):
            # Who names a folder wants one, which MLflow 3 asks to be told so.
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        self._client = client = mlflow.MlflowClient(tracking_uri=uri)
        known = client.get_experiment_by_name(self._experiment)
        experiment = known.experiment_id if known else client.create_experiment(self._experiment)
        before = client.search_runs([experiment], f"tags.`{_TAG}` = '{run.id}'")
        if before:
            self._run: str = before[0].info.run_id
            client.update_run(self._run, status="RUNNING")
            return
        begun = client.create_run(experiment, tags={_TAG: run.id}, run_name=run.folder.name)
        self._run = begun.info.run_id
        params = [Param(name, str(value)[:500]) for name, value in options.items()]
        for first in range(0, len(params), 100):  # as many as go at once
            client.log_batch(self._run, params=params[first : first + 100])

    def log(self, figures: Mapping[str, float], axis: Axis, number: int) -> None:
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        metrics = [Metric(_name(name), value, now, number) for name, value in figures.items()]
        self._client.log_batch(self._run, metrics=metrics)

    def close(self, run: RunEnded, figures: Mapping[str, float]) -> None:
        self.log(figures, "evaluation", 0)
        self._client.set_terminated(self._run, _STATUS[run.status])


def _name(name: str) -> str:
    """A name with the characters that MLflow takes."""
    return re.sub(r"[^\w\-. /]", "_", name)
