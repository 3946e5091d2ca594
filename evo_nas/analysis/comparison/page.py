"""A comparison as one page of HTML, of the same look as a run's."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from evo_nas.core.files import write_atomically
from evo_nas.core.plugins import registry
from evo_nas.results.page.render import render
from evo_nas.results.page.repeat import command_line
from evo_nas.search.limits import DEFAULT
from evo_nas.search.run_folder import PAGE

from .report import Report
from .tables import difference_table, result_table


def write_comparison_page(found: Report, out: Path | None = None) -> Path:
    """Write the page into the comparison's folder unless ``out`` says where; its path.

    Raises:
        RunError: it cannot be written.
    """
    path = out or found.folder / PAGE
    write_atomically(path, comparison_page(found).encode(errors="replace"))
    return path


def comparison_page(found: Report) -> str:
    """The page as HTML."""
    comparison = found.comparison
    names = ", ".join(map(registry.short, comparison.strategies))
    space = registry.short(str(comparison.options["space"]))
    return render(
        "comparison.html",
        title=f"{names} on {space} within {_within(comparison.options)}",
        found=found,
        parts=[
            {
                "results": result_table(found, protocol),
                "differences": difference_table(found, protocol),
                "curves": found.plot(protocol).svg,
            }
            for protocol in comparison.protocols
        ],
        folders=_folders(found),
        command=_command(found),
        next=[
            (f"evo-nas show {shlex.quote(str(found.folder))}", "the tables in the terminal"),
            (f"evo-nas report {shlex.quote(str(found.folder))}", "this page, made anew"),
        ],
        version=version("evo-nas"),
    )


def _within(options: Mapping[str, Any]) -> str:
    """The limits as they were given, which may be none: then it is that of every run."""
    units = {"flops": "FLOPs", "params": "parameters", "latency": "latency"}
    told = [f"{options[name]} {unit}" for name, unit in units.items() if options.get(name)]
    told += map(registry.short, options.get("limits", ()))
    return ", ".join(told) or f"{DEFAULT} FLOPs"


def _command(found: Report) -> str:
    """The command that makes the comparison again, every option written out."""
    comparison = found.comparison
    given: dict[str, object] = {
        "strategies": ",".join(comparison.strategies),
        "seeds": len(comparison.seeds),
        "seed": comparison.seeds[0],
        "protocol": "both" if len(comparison.protocols) > 1 else comparison.protocols[0],
        **{name: value for name, value in comparison.options.items() if value is not None},
    }
    return command_line("evo-nas compare", given)


def _folders(found: Report) -> list[str]:
    """Where the runs are; a run that counts under both protocols once."""
    return list(dict.fromkeys(outcome.folder for row in found.rows for outcome in row.outcomes))
