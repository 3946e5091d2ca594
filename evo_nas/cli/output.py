"""What commands share: flags, where they print, and how a run that is stopped ends."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console

from evo_nas.core.console import shown_on
from evo_nas.core.progress import Progress
from evo_nas.core.signals import Stopped, stopped_by_signals

T = TypeVar("T")
PARTLY = 3  # the exit code where all is there but for the test accuracy, or for broken pictures

_set_aside = ExitStack()


@contextmanager
def _printed_elsewhere() -> Iterator[None]:
    """What this process and those that it starts print goes to standard error."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def _json_alone(context: typer.Context, asked: bool) -> bool:
    """Keep standard output for one document: plug-ins may print, too."""
    if asked and sys.stdout is not None and sys.stderr is not None:  # None: the shell closed it
        _set_aside.enter_context(_printed_elsewhere())
        context.call_on_close(_set_aside.close)
    return asked


JsonFlag = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON object and nothing else.", callback=_json_alone),
]
DryRunFlag = Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop.")]
AcceptFlag = Annotated[
    bool,
    typer.Option("--accept-changes", help="Go on though code or tables have changed; it is noted."),
]
QuietFlag = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]


def show(told: object) -> None:
    """Print a view for people, or, where it is of values that JSON has, a document for programs."""
    if isinstance(told, dict | list):
        _set_aside.close()
        print(json.dumps(told))
    else:
        Console(highlight=False, soft_wrap=False, markup=False, emoji=False).print(told)


def stoppable(work: Callable[[Progress], T], quiet: bool, kept: Path, go_on: str) -> T:
    """Do the work; Ctrl-C or SIGTERM stop it, see :mod:`evo_nas.core.signals`.

    Which command goes on with it is said then, if what it keeps has been made.
    """
    console = Console(stderr=True, highlight=False, quiet=quiet)  # progress is no result
    try:
        with stopped_by_signals(), shown_on(console) as shown:
            return work(shown)
    except KeyboardInterrupt as stop:
        ending = f"; go on with: {go_on}" if kept.exists() else ""
        print(f"evo-nas: stopped{ending}", file=sys.stderr)
        sys.exit(stop.exit_code if isinstance(stop, Stopped) else 130)
