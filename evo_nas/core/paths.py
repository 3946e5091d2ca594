"""Paths as people write them: ``~`` is their home, and links are names that mean something.

What a file says is relative to that file (:func:`relative_to`), all else to the current folder.

Links are never resolved. A virtual environment is told from Python itself by the link that it is
started through; a plug-in finds what lies beside its link; files of Hugging Face's cache are links
to contents whose names have no ending.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_base: ContextVar[Path] = ContextVar("base", default=Path())


@contextmanager
def relative_to(folder: Path) -> Iterator[None]:
    """Within it relative paths begin in ``folder``."""
    token = _base.set(absolute(folder))
    try:
        yield
    finally:
        _base.reset(token)


def expanded(path: str | Path) -> Path:
    """The path with a leading ``~`` or ``~user`` replaced; where nobody is that, as it is."""
    return _base.get() / os.path.expanduser(path)


def absolute(path: str | Path) -> Path:
    """The path from the root, with its links; ``..`` is left out where that leads to the same.

    Raises:
        OSError, RuntimeError, ValueError: it leads nowhere (links in a circle, a NUL in it).
    """
    whole = Path(os.path.abspath(expanded(path)))
    exact = expanded(path).absolute()  # to leave `link/..` out is to go elsewhere
    return whole if whole.resolve() == exact.resolve() else exact


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/evo-nas``, or ``~/.cache/evo-nas`` where the variable is not set.

    Raises:
        RuntimeError: nobody's home folder is known.
    """
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "evo-nas"
