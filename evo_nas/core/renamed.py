"""Import paths of version 0.1, which plug-ins of others still name: they work, and say where to go.

Each old module is a hollow one that hands on names of the new ones; it goes with version 0.3.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# From the old module to the package to import from now, and where its names are.
_OLD = {
    "costcache": ("space", ("space.costs.cost_cache", "space.costs.flops")),
    "counted_space": ("space", ("space.costs.counted",)),
    "distribution": ("sampling", ("sampling.distribution",)),
    "evaluator": ("evaluation", ("evaluation.evaluator",)),
    "flops": ("space", ("space.costs.flops",)),
    "images": ("data", ("data.images",)),
    "measuring": ("training", ("training.batches", "core.devices")),
    "registry": ("core.plugins", ("core.plugins.registry", "core.plugins.places")),
    "strategy": ("strategies", ("strategies.base",)),
}


class _Renamed(MetaPathFinder, Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, name = fullname.partition(".")
        return ModuleSpec(fullname, self) if package == "evo_nas" and name in _OLD else None

    def exec_module(self, module: ModuleType) -> None:
        package, homes = _OLD[module.__name__.partition(".")[2]]
        now = f"evo_nas.{package}"
        warnings.warn(f"{module.__name__} is now {now}", DeprecationWarning, stacklevel=2)

        def get(name: str) -> Any:
            for home in (f"evo_nas.{each}" for each in homes):
                if hasattr(import_module(home), name):
                    return getattr(import_module(home), name)
            raise AttributeError(f"module {module.__name__!r} (now {now}) has no {name!r}")

        module.__dict__["__getattr__"] = get


def keep_old_paths() -> None:
    """Let the paths of version 0.1 be imported."""
    sys.meta_path.append(_Renamed())
