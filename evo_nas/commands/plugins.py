"""Plug-ins of one's own: a start, and whether they keep the contract."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
