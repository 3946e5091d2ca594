"""Plug-ins in files: loaded by path, and anew where a file has changed.

Each version of a file is a module of its own, so that what was made of an earlier one stays whole.
Modules that it imports from its own folder, and files of other kinds that say what a plug-in is (a
space in TOML), are noted, so that a worker which starts later can tell whether it reads the same.

Why: docs/decisions/015-versions-of-files.md.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

from evo_nas.errors import SpecError

# What the files of plug-ins held when they were last loaded, and what they held in a run's own
# time: digests by path.
_loaded: dict[str, str] = {}
_noted: dict[str, str] = {}  # of other files, as they were when they were read or imported
# What is installed is no part of a plug-in, even where it lies in a folder below its file.
_INSTALLED = tuple({sysconfig.get_path(name) + os.sep for name in ("stdlib", "purelib", "platlib")})
_steady: ContextVar[dict[str, str] | None] = ContextVar("steady", default=None)


@contextmanager
def steady() -> Iterator[None]:
    """Load each plug-in file once in here: whoever edits one does not change a run that goes on."""
    token = _steady.set({**_noted, **(_steady.get() or {})})
    try:
        yield
    finally:
        _steady.reset(token)


def files() -> dict[str, str]:
    """The digests of all files that plug-ins in use in this process come from, by path."""
    _note_imported()
    return {**_loaded, **_noted, **(_steady.get() or {})}


def note(path: Path, content: str) -> None:
    """Remember what a file held that has just been read, and that says what a plug-in is."""
    _noted[str(path.resolve())] = sha256(content.encode()).hexdigest()


def _note_imported() -> None:
    """Remember what the modules hold that plug-in files have imported from their own folders.

    Python imports a module once: what it held then is what counts.
    """
    folders = {str(Path(place).parent) + os.sep for place in _loaded}
    for module in list(sys.modules.values()):
        place = getattr(module, "__file__", None)
        if not isinstance(place, str) or not place.endswith(".py"):
            continue
        if place in _loaded or place in _noted or place.startswith(_INSTALLED):
            continue
        if any(place.startswith(folder) for folder in folders):
            with suppress(OSError):  # it has been removed since
                _noted[place] = sha256(Path(place).read_bytes()).hexdigest()


def check_files(expected: Mapping[str, str]) -> None:
    """Raise a SpecError if a file that was loaded here held something else there."""
    for path, digest in files().items():
        if expected.get(path, digest) != digest:
            raise SpecError(
                f"{path} was changed while a run goes on that began with it: candidates would be "
                "evaluated by two versions; bring the file back and resume, or start a new run "
                "(in a fresh Python, if it is a module that a plug-in imports)"
            )


def file_module(path: Path) -> Any:
    """The module of a plug-in's file; one that has changed since is loaded anew.

    Raises:
        SpecError: there is no such file.
    """
    if not path.is_file():
        raise SpecError(f"there is no file {str(path)!r}")
    place, kept = str(path.resolve()), _steady.get()
    if kept is not None and place in kept:
        return sys.modules[_module_name(place, kept[place])]
    content = path.read_bytes()
    digest = sha256(content).hexdigest()
    module = _module(place, _module_name(place, digest), content)
    _loaded[place] = digest
    _note_imported()
    if kept is not None:
        kept[place] = digest
    return module


def _module_name(place: str, digest: str) -> str:
    return f"evo_nas_plugin_{sha256(f'{place}:{digest}'.encode()).hexdigest()[:12]}"


def _module(place: str, name: str, content: bytes) -> Any:
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    module.__file__ = place
    sys.modules[name] = module  # dataclasses look their module up while it is executed
    try:
        exec(compile(content, place, "exec", dont_inherit=True), vars(module))
    except BaseException:
        del sys.modules[name]
        raise
    return module
