"""Figures as the paper's, as files of their own."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Annotated

import typer

from evo_nas.cli import completion
from evo_nas.cli.flags import MeanFlag, StdFlag, flag, numbers
from evo_nas.cli.help import Commands, add
from evo_nas.cli.output import show
from evo_nas.core.files import write_atomically
from evo_nas.core.plugins import registry
from evo_nas.errors import ExportError, SpaceError

_PICTURES = (".png", ".pdf")  # of heat maps, which are pictures


def accuracy(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(help="Finished runs.", autocompletion=completion.runs),
    ] = None,
    points: Annotated[Path | None, flag("FILE", "CSV with family, name, flops, accuracy.")] = None,
    paper: Annotated[
        bool, typer.Option("--paper", help="Add Table 3 of the paper, as published.")
    ] = False,
    candidates: Annotated[
        bool, typer.Option("--candidates", help="Add what each run's last search scored.")
    ] = False,
    out: Annotated[Path, flag("FILE", "Its ending says which: SVG, PNG or PDF.")] = Path(
        "accuracy.svg"
    ),
) -> None:
    """Accuracy against FLOPs (Figure 1): of runs, of given points, of published ones.

    Examples:
        evo-nas figure accuracy runs/glit_hl-1.4G-1 --candidates --paper
    """
    from evo_nas.analysis.accuracy_figure import flops_figure, published_points, read_points
    from evo_nas.results.charts.file import write_drawing, writer
    from evo_nas.results.result import load_result

    writer(out)  # before runs are read
    given = read_points(points) if points else []
    given += published_points() if paper else []
    drawn = flops_figure([load_result(run) for run in runs or []], given, candidates=candidates)
    print(write_drawing(drawn, out))


def network(
    what: Annotated[
        str,
        typer.Argument(
            help="A run, an architecture file or published name.", autocompletion=completion.found
        ),
    ],
    out: Annotated[
        Path | None, flag("FILE", "Its ending says which: SVG, PNG or PDF [NAME.svg].")
    ] = None,
) -> None:
    """An architecture as boxes (Figure 5), in the terminal and as SVG.

    Examples:
        evo-nas figure network glit_tiny
        evo-nas figure network runs/glit_hl-1.4G-1 --out best.svg
    """
    from evo_nas.cli.views.architecture import picture
    from evo_nas.results.charts.cells import draw_cells
    from evo_nas.results.charts.file import write_drawing
    from evo_nas.search.architectures import find_architecture

    architecture = find_architecture(what)
    space = registry.load("space", architecture.space)
    cells = space.picture(space.check(architecture.genome))
    if not cells:
        raise SpaceError(f"space {space.name} has no picture of its architectures")
    path = out or Path(f"{architecture.name}.svg")
    write_drawing(draw_cells(cells, architecture.name), path)
    show(picture(cells))
    print(path)


def features(
    images: Annotated[list[Path], typer.Argument(help="Pictures, one row each.")],
    network: Annotated[
        list[str],
        flag(
            "NETWORK",
            "A finished run, or ARCHITECTURE=WEIGHTS; given once or more.",
            complete=completion.found,
        ),
    ],
    mean: MeanFlag = None,
    std: StdFlag = None,
    out: Annotated[Path, flag("FILE", "Its ending says which: PNG or PDF.")] = Path("features.png"),
) -> None:
    """Heat maps of networks' last features on pictures (Figure 6), side by side.

    Examples:
        evo-nas figure features a.png b.png --network runs/glit_hl-1.4G-1
    """
    from evo_nas.analysis.feature_figure import feature_figure
    from evo_nas.results.networks.trained import load_trained

    given = numbers("--mean", mean), numbers("--std", std)
    if out.suffix.lower() not in _PICTURES:
        raise ExportError(f"heat maps cannot be written as {out.name}; end it in .png or .pdf")
    figure = feature_figure([load_trained(each, *given) for each in network], images)
    content = io.BytesIO()
    figure.save(content, out.suffix[1:].lower())
    write_atomically(out, content.getvalue())
    print(out)


app = typer.Typer(
    cls=Commands, rich_markup_mode=None, help="Draw figures as the paper's, as files."
)
for command in (accuracy, network, features):
    add(app, command)
