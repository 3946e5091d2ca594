"""Costs that are counted on networks equal fvcore's count of any network of the space."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from evo_nas.errors import SpaceError
from evo_nas.sampling.feasible import feasible
from evo_nas.sampling.limits import Limit
from evo_nas.space.costs import flops, verification
from evo_nas.space.costs.counted import CountedSpace
from evo_nas.space.space import Choice, Costs, Genome, Geometry
from evo_nas.testing import check_space
from tests.kit.spaces import all_canonical


class Blocks(CountedSpace):
    """Two blocks that may be skipped, all of one width, which belongs to no slot."""

    name = "blocks"
    target = Geometry(image_size=4, channels=1, classes=3)
    choices = (
        Choice("width", (2, 3)),
        *(
            choice
            for slot in ("first", "second")
            for choice in (
                Choice(f"{slot}.kind", ("mlp", "skip"), slot=slot),
                Choice(f"{slot}.hidden", (5, 4), 0, slot, {f"{slot}.kind": frozenset({"mlp"})}),
            )
        ),
    )

    def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
        options = self.options(self.canonical(genome))
        width, pixels = int(options["width"]), geometry.channels * geometry.image_size**2
        layers: list[nn.Module] = [nn.Flatten(), nn.Linear(pixels, width)]
        for slot in self.slots:
            if options[f"{slot}.kind"] == "mlp":
                hidden = int(options[f"{slot}.hidden"])
                layers += [nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width)]
        return nn.Sequential(*layers, nn.Linear(width, geometry.classes))

    def proxy(self, image_size: int, channels: int, classes: int) -> Geometry:
        return Geometry(image_size, channels, classes)


class Entangled(Blocks):
    """A network that has a layer more where both blocks are skipped: nothing to be added up."""

    def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
        network = super().build(genome, geometry)
        kinds = [self.options(genome)[f"{slot}.kind"] for slot in self.slots]
        extra = [nn.Linear(geometry.classes, geometry.classes)] if set(kinds) == {"skip"} else []
        return nn.Sequential(network, *extra)


def counted(space: CountedSpace, genome: Genome) -> Costs:
    images = torch.zeros(1, 1, space.target.image_size, space.target.image_size)
    return flops.count(space.build(genome, space.target), images)


def test_costs_are_what_fvcore_counts_in_every_network() -> None:
    space = Blocks()
    genomes = all_canonical(space)
    assert len(genomes) == 2 * 3 * 3
    assert [space.costs(g) for g in genomes] == [counted(space, g) for g in genomes]


def test_a_slot_costs_what_it_has_beyond_its_cheapest_value() -> None:
    space = Blocks()
    table = space.slot_costs("second", (1,))
    assert set(table) == set(space.slot_values("second", (1,)))
    assert table[1, 0] == {"flops": 0, "params": 0}
    assert table[0, 1] == {"flops": 2 * 3 * 4, "params": 2 * 3 * 4 + 4 + 3}


def test_each_network_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def count(module: nn.Module, *inputs: Tensor, handles: object) -> Costs:
        seen.append(1)
        return flops.count(module, *inputs)

    monkeypatch.setattr(verification, "count", count)
    space = Blocks()
    for genome in all_canonical(space):
        space.costs(genome)
    assert len(seen) == 2 * (1 + 3 + 3 + 1)


def test_costs_that_do_not_add_up_are_refused_with_a_way_out() -> None:
    with pytest.raises(SpaceError, match=r"flops of slots add up to 38 .*, and its network has 47"):
        Entangled().costs((0, 0, 0, 0, 0))


class Spectral(Blocks):
    """Networks that look at frequencies, for which nobody has a count."""

    name = "spectral"

    def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
        return nn.Sequential(Frequencies(), super().build(genome, geometry))


class Frequencies(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return torch.fft.fft2(images).abs()


def test_a_space_says_what_its_own_operators_cost() -> None:
    genome = (0, 0, 0, 0, 0)
    with pytest.raises(SpaceError, match=r"aten::fft_fft2 .* flop_handles = {'aten::fft_fft2'"):
        Spectral().costs(genome)

    class Counted(Spectral):
        flop_handles = {"aten::fft_fft2": lambda inputs, outputs: 64}  # noqa: RUF012

    plain, space = Blocks().costs(genome), Counted()
    assert space.costs(genome) == {**plain, "flops": plain["flops"] + 64}
    assert space.stage(0).costs(genome)["flops"] == plain["flops"] + 64
    check_space(space)


def test_it_keeps_the_contract_of_spaces_and_budgets_are_exact() -> None:
    space = Blocks()
    check_space(space)
    budget = Limit("flops", high=space.costs((0, 0, 1, 1, 0))["flops"])
    within = [g for g in all_canonical(space) if space.costs(g)["flops"] in budget]
    assert feasible(space, budget).count == len(within)
