"""Comparing strategies."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evo_nas.cli import flags
from evo_nas.cli.output import JsonFlag, QuietFlag, print_json, print_view, stoppable
from evo_nas.errors import RunError

if TYPE_CHECKING:
    from evo_nas.analysis.comparison.report import Report


def compare(
    runs: Annotated[list[Path] | None, typer.Argument(hidden=True, metavar="")] = None,
    *,
    space: flags.Space = "glit_hl",
    flops: flags.Flops = None,
    params: flags.Params = None,
    latency: flags.Latency = None,
    limit: flags.Limit = None,
    strategies: Annotated[
        str, typer.Option(help="With commas; the first one's cost is what equal cost means.")
    ] = "hierarchical,spos,random",
    seeds: Annotated[int, typer.Option(help="Runs of each strategy.")] = 5,
    protocol: Annotated[str, typer.Option(help="paper, equal (equal cost), or both.")] = "both",
    evaluator: flags.Evaluator = "supernet",
    retrainer: flags.Retrainer = None,
    data: flags.Data = None,
    geometry: flags.Geometry = "proxy",
    recipe: flags.Recipe = "quick",
    epochs: flags.Epochs = None,
    finalist_epochs: flags.FinalistEpochs = None,
    inherit: flags.Inherit = False,
    failures: flags.Failures = 0.5,
    time_limit: flags.TimeLimit = 0.0,
    finalist_time_limit: flags.FinalistTimeLimit = 0.0,
    samples: flags.Samples = 1000,
    population: flags.Population = 50,
    parents: flags.Parents = 10,
    crossover: flags.Crossover = None,
    mutation: flags.Mutation = None,
    mutation_rate: flags.MutationRate = 0.1,
    finalists: flags.Finalists = 5,
    seed: Annotated[int, typer.Option(help="The first of the seeds.")] = 0,
    device: flags.Device = "auto",
    threads: flags.Threads = 1,
    jobs: Annotated[int | None, typer.Option(help="Runs at once [all cores; 1 on a GPU].")] = None,
    run_dir: Annotated[Path | None, typer.Option(help="[runs/compare-SPACE-FLOPS-N].")] = None,
    dry_run: flags.DryRun = False,
    quiet: QuietFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Compare strategies: the same search by each of them, with several seeds."""
    from evo_nas.analysis.comparison import protocol as comparison
    from evo_nas.cli.views.comparison import comparison_plan_view
    from evo_nas.errors import SettingsError

    if runs:
        raise SettingsError(_without_arguments(runs[0]))
    planned, folder = comparison.plan_comparison(
        [name.strip() for name in strategies.split(",")],
        seeds=seeds, first_seed=seed, protocol=protocol, jobs=jobs, run_dir=run_dir, space=space,
        flops=flops, params=params, latency=latency, limits=limit or [],
        evaluator=evaluator, retrainer=retrainer, data=data, geometry=geometry,
        recipe=recipe, epochs=epochs, finalist_epochs=finalist_epochs, inherit=inherit,
        failures=failures, time_limit=time_limit,
        finalist_time_limit=finalist_time_limit, samples=samples, population=population,
        parents=parents, crossover=crossover, mutation=mutation, mutation_rate=mutation_rate,
        finalists=finalists, device=device, threads=threads,
    )  # fmt: skip
    prepared = planned.check()
    if not (as_json or (quiet and not dry_run)):
        print_view(comparison_plan_view(planned, prepared, folder))
    if not dry_run:
        planned.save(folder)
        compare_in(folder, quiet, as_json)


def _without_arguments(given: Path) -> str:
    """What to do with what was given."""
    from evo_nas.analysis.comparison import protocol as comparison
    from evo_nas.search import run_folder

    told, named = "compare makes runs of its own, as its options say", shlex.quote(str(given))
    if (given / comparison.FILE).is_file():
        return f"{told}; {given} is a comparison: evo-nas resume {named}, or evo-nas show {named}"
    if (given / run_folder.CONFIG).is_file():
        return (
            f"{told}; {given} is a run: evo-nas show {named} looks at it, and evo-nas figure "
            "accuracy draws several in one figure"
        )
    return f"{told}; it takes no argument such as {given}"


def compare_in(folder: Path, quiet: bool, as_json: bool) -> None:
    """Make, or go on with, the comparison in a folder, and show what came out."""
    from evo_nas.analysis.comparison.page import write_comparison_page
    from evo_nas.analysis.comparison.protocol import make_runs
    from evo_nas.analysis.comparison.report import report

    go_on = f"evo-nas resume {shlex.quote(str(folder))}"
    found = stoppable(
        lambda shown: report(folder, make_runs(folder, shown)), quiet or as_json, folder, go_on
    )
    _print(found, as_json)
    try:
        write_comparison_page(found)
    except RunError as error:  # all else is there
        print(f"report.html could not be written: {error}", file=sys.stderr)


def show_comparison(folder: Path, as_json: bool) -> None:
    """Show a finished comparison."""
    from evo_nas.analysis.comparison.protocol import finished_runs
    from evo_nas.analysis.comparison.report import report

    _print(report(folder, finished_runs(folder)), as_json)


def report_comparison(folder: Path, out: Path | None) -> Path:
    """Write a finished comparison as a page of HTML; its path."""
    from evo_nas.analysis.comparison.page import write_comparison_page
    from evo_nas.analysis.comparison.protocol import finished_runs
    from evo_nas.analysis.comparison.report import report

    return write_comparison_page(report(folder, finished_runs(folder)), out)


def _print(found: Report, as_json: bool) -> None:
    from evo_nas.analysis.comparison.report import comparison_document
    from evo_nas.cli.views.comparison import comparison_view

    if as_json:
        print_json(comparison_document(found))
    else:
        print_view(comparison_view(found))
