"""Published networks: what one counter says they cost, beside what was printed of them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from evo_nas.core.plugins import registry
from evo_nas.errors import EvoNasError
from evo_nas.sampling.limits import parse_range
from evo_nas.search.architectures import find_architecture, published_networks
from evo_nas.space.architecture import Architecture
from evo_nas.space.costs.verification import shown_costs
from evo_nas.space.space import Costs, Space


@dataclass(frozen=True, slots=True)
class PublishedNetwork:
    """A row of a table: ``accuracy`` is top-1 on ImageNet in percent.

    ``network`` is the name under which evo-nas has the network; "" where it has none.
    """

    family: str
    name: str
    network: str
    parameters: int
    flops: int
    accuracy: float


@cache
def glit_table3() -> tuple[PublishedNetwork, ...]:
    """Table 3 of the GLiT paper (Chen et al., ICCV 2021); FLOPs are its authors' count."""
    text = (resources.files(__package__) / "glit_table3.csv").read_text(encoding="utf-8")
    networks = []
    for row in csv.DictReader(text.splitlines()):
        parameters, flops = (parse_range(row[name]).most for name in ("parameters", "flops"))
        names = row["family"], row["name"], row["network"]
        networks.append(PublishedNetwork(*names, parameters, flops, float(row["accuracy"])))
    return tuple(networks)


@dataclass(frozen=True, slots=True)
class Counted:
    """A network with its costs at the target of its space; or why they cannot be counted here."""

    architecture: Architecture
    costs: Costs | None
    problem: str
    published: PublishedNetwork | None


def count_networks(names: Sequence[str] = ()) -> list[Counted]:
    """The costs of these networks (files, runs, published names), or of all published ones.

    All published ones come cheapest first, those that cannot be counted here last.

    Raises:
        EvoNasError: one that was named does not exist or cannot be counted.
    """
    printed = {network.network: network for network in glit_table3() if network.network}
    if names:
        found = ((name, find_architecture(name)) for name in names)
        return [Counted(each, _costs(each), "", printed.get(name)) for name, each in found]
    counted, problems = [], []
    for name, each in published_networks().items():
        try:
            counted.append(Counted(each, _costs(each), "", printed.get(name)))
        except EvoNasError as error:
            problems.append(Counted(each, None, str(error), printed.get(name)))
    return sorted(counted, key=lambda n: n.costs["flops"] if n.costs else 0) + problems


def _costs(architecture: Architecture) -> Costs:
    space: Space = registry.load("space", architecture.space)
    return shown_costs(space, space.check(architecture.genome))
