"""What spaces have to give, checked cheaply before a run begins.

Each function raises a :class:`Breach` that names the first value that is not as it should be and
what to give instead. ``evo-nas check`` (:mod:`evo_nas.testing`) makes these checks and others.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from itertools import islice, pairwise

from evo_nas.core.plugins.blame import require
from evo_nas.core.validation import shown

from .space import Choice, Genome, Geometry, Space

_QUICK = 200  # values of a slot that are looked at before a run: there may be thousands


def check_choices(space: Space) -> None:
    """Check the types of name, target and choices."""
    require(isinstance(getattr(space, "name", None), str), "give it a `name`, a string")
    target = getattr(space, "target", None)
    require(isinstance(target, Geometry), f"`target` is {shown(target)}; make it a Geometry(...)")
    choices = getattr(space, "choices", None)
    fine = isinstance(choices, tuple) and all(isinstance(c, Choice) for c in choices)
    require(fine, "`choices` must be a tuple of Choice(...)")
    for choice in space.choices:
        _check_choice(choice)
    counts = Counter(choice.name for choice in space.choices)
    twice = [name for name, count in counts.items() if count > 1]
    told = ", ".join(twice[:3])
    require(not twice, f"the name {told} is used by several choices; make names unique")
    assert space.conditions is not None  # raises what is wrong about `when`


def _check_choice(choice: Choice) -> None:
    require(isinstance(choice.name, str), f"a choice is called {choice.name!r}; make it a string")
    where = f"choice {choice.name!r}"
    fine = isinstance(choice.options, tuple) and len(choice.options) > 0
    require(fine, f"{where}: options must be a tuple, one option at least")
    for option in choice.options:
        known = option is None or type(option) in (bool, int, float, str)
        told = f"{where}: option {option!r} is a {type(option).__name__}"
        require(known, f"{told}; write int, float, str, bool or None, which JSON keeps")
        finite = not isinstance(option, float) or math.isfinite(option)
        require(finite, f"{where}: option {option!r} is no finite number")
    twice = [one for one, other in pairwise(sorted(map(repr, choice.options))) if one == other]
    told = ", ".join(twice[:3])
    require(not twice, f"{where}: option {told} is there twice; make options distinct")
    require(type(choice.level) is int, f"{where}: level is {choice.level!r}; make it an int")
    slot = choice.slot
    require(slot is None or isinstance(slot, str), f"{where}: slot is {slot!r}; write str or None")
    fine = isinstance(choice.when, Mapping)
    require(fine, f"{where}: when is {choice.when!r}; map names of choices to frozensets")
    for parent, allowed in choice.when.items():
        told = f"{where}: when[{parent!r}] is {allowed!r}"
        require(isinstance(allowed, frozenset | set), f"{told}; make it a frozenset of options")


def check_slot(space: Space, slot: str, context: Genome, most: int | None = None) -> None:
    """The costs of a slot's values under a context, of the first ``most`` or of all."""
    table, told = space.slot_costs(slot, context), f"slot_costs({slot!r}, {context})"
    if table is None:
        return
    require(isinstance(table, Mapping), f"{told} is {shown(table)}; return a dict, or None")
    positions = space.slots[slot]
    genomes = islice(space.partial_genomes(positions, space.given(context)), most)
    values = [tuple(genes[i] for i in positions) for genes in genomes]
    missing = [str(value) for value in values if value not in table]
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    require(
        not missing,
        f"{told} has no {', '.join(missing[:3])}{more}; give the costs of all "
        "slot_values(slot, context)",
    )


def check_space(space: Space) -> None:
    """Check a space quickly, by the first and the last options of all choices."""
    check_choices(space)
    first = space.canonical((0,) * len(space.choices))
    last = space.canonical([len(choice.options) - 1 for choice in space.choices])
    contexts = dict.fromkeys(tuple(g[i] for i in space.context) for g in (first, last))
    for genome in (first, last):
        space.costs(genome)  # what costs are is checked wherever they are asked for
    for context in contexts if space.slots else ():
        space.fixed_costs(context)
        for slot in space.slots:
            check_slot(space, slot, context, _QUICK)
