"""Which code of others may be run because a file names it.

Run folders and architecture files name plug-ins, and are handed from person to person. A name of an
installed plug-in is harmless; ``x.py:Attr`` and ``module:Attr`` run code, any that can be imported.
So evo-nas keeps a list, as ssh does of hosts: what a user of this machine has named for a run of
theirs is known from then on, anything else that a file names is refused with the way to allow it.

Why: docs/decisions/016-trusted-code.md.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from pathlib import Path

from evo_nas.core.validation import shown
from evo_nas.errors import SpecError

from .places import code_in

ALLOW = "EVO_NAS_ALLOW_CODE"
_trusting: ContextVar[bool] = ContextVar("trusting", default=False)


@contextlib.contextmanager
def trusting(trusted: bool) -> Iterator[None]:
    """Within it all that files name may be run, if it is trusted; it is not remembered."""
    token = _trusting.set(trusted or _trusting.get())
    try:
        yield
    finally:
        _trusting.reset(token)


def is_trusting() -> bool:
    """Whether this is within :func:`trusting` of what is trusted."""
    return _trusting.get()


def is_allowed() -> bool:
    """Whether the environment allows all code."""
    return os.environ.get(ALLOW) == "1"


def remember(specs: Iterable[str]) -> None:
    """Take note of what a user has named; where that cannot be written, it stays unknown.

    Nothing is noted while all is allowed.
    """
    if is_allowed():
        return
    new = {code for spec in specs for code in code_in(spec)} - _known()
    if not new:
        return
    with contextlib.suppress(OSError, RuntimeError):
        path = _path()
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:  # short lines, each written whole
            file.writelines(f"{json.dumps(code)}\n" for code in sorted(new))


def check_known(specs: Iterable[str], source: Path, *, trusting: bool | None = None) -> None:
    """Raise a SpecError if one of the specs in a file would run what nobody here has named.

    With ``trusting=False``, also if what files name is trusted.
    """
    if is_allowed() or (is_trusting() if trusting is None else trusting):
        return
    known = _known()
    for spec in specs:
        for code in code_in(spec):
            if code not in known:
                raise SpecError(
                    f"{source} would run code that no run of yours has used here: {shown(code)}; "
                    f"if you trust it, say so with {ALLOW}=1 before the command, or with "
                    "evo_nas.load(..., trust_code=True)"
                )


def _known() -> set[str]:
    try:
        lines = _path().read_text(encoding="utf-8").splitlines()
    except (OSError, RuntimeError, UnicodeDecodeError):
        return set()
    known = set()
    for line in lines:
        with contextlib.suppress(ValueError):
            known.add(json.loads(line))
    return known


def _path() -> Path:
    """Raises a RuntimeError if nobody's home folder is known."""
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "evo-nas" / "known-code"
