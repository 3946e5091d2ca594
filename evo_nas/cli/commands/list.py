"""Spaces, and all that can be named."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from evo_nas.cli import completion
from evo_nas.cli.flags import with_options
from evo_nas.cli.output import JsonFlag, show
from evo_nas.core.plugins import registry


@with_options(only=("flops", "params", "limits", "target"), flops="A budget to measure it by.")
def space(
    spec: Annotated[
        str,
        typer.Argument(
            help="A name, a TOML file, or path/file.py:Class.",
            autocompletion=completion.plug_ins("space"),
        ),
    ],
    *,
    as_json: JsonFlag = False,
    **limited: Any,
) -> None:
    """Say how large a space is, what it reaches, and what limits leave of it.

    Examples:
        evo-nas space glit_hl
        evo-nas space glit_hl --flops 1.4G --params 6M
        evo-nas space glit_hl --target image_size=32,classes=4,patch_size=4
    """
    from evo_nas.cli.views.space import space_document, space_view
    from evo_nas.sampling.several import feasible_within
    from evo_nas.search.given.target import spec_at
    from evo_nas.search.limits import space_limits
    from evo_nas.search.plan import published

    spec = spec_at(spec, limited["target"])
    loaded = registry.load("space", spec)
    limits = space_limits(loaded, limited["flops"], limited["params"], limited["limits"] or ())
    legal = feasible_within(loaded, limits.quick())
    networks = published(spec, loaded, limits)
    show((space_document if as_json else space_view)(loaded, legal, limits, networks))
    legal.require()


def costs(
    networks: Annotated[
        list[str] | None,
        typer.Argument(
            help="Architecture files, runs or published names [all published].",
            autocompletion=completion.found,
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Count parameters and FLOPs of networks, all by the same counter (the paper's Table 3).

    Examples:
        evo-nas costs
        evo-nas costs deit_tiny runs/glit_hl-1.4G-1
    """
    from evo_nas.analysis.published import count_networks
    from evo_nas.cli.views.networks import networks_document, networks_view

    show((networks_document if as_json else networks_view)(count_networks(networks or ())))


def list_(
    what: Annotated[
        str | None,
        typer.Argument(
            help="spaces, evaluators, strategies, data, callbacks, networks, runs.",
            autocompletion=completion.lists,
        ),
    ] = None,
    spec: Annotated[
        str | None,
        typer.Argument(
            help="One of them, by name or path: its options.", autocompletion=completion.of_kind
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List plug-ins of a kind, networks or runs; of one plug-in its options.

    Examples:
        evo-nas list spaces
        evo-nas list evaluators zero_cost
        evo-nas list runs
    """
    from evo_nas.cli.catalogue import ABOUT, WITH_OPTIONS, details, listing
    from evo_nas.cli.views.plugins import details_document, details_view
    from evo_nas.cli.views.tables import facts_view

    if what is not None and spec is not None:
        show((details_document if as_json else details_view)(details(what, spec)))
        return
    entries = ABOUT if what is None else _made() if what == "runs" else listing(what)
    show(entries if as_json else facts_view(list(entries.items())))
    if what is None and not as_json:
        show("One of them: evo-nas list WHAT")
    elif what in WITH_OPTIONS and not as_json:
        show(f"Options of one: evo-nas list {what} NAME")


def _made() -> dict[str, str]:
    from evo_nas.analysis.overview.folders import made_in
    from evo_nas.search.options import RUNS

    return {str(made.folder): str(made) for made in made_in(RUNS)}
