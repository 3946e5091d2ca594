"""A comparison as one page of HTML, of the same look as a run's, and its tables."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from evo_nas.core.console import duration
from evo_nas.core.files import write_atomically
from evo_nas.core.plugins import registry
from evo_nas.errors import shell_word
from evo_nas.results.page.render import render
from evo_nas.results.page.repeat import command_line
from evo_nas.results.tables import Table, score_text
from evo_nas.sampling.limits import format_amount
from evo_nas.search.limits import DEFAULT
from evo_nas.search.run_folder import PAGE

from .file import REFERENCE, Comparison
from .report import TITLES, Report
from .rows import Outcome


def write_comparison_page(found: Report, out: Path | None = None) -> Path:
    """Write the page into the comparison's folder unless ``out`` says where; its path.

    Raises:
        RunError: it cannot be written.
    """
    path = out or found.folder / PAGE
    write_atomically(path, comparison_page(found).encode(errors="replace"))
    return path


def comparison_page(found: Report, home: str = "") -> str:
    """The page as HTML, with a link ``home`` if it is one of several."""
    comparison = found.comparison
    names = ", ".join(map(registry.short, comparison.strategies))
    space = registry.short(str(comparison.options["space"]))
    folder = shell_word(found.folder)
    return render(
        "comparison.html",
        title=f"{names} on {space} within {_within(comparison.options)}",
        found=found,
        home=home,
        notes=width_notes(found),
        parts=[
            {
                "results": result_table(found, protocol),
                "networks": network_table(found, protocol),
                "differences": difference_table(found, protocol),
                "curves": found.plot(protocol).svg,
            }
            for protocol in comparison.protocols
        ],
        # A run that counts under both protocols is named once.
        folders=list(dict.fromkeys(each.folder for row in found.rows for each in row.outcomes)),
        command=_command(comparison),
        next=[
            (f"evo-nas show {folder}", "the tables in the terminal"),
            (f"evo-nas report {folder}", "this page, made anew"),
        ],
        version=version("evo-nas"),
    )


def _within(options: Mapping[str, Any]) -> str:
    """The limits as they were given, which may be none: then it is that of every run."""
    units = {"flops": "FLOPs", "params": "parameters", "latency": "latency"}
    told = [f"{options[name]} {unit}" for name, unit in units.items() if options.get(name)]
    told += map(registry.short, options.get("limits", ()))
    return ", ".join(told) or f"{DEFAULT} FLOPs"


def _command(comparison: Comparison) -> str:
    """The command that makes the comparison again, every option written out."""
    references = comparison.references
    given: dict[str, object] = {
        "strategies": ",".join(comparison.strategies),
        "seeds": len(comparison.seeds),
        "seed": comparison.seeds[0],
        "protocol": "both" if len(comparison.protocols) > 1 else comparison.protocols[0],
        **({"reference": ",".join(each.given for each in references)} if references else {}),
        **{name: value for name, value in comparison.options.items() if value is not None},
    }
    return command_line("evo-nas compare", given)


def result_table(found: Report, protocol: str) -> Table:
    """What each strategy reached under a protocol, and at what cost, as the paper's Table 5."""
    timed = protocol != "equal"  # there shared weights of earlier runs are used
    rows = [
        (
            registry.short(row.strategy),
            format_amount(row.mean("flops")),
            row.spread,
            score_text(row.best),
            format_amount(row.mean("cost"), 3),
            *([duration(row.mean("seconds"))] if timed else []),
        )
        for row in found.of(protocol)
    ]
    columns = ("method", ">FLOPs", ">mean ± sd", ">best", ">cost", *([">time"] if timed else []))
    return Table(columns, rows, TITLES[protocol])


def network_table(found: Report, protocol: str) -> Table:
    """The networks of a protocol and what they took; without references nobody asks for it."""
    rows = [
        (
            registry.short(row.strategy),
            format_amount(row.mean("flops")),
            format_amount(row.mean("params")),
            f"{row.mean('validation'):.4f}",
            format_amount(row.mean("images_trained"), 3),
        )
        for row in found.of(protocol)
        if found.comparison.references
    ]
    columns = ("method", ">FLOPs", ">params", ">validation", ">images trained")
    return Table(columns, rows, f"Networks: {TITLES[protocol]}")


def width_notes(found: Report) -> list[str]:
    """At which widths references were scaled to the FLOPs of what was found."""
    scaled = {row.name for row in found.comparison.rows_of_references if row.scaled}
    return [
        f"{row.strategy}: {'; '.join(dict.fromkeys(map(_widths, row.outcomes)))}"
        for row in found.rows
        if row.protocol == REFERENCE and row.strategy in scaled
    ]


def _widths(one: Outcome) -> str:
    trained = f", {one.geometry['width']} where it is trained" if one.geometry else ""
    return f"{one.target['width']} wide at the target{trained}"


def difference_table(found: Report, protocol: str) -> Table:
    """Each strategy against each later one under a protocol, seed by seed."""
    rows = [
        (
            registry.short(each.first),
            registry.short(each.second),
            f"{each.estimate.value:+.4f}",
            f"{each.estimate.low:+.4f} to {each.estimate.high:+.4f}",
            each.verdict(len(found.comparison.seeds)),
        )
        for each in found.differences
        if each.protocol == protocol
    ]
    columns = ("first", "second", ">first minus second", ">95% interval", "verdict")
    return Table(columns, rows, f"Differences: {TITLES[protocol]}")
