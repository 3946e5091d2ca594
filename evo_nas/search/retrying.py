"""Forgetting failed candidates, so that a mended evaluator can go on with a run."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

from evo_nas.core.plugins import registry
from evo_nas.errors import RunError
from evo_nas.search.store.store import Forgotten, Store

from . import run_folder
from .config import CHANGEABLE, MENDABLE, Config


def retry_failed(folder: Path) -> str:
    """Forget failed evaluations and what followed from them; a line about what was forgotten.

    See :meth:`evo_nas.search.store.store.Store.forgetting_failures`. With the evaluations go the
    delivered network, and checkpoints and trust reports of what may not be searched again as it
    was. The evaluators in config.toml may be others than before, nothing else that decides the
    result. The caller holds the run's lock.

    Raises:
        RunError: the configuration is not that of the run, or the store is damaged.
        EvoNasError: an evaluator cannot be loaded.
        OSError: a file cannot be removed; nothing is forgotten then.
    """
    config = Config.read(folder / run_folder.CONFIG)
    for spec in (config.evaluator, config.retrainer):
        registry.load("evaluator", spec)
    with closing(Store(folder / run_folder.STORE)) as store:
        _require_same(folder, config, store)
        with store.forgetting_failures(config.digest) as forgotten:
            if forgotten.failed:
                _remove_files(folder, forgotten)
    if not forgotten.failed:
        return "no candidate has failed: there is nothing to retry"
    followed = f", and {forgotten.followed:,} evaluations that followed" * bool(forgotten.followed)
    stages = f" (all of {', '.join(forgotten.stages)})" * bool(forgotten.stages)
    return (
        f"forgotten, to be evaluated anew: {forgotten.failed:,} failed candidates{followed}{stages}"
    )


def _require_same(folder: Path, config: Config, store: Store) -> None:
    """Raise a RunError unless the run began with this configuration but for the evaluators."""
    same = store.fact("config_without_evaluators") == config.digest_without_evaluators
    if not same and store.fact("config") != config.digest:
        raise RunError(
            f"{folder / run_folder.CONFIG} is not what it was when the run began; bring it back "
            f"but for what is mended (only {', '.join((*MENDABLE, *CHANGEABLE))} may change)"
        )


def _remove_files(folder: Path, forgotten: Forgotten) -> None:
    for name in (run_folder.BEST, run_folder.WEIGHTS, run_folder.PAGE):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / run_folder.FINALISTS, ignore_errors=True)
    for checkpoints in folder.glob(f"{run_folder.CHECKPOINTS}/*"):
        if checkpoints.name not in forgotten.kept:
            shutil.rmtree(checkpoints)
    for file in folder.glob(f"{run_folder.TRUST}*"):
        file.unlink()
    for report in folder.glob("trust-*-*"):
        if report.name.split("-")[1] not in forgotten.kept[:-1]:
            report.unlink()
