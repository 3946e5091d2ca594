"""Looking at what other processes are at: in a terminal, and in a browser."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evo_nas.cli.flags import flag
from evo_nas.cli.output import PARTLY, show

from .run import Folder

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_SECONDS = 1.0  # between two looks


def watch(run: Folder) -> None:
    """Watch a run, or a comparison, that goes on in another process.

    Ctrl-C ends the watching, not the run. The exit code is 0 when it is finished, else 3.

    Examples:
        evo-nas watch runs/glit_hl-1.4G-1
    """
    from rich.console import Console

    from evo_nas.analysis.overview.folders import is_finished, kind_of
    from evo_nas.search import run_folder

    if kind_of(run) != "comparison":
        run_folder.check(run)
    console = Console(highlight=False)
    try:
        moving = console.is_terminal and console.file.isatty()
        (_follow if moving else _tell)(run, console)
    except KeyboardInterrupt:
        print("evo-nas: watched no longer; what is at work goes on", file=sys.stderr)
        raise typer.Exit(130) from None
    show(_view(run))
    if not is_finished(run):
        raise typer.Exit(PARTLY)


def _follow(folder: Path, console: Console) -> None:
    """Show how it stands, in place, until nobody is at work."""
    from rich.live import Live

    from evo_nas.search.course.standing import standing

    with Live(console=console, transient=True, auto_refresh=False) as live:
        while standing(folder) is not None:
            began = time.monotonic()
            live.update(_view(folder), refresh=True)
            # Where there is much to be read, looking takes a tenth of the time.
            time.sleep(max(_SECONDS, 9 * (time.monotonic() - began)))


def _tell(folder: Path, console: Console) -> None:
    """Say in lines how it goes, until nobody is at work."""
    from evo_nas.core.console import PlainProgress
    from evo_nas.search.course.standing import standing

    lines, before = PlainProgress(console), None
    while (now := standing(folder)) is not None:
        if before is None:
            lines.say(f"{folder}: {now.holder} is at work")
        if now.phase and (before is None or now.phase != before.phase):
            lines.start(now.phase.what, round(now.phase.total), now.phase.unit)
            lines.advance(now.phase.done, now.phase.note)
        before = now
        time.sleep(_SECONDS)


def _view(folder: Path) -> RenderableType:
    from evo_nas.analysis.comparison.report import finished_report
    from evo_nas.analysis.overview.folders import is_finished, kind_of
    from evo_nas.cli.views.comparison import comparison_view
    from evo_nas.cli.views.result import result_view
    from evo_nas.cli.views.standing import going_on_view
    from evo_nas.results.result import load_result

    if kind_of(folder) != "comparison":
        return result_view(load_result(folder))
    if is_finished(folder):
        return comparison_view(finished_report(folder))
    return going_on_view(folder)


def serve(
    folder: Annotated[Path | None, typer.Argument(help="Where runs lie [runs].")] = None,
    port: Annotated[int, flag("NUMBER", "Of this machine; 0 is any that is free.")] = 8470,
) -> None:
    """Serve pages over all runs and comparisons below a folder, to this machine alone.

    Pages of what goes on are made anew while they are looked at. Nothing is written.

    Examples:
        evo-nas serve
        evo-nas serve project/runs --port 8000
    """
    from evo_nas.analysis.overview.server import serving
    from evo_nas.search.options import RUNS

    with serving(folder or RUNS, port) as server:
        print(f"{server.address}  shows {folder or RUNS}; Ctrl-C ends it", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("evo-nas: served no longer", file=sys.stderr)
