"""Whole networks are compared with what their space tells; what differs is named."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from evo_nas.errors import SpaceError
from evo_nas.space.costs import verification
from evo_nas.space.costs.counted import CountedSpace
from evo_nas.space.costs.verification import (
    Agreement,
    network_costs,
    true_costs,
    verify,
    verify_quickly,
)
from evo_nas.space.coverage import representative
from evo_nas.space.space import Choice, Costs, Genome, Geometry, Space
from tests.kit.plugins import Tiny
from tests.kit.spaces import TinySpace, all_canonical

OPS = ("small", "skip", "big")


class Layers(CountedSpace):
    """Four slots of layers of two channels on 4x4 pixels: 64, 0 or 64 * 9 multiplications each."""

    name = "layers"
    target = Geometry(image_size=4, channels=1, classes=2)
    choices = tuple(Choice(f"b{i}", OPS, slot=f"b{i}") for i in range(4))

    def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
        found: list[nn.Module] = [nn.Conv2d(1, 2, 1)]
        held = [OPS[gene] for gene in genome]
        for op in held:
            if op != "skip":
                found.append(nn.Conv2d(2, 2, 1 if op == "small" else 3, padding=int(op == "big")))
        found += self.more(held)
        return nn.Sequential(*found, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2))

    def more(self, held: Sequence[str]) -> list[nn.Module]:
        return []


MORE = nn.Conv2d(2, 2, 3, padding=1)


def checked(space: Space) -> Agreement:
    return verify(space, representative(space), 60)


def test_networks_that_agree_are_counted_and_told() -> None:
    agreement = checked(Layers())
    assert agreement.networks >= 21
    assert str(agreement) == f"{agreement.networks} whole networks agree"
    assert str(Agreement(1)) == "1 whole network agrees"
    assert not agreement.problem
    genome = (0, 1, 2, 1)
    flops = 16 * 2 + 64 + 64 * 9 + 16 * 2 + 4  # with pooling, by fvcore's convention
    assert network_costs(Layers(), genome)["flops"] == Layers().costs(genome)["flops"] == flops


class Neighbours(Layers):
    """Two skips in a row."""

    def more(self, held: Sequence[str]) -> list[nn.Module]:
        return [MORE] if ("skip", "skip") in pairwise(held) else []


class Far(Layers):
    """The first and the last slot, in the middle of their values."""

    def more(self, held: Sequence[str]) -> list[nn.Module]:
        return [MORE] if held[0] == held[3] == "skip" else []


class Conditioned(Layers):
    """Neighbours, but only under one of two contexts."""

    choices = (Choice("mode", ("plain", "dense")), *Layers.choices)

    def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
        self.dense = genome[0] == 1
        return super().build(genome[1:], geometry)

    def more(self, held: Sequence[str]) -> list[nn.Module]:
        return [MORE] if self.dense and held[1] == held[2] == "skip" else []


@pytest.mark.parametrize("kind", [Neighbours, Far, Conditioned])
def test_slots_that_bear_on_one_another_are_named_with_both_numbers(kind: type[Layers]) -> None:
    with pytest.raises(SpaceError, match=r"flops of slots add up to [\d,]+ for .*=skip, .* put "):
        checked(kind())


class Scaled(Layers):
    """Costs of another convention: two FLOPs for each multiply-accumulate."""

    def costs(self, genome: Sequence[int]) -> Costs:
        costs = super().costs(genome)
        return {**costs, "flops": 2 * costs["flops"]}


class Heavy(TinySpace):
    """Parameters that no table names."""

    def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
        network = Tiny().build(genome, geometry)
        network.register_parameter("more", nn.Parameter(torch.zeros(3)))
        return network


def test_costs_by_another_rule_are_refused() -> None:
    with pytest.raises(
        SpaceError, match=r"costs says 4,744 flops for b0=big, .* network has 2,372;"
    ):
        checked(Scaled())
    with pytest.raises(SpaceError, match=r"the params of slots add up to 7 for .* has 10;"):
        verify(Heavy(), [(2, 0, 0) * 3], 1)


class Told(Layers):
    """One that says itself what its networks cost."""

    def costs(self, genome: Sequence[int]) -> Costs:
        return {"flops": 7, "params": 7}


def test_of_a_space_with_costs_of_its_own_these_are_named_and_no_slots() -> None:
    with pytest.raises(
        SpaceError, match=r": costs says 7 flops for .* evo_nas\.space\.count "
    ) as e:
        checked(Told())
    assert "slot" not in str(e.value)


class ByChance(Layers):
    def more(self, held: Sequence[str]) -> list[nn.Module]:
        return [MORE] * random.randrange(1000)


def test_networks_that_are_others_each_time_are_named() -> None:
    space = ByChance()
    costs = network_costs(Layers(), (0, 0, 0, 0))
    space.costs = lambda genome: costs  # type: ignore[method-assign]
    with pytest.raises(SpaceError, match=r"b0=small, .* has [\d,]+ flops at one time and "):
        verify(space, [(0, 0, 0, 0)], 1)


class Exits(nn.Sequential):
    """Layers, the last of which is left out where an image is dark."""

    def forward(self, images: Tensor) -> Tensor:
        dark = bool(images.sum() < 0)
        for layer in list(self)[: -1 if dark else None]:
            images = layer(images)
        return images


class Early(CountedSpace):
    name = "early"
    target = Geometry(image_size=4, channels=1, classes=16)
    choices = (Choice("width", (1, 2), slot="width"),)

    def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
        width = 16 * self.choices[0].options[genome[0]]
        return Exits(nn.Flatten(), nn.Linear(16, width), nn.Linear(width, width))


class Kept(nn.Module):
    """A layer for those pixels only that are bright in a first channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.stem, self.layer = nn.Conv2d(3, channels, 1), nn.Linear(channels, 16)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.stem(images).flatten(2).transpose(1, 2)
        return self.layer(tokens[:, tokens[0, :, 0] > 0]).sum(1)


