"""Plug-ins of one's own: a start, and whether they keep the contract."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .output import JsonFlag, print_json, print_view

if TYPE_CHECKING:
    from evo_nas.testing import Check

Kind = Annotated[str, typer.Argument(help="space, evaluator or strategy.")]


def new(
    kind: Kind,
    name: Annotated[str, typer.Argument(help="As a Python module: small letters, digits, _.")],
    folder: Annotated[Path | None, typer.Option(help="A new folder [NAME].")] = None,
) -> None:
    """Write a small working plug-in package, to be changed into your own."""
    from evo_nas.scaffold import write_package

    package = write_package(kind, name, folder)
    print(f"{package.folder}/ holds {', '.join(package.files)}; next:")
    for command, purpose in package.next_commands:
        print(f"\n    {command}\n        {purpose}")


def check(
    kind: Kind,
    spec: Annotated[str, typer.Argument(help="A name, or path/file.py:Class.")],
    space: Annotated[
        str | None, typer.Option(help="What an evaluator or strategy is tried on [a small one].")
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Images for an evaluator that needs some [128 digits].")
    ] = None,
    samples: Annotated[
        int | None, typer.Option(help="Genomes that are built or scored [2 or 3].")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Check that a plug-in keeps its contract, and say what to fix."""
    from evo_nas.check_view import outcome_view, outcomes_document, summary

    outcomes = []
    for each in _checks(kind, spec, space, data, samples):
        outcomes.append(each.outcome())
        if not as_json:
            print_view(outcome_view(outcomes[-1]))
        if outcomes[0].status == "failed":
            break  # what cannot be loaded cannot be checked
    if as_json:
        print_json(outcomes_document(kind, spec, outcomes))
    else:
        print_view(summary(f"{kind} {spec}", outcomes))
    if any(outcome.status == "failed" for outcome in outcomes):
        raise typer.Exit(1)


def _checks(
    kind: str, spec: str, space: str | None, data: str | None, samples: int | None
) -> Sequence[Check]:
    """The checks of a kind; what has no meaning for it is refused."""
    from evo_nas import registry, testing
    from evo_nas.scaffold import check_kind

    check_kind(kind)
    options: dict[str, Any] = {"space": space, "data": data, "samples": samples}
    options = {name: value for name, value in options.items() if value is not None}
    for name in options.keys() - _OPTIONS[kind]:
        raise typer.BadParameter(f"--{name} has no meaning for a {kind}")
    if samples is not None and samples < 1:
        raise typer.BadParameter(f"--samples {samples}: it must be 1 or more")
    _find(kind, spec)
    if space is not None:
        options["space"] = registry.load("space", space)
    made: Sequence[Check] = getattr(testing, f"{kind}_checks")(spec, **options)
    return made


_OPTIONS = {"space": {"samples"}, "evaluator": {"space", "data", "samples"}, "strategy": {"space"}}


def _find(kind: str, spec: str) -> None:
    """Raise a SpecError if nothing has this name; what the plug-in raises itself is checked."""
    from evo_nas import registry
    from evo_nas.errors import SpecError

    try:
        registry.load(kind, spec)
    except SpecError as error:
        if error.__cause__ is None:
            raise
    except (Exception, SystemExit):  # the first check says what it was, and where
        pass
