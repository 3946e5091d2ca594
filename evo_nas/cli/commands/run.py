"""Making runs, going on with them, and looking at them."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evo_nas.cli.flags import with_options
from evo_nas.cli.output import DryRunFlag, JsonFlag, QuietFlag, print_json, print_view, stoppable

from .compare import compare_in, report_comparison, show_comparison

if TYPE_CHECKING:
    from evo_nas.results.result import Result


@with_options()
def run(
    *,
    dry_run: DryRunFlag = False,
    quiet: QuietFlag = False,
    as_json: JsonFlag = False,
    **options: Any,
) -> None:
    """Search, retrain the finalists and deliver the best network."""
    from evo_nas.api import prepare
    from evo_nas.cli.views.plan import plan_view

    prepared = prepare(**options)
    if as_json and dry_run:
        from evo_nas.cli.json import plan_document

        print_json(plan_document(prepared))
    elif not (as_json or (quiet and not dry_run)):
        print_view(plan_view(prepared))
    if not dry_run:
        result = stoppable(
            prepared.start, quiet or as_json, prepared.folder, _resume(prepared.folder)
        )
        _print_result(result, as_json)


def resume(
    run: Path,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Evaluate anew what failed, and what followed.")
    ] = False,
    quiet: QuietFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Go on with a run, or a comparison, that was stopped or killed."""
    from evo_nas import api
    from evo_nas.analysis.comparison.file import FILE
    from evo_nas.errors import RunError
    from evo_nas.search import run_folder

    if (run / FILE).is_file():
        if retry_failed:
            raise RunError(f"{run} is a comparison; give --retry-failed with one of its runs")
        compare_in(run, quiet, as_json)
        return
    run_folder.check(run)
    result = stoppable(
        lambda shown: api.resume(run, shown, retry_failed=retry_failed),
        quiet or as_json,
        run,
        _resume(run),
    )
    _print_result(result, as_json)


def _resume(folder: Path) -> str:
    return f"evo-nas resume {shlex.quote(str(folder))}"


def show(what: str, as_json: JsonFlag = False) -> None:
    """Show a run, a comparison, an architecture file, or a published network as glit_tiny."""
    from evo_nas.analysis.comparison.file import FILE
    from evo_nas.cli.json import architecture_document
    from evo_nas.cli.views.architecture import architecture_view
    from evo_nas.core.plugins import registry
    from evo_nas.results.result import load_result
    from evo_nas.search import run_folder
    from evo_nas.search.architectures import find_architecture

    path = Path(what)
    if (path / FILE).is_file():
        show_comparison(path, as_json)
        return
    if path.is_dir():
        run_folder.check(path)
        _print_result(load_result(path), as_json)
        return
    architecture = find_architecture(what)
    space = registry.load("space", architecture.space)
    genome = space.check(architecture.genome)
    if as_json:
        print_json(architecture_document(architecture, space))
    else:
        print_view(architecture_view(space, genome, architecture.name))


def clean(
    run: Path,
    shared_weights: Annotated[
        bool, typer.Option("--shared-weights", help="Supernets, too: --supernet needs them.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be deleted.")] = False,
) -> None:
    """Free what a finished run no longer needs: weights of finalists, left checkpoints."""
    from evo_nas.search.upkeep import clean as clean_run

    cleaned = clean_run(run, shared_weights=shared_weights, dry_run=dry_run)
    for path in cleaned.paths:
        print(run / path)
    verb = "would be freed" if dry_run else "freed"
    print(f"{cleaned.size / 2**20:,.1f} MiB {verb}")


def report(
    run: Path,
    out: Annotated[Path | None, typer.Option(help="[report.html in the folder].")] = None,
) -> None:
    """Write a run, or a comparison, as one page of HTML that needs no network."""
    from evo_nas.analysis.comparison.file import FILE
    from evo_nas.results.page.run import write_report
    from evo_nas.results.result import load_result
    from evo_nas.search import run_folder

    if (run / FILE).is_file():
        path = report_comparison(run, out)
    else:
        run_folder.check(run)
        path = write_report(load_result(run), out)
    print(f"{path}: open it in any browser")


def _print_result(result: Result, as_json: bool) -> None:
    from evo_nas.cli.json import result_document
    from evo_nas.cli.views.result import result_view
    from evo_nas.core.plugins import registry
    from evo_nas.results.result import check_genomes

    if as_json:
        print_json(result_document(result))
        return
    space = registry.load("space", result.config.space)
    check_genomes(result, space)
    print_view(result_view(result, space))
