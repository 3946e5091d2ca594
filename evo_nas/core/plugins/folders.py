"""The folder of a plug-in's file as a package: what lies beside the file is imported by it alone.

``import helper`` in a plug-in's file, or in what it imports from there, finds helper.py beside the
file, as in a script; ``from .helper import it`` does, too. What belongs to Python or is installed
comes first. Nobody else finds it: ``sys.path`` stays as it is, and a helper.py of another folder is
another module.

A folder in which a file has changed since it was imported is another package from then on, so that
what was made of the earlier one stays whole.

Why: docs/decisions/040-modules-beside-plug-ins.md.
"""

from __future__ import annotations

import builtins
import importlib.util
import os
import sys
import sysconfig
from collections.abc import Callable
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from evo_nas.core.contents import digest, digest_of

from .origins import PREFIX, is_ours
from .sources import named_files, written_by

Places: TypeAlias = tuple[str, ...]
Told: TypeAlias = tuple[Places, int, dict[str, bytes], list[str]]


class Folder(ModuleType):
    """One version of a folder of plug-in files, a package to whatever is imported from it.

    ``sources`` are what the files held that were imported, by path, and ``files`` those of them
    that plug-ins are named by. ``tables`` are the digests of what these name and do not write, such
    as a table: they may have read it, and keep what it held.
    """

    def __init__(self, places: Places, version: int) -> None:
        super().__init__(_name(places, version))
        self.__path__ = list(places)
        self.version = version
        self.sources: dict[str, bytes] = {}
        self.files: list[str] = []
        self.tables: dict[str, str] = {}
        self._failed = False
        self._beside: dict[str, bool] = {}
        sys.modules[self.__name__] = self

    def module(self, file: str) -> Any:
        """The module of a file in this folder, whatever the file is called."""
        stem = Path(file).stem
        name = f"{self.__name__}.{stem if stem.isidentifier() else digest(stem.encode())[:12]}"
        if name not in sys.modules:
            loader = _Source(name, file)
            spec = importlib.util.spec_from_file_location(name, file, loader=loader)
            assert spec, "a loader was given"
            module = importlib.util.module_from_spec(spec)
            sys.modules[name] = module  # dataclasses look their module up while it is executed
            try:
                loader.exec_module(module)
            except BaseException:
                del sys.modules[name]
                self._failed = True
                raise
            self.files.append(file)
        return sys.modules[name]

    def has_changed(self) -> bool:
        """Whether an import failed, or a file of the version holds something else now."""
        return self._failed or any(digest_of(file) != held for file, held in self.digests().items())

    def digests(self) -> dict[str, str]:
        """Those of what was imported, and of what that names, by path."""
        return self.tables | {file: digest(held) for file, held in self.sources.items()}

    def told(self) -> Told:
        """What another process needs to have this version by :func:`as_told`."""
        return tuple(self.__path__), self.version, self.sources, self.files

    def importer(self) -> Callable[..., Any]:
        """What ``import`` does in the folder's files: see :func:`builtins.__import__`."""

        def import_beside(
            name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
        ) -> Any:
            first = name.partition(".")[0]
            if level or not self._holds(first):
                return builtins.__import__(name, globals, locals, fromlist, level)
            own = builtins.__import__(f"{self.__name__}.{name}", globals, locals, fromlist)
            return own if fromlist else sys.modules[f"{self.__name__}.{first}"]

        return import_beside

    def _holds(self, name: str) -> bool:
        """Whether an outermost module of this name is the one that lies in the folder."""
        if name not in self._beside:
            self._beside[name] = name not in sys.stdlib_module_names and self._finds(name)
        return self._beside[name]

    def _finds(self, name: str) -> bool:
        beside = PathFinder.find_spec(f"{self.__name__}.{name}", self.__path__)
        if beside is None or _is_installed_module(name):
            return False
        other = PathFinder.find_spec(name)
        if other is None:
            return True
        if other.origin == beside.origin is not None:  # a package goes by the name it has anyway
            return beside.submodule_search_locations is None
        return beside.origin is not None  # a bare folder comes last, as everywhere


def _is_installed_module(name: str) -> bool:
    """Whether a module is built in or installed, also where it can be edited.

    It is then found by a finder of its own, or on ``sys.path`` from Python's own folder on; before
    that are the folders of scripts and of the user.
    """
    own = sysconfig.get_path("stdlib")
    installed = sys.path[sys.path.index(own) :] if own in sys.path else sys.path
    found = PathFinder.find_spec(name, installed)
    if found is not None and found.origin is not None:
        return True
    others = [each for each in sys.meta_path if each is not PathFinder]
    finders = [each for each in others if not is_ours(getattr(each, "__module__", ""))]
    return any(each.find_spec(name, None) for each in finders)


def places_of(file: str) -> Places:
    """The folder of a file; of a link, also the folder that it leads to."""
    return tuple(dict.fromkeys(map(os.path.dirname, (file, os.path.realpath(file)))))


def latest(places: Places) -> Folder:
    """The package of a folder as it is now."""
    found = _latest.get(places)
    if found is None or found.has_changed():
        importlib.invalidate_caches()
        found = _latest[places] = Folder(places, found.version + 1 if found else 0)
    return found


def as_told(told: Told) -> None:
    """Have the version of a folder that another process has, so that its objects are unpickled."""
    places, version, sources, files = told
    if _name(places, version) in sys.modules:
        return
    folder = Folder(places, version)
    folder.sources.update(sources)
    for file in files:
        folder.module(file)


def digests() -> dict[str, str]:
    """What all files held when they were last imported, by path."""
    found: dict[str, str] = {}
    for folder in _latest.values():
        found |= folder.digests()
    return found


def _name(places: Places, version: int) -> str:
    return f"{PREFIX}{digest(os.pathsep.join(places).encode())[:12]}_{version}"


_latest: dict[Places, Folder] = {}


class _Source(SourceFileLoader):
    """Executes a file of a folder, which then imports as the folder does."""

    def exec_module(self, module: ModuleType) -> None:
        path = Path(self.path)
        written = written_by(path)
        for file in named_files(path):
            if file.name not in written:
                self._folder.tables.setdefault(str(file), digest_of(file))
        vars(module)["__builtins__"] = {**vars(builtins), "__import__": self._folder.importer()}
        super().exec_module(module)

    def path_stats(self, path: Any) -> Any:
        raise OSError("compiled anew: neither its size nor its time tells versions of a file apart")

    def get_data(self, path: str) -> bytes:
        sources = self._folder.sources
        if path not in sources:
            sources[path] = super().get_data(path)
        return sources[path]

    @property
    def _folder(self) -> Folder:
        folder = sys.modules[self.name.partition(".")[0]]
        assert isinstance(folder, Folder)
        return folder


class _Finder:
    """Has Python read what lies in folders of plug-ins by :class:`_Source`."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """What Python's own finder finds."""
        if path is None or not name.startswith(PREFIX):
            return None
        spec = PathFinder.find_spec(name, path)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Source(spec.loader.name, spec.loader.path)
        return spec


sys.meta_path.insert(0, _Finder)
