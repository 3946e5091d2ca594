"""How far the scores of a run can be trusted."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from evo_nas.cli.output import JsonFlag, QuietFlag, show, stoppable


def trust(
    run: Path,
    genomes: Annotated[int, typer.Option(help="Candidates to score again.")] = 16,
    stage: Annotated[str | None, typer.Option(help="[the last that was searched].")] = None,
    against: Annotated[
        str | None, typer.Option(help="The other evaluator [what retrained the finalists].")
    ] = None,
    repeats: Annotated[int, typer.Option(help="Times that it scores each candidate.")] = 1,
    epochs: Annotated[int | None, typer.Option(help="Of its trainings [recipe].")] = None,
    jobs: Annotated[int | None, typer.Option(help="Processes [as in the run].")] = None,
    quiet: QuietFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Say how far a search's scores can be trusted: score candidates by another evaluator."""
    from evo_nas.analysis.correlation import trust as make_trust
    from evo_nas.cli.views.trust import trust_view
    from evo_nas.results.trust_report import trust_document
    from evo_nas.search import run_folder

    run_folder.check(run)
    found = stoppable(
        lambda shown: make_trust(
            run, genomes=genomes, stage=stage, against=against, repeats=repeats, epochs=epochs,
            jobs=jobs, progress=shown,
        ),
        quiet or as_json,
        run,
        shlex.join(["evo-nas", *sys.argv[1:]]),
    )  # fmt: skip
    show((trust_document if as_json else trust_view)(found))
