"""Taking a trained network away."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from evo_nas.cli.flags import MeanFlag, StdFlag, numbers
from evo_nas.cli.output import JsonFlag, show


def export(
    network: Annotated[
        str,
        typer.Argument(
            help="A finished run, RUN/finalists/N.json, an architecture with --weights, or weights "
            "of evo-nas."
        ),
    ],
    format: Annotated[
        list[str] | None,
        typer.Option(
            help="folder, onnx, torch-export or safetensors; beside folder, several [folder]."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="[NAME, with the format's suffix].")] = None,
    weights: Annotated[Path | None, typer.Option(help="A safetensors file.")] = None,
    with_normalisation: Annotated[
        bool, typer.Option("--with-normalisation", help="onnx, torch-export: read uint8 pixels.")
    ] = False,
    mean: MeanFlag = None,
    std: StdFlag = None,
    data: Annotated[
        str | None, typer.Option(help="Images of the check [the run's; else random pixels].")
    ] = None,
    images: Annotated[int, typer.Option(help="Of the check.")] = 32,
    tolerance: Annotated[float, typer.Option(help="Of the check, of what outputs vary.")] = 1e-4,
    as_json: JsonFlag = False,
) -> None:
    """Write a trained network as a model folder or a file of another format, and check it."""
    from evo_nas.cli.views.tables import facts_view
    from evo_nas.results.networks.export import FOLDER, Wish
    from evo_nas.results.networks.export import export as write
    from evo_nas.results.networks.trained import load_trained

    wish = Wish(tuple(format or (FOLDER,)), with_normalisation, data, images, tolerance)
    trained = load_trained(network, numbers("--mean", mean), numbers("--std", std), weights)
    written = write(trained, wish, out)
    if as_json:
        checks = {name: asdict(parity) for name, parity in written.checks.items()}
        show({"path": str(written.path), "checks": checks})
    else:
        show(facts_view([(name, str(parity)) for name, parity in written.checks.items()]))
        print(written.path)
