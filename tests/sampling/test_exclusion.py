from hypothesis import example, given, settings
from hypothesis import strategies as st

from evo_nas.sampling.exclusion import contradiction
from evo_nas.sampling.limits import Limit
from tests.kit.spaces import TinySpace, all_canonical

SPACE = TinySpace(3, wide=True)
COSTS = [SPACE.costs(genome) for genome in all_canonical(SPACE)]


@settings(deadline=None, max_examples=40)
@example(287, 287, 0, 15)  # whose bound is 15 and a little, as fractions are rounded
@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 55), st.integers(0, 55))
def test_what_some_network_meets_is_never_said_to_contradict(
    a: int, b: int, c: int, d: int
) -> None:
    flops, params = Limit("flops", min(a, b), max(a, b)), Limit("params", min(c, d), max(c, d))
    if any(costs["flops"] in flops and costs["params"] in params for costs in COSTS):
        assert contradiction(SPACE, [flops, params]) is None


def test_a_contradiction_names_what_the_other_limit_needs() -> None:
    found = contradiction(SPACE, [Limit("flops", high=200), Limit("params", 25)])
    assert found is not None
    needed = min(costs["flops"] for costs in COSTS if costs["params"] >= 25)
    assert found.startswith("with params>=25 it needs at least ")
    assert 200 < float(found.split()[6]) <= needed
    found = contradiction(SPACE, [Limit("params", 25), Limit("flops", high=200)])
    assert found is not None
    assert "flops<=200 it reaches at most" in found


def test_one_limit_contradicts_nothing() -> None:
    assert contradiction(SPACE, [Limit("flops", high=200)]) is None
    assert contradiction(SPACE, []) is None
