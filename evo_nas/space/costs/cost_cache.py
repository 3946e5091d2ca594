"""Costs of evo-nas's own modules that were counted before, kept in the user's cache folder.

Tracing a part takes some ten milliseconds and a space has dozens. The figures can only change with
the module's structure, the sources of its package, fvcore or torch, and all of these are in the
key. Of modules of somebody else nobody knows what they depend on: a file beside them, a variable of
the environment, an attribute. They are counted each time. The cache is a convenience: where it
cannot be read or written, parts are counted again.

Why: docs/decisions/034-whole-counts.md.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import inspect
import json
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path

import torch
from torch import nn

from evo_nas.core.devices import torch_threads
from evo_nas.core.files import written_aside
from evo_nas.core.paths import cache_folder
from evo_nas.core.plugins.origins import is_ours
from evo_nas.errors import RunError
from evo_nas.space.space import Costs

from . import flops
from .integers import is_cost

# Weights, modules and hooks, which are in the key by themselves.
_OF_TORCH = vars(nn.Module()).keys()


def count_made(make: Callable[[], nn.Module], *shape: int) -> Costs:
    """Count what ``make`` makes, for an input of that shape, or read its costs from the cache.

    Most figures are known already: its weights take no memory.
    """
    with torch.device("meta"):
        module = make()
    path = _path(module, shape)
    costs = _read(path) if path else None
    if costs is None:
        with torch_threads(1):  # parts are small: more threads would wait for each other
            costs = flops.count(module, torch.zeros(shape))
        if path:
            _write(path, costs)
    return costs


def total(costs: Iterable[Costs]) -> Costs:
    """The sum of some costs."""
    found = {"flops": 0, "params": 0}
    for cost in costs:
        for name in found:
            found[name] += cost[name]
    return found


def _path(module: nn.Module, shape: tuple[int, ...]) -> Path | None:
    """The file for this module's costs; None where something of it is not ours, or not known."""
    parts = list(module.named_modules())
    classes = {cls for _, part in parts for cls in type(part).__mro__ if cls is not object}
    ours = {cls for cls in classes if is_ours(cls.__module__)}
    told = [(name, type(part).__qualname__, _attributes(part)) for name, part in parts]
    if any(not cls.__module__.startswith("torch.nn.modules.") for cls in classes - ours):
        return None
    if any(attributes is None for *_, attributes in told):
        return None
    try:
        sources = sorted({_sources(cls) for cls in [*ours, flops.count]})
        base = cache_folder()
    except (OSError, TypeError, RuntimeError):
        return None
    weights = [(name, tuple(tensor.shape)) for name, tensor in module.state_dict().items()]
    text = repr((told, weights, shape, sources, _versions()))
    return base / "costs" / f"{hashlib.sha256(text.encode()).hexdigest()}.json"


def _attributes(part: nn.Module) -> list[tuple[str, object]] | None:
    """What a module holds besides weights and modules; None where that is more than plain values.

    Such are functions in place of methods, and what hooks do.
    """
    held = {name: value for name, value in vars(part).items() if name not in _OF_TORCH}
    hooks = [name for name, value in vars(part).items() if "hooks" in name and value]
    plain = all(
        isinstance(value, bool | int | float | str | tuple | None) for value in held.values()
    )
    return sorted(held.items()) if plain and not hooks else None


@functools.cache
def _versions() -> tuple[str, str]:
    return version("fvcore"), torch.__version__


@functools.cache
def _sources(thing: object) -> str:
    """A digest of all files in the folder of a class or function: its own is not all it runs."""
    source = inspect.getsourcefile(thing)  # type: ignore[arg-type]  # a class or a function
    if source is None:
        raise OSError("no source file")
    digest = hashlib.sha256()
    for path in sorted(Path(source).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _read(path: Path) -> Costs | None:
    """The costs in the file; None where it is missing or damaged."""
    try:
        costs = json.loads(path.read_bytes()) if path.is_file() else None
    except (OSError, ValueError, RecursionError):
        return None
    return costs if is_cost(costs) else None


def _write(path: Path, costs: Costs) -> None:
    with contextlib.suppress(OSError, RunError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_aside(path) as temporary:
            temporary.write_text(json.dumps(dict(costs)))
