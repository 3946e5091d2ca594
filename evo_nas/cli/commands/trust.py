"""How far the scores of a run, or any scores, can be trusted."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from evo_nas.cli.flags import with_options
from evo_nas.cli.output import JsonFlag, QuietFlag, show, stoppable
from evo_nas.errors import SettingsError
from evo_nas.search.options import OF_POOLS, OPTIONS

_POOL = "A pool"
T = TypeVar("T")


@with_options(
    only=OF_POOLS, strategy="Its stages are what networks are drawn from [random_search]."
)
def trust(
    run: Annotated[Path | None, typer.Argument(help="A run; or name a --pool.")] = None,
    *,
    genomes: Annotated[
        int | None, typer.Option(help="Candidates to score again [16]; of a new pool [24].")
    ] = None,
    stage: Annotated[
        str | None, typer.Option(help="[the last that was searched; of a pool the first].")
    ] = None,
    against: Annotated[
        str | None, typer.Option(help="The other evaluator [what retrained the finalists; train].")
    ] = None,
    repeats: Annotated[
        int | None,
        typer.Option("--repeats", "--seeds", help="Times that it scores each [1; of a pool 2]."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Of its trainings [recipe].")] = None,
    jobs: Annotated[int | None, typer.Option(help="Processes [as in the run; all].")] = None,
    pool: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", rich_help_panel=_POOL, help="Networks to judge scores by."),
    ] = None,
    score: Annotated[
        list[str] | None,
        typer.Option(metavar="SPEC", rich_help_panel=_POOL, help="An evaluator; may be repeated."),
    ] = None,
    include: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", rich_help_panel=_POOL, help="An architecture to train as well."
        ),
    ] = None,
    around: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", rich_help_panel=_POOL, help="What decides earlier stages of a later."
        ),
    ] = None,
    bands: Annotated[
        int | None, typer.Option(metavar="N", rich_help_panel=_POOL, help="Bands of FLOPs [3].")
    ] = None,
    score_epochs: Annotated[
        int | None,
        typer.Option(metavar="N", rich_help_panel=_POOL, help="Of shared weights [recipe]."),
    ] = None,
    quiet: QuietFlag = False,
    as_json: JsonFlag = False,
    **options: Any,
) -> None:
    """Say how far a search's scores can be trusted, or judge scores by a pool of networks."""
    shared: dict[str, Any] = {
        "genomes": genomes, "stage": stage, "against": against, "epochs": epochs, "jobs": jobs
    }  # fmt: skip
    of_pool: dict[str, Any] = {
        "include": include, "around": around, "bands": bands, "scores": score,
        "score_epochs": score_epochs, **options,
    }  # fmt: skip
    if (run is None) == (pool is None):
        raise SettingsError("name a run, or a pool by --pool FOLDER")
    if pool is not None:
        _judge(pool, {**shared, **of_pool, "seeds": repeats}, quiet, as_json)
        return
    for name, value in of_pool.items():
        if value is not None:
            flag = {"scores": "--score"}.get(name, f"--{name.replace('_', '-')}")
            flag = OPTIONS[name].flag if name in OPTIONS else flag
            raise SettingsError(f"{flag} is for a --pool; what a run did is known")
    assert run is not None, "there is a run where there is no pool"
    _trust(run, {**shared, "repeats": repeats}, quiet, as_json)


def _trust(run: Path, options: dict[str, Any], quiet: bool, as_json: bool) -> None:
    from evo_nas.analysis.correlation import trust as make_trust
    from evo_nas.cli.views.trust import trust_view
    from evo_nas.results.trust_report import trust_document
    from evo_nas.search import run_folder

    run_folder.check(run)
    found = _made(make_trust, run, options, quiet or as_json)
    show((trust_document if as_json else trust_view)(found))


def _judge(pool: Path, options: dict[str, Any], quiet: bool, as_json: bool) -> None:
    from evo_nas.analysis.judgement import judge
    from evo_nas.cli.views.judgement import judgement_view
    from evo_nas.results.judgement import judgement_document

    found = _made(judge, pool, options, quiet or as_json)
    show((judgement_document if as_json else judgement_view)(found))


def _made(make: Callable[..., T], folder: Path, options: dict[str, Any], quiet: bool) -> T:
    """What is made of a folder by the options that are given; the same command goes on with it."""
    given = {name: value for name, value in options.items() if value is not None}
    go_on = shlex.join(["evo-nas", *sys.argv[1:]])
    return stoppable(lambda shown: make(folder, progress=shown, **given), quiet, folder, go_on)
