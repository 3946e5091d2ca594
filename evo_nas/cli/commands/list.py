"""Spaces, and all that can be named."""

from __future__ import annotations

from typing import Annotated

import typer

from evo_nas.cli.output import JsonFlag, print_json, print_view
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
    from evo_nas.cli.json import space_document
    from evo_nas.cli.views.space import space_view
    from evo_nas.core.plugins import registry
    from evo_nas.sampling.several import feasible_within
    from evo_nas.search.limits import space_limits
    from evo_nas.search.plan import published

    loaded = registry.load("space", spec)
    limits = space_limits(loaded, flops, params, limit or ())
    legal = feasible_within(loaded, limits.quick())
    networks = published(spec, loaded, limits)
    if as_json:
        print_json(space_document(loaded, legal, limits, networks))
    else:
        print_view(space_view(loaded, legal, limits, networks))
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
    from evo_nas.cli.json import networks_document
    from evo_nas.cli.views.architecture import networks_view

    counted = count_networks(networks or ())
    if as_json:
        print_json(networks_document(counted))
    else:
        print_view(networks_view(counted))


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
    from evo_nas.cli.json import details_document
    from evo_nas.cli.views.plugins import details_view
    from evo_nas.cli.views.tables import facts_view

    if spec is not None:
        told = details(what, spec)
        if as_json:
            print_json(details_document(told))
        else:
            print_view(details_view(told))
        return
    entries = listing(what)
    if as_json:
        print_json(entries)
        return
    print_view(facts_view(list(entries.items())))
    if what in WITH_OPTIONS:
        print_view(f"Options of one: evo-nas list {what} NAME")
