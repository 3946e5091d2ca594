"""Upkeep of run folders: freeing what a finished run no longer needs, and forgetting failures.

Why: docs/decisions/032-retrying.md.
"""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from evo_nas.core.plugins import registry
from evo_nas.errors import RunError, counted, shell_word
from evo_nas.search.store.store import Forgotten, Store

from . import run_folder
from .config import CHANGEABLE, MENDABLE, Config

_LEFT_OVER = ("*.checkpoint", "*.checkpoint.previous")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What was deleted, or would be: paths within the run, and how many bytes that is."""

    paths: tuple[Path, ...]
    size: int


def clean(folder: Path, *, shared_weights: bool = False, dry_run: bool = False) -> Cleaned:
    """Delete weights that a finished run does not deliver, and what is left of stopped trainings.

    These are the finalists', of which the best are in best.safetensors, and those that reports of
    trust have trained. Evaluations, the best network and reports stay; a larger report trains anew
    what it needs. ``shared_weights`` deletes supernets and their scores, too: then no later run can
    search with them (``--supernet``), and a candidate's weights are gone. With ``dry_run`` nothing
    is deleted.

    Raises:
        RunError: there is no run in the folder, it is not finished, or is in use.
    """
    run_folder.check(folder)
    if not (folder / run_folder.BEST).is_file():
        raise RunError(
            f"{folder} is not finished and needs all that it has; "
            f"evo-nas resume {shell_word(folder)}"
        )
    with run_folder.locked(folder):
        paths = _unneeded(folder, shared_weights)
        every = [file for path in paths for file in (path, *path.rglob("*"))]
        size = sum(file.lstat().st_size for file in every if not file.is_dir())
        if not dry_run:
            for path in paths:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            store = Store(folder / run_folder.STORE)
            store.compact()
            store.close()
    return Cleaned(tuple(path.relative_to(folder) for path in paths), size)


def _unneeded(folder: Path, shared_weights: bool) -> list[Path]:
    stages = sorted(path for path in (folder / run_folder.CHECKPOINTS).glob("*") if path.is_dir())
    whole = [each for stage in stages for each in (stage / "finalists", *_trusted(stage))]
    if shared_weights:
        whole += [stage / "search" for stage in stages]
    found = [path for path in whole if path.is_dir()]
    left_over = {path for pattern in _LEFT_OVER for path in folder.rglob(pattern)}
    return found + sorted(p for p in left_over if not any(p.is_relative_to(w) for w in found))


def _trusted(stage: Path) -> list[Path]:
    """What reports of trust have trained: their scores are in trust.sqlite."""
    return sorted(stage.glob("trust-*"))


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
        if not config.began_with(store.fact, (*CHANGEABLE, *MENDABLE)):
            raise RunError(
                f"{folder / run_folder.CONFIG} is not what it was when the run began; bring it "
                "back but for what is mended "
                f"(only {', '.join((*MENDABLE, *CHANGEABLE))} may change)"
            )
        with store.forgetting_failures(asdict(config)) as forgotten:
            if forgotten.failed:
                _remove_files(folder, forgotten)
    if not forgotten.failed:
        return "no candidate has failed: there is nothing to retry"
    failed = counted(forgotten.failed, "failed candidate")
    followed = counted(forgotten.followed, "evaluation")
    told = f"{failed}, and {followed} that followed" if forgotten.followed else failed
    stages = f" (all of {', '.join(forgotten.stages)})" * bool(forgotten.stages)
    return f"forgotten, to be evaluated anew: {told}{stages}"


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
