"""What modules held when Python imported them: of a file that was edited since, the old code runs.

Python imports a module once. From ``import evo_nas`` on each file that is neither ours nor
installed is therefore read when its module is looked for. One that was imported before is what its
file is now if that is older than this process, or what its bytecode was made from.

Why: docs/decisions/038-digests-of-code.md.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

from evo_nas.core.contents import MISSING, digest_of

from .origins import PREFIX, is_installed_file, is_ours

EDITED = "edited since"  # in place of the digest of what is not known
_SCRIPTS = ("__main__", "__mp_main__")  # a plug-in of theirs is loaded from their file

_held: dict[str, tuple[str, str]] = {}  # by name: the file, and the digest of what it held


def watch() -> None:
    """Read files as they are imported, from now on."""
    if _Witness not in sys.meta_path:
        sys.meta_path.insert(0, _Witness)


def held() -> dict[str, str]:
    """The digests of what all modules held when they were imported, by the paths of their files.

    Of two modules of one file the earlier one counts. What plug-ins' folders hold is known there.
    """
    found: dict[str, str] = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not isinstance(file, str) or name in _SCRIPTS or not _is_somebodys(name, file):
            continue
        if name not in _held or _held[name][0] != file:
            _held[name] = (file, _of_earlier(module, file))
        found.setdefault(os.path.abspath(file), _held[name][1])
    return {file: held for file, held in found.items() if held != MISSING}


@cache  # asked of all modules, often
def _is_somebodys(name: str, file: str) -> bool:
    return not (is_ours(name) or name.startswith(PREFIX) or is_installed_file(file))


class _Witness:
    """Sees what is looked for, and leaves it to others to find it."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> None:
        """Read the file of a module that is not there yet, or that is reloaded."""
        if name in sys.modules and target is None:  # somebody asks, and does not import
            return
        if name.partition(".")[0] in sys.stdlib_module_names:
            return
        if path is not None and all(is_installed_file(place + os.sep) for place in path):
            return
        spec = PathFinder.find_spec(name, path)
        if spec is not None and spec.has_location and _is_somebodys(name, str(spec.origin)):
            _held[name] = (str(spec.origin), digest_of(str(spec.origin)))


def _of_earlier(module: ModuleType, file: str) -> str:
    """The digest of what a module held that was imported unseen; ``EDITED`` if that is not known.

    A file that cannot be read has none.
    """
    with suppress(OSError):
        status = os.stat(file)
        if status.st_ctime < _BEGAN or _is_made_from(getattr(module, "__cached__", None), file):
            return digest_of(file)
        return EDITED
    return MISSING


def _is_made_from(bytecode: str | None, file: str) -> bool:
    """Whether there is bytecode that was made from a file as it is now."""
    try:
        header = Path(bytecode or "").read_bytes()[4:16]
    except OSError:
        return False
    flags, made_at, size = (int.from_bytes(header[i : i + 4], "little") for i in (0, 4, 8))
    if flags:
        return header[4:] == importlib.util.source_hash(Path(file).read_bytes())
    now = os.stat(file)
    return (made_at, size) == (int(now.st_mtime) & 0xFFFFFFFF, now.st_size & 0xFFFFFFFF)


def _process_began() -> float:
    """When this process began, in seconds of the clock of files; now, if no system tells."""
    with suppress(OSError, AttributeError, ValueError, IndexError):
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        since_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
        return time.time() - since_boot + int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.time()


_BEGAN = _process_began()
