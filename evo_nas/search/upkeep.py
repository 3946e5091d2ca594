"""Freeing what a finished run no longer needs."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from evo_nas.errors import RunError
from evo_nas.search.store.store import Store

from . import run_folder

_LEFT_OVER = ("*.checkpoint", "*.checkpoint.previous")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What was deleted, or would be: paths within the run, and how many bytes that is."""

    paths: tuple[Path, ...]
    size: int


def clean(folder: Path, *, shared_weights: bool = False, dry_run: bool = False) -> Cleaned:
    """Delete the finalists' weights, of which the best are in best.safetensors, and what is left of
    trainings that were stopped.

    Evaluations, the best network and reports stay. ``shared_weights`` deletes supernets and their
    scores, too: then no later run can search with them (``--supernet``), and a candidate's weights
    are gone. With ``dry_run`` nothing is deleted.

    Raises:
        RunError: there is no run in the folder, it is not finished, or is in use.
    """
    run_folder.check(folder)
    if not (folder / run_folder.BEST).is_file():
        raise RunError(
            f"{folder} is not finished and needs all that it has; evo-nas resume {folder}"
        )
    with run_folder.locked(folder):
        paths = _unneeded(folder, shared_weights)
        size = sum(_size(path) for path in paths)
        if not dry_run:
            for path in paths:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            store = Store(folder / run_folder.STORE)
            store.compact()
            store.close()
    return Cleaned(tuple(path.relative_to(folder) for path in paths), size)


def _unneeded(folder: Path, shared_weights: bool) -> list[Path]:
    stages = sorted(path for path in (folder / run_folder.CHECKPOINTS).glob("*") if path.is_dir())
    whole = [stage / "finalists" for stage in stages]
    if shared_weights:
        whole += [stage / "search" for stage in stages]
    found = [path for path in whole if path.is_dir()]
    left_over = {path for pattern in _LEFT_OVER for path in folder.rglob(pattern)}
    return found + sorted(p for p in left_over if not any(p.is_relative_to(w) for w in found))


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if not file.is_dir())
