"""Plug-ins of one's own: a start, and whether they keep the contract."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from evo_nas.cli import completion
from evo_nas.cli.flags import flag
from evo_nas.cli.output import JsonFlag, show

Kind = Annotated[
    str,
    typer.Argument(help="space, evaluator, strategy or callback.", autocompletion=completion.kinds),
]
_TRIED = "What it is tried on"


def new(
    kind: Kind,
    name: Annotated[str, typer.Argument(help="As a Python module: small letters, digits, _.")],
    folder: Annotated[Path | None, flag("FOLDER", "A new one [NAME].")] = None,
) -> None:
    """Write a small working plug-in package, to be changed into your own.

    Examples:
        evo-nas new space my_space
        evo-nas new evaluator my_score --folder ~/code/my_score
    """
    from evo_nas.testing.scaffold import write_package

    package = write_package(kind, name, folder)
    print(f"{package.folder}/ holds {', '.join(package.files)}; next:")
    for command, purpose in package.next_commands:
        print(f"\n    {command}\n        {purpose}")


def check(
    kind: Kind,
    spec: Annotated[
        str,
        typer.Argument(help="A name, or path/file.py:Class.", autocompletion=completion.of_kind),
    ],
    space: Annotated[
        str | None,
        flag(
            "SPEC",
            "Of an evaluator, a strategy [a small one].",
            group=_TRIED,
            complete=completion.plug_ins("space"),
        ),
    ] = None,
    data: Annotated[
        str | None,
        flag(
            "SPEC",
            "Images, where an evaluator needs some [128 digits].",
            group=_TRIED,
            complete=completion.plug_ins("data"),
        ),
    ] = None,
    samples: Annotated[
        int | None, flag("N", "Genomes that are built or scored [2 or 3].", group=_TRIED)
    ] = None,
    time_limit: Annotated[
        float, flag("SECONDS", "For each check, in a process of its own; 0: any time.")
    ] = 300.0,
    as_json: JsonFlag = False,
) -> None:
    """Check that a plug-in keeps its contract, and say what to fix.

    Examples:
        evo-nas check space my_space.py:MySpace
        evo-nas check evaluator my_score.py:MyScore --space glit_hl --traceback
    """
    from evo_nas.cli.views.plugins import outcome_view, outcomes_document, summary
    from evo_nas.testing.check import told_once
    from evo_nas.testing.isolated import outcomes_apart

    given = {"space": space, "data": data, "samples": samples}
    options = {name: value for name, value in given.items() if value is not None}
    _check_flags(kind, options, time_limit)
    outcomes = []
    for outcome, message in told_once(outcomes_apart(kind, spec, time_limit, **options)):
        outcomes.append(outcome)
        if not as_json:
            show(outcome_view(outcome, message))
    show((outcomes_document if as_json else summary)(kind, spec, outcomes))
    if any(outcome.status == "failed" for outcome in outcomes):
        raise typer.Exit(1)


_OPTIONS = {"space": {"samples"}, "evaluator": {"space", "data", "samples"}, "strategy": {"space"}}


def _check_flags(kind: str, options: Mapping[str, Any], time_limit: float) -> None:
    """Refuse an option that has no meaning for the kind, and numbers out of range."""
    from evo_nas.testing.scaffold import check_kind

    check_kind(kind)
    for name in options.keys() - _OPTIONS.get(kind, set()):
        raise typer.BadParameter(f"--{name} has no meaning for a {kind}")
    if options.get("samples", 1) < 1:
        raise typer.BadParameter(f"--samples {options['samples']}: it must be 1 or more")
    if not 0 <= time_limit < math.inf:
        raise typer.BadParameter(f"--time-limit {time_limit}: it must be 0 (any time) or more")
