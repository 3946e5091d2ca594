"""Single networks: training one, asking it, converting released weights, taking one away."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from evo_nas.cli.flags import MeanFlag, StdFlag, numbers
from evo_nas.cli.output import PARTLY, JsonFlag, QuietFlag, show, stoppable
from evo_nas.core.console import shown_on
from evo_nas.core.plugins import registry
from evo_nas.core.plugins.trusted_code import is_allowed, trusting
from evo_nas.search.options import OPTIONS


def train(
    architecture: Annotated[
        str, typer.Argument(help="A run, a model folder, an architecture file or published name.")
    ],
    data: Annotated[
        str | None,
        typer.Option(help="digits, or a folder of images [those of its run; else digits]."),
    ] = None,
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

    with trusting(is_allowed()):
        path = out or output_path(architecture, geometry)
    told = stoppable(
        lambda shown: trusting(is_allowed())(train_architecture)(
            architecture, data=data, geometry=geometry, recipe=recipe, changes=change or (),
            epochs=epochs, out=path, log=log, validate_every=validate_every, seed=seed,
            device=device, threads=threads, progress=shown,
        ),
        quiet or as_json,
        checkpoint_path(path),
        shlex.join(["evo-nas", *sys.argv[1:]]),
    )  # fmt: skip
    show(told if as_json else facts_view([(key, str(value)) for key, value in told.items()]))
    if "test_failure" in told:
        raise typer.Exit(PARTLY)


def predict(
    network: Annotated[str, typer.Argument(help="As for export: a run, a model folder, weights.")],
    pictures: Annotated[
        list[str],
        typer.Argument(help="Files, folders, patterns as 'shots/*.jpg'; -: paths, a line each."),
    ],
    top: Annotated[int, typer.Option(help="Classes that are told of each picture.")] = 3,
    weights: Annotated[Path | None, typer.Option(help="Safetensors, or of torch.save.")] = None,
    mean: MeanFlag = None,
    std: StdFlag = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    batch_size: Annotated[int, typer.Option(help="Pictures at once.")] = 64,
    quiet: QuietFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Say what a trained network takes pictures for, and how surely."""
    from evo_nas.cli.views.prediction import predictions_document, predictions_view
    from evo_nas.results.networks.prediction import named_pictures, predictions
    from evo_nas.results.networks.trained import load_trained

    with trusting(is_allowed()):
        trained = load_trained(network, numbers("--mean", mean), numbers("--std", std), weights)
    found = named_pictures(_with_lines(pictures))
    console = Console(stderr=True, highlight=False, quiet=quiet or as_json)
    with shown_on(console) as shown:
        told = list(
            predictions(
                trained, found, top=top, device=device, batch_size=batch_size, progress=shown
            )
        )
    show((predictions_document if as_json else predictions_view)(trained, told))
    if any(each.failure for each in told):
        raise typer.Exit(PARTLY)


def _with_lines(names: Iterable[str]) -> Iterator[str]:
    """The names, and in place of ``-`` the lines of the standard input."""
    for name in names:
        if name == "-":
            lines = os.fsdecode(sys.stdin.buffer.read()).splitlines()
            yield from filter(None, lines)
        else:
            yield name


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


def export(
    network: Annotated[
        str,
        typer.Argument(
            help="A finished run, RUN/finalists/N.json, a model folder, an architecture with "
            "--weights, or weights of evo-nas."
        ),
    ],
    format: Annotated[
        list[str] | None,
        typer.Option(
            help="folder, onnx, torch-export or safetensors; beside folder, several [folder]."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="[NAME, with the format's suffix].")] = None,
    weights: Annotated[Path | None, typer.Option(help="Safetensors, or of torch.save.")] = None,
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
    with trusting(is_allowed()):
        trained = load_trained(network, numbers("--mean", mean), numbers("--std", std), weights)
    written = write(trained, wish, out)
    if as_json:
        checks = {name: asdict(parity) for name, parity in written.checks.items()}
        show({"path": str(written.path), "checks": checks})
    else:
        show(facts_view([(name, str(parity)) for name, parity in written.checks.items()]))
        print(written.path)
