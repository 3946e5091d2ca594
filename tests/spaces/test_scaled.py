"""A space at another width: the same choices, and the costs of the networks that it builds."""

import pytest

from evo_nas.core.plugins import registry
from evo_nas.errors import SpecError
from evo_nas.space.costs.verification import network_costs
from tests.kit.loading import draw, space


@pytest.mark.parametrize(
    ("inner", "width"),
    [("tests.kit.plugins:Layered", 30), pytest.param("mobilenet", 24, marks=pytest.mark.slow)],
)
def test_budgets_hold_at_the_other_width(inner, width):
    whole, other = space(inner), space(f"scaled?space={inner}&width={width}")
    genome = draw(whole, 1)
    assert other.choices == whole.choices
    assert other.target.width == width != whole.target.width
    assert other.costs(genome) == network_costs(other, genome)
    assert other.costs(genome)["flops"] > whole.costs(genome)["flops"]
    assert space(inner).target == whole.target
    assert other.fingerprint != whole.fingerprint


def test_a_space_and_its_width_are_asked_for():
    with pytest.raises(SpecError, match=r"scaled\?space="):
        registry.load("space", "scaled?width=3")
    with pytest.raises(SpecError, match="width=0 must be a whole number, 1 or more"):
        registry.load("space", "scaled?space=glit_hl&width=0")
