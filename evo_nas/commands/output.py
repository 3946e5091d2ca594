"""What commands share: flags, where they print, and how a run that is stopped ends."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console, RenderableType

if TYPE_CHECKING:
    from evo_nas.console import LiveProgress, PlainProgress

T = TypeVar("T")

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
QuietFlag = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]


def print_view(view: RenderableType) -> None:
    """Print something for people."""
    Console(highlight=False, soft_wrap=False).print(view)


def print_json(document: object) -> None:
    """Print something for programs."""
    print(json.dumps(document))


def progress(quiet: bool) -> LiveProgress | PlainProgress:
    """Where progress is shown: on the error stream."""
    from evo_nas.console import PlainProgress, shown_on

    console = Console(stderr=True, highlight=False, quiet=quiet)
    return PlainProgress(console) if quiet else shown_on(console)


def stoppable(
    work: Callable[[LiveProgress | PlainProgress], T], quiet: bool, kept: Path, go_on: str
) -> T:
    """Do the work; Ctrl-C or SIGTERM stop it, see :mod:`evo_nas.interrupts`.

    Which command goes on with it is said then, if what it keeps has been made.
    """
    from evo_nas.interrupts import Stopped, stopped_by_signals

    try:
        with stopped_by_signals(), progress(quiet) as shown:
            return work(shown)
    except KeyboardInterrupt as stop:
        ending = f"; go on with: {go_on}" if kept.exists() else ""
        print(f"evo-nas: stopped{ending}", file=sys.stderr)
        sys.exit(stop.exit_code if isinstance(stop, Stopped) else 130)
