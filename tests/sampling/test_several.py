import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evo_nas.errors import BudgetError
from evo_nas.sampling.checks import Bound, Limits
from evo_nas.sampling.distribution import Distribution, crossover, mutation
from evo_nas.sampling.feasible import ListedFeasible
from evo_nas.sampling.limits import Limit
from evo_nas.sampling.sampler import Exhausted, Sampler
from evo_nas.sampling.several import LimitedFeasible, feasible_within
from evo_nas.space.space import Genome, Space
from tests.kit.spaces import Merging, Tangled, TinySpace, Uneven, all_canonical, prior_mass

FLOPS = st.tuples(*[st.integers(0, 700)] * 2).map(lambda b: Limit("flops", min(b), max(b)))
PARAMS = st.tuples(*[st.integers(0, 45)] * 2).map(lambda b: Limit("params", min(b), max(b)))
WITHIN = Limits((Limit("flops", high=260), Limit("params", 12, 20)))


@pytest.fixture
def unlisted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spaces are too large to be listed."""
    monkeypatch.setattr("evo_nas.sampling.listed._MOST_LISTED", 1)
    monkeypatch.setattr("evo_nas.sampling.several._ESTIMATED_COSTLY", 10)


def within(space: Space, limits: Limits, genome: Genome) -> bool:
    costs = space.costs(genome)
    return all(costs[b.metric] in b for b in limits.costs) and all(
        bound.value(space.lift(genome)) in bound.limit for bound in limits.bounds
    )


def legal_by_force(space: Space, limits: Limits) -> list[Genome]:
    return [genome for genome in all_canonical(space) if within(space, limits, genome)]


@pytest.mark.parametrize("kind", [TinySpace, Uneven, Merging])
@settings(deadline=None, max_examples=8)
@given(flops=FLOPS, params=PARAMS)
def test_of_a_small_space_everything_is_exact(
    kind: type[TinySpace], flops: Limit, params: Limit
) -> None:
    space, limits = kind(2), Limits((flops, params))
    expected = legal_by_force(space, limits)
    found = feasible_within(space, limits)
    assert isinstance(found, ListedFeasible)
    assert found.quota is None
    assert (found.count, found.enumerate()) == (len(expected), tuple(expected))
    if kind is not Merging:
        assert found.share == pytest.approx(sum(prior_mass(space, g) for g in expected))
    assert [g for g in all_canonical(space) if found.legal(g)] == expected


@settings(deadline=None, max_examples=8)
@given(flops=FLOPS, params=PARAMS)
def test_a_first_stage_genome_is_legal_when_one_completion_meets_all_limits(
    flops: Limit, params: Limit
) -> None:
    space, limits = TinySpace(2), Limits((flops, params))
    stage = space.stage(0)
    found = feasible_within(stage, limits, 0)
    for genome in all_canonical(stage):
        completions = legal_by_force(space.stage(1, stage.lift(genome)), limits)
        assert found.legal(genome) == bool(completions)


@pytest.mark.usefixtures("unlisted")
@pytest.mark.parametrize("blocks", [2, 3])
def test_the_later_stage_of_a_legal_genome_has_a_legal_genome(blocks: int) -> None:
    space = TinySpace(blocks, wide=True)
    limits = Limits((Limit("flops", high=60 * blocks), Limit("params", 4, 5 * blocks)))
    stage = space.stage(0)
    found = feasible_within(stage, limits, 0)
    found.require()
    rng = np.random.default_rng(0)
    for _ in range(3):
        later = space.stage(1, stage.lift(found.draw(found.prior, rng)))
        decided = feasible_within(later, limits)
        decided.require()
        assert within(later, limits, decided.draw(decided.prior, rng))


@pytest.mark.usefixtures("unlisted")
@pytest.mark.parametrize("kind", [TinySpace, Tangled, Merging])
def test_nothing_outside_any_limit_is_drawn(kind: type[TinySpace]) -> None:
    space = kind(3)
    known = Bound(Limit("genes", high=5.0), lambda full: float(sum(full)))
    limits = Limits((Limit("flops", high=260), Limit("params", 5, 20)), (known,))
    found = feasible_within(space, limits)
    assert isinstance(found, LimitedFeasible)
    found.require()
    legal = legal_by_force(space, limits)
    parents = legal[0], legal[-1]
    rng = np.random.default_rng(0)
    kinds: list[Distribution] = [
        found.prior, mutation(space, parents[0], 0.3), crossover(space, *parents),
    ]  # fmt: skip
    drawn = {found.draw(each, rng) for each in kinds for _ in range(150)}
    drawn |= {found.draw_uniform(rng) for _ in range(50)} | {found.draw_largest(rng)}
    assert space.costs(found.best(lambda g: -space.costs(g)["params"]))["params"] == min(
        space.costs(genome)["params"] for genome in legal
    )
    assert drawn <= set(legal)
    assert len(drawn) > len(legal) / 2 or len(legal) > 200


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.usefixtures("unlisted")
def test_within_what_is_known_nothing_is_measured_and_draws_do_not_count(count: int) -> None:
    def measured(full: Genome) -> float:
        assert full == found.known or not told, "measured again"
        return 0.0

    told: list[str] = []
    costs = (Limit("flops", high=260), Limit("params", 12, 20))[:count]
    limits = Limits(costs, (Bound(Limit("latency", high=1), measured, measured=True),))
    space = TinySpace(3)
    found = feasible_within(space, limits)
    found.require()
    before = dict(found.tally)
    told.append("from here on")
    quick = found.quick()
    rng = np.random.default_rng(0)
    drawn = {quick.draw(quick.prior, rng) for _ in range(50)} | {quick.best(sum)}
    assert drawn <= set(legal_by_force(space, Limits(costs)))
    assert quick.limits.every() == costs
    assert found.tally == before


@pytest.mark.usefixtures("unlisted")
def test_shares_and_counts_are_estimated() -> None:
    space = TinySpace(3)
    legal = legal_by_force(space, WITHIN)
    found = feasible_within(space, WITHIN)
    assert found.quota
    assert found.count == pytest.approx(len(legal), rel=0.15)
    assert found.share == pytest.approx(sum(prior_mass(space, g) for g in legal), rel=0.15)
    assert found.enumerate() == tuple(legal)
    again = feasible_within(space, WITHIN)
    assert (again.count, again.share) == (found.count, found.share)


@pytest.mark.usefixtures("unlisted")
@pytest.mark.parametrize(
    ("tight", "loose"),
    [
        (Limit("flops", high=100), Limit("params", high=25)),
        (Limit("params", high=10), Limit("flops", high=500)),
    ],
)
def test_the_limit_with_the_smallest_share_is_met_exactly(tight: Limit, loose: Limit) -> None:
    assert feasible_within(TinySpace(3), Limits((loose, tight))).limit == tight


@pytest.mark.parametrize("level", [None, 0])
@pytest.mark.parametrize("listed", [True, False])
def test_limits_that_exclude_each_other_are_told_in_one_line(
    level: int | None, listed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not listed:
        monkeypatch.setattr("evo_nas.sampling.listed._MOST_LISTED", 1)
    space = TinySpace(3)
    limits = Limits((Limit("flops", high=200), Limit("params", 25)))
    with pytest.raises(BudgetError, match="params") as caught:
        feasible_within(space.stage(0) if level == 0 else space, limits, level).require()
    assert "\n" not in str(caught.value)
    assert "rejected" in str(caught.value) or "at least" in str(caught.value)


def test_a_limit_that_alone_admits_nothing_names_the_nearest() -> None:
    for flops, params in ((260, 1), (30, 20)):
        limits = Limits((Limit("flops", high=flops), Limit("params", high=params)))
        with pytest.raises(BudgetError, match="nearest reachable is"):
            feasible_within(TinySpace(3).stage(0), limits, 0).require()


def test_measured_limits_are_bounded_and_told() -> None:
    measured: list[Genome] = []

    def slow(full: Genome) -> float:
        measured.append(full)
        return 20.0 + full[0]

    limits = Limits((), (Bound(Limit("latency", high=15), slow, measured=True),))
    told = (
        r"latency<=15ms rejected 64, the nearest has 20 ms; if 7% of networks met all, these 64 "
        r"would have shown one with a probability of 99%; widen a limit$"
    )
    for space, level in ((TinySpace(3), None), (TinySpace(3).stage(0), 0)):
        measured.clear()
        with pytest.raises(BudgetError, match=told):
            feasible_within(space, limits, level).require()
        assert len(measured) == len(set(measured)) == 64


@pytest.mark.parametrize("level", [None, 0])
def test_a_small_space_is_measured_whole_before_it_is_given_up(level: int | None) -> None:
    space, measured = TinySpace(2), []
    genomes = all_canonical(space)
    assert 64 < len(genomes) <= 500

    def limits(wanted: Genome | None) -> Limits:
        def slow(full: Genome) -> float:
            measured.append(full)
            return 1.0 if full == wanted else 20.0

        return Limits((), (Bound(Limit("latency", high=15), slow, measured=True),))

    searched = space if level is None else space.stage(level)
    for wanted in (genomes[0], genomes[-1]):
        found = feasible_within(space, limits(wanted))
        found.require()
        assert found.known == wanted
    measured.clear()
    with pytest.raises(BudgetError, match=f"rejected {len(genomes)}, .* 20 ms; widen a limit"):
        feasible_within(searched, limits(None), level).require()
    assert set(measured) == set(genomes)
    assert len(measured) == len(genomes)


def test_a_search_ends_when_no_more_is_drawn() -> None:
    space = TinySpace(3)
    only = all_canonical(space)[17]
    bound = Bound(Limit("one"), lambda full: 0.0 if full == only else float("nan"), measured=True)
    found = feasible_within(space, Limits((Limit("flops", high=10**6),), (bound,)))
    found.known = only
    sampler = Sampler(found)
    rng = np.random.default_rng(0)
    assert sampler.fresh(rng)[0] == only
    with pytest.raises(Exhausted):
        sampler.fresh(rng)
