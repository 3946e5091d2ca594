"""How far the scores of a run, or any scores, can be trusted."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from evo_nas.cli import completion
from evo_nas.cli.flags import flag, with_options
from evo_nas.cli.output import JsonFlag, QuietFlag, show, stoppable
from evo_nas.errors import SettingsError
from evo_nas.search.options import MACHINE, OF_POOLS, OPTIONS

_SECOND, _POOL = "Scoring again", "A pool"
T = TypeVar("T")


@with_options(
    only=OF_POOLS, strategy="Its stages are what networks are drawn from [random_search]."
)
def trust(
    run: Annotated[
        Path | None,
        typer.Argument(help="A run; or name a --pool.", autocompletion=completion.runs),
    ] = None,
    *,
    genomes: Annotated[
        int | None,
        flag("N", "Candidates to score again [16]; of a new pool [24].", group=_SECOND),
    ] = None,
    stage: Annotated[
        str | None,
        flag(
            "NAME", "Which stage [the last that was searched; of a pool the first].", group=_SECOND
        ),
    ] = None,
    against: Annotated[
        str | None,
        flag(
            "SPEC",
            "The other evaluator [what retrained the finalists; train].",
            group=_SECOND,
            complete=completion.plug_ins("evaluator"),
        ),
    ] = None,
    repeats: Annotated[
        int | None,
        flag(
            "N",
            "Times that it scores each [1; of a pool 2].",
            "--repeats",
            "--seeds",
            group=_SECOND,
        ),
    ] = None,
    epochs: Annotated[int | None, flag("N", "Of its trainings [recipe].", group=_SECOND)] = None,
    jobs: Annotated[
        int | None, flag("N", "Processes [as in the run; all cores].", group=MACHINE)
    ] = None,
    pool: Annotated[
        Path | None, flag("FOLDER", "Networks to judge scores by.", group=_POOL)
    ] = None,
    score: Annotated[
        list[str] | None,
        flag(
            "SPEC",
            "An evaluator; may be repeated.",
            group=_POOL,
            complete=completion.plug_ins("evaluator"),
        ),
    ] = None,
    include: Annotated[
        list[str] | None,
        flag(
            "NAME",
            "An architecture to train as well; may be repeated.",
            group=_POOL,
            complete=completion.found,
        ),
    ] = None,
    around: Annotated[
        str | None,
        flag(
            "NAME",
            "What decides earlier stages of a later.",
            group=_POOL,
            complete=completion.found,
        ),
    ] = None,
    bands: Annotated[int | None, flag("N", "Bands of FLOPs [3].", group=_POOL)] = None,
    score_epochs: Annotated[
        int | None, flag("N", "Of shared weights [recipe].", group=_POOL)
    ] = None,
    quiet: QuietFlag = False,
    as_json: JsonFlag = False,
    **options: Any,
) -> None:
    """Say how far a search's scores can be trusted, or judge scores by a pool of networks.

    Examples:
        evo-nas trust runs/glit_hl-1.4G-1 --genomes 16 --repeats 2
        evo-nas trust runs/glit_hl-1.4G-1 --against 'zero_cost?scores=naswot'
        evo-nas trust --pool pools/mine --space glit_hl --score supernet
    """
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
