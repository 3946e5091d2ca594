import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evo_nas.errors import SpaceError
from evo_nas.space.choices import Choices
from evo_nas.space.space import Choice, Genome
from evo_nas.space.subspace import Subspace
from tests.kit.spaces import TinySpace, all_canonical

SPACE = TinySpace(2, wide=True)
GENOMES = st.tuples(*(st.integers(0, len(c.options) - 1) for c in SPACE.choices))


@given(GENOMES)
def test_canonical_is_idempotent_and_keeps_options_and_cost(genome: Genome) -> None:
    canonical = SPACE.canonical(genome)
    assert SPACE.canonical(canonical) == canonical
    active = zip(canonical, SPACE.active(genome), strict=True)
    assert all(on or gene == 0 for gene, on in active)  # inactive ones hold the first option
    assert SPACE.options(canonical) == SPACE.options(genome)
    assert SPACE.costs(canonical) == SPACE.costs(genome)
    assert SPACE.encode(SPACE.options(genome)) == canonical


def test_numbers_stand_for_genomes_in_their_order() -> None:
    for space in (TinySpace(2), TinySpace(2, wide=True)):
        numbers = [space.number(genome) for genome in all_canonical(space)]
        assert numbers == sorted(set(numbers))
    assert TinySpace(2).number((2, 0, 0, 1, 2, 1)) == 12 * 18 + 11


def test_slot_values_and_contexts_make_up_all_genomes() -> None:
    assert SPACE.contexts == ((0,), (1,))
    values = SPACE.slot_values("block0", (0,))
    assert len(values) == len(set(values)) == 3 + 6 + 1
    assert len(all_canonical(SPACE)) == 2 * 10 * 10


def test_costs_are_the_sum_of_slots() -> None:
    block = {"block0.kind": "b", "block0.size": 4, "block0.depth": 2}
    genome = SPACE.encode({"width": "wide", **block, "block1.kind": "c"})
    assert SPACE.costs(genome) == {"flops": 7 + 2 * 10 * (17 + 2), "params": 1 + 17 + 2}


@pytest.mark.parametrize(
    ("genome", "said"),
    [((0,), "7 genes"), ((0, 0, 0, 0, 0, 0, 9), "block1.depth"), ((0,) * 6 + (True,), "True"),
     ((0,) * 6 + (-1,), "-1")],
)  # fmt: skip
def test_check_says_what_is_wrong(genome: Genome, said: str) -> None:
    with pytest.raises(SpaceError, match=said):
        SPACE.check(genome)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"widht": "thin"}, "did you mean width"),
        ({"width": "huge"}, "huge"),
        ({"width": "thin", "block0.kind": "a"}, "block"),
    ],
)
def test_encode_says_what_is_wrong(options: dict[str, str], said: str) -> None:
    with pytest.raises(SpaceError, match=said):
        SPACE.encode(options)


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ((Choice("x", (1,)), Choice("x", (1,))), "share a name"),
        ((Choice("x", ()),), "distinct"),
        ((Choice("x", (1, 1)),), "distinct"),
        ((Choice("x", (1,), when={"y": frozenset({1})}), Choice("y", (1,))), "no earlier choice"),
        ((Choice("x", (1,)), Choice("y", (1,), when={"x": frozenset({2})})), "no option"),
        (
            (Choice("x", (1,), slot="s"), Choice("y", (1,), slot="t", when={"x": frozenset({1})})),
            "another slot",
        ),
    ],
)
def test_inconsistent_choices_are_refused(choices: tuple[Choice, ...], said: str) -> None:
    space = TinySpace()
    space.choices = choices
    with pytest.raises(SpaceError, match=said):
        _ = space.conditions


def test_the_fingerprint_changes_with_choices_target_and_costs() -> None:
    spaces = [TinySpace(2), TinySpace(3), TinySpace(2, wide=True), TinySpace(2, unit=11)]
    renamed, moved = TinySpace(2), TinySpace(2)
    renamed.name, moved.target = "other", replace(moved.target, image_size=16)
    assert len({space.fingerprint for space in (*spaces, renamed, moved)}) == 6
    assert TinySpace(2).fingerprint == spaces[0].fingerprint


def test_reachable_contexts() -> None:
    assert SPACE.reachable_contexts() == ({"width": "thin"}, {"width": "wide"})
    assert TinySpace(2).reachable_contexts() == ({},)
    assert Subspace(SPACE, {"width": "wide"}).reachable_contexts() == ({"width": "wide"},)
    first = SPACE.stage(0)
    assert first.reachable_contexts() == SPACE.reachable_contexts()


def test_options_are_what_json_keeps_and_numpys_become_that() -> None:
    values: Any = (False, None, np.int64(3), np.float32(0.5), np.str_("a"))
    choice = Choice("one", values)
    assert [(type(each), each) for each in choice.options] == [
        (bool, False), (type(None), None), (int, 3), (float, 0.5), (str, "a"),
    ]  # fmt: skip
    space = Choices()
    space.name, space.choices = "of all kinds", (choice,)
    for gene, value in enumerate(choice.options):
        options = json.loads(json.dumps(space.options((gene,))))
        assert options == {"one": value}
        assert space.encode(options) == (gene,)
