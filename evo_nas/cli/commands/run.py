"""Making runs, going on with them, and looking at them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evo_nas.cli import completion
from evo_nas.cli.flags import flag, with_options
from evo_nas.cli.output import PARTLY, AcceptFlag, DryRunFlag, JsonFlag, QuietFlag, stoppable
from evo_nas.cli.output import show as show_one
from evo_nas.core.paths import expanded
from evo_nas.errors import RunError, SettingsError, shell_word
from evo_nas.search.options import LONGER, MACHINE

from .compare import compare_in

if TYPE_CHECKING:
    from evo_nas.results.result import Result

Run = Annotated[
    Path, typer.Argument(metavar="RUN", help="Its folder.", autocompletion=completion.runs)
]
Folder = Annotated[
    Path,
    typer.Argument(
        metavar="FOLDER", help="That of a run or a comparison.", autocompletion=completion.folders
    ),
]

Callbacks = Annotated[
    list[str] | None,
    flag(
        "SPEC",
        "What watches: tensorboard, mlflow, wandb, trackio, or your own; may be repeated.",
        "--callback",
        "--log",
        group=MACHINE,
        complete=completion.plug_ins("callback"),
    ),
]


@with_options()
def run(
    *,
    callback: Callbacks = None,
    config: Annotated[
        Path | None,
        flag("FILE", "TOML with options: a run's config.toml, or yours; flags come before it."),
    ] = None,
    save_config: Annotated[
        Path | None, flag("FILE", "Write such a file, which --config makes the same run of.")
    ] = None,
    dry_run: DryRunFlag = False,
    quiet: QuietFlag = False,
    as_json: JsonFlag = False,
    **options: Any,
) -> None:
    """Search, retrain the finalists and deliver the best network.

    Examples:
        evo-nas run --flops 1.4G --dry-run
        evo-nas run --space glit_hl --params 6M --data my/images --recipe paper
        evo-nas run --evaluator 'zero_cost?scores=naswot' --retrainer train
        evo-nas run --flops 1.3G --log tensorboard --callback early.py:Early
        evo-nas run --config runs/glit_hl-1.4G-1/config.toml --seed 1
    """
    from evo_nas import api
    from evo_nas.cli.views.plan import plan_document, plan_view
    from evo_nas.search.course.audience import make_callbacks

    watching = make_callbacks(callback or ())
    if (begun := _begun_before(options["run_dir"])) is not None:
        go_on = partial(api.resume, begun, callbacks=callback or ())
        _work(go_on, begun, quiet, as_json, callback)
        return
    prepared = api.prepare(config=config, **options)
    if save_config is not None:
        prepared.save(save_config)
    if dry_run or not (as_json or quiet):
        show_one((plan_document if as_json else plan_view)(prepared))
    if not dry_run:
        start = partial(prepared.start, callbacks=watching)
        _work(start, prepared.folder, quiet, as_json, callback)


@with_options(
    only=LONGER,
    samples="More candidates a stage than before [as many].",
    time="More time than before [as much].",
    patience="More generations than before [as many].",
    until="A higher goal than before [the same].",
)
def resume(
    run: Folder,
    *,
    callback: Callbacks = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Evaluate anew what failed, and what followed.")
    ] = False,
    accept_changes: AcceptFlag = False,
    quiet: QuietFlag = False,
    as_json: JsonFlag = False,
    **options: Any,
) -> None:
    """Go on with a run, or a comparison, that was stopped or killed.

    Examples:
        evo-nas resume runs/glit_hl-1.4G-1
        evo-nas resume runs/glit_hl-1.4G-1 --retry-failed
        evo-nas resume runs/glit_hl-1.4G-1 --samples 2000
    """
    from evo_nas import api
    from evo_nas.search import run_folder

    if (run / run_folder.COMPARISON).is_file():
        for name, given in (("--retry-failed", retry_failed), ("--callback", callback)):
            if given:
                raise RunError(f"{run} is a comparison; give {name} with one of its runs")
        for name in LONGER:
            if options[name] is not None:
                raise RunError(f"{run} is a comparison; it has no more {name} than it was given")
        compare_in(run, quiet, as_json, accept_changes)
        return
    run_folder.check(run)
    options |= {"retry_failed": retry_failed, "accept_changes": accept_changes}
    go_on = partial(api.resume, run, callbacks=callback or (), **options)
    _work(go_on, run, quiet, as_json, callback)


def _begun_before(run_dir: str | None) -> Path | None:
    """The folder of the run that torchrun had begun before a rank died, if it had come so far."""
    from evo_nas.search.run_folder import CONFIG
    from evo_nas.training.steps.ranks import restarts

    done, most = restarts()
    if most and run_dir is None:
        raise SettingsError(
            "torchrun may start this command again (--max-restarts), and it would not know which "
            "run to go on with: give --run-dir"
        )
    folder = expanded(run_dir or "")
    return folder if done and (folder / CONFIG).is_file() else None


def _work(
    work: Callable[[Any], Result],
    folder: Path,
    quiet: bool,
    as_json: bool,
    callbacks: Sequence[str] | None,
) -> None:
    from evo_nas.cli.views.result import going_on

    again = [f" --callback {shell_word(spec)}" for spec in callbacks or ()]
    go_on = f"evo-nas resume {shell_word(folder)}{''.join(again)}"
    result = stoppable(work, quiet or as_json, folder, go_on)
    _show_result(result, as_json)
    if not (quiet or as_json):
        print(going_on(result))
    if result.best is not None and "test_failure" in result.best["measured"]:
        raise typer.Exit(PARTLY)


def show(
    what: Annotated[
        str,
        typer.Argument(
            help="A run, a comparison, an architecture file, or a published network.",
            autocompletion=completion.found,
        ),
    ],
    as_json: JsonFlag = False,
) -> None:
    """Show a run, a comparison, an architecture file, or a published network.

    Examples:
        evo-nas show runs/glit_hl-1.4G-1
        evo-nas show runs/glit_hl-1.4G-1/finalists/2.json
        evo-nas show glit_tiny --json
    """
    from evo_nas.results.result import load_result
    from evo_nas.search.run_folder import COMPARISON

    path = Path(what)
    if (path / COMPARISON).is_file():
        _show_comparison(path, as_json)
    elif path.is_dir():
        _show_result(load_result(path), as_json)
    else:
        _show_network(what, as_json)


def clean(
    run: Run,
    shared_weights: Annotated[
        bool, typer.Option("--shared-weights", help="Supernets, too: --supernet needs them.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be deleted.")] = False,
) -> None:
    """Free what a finished run no longer needs: weights of finalists, left checkpoints.

    Examples:
        evo-nas clean runs/glit_hl-1.4G-1 --dry-run
    """
    from evo_nas.search.upkeep import clean as clean_run

    cleaned = clean_run(run, shared_weights=shared_weights, dry_run=dry_run)
    for path in cleaned.paths:
        print(run / path)
    verb = "would be freed" if dry_run else "freed"
    print(f"{cleaned.size / 2**20:,.1f} MiB {verb}")


def report(
    run: Folder,
    out: Annotated[Path | None, flag("FILE", "The page [report.html in the folder].")] = None,
) -> None:
    """Write a run, or a comparison, as one page of HTML that needs no network.

    Examples:
        evo-nas report runs/glit_hl-1.4G-1 --out report.html
    """
    from evo_nas.search.run_folder import COMPARISON

    write = _write_comparison if (run / COMPARISON).is_file() else _write_run
    print(f"{write(run, out)}: open it in any browser")


def _write_comparison(folder: Path, out: Path | None) -> Path:
    from evo_nas.analysis.comparison.page import write_comparison_page
    from evo_nas.analysis.comparison.report import finished_report

    return write_comparison_page(finished_report(folder), out)


def _write_run(folder: Path, out: Path | None) -> Path:
    from evo_nas.results.page.run import write_report
    from evo_nas.results.result import load_result

    return write_report(load_result(folder), out)


def _show_result(result: Result, as_json: bool) -> None:
    from evo_nas.cli.views.result import result_document, result_view

    show_one((result_document if as_json else result_view)(result))


def _show_comparison(folder: Path, as_json: bool) -> None:
    from evo_nas.analysis.comparison.report import comparison_document, finished_report
    from evo_nas.cli.views.comparison import comparison_view

    show_one((comparison_document if as_json else comparison_view)(finished_report(folder)))


def _show_network(named: str, as_json: bool) -> None:
    from evo_nas.cli.views.networks import architecture_document, named_view
    from evo_nas.search.architectures import find_architecture

    show_one((architecture_document if as_json else named_view)(find_architecture(named)))
