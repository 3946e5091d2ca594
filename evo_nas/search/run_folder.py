"""Run folders: made whole or not at all, used by one process at a time."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from evo_nas.core.files import remove_temporary, write_atomically
from evo_nas.core.plugins import registry
from evo_nas.core.progress import Progress
from evo_nas.errors import RunError, shell_word
from evo_nas.search.store.lock import holder, holding
from evo_nas.search.store.store import Store
from evo_nas.space.space import Space

from .config import Config
from .course.standing import recorded
from .options import RUNS

CONFIG, STORE, BEST, WEIGHTS, FINALISTS, CHECKPOINTS, PAGE, TRUST = (
    "config.toml", "run.sqlite", "best.json", "best.safetensors", "finalists",
    "checkpoints", "report.html", "trust.sqlite",
)  # fmt: skip
COMPARISON, POOL, JUDGEMENT = "comparison.toml", "pool.toml", "pool.json"  # of other folders


def check_links(folder: Path) -> None:
    """Raise a RunError if a symbolic link in the folder leads out of it.

    A run folder may come from anybody, and what is written through such a link would be written
    elsewhere. The folder itself may be a link.
    """
    root = os.path.realpath(folder)
    for place, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = os.path.join(place, name)
            if not os.path.islink(path):
                continue
            target = os.path.realpath(path)
            if os.path.commonpath([root, target]) != root:
                raise RunError(
                    f"{path} is a link that leads out of the run folder, to {target}; put there "
                    "what it leads to, or remove it"
                )


def unfinished(folder: Path) -> str:
    """What is said of a run that is not over, and how it is gone on with, or looked at."""
    if working := holder(folder):
        return f"{folder} is not finished; {working} is at work: evo-nas watch {shell_word(folder)}"
    return f"{folder} is not finished; evo-nas resume {shell_word(folder)}"


def new_folder(prefix: str, space: str, limits: str) -> Path:
    """The first free folder among the runs that is called after a space and its limits."""
    short = registry.short(registry.without_option(space, "target")).replace("?file=", "-")
    name = "".join(c if c.isalnum() or c in "._-" else "-" for c in f"{prefix}{short}-{limits}")
    return free_folder(RUNS, name[:80])


def free_folder(parent: Path, name: str) -> Path:
    """The first of ``name-1``, ``name-2``, ... in ``parent`` that does not exist."""
    number = 1
    while (parent / f"{name}-{number}").exists():
        number += 1
    return parent / f"{name}-{number}"


def check_free(folder: Path) -> None:
    """Raise a RunError if the folder exists."""
    if folder.exists():
        raise RunError(f"{folder} exists; resume it, or choose another --run-dir")


def create(
    folder: Path,
    config: Config,
    space: Space,
    facts: Mapping[str, object],
    files: Mapping[str, bytes] | None = None,
) -> None:
    """Make a run folder with its configuration, empty store and further ``files``.

    Nothing half-made is left, see :func:`made_aside`.
    """
    with made_aside(folder) as temporary:
        for name, content in (files or {}).items():
            write_atomically(temporary / name, content)
        write_atomically(temporary / CONFIG, config.to_toml().encode())
        store = Store.create(temporary / STORE, space)
        for key, value in facts.items():
            store.set_fact(key, value)
        store.close()


@contextmanager
def made_aside(folder: Path) -> Iterator[Path]:
    """A new folder beside ``folder`` that takes its name at the end; nothing is left of an error.

    What processes that were killed amid this have left is removed: they hold no lock any more.
    """
    check_free(folder)
    _remove_unfinished(folder)
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
        with _locked_folder(temporary):
            yield temporary
            temporary.rename(folder)
    except OSError as error:
        raise RunError(f"{folder} cannot be made: {error.strerror}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _remove_unfinished(folder: Path) -> None:
    for path in folder.parent.glob(f".{glob.escape(folder.name)}.*.part"):
        if not path.suffixes[-2].removeprefix(".").isdecimal():
            continue  # somebody else has named it so
        with contextlib.suppress(OSError), _locked_folder(path) as alone:
            if alone:
                shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _locked_folder(folder: Path) -> Iterator[bool]:
    """Lock a folder without a file in it, and say whether that was possible.

    Some file systems lock no folders: there, nothing is found to be left.
    """
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            alone = True
        except OSError:
            alone = False
        yield alone
    finally:
        os.close(opened)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the run folder for this process, see :func:`held`."""
    check(folder)
    with held(folder):
        remove_temporary(folder)
        yield


@contextmanager
def at_work(folder: Path, listener: Progress) -> Iterator[Progress]:
    """Hold the run folder, see :func:`locked`, and keep in it how far the work has come."""
    with locked(folder), recorded(folder, listener) as progress:
        yield progress


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other processes out, see :func:`evo_nas.search.store.lock.holding`."""
    _remove_unfinished(folder)
    check_links(folder)
    with holding(folder):
        yield


def check(folder: Path) -> None:
    """Raise a RunError unless there is a run in the folder, and no link out of it."""
    if not os.path.isdir(folder):
        raise RunError(f"there is no run folder {folder}")
    if (folder / POOL).is_file():
        raise RunError(f"{folder} is a pool, no run: evo-nas trust --pool {shell_word(folder)}")
    for name in (CONFIG, STORE):
        if not (folder / name).is_file():
            raise RunError(f"{folder} is no run folder: {name} is missing")
    check_links(folder)


def enclosing(path: Path) -> Path | None:
    """The folder of the run that a file lies in, if it does."""
    for folder in path.resolve().parents:
        if (folder / CONFIG).is_file() and (folder / STORE).is_file():
            return folder
    return None
