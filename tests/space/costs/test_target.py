"""Other targets than a space's own: what is counted there is what fvcore counts."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from evo_nas.core.plugins import registry
from evo_nas.errors import SpaceError
from evo_nas.space.costs.flops import count
from evo_nas.space.costs.target import with_target, without_target
from evo_nas.space.costs.verification import verify_quickly
from evo_nas.space.space import Geometry, Space
from evo_nas.testing.small_space import SmallSpace

PATCHES = "image_size=32,classes=4,patch_size=8"
AT_HOME = SmallSpace()  # which remembers what it has counted


@pytest.mark.parametrize(
    ("spec", "sizes"),
    [
        ("glit_hl", f"{PATCHES},width=48"),
        ("glit_hl_small", f"{PATCHES},width=48"),
        ("glit_local_attention", f"{PATCHES},width=48"),
        ("glit_conv2d", f"{PATCHES},width=48"),
        ("glit_fixed", f"{PATCHES},width=48,heads=6"),
        ("nlp_nas", f"{PATCHES},width=48"),
        ("autoformer_tiny", f"{PATCHES},width=120"),
        ("mobilenet", "image_size=32,classes=4,width=4"),
    ],
)
def test_costs_at_a_target_are_those_of_networks_there(spec: str, sizes: str) -> None:
    space: Space = registry.load("space", f"{spec}?target={sizes}")
    assert (space.target.image_size, space.target.channels, space.target.classes) == (32, 3, 4)
    genome = space.canonical([len(choice.options) - 1 for choice in space.choices])
    network = space.build(genome, space.target)
    assert space.costs(genome) == count(network, torch.zeros(1, 3, 32, 32))
    own: Space = registry.load("space", spec)
    assert own.costs(genome)["flops"] > 2 * space.costs(genome)["flops"]


@pytest.mark.parametrize(
    ("spec", "sizes", "told"),
    [
        ("glit_hl", "patch_size=5", "224 pixels cannot be cut into patches of 5"),
        ("glit_hl", "width=190", "each of 3 heads needs an even share .* a multiple of 6"),
        ("glit_hl", "heads=4", "a multiple of 3"),
        ("glit_hl", "size=32", "'size=32' is no .* names: channels, classes, heads, image_size"),
        ("glit_hl", "width=0", "'width=0' is no name=number"),
        ("glit_hl", "width=1e3", "is no name=number"),
        ("glit_hl", "", "'' is no name=number"),
        ("glit_hl", "width=48,width=96", "width is there twice"),
        ("mobilenet", "patch_size=4", "names: channels, classes, image_size, width"),
        ("autoformer_tiny", "width=100", "choose a multiple of 30"),
        ("autoformer_tiny", "heads=3", "names: channels, classes, image_size, patch_size, width"),
        (f"{__name__}:Known", "image_size=8", "has no target to choose"),
    ],
)
def test_what_is_no_target_is_refused_in_a_line(spec: str, sizes: str, told: str) -> None:
    with pytest.raises(SpaceError, match=told) as refused:
        registry.load("space", f"{spec}?target={sizes}")
    assert "\n" not in str(refused.value)


class Known(SmallSpace):
    """Its costs are known, and of one target."""

    target_sizes = ()


class Fixed(SmallSpace):
    """Its costs are those of its author's target."""

    def fixed_costs(self, context: Any) -> Any:
        return AT_HOME.fixed_costs(context)


class Narrow(Fixed):
    """Costs are told of networks that PyTorch refuses to build."""

    def slot_costs(self, slot: str, context: Any) -> Any:
        return AT_HOME.slot_costs(slot, context)

    def build(self, genome: Any, geometry: Geometry) -> Any:
        if geometry.classes > 10:
            raise RuntimeError("too many")
        return super().build(genome, geometry)


def test_a_space_that_does_not_follow_its_target_is_refused_before_a_run() -> None:
    space: Space = registry.load("space", f"{__name__}:Fixed?target=classes=7")
    with pytest.raises(SpaceError, match=r"costs do not follow its target .*7 classes"):
        verify_quickly(space)


def test_a_target_at_which_nothing_can_be_counted_is_refused() -> None:
    space: Space = registry.load("space", f"{__name__}:Narrow?target=classes=11")
    with pytest.raises(SpaceError, match=r"target .*11 classes: no whole network .*too many"):
        verify_quickly(space)


def test_a_target_is_an_option_of_every_spec_beside_its_own() -> None:
    spec = "glit_hl?kernel=17&target=image_size=32,patch_size=8"
    space: Any = registry.load("space", spec)
    assert space.spec == spec
    assert space.details()["block00.kernel"] == 17
    assert space.own_target == registry.load("space", "glit_hl").target
    assert without_target(spec) == "glit_hl?kernel=17"
    assert without_target("glit_hl?target=classes=4") == "glit_hl"
    assert with_target("glit_hl?kernel=17", space.own_target, space.target) == spec
    assert with_target("glit_hl", space.target, space.target) == "glit_hl"


def test_spaces_at_other_targets_are_other_spaces() -> None:
    own, other = (registry.load("space", f"glit_fixed{t}") for t in ("", "?target=classes=4"))
    assert own.fingerprint != other.fingerprint