class Gated(Early):
    target = Geometry(image_size=8, channels=3, classes=16)

    def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
        return Kept(8 * self.choices[0].options[genome[0]])


@pytest.mark.parametrize("kind", [Early, Gated])
def test_networks_that_compute_by_what_is_in_an_image_are_named(kind: type[Space]) -> None:
    told = r"of width=. has [\d,]+ flops at one time and [\d,]+ at another; let .* in an image"
    with pytest.raises(SpaceError, match=told):
        verify_quickly(kind())


def test_a_busy_machine_notices_what_an_idle_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(10**6))
    monkeypatch.setattr(verification.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(
        verification, "network_costs", lambda space, genome, **_: space.costs(genome)
    )
    genomes = all_canonical(Layers())
    assert verify(Layers(), genomes, 3, fewest=15).networks == 15
    assert verify(Layers(), genomes, 3).networks == 3
    assert verify(Layers(), genomes, 30, fewest=15).networks == 30
    assert verify(Layers(), genomes, 3, fewest=50).networks == 20  # at most so many seconds


class Refusing(Layers):
    """Some networks cannot be built."""

    def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
        if tuple(genome)[:2] == (1, 2) and genome[3] != 0:
            raise ValueError("too large")
        return super().build(genome, geometry)


def test_networks_that_cannot_be_built_are_told_and_pass() -> None:
    agreement = checked(Refusing())
    assert agreement.networks >= 15
    assert "some could not be counted: the network of (1, 2, " in str(agreement)
    assert "ValueError: too large (test_verification.py, line" in agreement.problem


def test_a_table_has_no_networks_and_its_costs_stand() -> None:
    space, genome = TinySpace(), (0, 0, 0) * 3
    agreement = verify_quickly(space)
    assert agreement.networks == 0
    assert str(agreement).startswith("no whole network was counted: the network of ")
    assert true_costs(space, genome) == space.costs(genome)


def test_nothing_random_is_moved() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    network_costs(Layers(), (0, 1, 2, 0))
    assert torch.equal(torch.get_rng_state(), before)


class Changing(nn.Module):
    """A module that nothing of what it shows tells apart: an attribute, a closure, a variable."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(16, 16)

    def forward(self, images: Tensor) -> Tensor:
        hidden = images.flatten(1)
        for _ in range(int(os.environ["TIMES"])):
            hidden = self.layer(hidden)
        return hidden


class Configured(CountedSpace):
    name = "configured"
    target = Geometry(image_size=4, channels=1, classes=16)
    choices = (Choice("one", (1, 2), slot="one"),)

    def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
        return Changing()


def test_nothing_of_a_space_of_somebody_else_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    genome: Genome = (0,)
    for times in (1, 3):
        monkeypatch.setenv("TIMES", str(times))
        assert Configured().costs(genome)["flops"] == times * 256


def test_who_changes_the_target_has_other_costs() -> None:
    space, genome = Layers(), (0, 0, 0, 0)
    before = space.costs(genome)["flops"]
    space.target = Geometry(image_size=8, channels=1, classes=2)
    assert space.costs(genome)["flops"] == network_costs(space, genome)["flops"] > 3 * before


def test_all_costs_of_the_kits_space_are_true() -> None:
    agreement = verify(Tiny(1), all_canonical(Tiny(1)), 60)
    assert agreement == Agreement(len(all_canonical(Tiny(1))))


def test_slots_are_asked_once_what_they_cost() -> None:
    class Asked(TinySpace):
        asked = 0

        def slot_costs(self, slot: str, context: Genome) -> Mapping[Genome, Costs]:
            self.asked += 1
            return super().slot_costs(slot, context)

    space = Asked(wide=True)
    for genome in all_canonical(space):
        assert space.costs(genome) == TinySpace(wide=True).costs(genome)
    assert space.asked == 2 * len(space.slots)
