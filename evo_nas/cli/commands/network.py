"""Single networks: training one, asking it, converting released weights, taking one away."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from evo_nas.cli import completion
from evo_nas.cli.flags import NORMALISATION, MeanFlag, StdFlag, flag, numbers, with_options
from evo_nas.cli.output import PARTLY, JsonFlag, QuietFlag, show, stoppable
from evo_nas.core.console import shown_on
from evo_nas.core.plugins import registry
from evo_nas.core.plugins.trusted_code import is_allowed, trusting
from evo_nas.search.options import IMAGES, MACHINE, OPTIONS

_WRITTEN, _HUB, _CHECK = "What is written", "The Hub of Hugging Face", "Its check"


@with_options(
    only=("data", "geometry", "recipe", "epochs", "seed", "device", "threads", "jobs"),
    data="digits, or a folder of images (extra: data) [those of its run; else digits].",
    geometry="target or proxy, with changes as proxy,width=96 [target].",
    epochs="Of its training [recipe].",
    threads="CPU threads; more gain only where cores are idle.",
    jobs="Processes for the recipe's shards, on the CPU [all cores].",
)
def train(
    architecture: Annotated[
        str,
        typer.Argument(
            help="A run, a model folder, an architecture file or published name.",
            autocompletion=completion.found,
        ),
    ],
    *,
    change: Annotated[
        list[str] | None,
        flag(
            "CHANGE",
            "A change of the recipe, as augmentation.mixup=0; may be repeated.",
            "--set",
            group=IMAGES,
        ),
    ] = None,
    validate_every: Annotated[
        int,
        flag("N", "Epochs between measurements on validation images; 0: none.", group=IMAGES),
    ] = 1,
    out: Annotated[
        Path | None, flag("FILE", "The weights [NAME-GEOMETRY.safetensors].", group=MACHINE)
    ] = None,
    log: Annotated[Path | None, flag("FOLDER", "For TensorBoard [none].", group=MACHINE)] = None,
    quiet: QuietFlag = False,
    as_json: JsonFlag = False,
    **options: Any,
) -> None:
    """Train a found or published network from scratch and save it.

    Examples:
        evo-nas train runs/glit_hl-1.4G-1 --data my/images --geometry target
        evo-nas train deit_tiny --data digits --geometry proxy --epochs 30
        evo-nas train deit_tiny --recipe paper --set learning_rate=2.5e-4
    """
    from evo_nas.cli.views.tables import facts_view
    from evo_nas.results.networks.train import checkpoint_path, output_path, train_architecture
    from evo_nas.results.tables import written

    given = {name: value for name, value in options.items() if value is not None}
    with trusting(is_allowed()):
        path = out or output_path(architecture, given.get("geometry", "target"))
    told = stoppable(
        lambda shown: trusting(is_allowed())(train_architecture)(
            architecture, changes=change or (), out=path, log=log, validate_every=validate_every,
            progress=shown, **given,
        ),
        quiet or as_json,
        checkpoint_path(path),
        shlex.join(["evo-nas", *sys.argv[1:]]),
    )  # fmt: skip
    show(told if as_json else facts_view([(k, written(v)) for k, v in told.items()]))
    if "test_failure" in told:
        raise typer.Exit(PARTLY)


def predict(
    network: Annotated[
        str,
        typer.Argument(
            help="As for export: a run, a model folder, weights.", autocompletion=completion.found
        ),
    ],
    pictures: Annotated[
        list[str],
        typer.Argument(help="Files, folders, patterns as 'shots/*.jpg'; -: paths, a line each."),
    ],
    top: Annotated[int, flag("N", "Classes that are told of each picture.")] = 3,
    weights: Annotated[Path | None, flag("FILE", "Safetensors, or of torch.save.")] = None,
    mean: MeanFlag = None,
    std: StdFlag = None,
    device: Annotated[
        str,
        flag("DEVICE", OPTIONS["device"].help, complete=completion.of_option(OPTIONS["device"])),
    ] = "auto",
    batch_size: Annotated[int, flag("N", "Pictures at once.")] = 64,
    quiet: QuietFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Say what a trained network takes pictures for, and how surely.

    Examples:
        evo-nas predict runs/glit_hl-1.4G-1 shots/
        evo-nas predict my_model 'shots/*.jpg' --top 5 --json
    """
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
            lines = sys.stdin.buffer.read().splitlines()  # of bytes: names may hold other breaks
            yield from map(os.fsdecode, filter(None, lines))
        else:
            yield name


