"""The spec of a plug-in that was given as a class, a function or an object, from Python.

A run is resumed, and its workers are started, by specs: what no other process could find again is
refused before anything is begun.

Why: docs/decisions/033-specs-of-objects.md.
"""

from __future__ import annotations

import sys
from contextvars import ContextVar
from pathlib import Path
from types import FunctionType
from typing import Any

from evo_nas.core.paths import absolute
from evo_nas.core.validation import shown
from evo_nas.errors import SettingsError

from . import registry
from .options import parameters
from .origins import PREFIX

# The script whose classes are being named: it is imported for that, and must not begin a run then.
_importing: ContextVar[str | None] = ContextVar("importing", default=None)


def spec_of(key: str, kind: str, given: object) -> str:
    """The spec of what was ``given`` as the argument ``key``, a plug-in of some ``kind``.

    Texts are specs already, and paths. Classes and functions are named by the file or the module
    that they are defined in, objects by the spec they were loaded by, or by their class if that
    takes no options. As an evaluator, a function of one argument is one for ``python`` to call.

    Raises:
        SettingsError: another process could not find it.
    """
    script = _importing.get()
    if script is not None:
        raise SettingsError(
            f"{script} begins a run whenever it is imported, as workers do; put the call below "
            'if __name__ == "__main__":'
        )
    if isinstance(given, Path):  # with a separator: a folder called digits is no name
        return str(given) if len(given.parts) > 1 else f"./{given}"
    if isinstance(given, str):
        return given
    if isinstance(given, type | FunctionType):
        return _of_definition(key, kind, given)
    spec = getattr(given, "spec", None)
    if isinstance(spec, str):
        return spec
    if given is None or isinstance(given, bool | int | float | list | tuple | dict):
        raise SettingsError(
            f"{key} is {shown(given)}; give a name, 'package.module:Name', 'path/file.py:Name', or "
            "a class or function that is defined in a file"
        )
    if parameters(type(given)):
        name = type(given).__name__
        raise SettingsError(
            f"{key} is an object of {name}, and with which options it was made cannot be known; "
            f"give a text with them, as 'file.py:{name}?key=value'"
        )
    return _of_definition(key, kind, type(given))


def _of_definition(key: str, kind: str, thing: type[Any] | FunctionType) -> str:
    """The spec of a class or function, by which it was found again."""
    name = thing.__qualname__
    module = sys.modules.get(thing.__module__)
    file = getattr(module, "__file__", None)
    known = getattr(module, name, None) is thing and (thing.__module__ != "__main__" or file)
    if not known:
        raise SettingsError(
            f"{key} is {name!r}, which is in no file or module that another process could import, "
            f"so that no run could be resumed; put it into a file, and give "
            f"'file.py:{name.rpartition('.')[2]}'"
        )
    spec = f"{_home(thing.__module__, file)}:{name}"
    if thing.__module__ == "__main__":
        token = _importing.set(str(file))
        try:
            registry.find(kind, spec)
        finally:
            _importing.reset(token)
    if kind == "evaluator" and isinstance(thing, FunctionType) and parameters(thing):
        return registry.with_option("python", "function", spec)
    return spec


def _home(module: str, file: str | None) -> str:
    """A file where there is one that belongs to no package, as it is found from any folder."""
    beside = module.startswith(PREFIX) and module.count(".") == 1  # a plug-in's folder is none
    if (
        ("." in module and not beside)
        or file is None
        or not file.endswith(".py")
        or file.endswith("__init__.py")
    ):
        return module
    return str(absolute(file))
