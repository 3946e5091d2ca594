"""Costs of modules that were counted before, kept in the user's cache folder.

Tracing a part takes some ten milliseconds and a space has dozens. The figures can only change with
the module's structure, its source, fvcore or torch, and all of these are in the key. The cache is a
convenience: where it cannot be read or written, parts are counted again.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import inspect
import json
import os
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor, nn

from evo_nas.core.files import written_aside
from evo_nas.errors import RunError
from evo_nas.space.checks import is_cost
from evo_nas.space.space import Costs

from . import einsum, flops, free
from . import handles as operators
from .handles import Handle


def count(
    module: nn.Module, *inputs: Tensor, handles: Mapping[str, Handle | None] | None = None
) -> Costs:
    """Count a module with :func:`.flops.count`, or read its costs from the cache.

    What handles of others say is never kept.

    A module whose ``repr`` does not tell all that its costs depend on needs an ``extra_repr``;
    names and shapes of its weights are part of the key anyway.
    """
    path = None if handles else _path(module, inputs)
    costs = _read(path) if path else None
    if costs is None:
        costs = flops.count(module, *inputs, handles=handles)
        if path:
            _write(path, costs)
    return costs


def count_made(make: Callable[[], nn.Module], *shape: int) -> Costs:
    """Count what ``make`` makes, for an input of that shape.

    Most figures are known already: its weights take no memory.
    """
    with torch.device("meta"):
        module = make()
    return count(module, torch.zeros(shape))


def total(costs: Iterable[Costs]) -> Costs:
    """The sum of some costs."""
    found = {"flops": 0, "params": 0}
    for cost in costs:
        for name in found:
            found[name] += cost[name]
    return found


def folder() -> Path:
    """``$XDG_CACHE_HOME/evo-nas``, or ``~/.cache/evo-nas`` where the variable is not set.

    Raises:
        RuntimeError: nobody's home folder is known.
    """
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "evo-nas"


def _path(module: nn.Module, inputs: tuple[Tensor, ...]) -> Path | None:
    """The file for this module's costs; None where source or folder are not known."""
    # A class's own file is not all that it runs; its base classes' files are not left out.
    classes = {base for part in module.modules() for base in type(part).__mro__}
    try:
        sources = sorted(_source_digest(cls) for cls in classes if _is_foreign(cls))
        base = folder()
    except (OSError, TypeError, RuntimeError):
        return None
    weights = [(name, tuple(tensor.shape)) for name, tensor in module.state_dict().items()]
    shapes = [(tuple(tensor.shape), str(tensor.dtype)) for tensor in inputs]
    rule = [_source_digest(module) for module in (flops, operators, einsum, free)]
    text = repr((repr(module), weights, shapes, sources, rule, _versions()))
    return base / "costs" / f"{hashlib.sha256(text.encode()).hexdigest()}.json"


def _is_foreign(cls: type) -> bool:
    return cls is not object and cls.__module__.partition(".")[0] != "torch"


@functools.cache
def _versions() -> tuple[str, str]:
    return version("fvcore"), torch.__version__


@functools.cache
def _source_digest(thing: object) -> str:
    source = inspect.getsourcefile(thing)  # type: ignore[arg-type]  # a class or a function
    if source is None:
        raise OSError("no source file")
    return hashlib.sha256(Path(source).read_bytes()).hexdigest()


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
