"""Spaces, and all that can be named."""

from __future__ import annotations

from typing import Annotated

import typer

from evo_nas.cli.output import JsonFlag, show
from evo_nas.core.plugins import registry
from evo_nas.search.options import OPTIONS


def space(
    spec: str,
    flops: Annotated[str | None, typer.Option(help="A budget to measure it by.")] = None,
    params: Annotated[
        str | None, typer.Option(metavar="LIMIT", help=OPTIONS["params"].help)
    ] = None,
    limit: Annotated[
        list[str] | None, typer.Option(metavar="LIMIT", help=OPTIONS["limits"].help)
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Say how large a space is, what it reaches, and what limits leave of it."""
    from evo_nas.cli.views.space import space_document, space_view
    from evo_nas.sampling.several import feasible_within
    from evo_nas.search.limits import space_limits
    from evo_nas.search.plan import published

    loaded = registry.load("space", spec)
    limits = space_limits(loaded, flops, params, limit or ())
    legal = feasible_within(loaded, limits.quick())
    networks = published(spec, loaded, limits)
    show((space_document if as_json else space_view)(loaded, legal, limits, networks))
    legal.require()


def costs(
    networks: Annotated[
        list[str] | None,
        typer.Argument(help="Architecture files, runs or published names [all published]."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Count parameters and FLOPs of networks, all by the same counter (the paper's Table 3)."""
    from evo_nas.analysis.published import count_networks
    from evo_nas.cli.views.architecture import networks_document, networks_view

    show((networks_document if as_json else networks_view)(count_networks(networks or ())))


def list_(
    what: Annotated[
        str, typer.Argument(help="spaces, evaluators, strategies, data, networks, runs")
    ],
    spec: Annotated[
        str | None,
        typer.Argument(help="One of them, by name or path: its options.", show_default=False),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List what can be named; of one plug-in its options."""
    from evo_nas.cli.catalogue import WITH_OPTIONS, details, listing
    from evo_nas.cli.views.plugins import details_document, details_view
    from evo_nas.cli.views.tables import facts_view

    if spec is not None:
        show((details_document if as_json else details_view)(details(what, spec)))
        return
    entries = listing(what)
    show(entries if as_json else facts_view(list(entries.items())))
    if what in WITH_OPTIONS and not as_json:
        show(f"Options of one: evo-nas list {what} NAME")