def convert(
    network: Annotated[
        str, typer.Argument(help="A published network.", autocompletion=completion.networks)
    ],
    checkpoint: Annotated[Path, typer.Argument(help="Its weights, as they were released.")],
    out: Annotated[Path, typer.Argument(help="The safetensors file.")],
) -> None:
    """Turn a released checkpoint of a published network into safetensors.

    Examples:
        evo-nas convert deit_tiny deit_tiny.pth deit_tiny.safetensors
    """
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
            "--weights, or weights of evo-nas.",
            autocompletion=completion.found,
        ),
    ],
    format: Annotated[
        list[str] | None,
        flag(
            "FORMAT",
            "folder, onnx, torch-export or safetensors; beside folder, several [folder].",
            group=_WRITTEN,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        flag("PATH", "A new file or folder [NAME, with the format's suffix].", group=_WRITTEN),
    ] = None,
    weights: Annotated[
        Path | None, flag("FILE", "Safetensors, or of torch.save.", group=_WRITTEN)
    ] = None,
    with_normalisation: Annotated[
        bool,
        flag(
            "",
            "onnx, torch-export: read uint8 pixels.",
            "--with-normalisation",
            group=NORMALISATION,
        ),
    ] = False,
    mean: MeanFlag = None,
    std: StdFlag = None,
    push_to: Annotated[
        str | None, flag("OWNER/NAME", "Upload the folder to the Hub (extra: hub).", group=_HUB)
    ] = None,
    private: Annotated[
        bool, flag("", "A repository that is made is private.", "--private", group=_HUB)
    ] = False,
    license: Annotated[
        str | None, flag("ID", "For the card, such as apache-2.0 [none].", group=_HUB)
    ] = None,
    dataset: Annotated[
        list[str] | None,
        flag("OWNER/NAME", "Images' name on the Hub, for the card; may be repeated.", group=_HUB),
    ] = None,
    data: Annotated[
        str | None,
        flag(
            "SPEC",
            "Its images [the run's; else random pixels].",
            group=_CHECK,
            complete=completion.plug_ins("data"),
        ),
    ] = None,
    images: Annotated[int, flag("N", "How many.", group=_CHECK)] = 32,
    tolerance: Annotated[
        float, flag("SHARE", "How far outputs may differ, of what they vary.", group=_CHECK)
    ] = 1e-4,
    as_json: JsonFlag = False,
) -> None:
    """Write a trained network as a model folder or a file of another format, and check it.

    Examples:
        evo-nas export runs/glit_hl-1.4G-1
        evo-nas export runs/glit_hl-1.4G-1 --format onnx --with-normalisation
        evo-nas export deit_tiny --weights deit.safetensors --out my_model
        evo-nas export runs/glit_hl-1.4G-1 --push-to me/my-model --license mit
    """
    from evo_nas.cli.views.tables import facts_view
    from evo_nas.results.hub.address import parse_address
    from evo_nas.results.hub.front_matter import Publication
    from evo_nas.results.hub.upload import check_publication, upload
    from evo_nas.results.networks.export import FOLDER, Wish
    from evo_nas.results.networks.export import export as write
    from evo_nas.results.networks.trained import load_trained

    said = Publication(license, tuple(dataset or ()))
    wish = Wish(tuple(format or (FOLDER,)), with_normalisation, data, images, tolerance, said)
    address = None if push_to is None else parse_address(push_to)
    check_publication(wish, address)
    with trusting(is_allowed()):
        trained = load_trained(network, numbers("--mean", mean), numbers("--std", std), weights)
    written = write(trained, wish, out)
    uploaded = None if address is None else upload(written.path, address, private or None)
    if as_json:
        checks = {name: asdict(parity) for name, parity in written.checks.items()}
        pushed = {} if uploaded is None else {"uploaded": uploaded}
        show({"path": str(written.path), **pushed, "checks": checks})
    else:
        show(facts_view([(name, str(parity)) for name, parity in written.checks.items()]))
        print(written.path)
        if uploaded is not None:
            print(uploaded)
