"""What was raised, and where in somebody's own code: the line often says more than the error.

Lines are those of files that are neither ours, nor Python's, nor of an installed package.
"""

from __future__ import annotations

import os
import re
import sys
import traceback
from asyncio import CancelledError
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evo_nas.errors import EvoNasError, SpecError, in_short, shell_word

from .origins import PREFIX, is_installed_file, is_ours

# What a plug-in may raise and others survive: a cancelled task's error is no Exception, nor is that
# of a function which believes to be the program. An interrupt is not among them.
ANYHOW = (Exception, SystemExit, CancelledError)

TRACEBACKS = "EVO_NAS_TRACEBACK"


def show_traceback(error: BaseException) -> None:
    """Print all of an error that is told in a line, with what led to it, if somebody has asked.

    Those who ask set ``EVO_NAS_TRACEBACK=1`` in the environment, as the flag ``--traceback`` does.
    """
    if os.environ.get(TRACEBACKS) == "1":
        traceback.print_exception(error, file=sys.stderr)


def describe(error: BaseException) -> str:
    """An error in one line, as in ``KeyError: 'size' (mine.py, line 12)``."""
    told = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
    told = re.sub(rf"{PREFIX}\w+\.", "", told)  # which Python calls a plug-in's folder
    return f"{told}{place(error) or layer(error)}{_advice(error)}"


def _advice(error: BaseException) -> str:
    """What to write where ``import_module`` does not find what lies beside a plug-in's file."""
    frames = own_frames(error)
    if not isinstance(error, ModuleNotFoundError) or not error.name or not frames:
        return ""
    beside = Path(frames[-1].filename).with_name(error.name.partition(".")[0])
    if not beside.is_dir() and not beside.with_suffix(".py").is_file():
        return ""
    return f"; write `import {error.name}`, which alone finds what lies beside the file"


def place(error: BaseException) -> str:
    """The last line of somebody's own code that led to it, in brackets; empty if there is none."""
    if isinstance(error, SyntaxError):
        return ""  # it says so itself
    for frame in own_frames(error)[-1:]:
        return f" ({Path(frame.filename).name}, line {frame.lineno})"
    return ""


def layer(error: BaseException) -> str:
    """The layer of a network that it comes from, in brackets; empty if it comes from none.

    Containers as ``nn.Sequential`` run layers without a line of anybody's own code.
    """
    frames = traceback.walk_tb(error.__traceback__)
    inside: list[Any] = [frame.f_locals.get("self") for frame, _ in frames]
    modules = [each for each in inside if hasattr(type(each), "named_modules")]
    if not modules:
        return ""
    names = {id(module): name for name, module in modules[0].named_modules()}
    name = names.get(id(modules[-1])) or "of the network"
    return f" (in layer {name}, {in_short(repr(modules[-1]), 80)})"


def own_frames(error: BaseException) -> list[traceback.FrameSummary]:
    """The calls in somebody's own code that led to an error, the outermost first."""
    modules = [
        str(frame.f_globals.get("__name__", ""))
        for frame, _ in traceback.walk_tb(error.__traceback__)
    ]
    frames = traceback.extract_tb(error.__traceback__)
    return [
        frame
        for frame, module in zip(frames, modules, strict=True)
        if frame.line and not _is_known(Path(frame.filename).resolve(), module)
    ]


def is_of_plugin(error: BaseException | None) -> bool:
    """Whether somebody's own code led to an error, or to one that it follows from."""
    if error is None:
        return False
    return bool(own_frames(error)) or is_of_plugin(error.__cause__ or error.__context__)


def _is_known(file: Path, module: str) -> bool:
    """Whether code is ours, Python's own or an installed package's."""
    return is_ours(module) or is_installed_file(str(file))


class Breach(Exception):  # noqa: N818  read as "a breach of the contract"
    """What a plug-in gives is not what its contract says."""


def require(condition: object, message: str) -> None:
    """Raise a Breach unless the condition holds."""
    if not condition:
        raise Breach(message)


@contextmanager
def blamed(kind: str, spec: str, method: str) -> Iterator[None]:
    """Raise a SpecError that names the plug-in, for a breach or what its own code raises inside.

    What comes from evo-nas alone is a bug in it, and stays as it is.
    """
    then = f"evo-nas check {kind} {shell_word(spec)} says what else to mend"
    try:
        yield
    except EvoNasError:
        raise
    except Breach as error:
        raise SpecError(f"{kind} {spec!r}: {error}; {then}") from error
    except Exception as error:
        if not own_frames(error):
            raise
        told = f"{method}() raised {describe(error)}"
        raise SpecError(f"{kind} {spec!r}: {told}; {then}") from error
