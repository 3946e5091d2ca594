"""What was made: the runs, comparisons and pools in a folder, each with a line about it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import TypedDict

from evo_nas.core.plugins import registry
from evo_nas.core.typed import typed
from evo_nas.core.validation import read_toml
from evo_nas.errors import EvoNasError, RunError, counted
from evo_nas.results.result import load_result
from evo_nas.sampling.limits import format_amount
from evo_nas.search.config import Config
from evo_nas.search.course.standing import standing
from evo_nas.search.limits import describe_limits
from evo_nas.search.run_folder import BEST, COMPARISON, CONFIG, JUDGEMENT, POOL

COMPARED = "comparison.json"


@dataclass(frozen=True, slots=True)
class Made:
    """A folder that was made: its ``kind``, what it is about, and how it stands.

    What cannot be read has the reason for ``about``, and no ``state``.
    """

    folder: Path
    kind: str
    about: str
    state: str = ""

    def __str__(self) -> str:
        return ", ".join(filter(None, (self.about, self.state)))


def made_in(parent: Path) -> Iterator[Made]:
    """What lies in a folder itself."""
    return filter(None, map(about, sorted(parent.glob("*"))))


def folders_below(parent: Path) -> Iterator[Path]:
    """Where something was made, below a folder and in it; links are not followed."""
    for place, folders, files in os.walk(parent):
        if not _KINDS.keys().isdisjoint(files):
            yield Path(place)
        inner = CONFIG in files and POOL not in files  # nothing more is made within a run
        folders[:] = [] if inner else sorted(name for name in folders if name[0] != ".")


def kind_of(folder: Path) -> str:
    """ "comparison", "pool" or "run"; "" where nothing was made."""
    return next((kind for file, (kind, _) in _KINDS.items() if (folder / file).is_file()), "")


def is_finished(folder: Path) -> bool:
    """Whether all that was to be made is there."""
    last = {COMPARISON: COMPARED, POOL: JUDGEMENT, CONFIG: BEST}
    return any((folder / last[file]).is_file() for file in _KINDS if (folder / file).is_file())


def about(folder: Path) -> Made | None:
    """What a folder holds; None where nothing was made."""
    for file, (kind, tell) in _KINDS.items():
        if (folder / file).is_file():
            try:
                return Made(folder, kind, *tell(folder))
            except EvoNasError as error:
                return Made(folder, kind, str(error))
    return None


def _unfinished(folder: Path) -> str:
    return "at work" if standing(folder) else "unfinished"


def _run(folder: Path) -> tuple[str, str]:
    result = load_result(folder)
    if result.best is None:
        done = counted(len(result.evaluations), "evaluation")
        return _searched(result.config), f"{_unfinished(folder)}, {done}"
    flops = format_amount(result.best["target"]["flops"])
    state = f"finished, {flops} FLOPs"
    for kind in ("validation_accuracy", "accuracy"):
        if (accuracy := result.best["measured"].get(kind)) is not None:
            state += f", {kind.replace('_', ' ')} {accuracy:.4f}"
    return _searched(result.config), state


def _searched(config: Config) -> str:
    within = describe_limits(config.every_limit)
    return registry.short(config.space) + f" within {within}" * bool(within)


class _Compared(TypedDict):
    strategies: list[str]
    seeds: list[int]


def _comparison(folder: Path) -> tuple[str, str]:
    path = folder / COMPARISON
    read = typed(_Compared, read_toml(path, RunError), path, RunError, extra=None)
    strategies = ", ".join(map(registry.short, read["strategies"]))
    state = "finished" if (folder / COMPARED).is_file() else _unfinished(folder)
    return f"comparison of {strategies} with {counted(len(read['seeds']), 'seed')}", state


class _Pooled(TypedDict):
    genomes: int
    seeds: int


def _pool(folder: Path) -> tuple[str, str]:
    path = folder / POOL
    read = typed(_Pooled, read_toml(path, RunError), path, RunError, extra=None)
    size = f"{counted(read['genomes'], 'network')}, {counted(read['seeds'], 'seed')} each"
    state = "judged" if (folder / JUDGEMENT).is_file() else _unfinished(folder)
    return f"pool of {size}; {_searched(Config.read(folder / CONFIG))}", state


# A pool's folder is a run's, too.
_KINDS = {
    COMPARISON: ("comparison", _comparison),
    POOL: ("pool", _pool),
    CONFIG: ("run", _run),
}
