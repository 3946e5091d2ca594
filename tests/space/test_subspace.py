import pytest
from hypothesis import given
from hypothesis import strategies as st

from evo_nas.errors import SpaceError
from evo_nas.space.space import Genome
from evo_nas.space.subspace import Subspace
from tests.kit.spaces import TinySpace, all_canonical

SPACE = TinySpace(2, wide=True)
GENOMES = st.sampled_from(all_canonical(SPACE))


def test_the_first_stage_searches_level_0_with_the_details_frozen() -> None:
    stage = SPACE.stage(0)
    assert [c.name for c in stage.choices] == ["width", "block0.kind", "block1.kind"]
    lifted = SPACE.options(stage.lift((0, 1, 2)))
    assert lifted == {
        "width": "thin",
        "block0.kind": "b",
        "block0.size": 2,
        "block0.depth": 1,
        "block1.kind": "c",
    }


@given(GENOMES)
def test_the_second_stage_keeps_what_was_decided(decided: Genome) -> None:
    stage = SPACE.stage(1, decided)
    for genome in all_canonical(stage):
        full = stage.lift(genome)
        kept = [i for i, choice in enumerate(SPACE.choices) if choice.level == 0]
        assert [full[i] for i in kept] == [decided[i] for i in kept]
        assert stage.costs(genome) == SPACE.costs(full)


@given(GENOMES)
def test_a_stage_has_no_choices_that_what_is_frozen_makes_inactive(decided: Genome) -> None:
    stage = SPACE.stage(1, decided)
    kinds = {c.name for c in stage.choices}
    options = SPACE.options(decided)
    assert kinds == {name for name in options if SPACE.choices[SPACE.index[name]].level == 1}


@given(GENOMES)
def test_slot_costs_add_up_with_fixed_costs(decided: Genome) -> None:
    for stage in (SPACE.stage(0), SPACE.stage(1, decided)):
        for genome in all_canonical(stage):
            context = tuple(genome[i] for i in stage.context)
            total = dict(stage.fixed_costs(context))
            for slot, positions in stage.slots.items():
                table = stage.slot_costs(slot, context)
                assert table is not None
                for name, cost in table[tuple(genome[i] for i in positions)].items():
                    total[name] += cost
            assert total == SPACE.costs(stage.lift(genome))


def test_freezing_twice_is_freezing_both() -> None:
    once = Subspace(SPACE, {"width": "wide", "block0.kind": "b"})
    twice = Subspace(Subspace(SPACE, {"width": "wide"}), {"block0.kind": "b"})
    assert [c.name for c in once.choices] == [c.name for c in twice.choices]
    assert {once.lift(g) for g in all_canonical(once)} == {
        twice.lift(g) for g in all_canonical(twice)
    }
    assert twice.root is SPACE


def test_a_frozen_child_stays_conditional_on_a_free_parent() -> None:
    frozen = Subspace(SPACE, {"block0.size": 4})
    kinds = {frozen.lift(g) for g in all_canonical(frozen)}
    sizes = {(SPACE.options(g)["block0.kind"], SPACE.options(g).get("block0.size")) for g in kinds}
    assert sizes == {("a", 4), ("b", 4), ("c", None)}


def test_reachable_says_what_a_slot_can_hold() -> None:
    decided = SPACE.encode(
        {"width": "thin", "block0.kind": "c", "block1.kind": "a", "block1.size": 1}
    )
    stage = SPACE.stage(1, decided)
    assert stage.reachable("block0") == ({"block0.kind": "c"},)
    assert [r["block1.size"] for r in stage.reachable("block1")] == [1, 2, 4]
    assert len(SPACE.reachable("block0")) == 10


def test_freezing_what_is_not_there_is_refused() -> None:
    with pytest.raises(SpaceError, match="no choice"):
        Subspace(SPACE, {"depth": 1})
    with pytest.raises(SpaceError, match="no option"):
        Subspace(SPACE, {"width": 3})
