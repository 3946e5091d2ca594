"""evo-nas that kills itself when a place is reached for the NUMBERth time.

Nothing in evo-nas knows of it: functions are replaced from outside.
"""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from evo_nas.cli import app as cli
from evo_nas.core import files
from evo_nas.search.store.store import Store

Place = Callable[..., bool]  # whether a call, with these arguments, is one that counts


def _halved(descriptor: int) -> bool:
    """A file, and not its folder; half of it has reached the disk, under its temporary name."""
    path = f"/proc/self/fd/{descriptor}"  # it may be open to be read only
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        return False
    if _left == 1:
        os.truncate(os.readlink(path), os.fstat(descriptor).st_size // 2)
    return True


def _always(*_: Any, **__: Any) -> bool:
    return True


# By fault: whose function is replaced, which, whether it strikes before it or after, and when.
FAULTS: dict[str, tuple[Any, str, bool, Place]] = {
    "half_written": (files.os, "fsync", True, _halved),
    # A file is whole, and still has its temporary name.
    "not_renamed": (Path, "replace", True, lambda path, _: ".part." in path.name),
    # The last checkpoint has been set aside, the next is not there.
    "set_aside": (Path, "replace", False, lambda _, target: str(target).endswith(".previous")),
    # An evaluation is inserted, its transaction is open; or it is committed, nobody has been told.
    "in_transaction": (Store, "commit", True, _always),
    "after_commit": (Store, "commit", False, _always),
    # Weights of a network are on the disk, its evaluation is not recorded.
    "before_record": (Store, "add", True, _always),
}
_left = 0


def main(fault: Sequence[str]) -> None:
    """Run the command line with a fault, its name and number, or without."""
    global _left  # noqa: PLW0603
    if fault:
        name, number = fault
        _left = int(number)
        _replace(*FAULTS[name])
    cli.main()


def _replace(owner: Any, name: str, before: bool, counts: Place) -> None:
    function = getattr(owner, name)

    def strike(*arguments: Any, **keywords: Any) -> None:
        global _left  # noqa: PLW0603
        if counts(*arguments, **keywords):
            _left -= 1
            if _left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def faulty(*arguments: Any, **keywords: Any) -> Any:
        if before:
            strike(*arguments, **keywords)
        found = function(*arguments, **keywords)
        if not before:
            strike(*arguments, **keywords)
        return found

    setattr(owner, name, faulty)
