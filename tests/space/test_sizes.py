"""How large spaces are, against enumeration and the paper."""

from __future__ import annotations

import math

import pytest

from evo_nas.core.plugins import registry
from evo_nas.space.sizes import sizes
from evo_nas.space.space import Space
from tests.kit.spaces import Tangled, TinySpace, all_canonical


def test_the_papers_sizes() -> None:
    found = sizes(registry.load("space", "glit_hl"))
    assert f"{found.every:.1e}" == "1.3e+30"  # section 3.2
    assert found.levels == {0: 4**12, 1: 81**12}
    assert found.by_levels == 4**12 + 81**12  # section 3.3
    assert 1 / found.reduction < 1e-7
    assert found.stages == {0: (4**12, 4**12), 1: (9**12, 9**12)}


@pytest.mark.parametrize("space", [TinySpace(), TinySpace(wide=True), Tangled()])
def test_stages_are_as_large_as_enumerated(space: Space) -> None:
    found = sizes(space)
    assert found.every == math.prod(len(choice.options) for choice in space.choices)
    first = all_canonical(space.stage(0))
    assert found.stages[0] == (len(first), len(first))
    later = [len(all_canonical(space.stage(1, space.stage(0).lift(genome)))) for genome in first]
    assert found.stages[1] == (min(later), max(later))
