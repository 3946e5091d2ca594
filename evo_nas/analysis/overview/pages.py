"""The pages of a served folder: an overview, and each run and comparison as its report shows it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, unquote_to_bytes

from evo_nas.analysis.comparison.page import comparison_page
from evo_nas.analysis.comparison.report import finished_report
from evo_nas.core.plugins.blame import ANYHOW, describe
from evo_nas.errors import EvoNasError, plain
from evo_nas.results.facts import standing_facts
from evo_nas.results.page.render import render
from evo_nas.results.page.run import run_page
from evo_nas.results.result import check_genomes, load_result
from evo_nas.search.course.standing import standing

from .folders import Made, about, folders_below, is_finished, kind_of

HOME = "/"
_OF = "/of/"  # before the path of a folder
_SECONDS = 3  # between two looks at what may go on
_KEPT = 1024  # pages, and rows of overviews
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Page:
    """An answer; a browser asks again after ``refresh`` seconds, if that is not 0."""

    html: str
    status: HTTPStatus = HTTPStatus.OK
    refresh: int = 0


def refusal(status: HTTPStatus, why: str, refresh: int = 0) -> Page:
    """The page of a request that comes to nothing."""
    return Page(_overview(f"{status.value} {status.phrase}", why), status, refresh)


class Pages:
    """The pages of all that was made below a ``folder``, by their paths.

    A path is looked up among the folders that were found, and opens no other. One page is made at a
    time, and again only when something in its folder has changed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._making = threading.Lock()

    def page(self, path: str) -> Page:
        """What is at a path of a URL."""
        with self._making:
            try:
                return self._page(path)
            except ANYHOW as error:  # a plug-in may fail in any way
                told = str(error) if isinstance(error, EvoNasError) else describe(error)
                return refusal(HTTPStatus.INTERNAL_SERVER_ERROR, told, _SECONDS)

    def _page(self, path: str) -> Page:
        found = {self._link(folder): folder for folder in folders_below(self._folder)}
        if path == HOME:
            return self._table(self._folder, list(found.values()), "Runs and comparisons")
        # As the links are written, whatever a browser has made of them.
        folder = found.get(quote(unquote_to_bytes(path)).rstrip("/") + "/")
        if folder is None:
            return refusal(HTTPStatus.NOT_FOUND, "There is no such page.")
        kind, finished = kind_of(folder), is_finished(folder)
        if kind == "pool" or (kind == "comparison" and not finished):
            within = [each for each in found.values() if each.is_relative_to(folder)]
            return self._table(folder, within, self._name(folder), HOME)
        html = _unchanged(_comparison if kind == "comparison" else _run, folder)
        return Page(html, refresh=0 if finished and standing(folder) is None else _SECONDS)

    def _table(self, folder: Path, within: Sequence[Path], title: str, home: str = "") -> Page:
        """What was made in some folders, and what goes on in one that they lie in."""
        now = standing(folder)
        rows = [
            (self._link(each), self._name(each), made, _doing(each))
            for each in within
            if (made := _unchanged(about, each)) is not None
        ]
        told = standing_facts(now) if now else []
        return Page(_overview(title, str(folder), rows, told, home), refresh=_SECONDS)

    def _name(self, folder: Path) -> str:
        return plain(str(folder.relative_to(self._folder)))

    def _link(self, folder: Path) -> str:
        inner = os.fsencode(folder.relative_to(self._folder))
        return _OF if inner == b"." else f"{_OF}{quote(inner)}/"


def _overview(
    title: str,
    about: str,
    rows: Sequence[tuple[str, str, Made, str]] = (),
    now: Sequence[tuple[str, str]] = (),
    home: str = HOME,
) -> str:
    told = {"title": title, "about": about, "rows": rows, "now": now, "home": home}
    return render("overview.html", **told, version=version("evo-nas"))


def _doing(folder: Path) -> str:
    """The phase at work in a folder, if one is."""
    now = standing(folder)
    return f"{plain(now.phase.what)}, {now.phase.told}" if now and now.phase else ""


def _run(folder: Path) -> str:
    result = load_result(folder)
    check_genomes(result, result.space)
    return run_page(result, result.space, home=HOME)


def _comparison(folder: Path) -> str:
    return comparison_page(finished_report(folder), home=HOME)


def _unchanged(make: Callable[[Path], Value], folder: Path) -> Value:
    """What is made of a folder, anew if something in it, or who is at work there, has changed."""
    state: list[object] = [standing(folder) is not None]  # a process that is killed writes nothing
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.endswith("-shm"):  # of SQLite, which readers write, too
                found = entry.stat(follow_symlinks=False)
                state.append((entry.name, found.st_mtime_ns, found.st_size))
    return _made(make, folder, tuple(state))  # type: ignore[return-value]


@lru_cache(_KEPT)
def _made(make: Callable[[Path], object], folder: Path, _state: object) -> object:
    return make(folder)
