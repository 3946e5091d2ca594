"""What publications print about networks, as it is printed there."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

from evo_nas.sampling.budget import parse_budget


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
    return tuple(
        PublishedNetwork(
            row["family"],
            row["name"],
            row["network"],
            parse_budget(row["parameters"]).high,
            parse_budget(row["flops"]).high,
            float(row["accuracy"]),
        )
        for row in csv.DictReader(text.splitlines())
    )
