"""Comparing strategies."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from evo_nas.cli.completion import found, plug_ins, several
from evo_nas.cli.flags import flag, with_options
from evo_nas.cli.output import PARTLY, DryRunFlag, JsonFlag, QuietFlag, show, stoppable
from evo_nas.errors import RunError, SettingsError, shell_word

_COMPARISON = "Comparison"


@with_options(
    without=("strategy", "start", "supernet"),
    seed="The first of the seeds.",
    jobs="Runs at once [all cores; 1 on a GPU].",
    run_dir="A new folder [runs/compare-SPACE-FLOPS-N].",
)
def compare(
    runs: Annotated[list[Path] | None, typer.Argument(hidden=True, metavar="")] = None,
    *,
    strategies: Annotated[
        str,
        flag(
            "SPECS",
            "With commas; the first one's cost is what equal cost means.",
            group=_COMPARISON,
            complete=several(plug_ins("strategy")),
        ),
    ] = "hierarchical,spos,random",
    seeds: Annotated[int, flag("N", "Runs of each strategy.", group=_COMPARISON)] = 5,
    protocol: Annotated[
        str, flag("PROTOCOL", "paper, equal (equal cost), or both.", group=_COMPARISON)
    ] = "both",
    reference: Annotated[
        str,
        flag(
            "NETWORKS",
            "Trained beside the found ones, with commas: published ones, files, runs; largest, "
            "smallest, random, long.",
            group=_COMPARISON,
            complete=several(found),
        ),
    ] = "",
    config: Annotated[
        Path | None,
        flag("FILE", "TOML with options, as of run --config; its strategy and seed are left out."),
    ] = None,
    dry_run: DryRunFlag = False,
    quiet: QuietFlag = False,
    as_json: JsonFlag = False,
    **options: Any,
) -> None:
    """Compare strategies: the same search by each of them, with several seeds.

    Examples:
        evo-nas compare --strategies hierarchical,spos,random --seeds 5
        evo-nas compare --strategies spos,random --reference glit_tiny,largest
        evo-nas compare --config my.toml --strategies hierarchical,random
        evo-nas resume runs/compare-glit_hl-1.4G-1
    """
    from evo_nas.analysis.comparison.protocol import plan_comparison
    from evo_nas.cli.views.comparison import comparison_plan_view

    if runs:
        raise SettingsError(_without_arguments(runs[0]))
    planned, folder = plan_comparison(
        [name.strip() for name in strategies.split(",")],
        seeds=seeds, first_seed=options.pop("seed") or 0, protocol=protocol, references=reference,
        config=config, **options,
    )  # fmt: skip
    prepared = planned.check()
    if not (as_json or (quiet and not dry_run)):
        show(comparison_plan_view(planned, prepared, folder))
    if not dry_run:
        planned.save(folder)
        compare_in(folder, quiet, as_json)


def _without_arguments(given: Path) -> str:
    """What to do with what was given."""
    from evo_nas.search.run_folder import COMPARISON, CONFIG

    told, named = "compare makes runs of its own, as its options say", shell_word(given)
    if (given / COMPARISON).is_file():
        return f"{told}; {given} is a comparison: evo-nas resume {named}, or evo-nas show {named}"
    if (given / CONFIG).is_file():
        return (
            f"{told}; {given} is a run: evo-nas show {named} looks at it, and evo-nas figure "
            "accuracy draws several in one figure"
        )
    return f"{told}; it takes no argument such as {given}"


def compare_in(folder: Path, quiet: bool, as_json: bool, accept_changes: bool = False) -> None:
    """Make, or go on with, the comparison in a folder, and show what came out."""
    from evo_nas.analysis.comparison.page import write_comparison_page
    from evo_nas.analysis.comparison.protocol import make_runs
    from evo_nas.analysis.comparison.report import comparison_document, report
    from evo_nas.cli.views.comparison import comparison_view

    go_on = f"evo-nas resume {shell_word(folder)}"
    found = stoppable(
        lambda shown: report(folder, make_runs(folder, shown, accept_changes=accept_changes)),
        quiet or as_json,
        folder,
        go_on,
    )
    show((comparison_document if as_json else comparison_view)(found))
    try:
        write_comparison_page(found)
    except RunError as error:  # all else is there
        print(f"report.html could not be written: {error}", file=sys.stderr)
    if found.untested:
        raise typer.Exit(PARTLY)
