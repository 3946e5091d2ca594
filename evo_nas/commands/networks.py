"""Single networks: training one, and converting released weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .output import JsonFlag, QuietFlag, print_json, print_view, progress


def train(
    architecture: Annotated[str, typer.Argument(help="An architecture file or published name.")],
    data: Annotated[str, typer.Option(help="digits, or a folder of images.")] = "digits",
    geometry: Annotated[
        str, typer.Option(help="target or proxy, with changes as proxy,width=96.")
    ] = "target",
    recipe: Annotated[str, typer.Option(help="quick, paper, or a TOML file.")] = "quick",
    epochs: Annotated[int | None, typer.Option(help="[recipe].")] = None,
    out: Annotated[Path | None, typer.Option(help="[NAME-GEOMETRY.safetensors].")] = None,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    threads: Annotated[int | None, typer.Option(help="CPU threads [all].")] = None,
    quiet: QuietFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Train a found or published network from scratch and save it."""
    from evo_nas.standalone import train_architecture
    from evo_nas.views import names_view

    with progress(quiet or as_json) as shown:
        told = train_architecture(
            architecture, data=data, geometry=geometry, recipe=recipe, epochs=epochs, out=out,
            seed=seed, device=device, threads=threads, progress=shown,
        )  # fmt: skip
    if as_json:
        print_json(told)
    else:
        print_view(names_view({key: str(value) for key, value in told.items()}))


def convert(network: str, checkpoint: Path, out: Path) -> None:
    """Turn a released checkpoint of a published network into safetensors."""
    from evo_nas import registry
    from evo_nas.architectures import find_architecture
    from evo_nas.released import convert as convert_checkpoint

    architecture = find_architecture(network)
    space = registry.load("space", architecture.space)
    built = space.build(space.check(architecture.genome), space.target)
    convert_checkpoint(built, checkpoint, out)
    print(
        f"{out}: the weights of {architecture.name}, {sum(p.numel() for p in built.parameters()):,}"
    )
