"""Public names of a package, imported when somebody asks for them: torch takes seconds to load.

A package names its public objects once, in imports that only type checkers run::

    if TYPE_CHECKING:
        from .sampler import Exhausted, Sampler

    __all__ = ["Exhausted", "Sampler"]
    __getattr__ = lazy(__name__)
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pkgutil import get_data
from typing import Any


def lazy(package: str) -> Callable[[str], Any]:
    """The ``__getattr__`` of a package whose ``__init__`` has its imports under TYPE_CHECKING."""

    def get(name: str) -> Any:
        module = _homes(package).get(name)
        if module is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(module, package), name)

    return get


@cache
def _homes(package: str) -> dict[str, str]:
    """From each public name to the module that has it, read from the package's own source."""
    source = get_data(package, "__init__.py")
    tree = ast.parse(source or b"")
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
    return {name.name: f".{node.module}" for node in imports for name in node.names}
