"""What was made: the runs, comparisons and pools in a folder, each with a line about it."""

from __future__ import annotations

from pathlib import Path

from typing_extensions import TypedDict

from evo_nas.core.plugins import registry
from evo_nas.core.typed import typed
from evo_nas.core.validation import read_toml
from evo_nas.errors import EvoNasError, RunError, counted
from evo_nas.results.result import load_result
from evo_nas.sampling.limits import format_amount
from evo_nas.search.config import Config
from evo_nas.search.limits import describe_limits
from evo_nas.search.options import RUNS
from evo_nas.search.run_folder import COMPARISON, CONFIG, JUDGEMENT, POOL


def made(parent: Path = RUNS) -> dict[str, str]:
    """Folders with what they hold, or why that cannot be read."""
    told = {}
    for folder in sorted(parent.glob("*")):
        for file, tell in _KINDS.items():
            if (folder / file).is_file():
                try:
                    told[str(folder)] = tell(folder)
                except EvoNasError as error:
                    told[str(folder)] = str(error)
                break
    return told


def _run(folder: Path) -> str:
    result = load_result(folder)
    state = f"unfinished, {counted(len(result.evaluations), 'evaluation')}"
    if result.best is not None:
        flops = format_amount(result.best["target"]["flops"])
        state = f"finished, {flops} FLOPs"
        for kind in ("validation_accuracy", "accuracy"):
            if (accuracy := result.best["measured"].get(kind)) is not None:
                state += f", {kind.replace('_', ' ')} {accuracy:.4f}"
    return f"{_searched(result.config)}, {state}"


def _searched(config: Config) -> str:
    within = describe_limits(config.every_limit)
    return registry.short(config.space) + f" within {within}" * bool(within)


class _Compared(TypedDict):
    strategies: list[str]
    seeds: list[int]


def _comparison(folder: Path) -> str:
    path = folder / COMPARISON
    read = typed(_Compared, read_toml(path, RunError), path, RunError, extra=None)
    strategies = ", ".join(map(registry.short, read["strategies"]))
    state = "finished" if (folder / "comparison.json").is_file() else "unfinished"
    return f"comparison of {strategies} with {counted(len(read['seeds']), 'seed')}, {state}"


class _Pooled(TypedDict):
    genomes: int
    seeds: int


def _pool(folder: Path) -> str:
    path = folder / POOL
    read = typed(_Pooled, read_toml(path, RunError), path, RunError, extra=None)
    size = f"{counted(read['genomes'], 'network')}, {counted(read['seeds'], 'seed')} each"
    state = "judged" if (folder / JUDGEMENT).is_file() else "unfinished"
    return f"pool of {size}; {_searched(Config.read(folder / CONFIG))}, {state}"


# A pool's folder is a run's, too.
_KINDS = {COMPARISON: _comparison, POOL: _pool, CONFIG: _run}
