"""Reading files that others wrote: each content is as a rule says, or refused in one line.

Only regular files are read. A FIFO would let a command wait for ever, and a device never ends; what
comes through a pipe is saved to a file first.
"""

from __future__ import annotations

import json
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evo_nas.errors import LINE, EvoNasError

LARGEST = 2**30  # bytes of a file of text

Refusal = type[EvoNasError]


def shown(value: object) -> str:
    """A value as it is written in a message: a part of it, if it is long."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of thousands of digits; deep nesting
        return f"a {type(value).__name__} that is too large to be shown"
    return text if len(text) <= LINE else f"{text[:LINE]}..."


def check_regular(path: Path, refusal: Refusal, what: str = "") -> None:
    """Raise ``refusal`` unless the path is a regular file that is there."""
    name = f"{what} {path}".lstrip()
    try:
        found = path.stat()
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise refusal(f"{name} cannot be read: {_reason(error)}") from error
    if stat.S_ISDIR(found.st_mode):
        raise refusal(f"{name} cannot be read: it is a folder")
    if not stat.S_ISREG(found.st_mode):
        raise refusal(f"{name} cannot be read: it is no regular file; save it as one")


def read_text(path: Path, refusal: Refusal, what: str = "", encoding: str = "utf-8") -> str:
    """The text of a file.

    Raises:
        EvoNasError: ``refusal``, naming the file as ``what``: it cannot be read, is no UTF-8, or is
            larger than 1 GiB.
    """
    name = f"{what} {path}".lstrip()
    check_regular(path, refusal, what)
    try:
        if path.stat().st_size > LARGEST:
            raise refusal(f"{name} is larger than {LARGEST >> 30} GiB, which no such file is")
        return path.read_text(encoding=encoding)
    except OSError as error:
        raise refusal(f"{name} cannot be read: {_reason(error)}") from error
    except UnicodeDecodeError as error:
        raise refusal(f"{name} is no UTF-8 text: {error.reason}") from error


def parse_json(
    text: str,
    refusal: Refusal,
    name: str,
    pairs: Callable[[list[tuple[str, Any]]], Any] | None = None,
) -> Any:
    """The content of a JSON text, which ``name`` tells in messages; ``pairs`` may make objects."""
    try:
        return json.loads(text, object_pairs_hook=pairs)
    except EvoNasError:
        raise
    except (ValueError, RecursionError) as error:  # ValueError: also numbers of too many digits
        raise refusal(f"{name} is no JSON: {_reason(error)}") from error


def read_json(path: Path, refusal: Refusal) -> Any:
    """The content of a JSON file; raises ``refusal`` if it cannot be read."""
    return parse_json(read_text(path, refusal), refusal, str(path))


def parse_toml(text: str, refusal: Refusal, name: str) -> dict[str, Any]:
    """The content of a TOML text, which ``name`` tells in messages."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise refusal(f"{name} is no valid TOML: {_reason(error)}") from error


def read_toml(path: Path, refusal: Refusal) -> dict[str, Any]:
    """The content of a TOML file; raises ``refusal`` if it cannot be read."""
    return parse_toml(read_text(path, refusal), refusal, str(path))


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error).partition(";")[0]
