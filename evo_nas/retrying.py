"""Forgetting failed candidates, so that a mended evaluator can go on with a run."""

from __future__ import annotations

import shutil
from pathlib import Path

from . import runfolder
from .config import Config
from .store import Forgotten, Store


def retry_failed(folder: Path) -> str:
    """Forget failed evaluations and what followed from them; a line about what was forgotten.

    See :meth:`evo_nas.store.Store.forgetting_failures`. With the evaluations go the delivered
    network, and checkpoints and trust reports of what may not be searched again as it was. The
    caller holds the run's lock.

    Raises:
        RunError: the store is damaged.
        OSError: a file cannot be removed; nothing is forgotten then.
    """
    store = Store(folder / runfolder.STORE)
    with store.forgetting_failures() as forgotten:
        if forgotten.failed:
            _remove_files(folder, forgotten)
    if forgotten.failed:  # a mended evaluator may have other options
        store.set_fact("config", Config.read(folder / runfolder.CONFIG).digest)
    store.close()
    if not forgotten.failed:
        return "no candidate has failed: there is nothing to retry"
    followed = f", and {forgotten.followed:,} evaluations that followed" * bool(forgotten.followed)
    stages = f" (all of {', '.join(forgotten.stages)})" * bool(forgotten.stages)
    return (
        f"forgotten, to be evaluated anew: {forgotten.failed:,} failed candidates{followed}{stages}"
    )


def _remove_files(folder: Path, forgotten: Forgotten) -> None:
    for name in (runfolder.BEST, runfolder.WEIGHTS, runfolder.PAGE):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / runfolder.FINALISTS, ignore_errors=True)
    for checkpoints in folder.glob(f"{runfolder.CHECKPOINTS}/*"):
        if checkpoints.name not in forgotten.kept:
            shutil.rmtree(checkpoints)
    for file in folder.glob(f"{runfolder.TRUST}*"):
        file.unlink()
    for report in folder.glob("trust-*-*"):
        if report.name.split("-")[1] not in forgotten.kept[:-1]:
            report.unlink()
