"""Plug-ins in files: loaded by path, and anew where a file has changed.

Each version of a file is a module of its own, so that what was made of an earlier one stays whole.
What it imports from its own folder, and files of other kinds that say what a plug-in is (a space in
TOML), are noted, so that a worker which starts later can tell whether it reads the same.

Why: docs/decisions/015-versions-of-files.md.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evo_nas.core.contents import digest
from evo_nas.core.paths import absolute
from evo_nas.errors import SpecError

from . import folders, imports

# Of files of other kinds that say what a plug-in is: what they held when they were read, by path.
_noted: dict[str, str] = {}
_loading = threading.RLock()  # who comes second is not given half a module


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a run began with: digests of files, and versions of folders."""

    digests: dict[str, str]
    folders: dict[folders.Places, folders.Folder] = field(default_factory=dict)


_steady: ContextVar[_Kept | None] = ContextVar("steady", default=None)


@contextmanager
def steady() -> Iterator[None]:
    """Load each plug-in file once in here: whoever edits one does not change a run that goes on."""
    outer = _steady.get() or _Kept({})
    token = _steady.set(_Kept({**_noted, **outer.digests}, dict(outer.folders)))
    try:
        yield
    finally:
        _steady.reset(token)


def files() -> dict[str, str]:
    """What the files held that plug-ins in this process come from, as digests by path."""
    kept = _steady.get() or _Kept({})
    found = {**imports.held(), **folders.digests(), **_noted, **kept.digests}
    for folder in kept.folders.values():
        found |= folder.digests()
    return found


def note(path: Path, content: str) -> None:
    """Remember what a file held that has just been read, and that says what a plug-in is."""
    _noted[str(absolute(path))] = digest(content.encode())


def is_steady() -> bool:
    """Whether this is within :func:`steady`."""
    return _steady.get() is not None


def check_files(expected: Mapping[str, str]) -> None:
    """Raise a SpecError if a file that was loaded here held something else there."""
    for path, held in files().items():
        if expected.get(path, held) != held:
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
    file, kept = str(absolute(path)), _steady.get()
    places = folders.places_of(file)
    with _loading:
        if kept is None:
            return folders.latest(places).module(file)
        if places not in kept.folders:
            kept.folders[places] = folders.latest(places)
        return kept.folders[places].module(file)
