"""Single networks: training one, and converting released weights."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from evo_nas.cli.output import JsonFlag, QuietFlag, show, stoppable
from evo_nas.core.plugins import registry
from evo_nas.search.options import OPTIONS


def train(
    architecture: Annotated[str, typer.Argument(help="An architecture file or published name.")],
    data: Annotated[str, typer.Option(help="digits, or a folder of images.")] = "digits",
    geometry: Annotated[
        str, typer.Option(help="target or proxy, with changes as proxy,width=96.")
    ] = "target",
    recipe: Annotated[str, typer.Option(help=OPTIONS["recipe"].help)] = "quick",
    epochs: Annotated[int | None, typer.Option(help="[recipe].")] = None,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", help="A change of the recipe, as augmentation.mixup=0; several."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="[NAME-GEOMETRY.safetensors].")] = None,
    log: Annotated[Path | None, typer.Option(help="A folder for TensorBoard [none].")] = None,
    validate_every: Annotated[
        int, typer.Option(help="Epochs between measurements on the validation images; 0: none.")
    ] = 1,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    threads: Annotated[int | None, typer.Option(help="CPU threads [all].")] = None,
    quiet: QuietFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Train a found or published network from scratch and save it."""
    from evo_nas.cli.views.tables import facts_view
    from evo_nas.results.networks.train import checkpoint_path, output_path, train_architecture

    path = out or output_path(architecture, geometry)
    told = stoppable(
        lambda shown: train_architecture(
            architecture, data=data, geometry=geometry, recipe=recipe, changes=change or (),
            epochs=epochs, out=path, log=log, validate_every=validate_every, seed=seed,
            device=device, threads=threads, progress=shown,
        ),
        quiet or as_json,
        checkpoint_path(path),
        shlex.join(["evo-nas", *sys.argv[1:]]),
    )  # fmt: skip
    show(told if as_json else facts_view([(key, str(value)) for key, value in told.items()]))


def convert(network: str, checkpoint: Path, out: Path) -> None:
    """Turn a released checkpoint of a published network into safetensors."""
    from evo_nas.search.architectures import find_architecture
    from evo_nas.training.weights import convert as convert_checkpoint

    architecture = find_architecture(network)
    space = registry.load("space", architecture.space)
    built = space.build(space.check(architecture.genome), space.target)
    convert_checkpoint(built, checkpoint, out)
    print(
        f"{out}: the weights of {architecture.name}, {sum(p.numel() for p in built.parameters()):,}"
    )
