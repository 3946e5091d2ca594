"""What plug-ins have to give, checked cheaply before a run begins and whenever a strategy is asked.

Each function raises a :class:`Breach` that names the first value that is not as it should be and
what to give instead. ``evo-nas check`` (:mod:`evo_nas.testing`) makes the same checks and others,
which take longer.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice, pairwise

import numpy as np

from evo_nas.core.plugins.blame import describe, own_frames
from evo_nas.core.validation import shown
from evo_nas.errors import EvoNasError, SpecError
from evo_nas.evaluation.evaluator import Evaluator, Objective
from evo_nas.sampling.sampler import Sampler
from evo_nas.strategies.base import Proposal, Scored, Settings, StagePlan, Strategy

from .space import Choice, Costs, Genome, Geometry, Space

_QUICK = 200  # values of a slot that are looked at before a run: there may be thousands
_FLAGS = (
    "needs_data", "shares_weights", "inherits", "keeps_weights", "repeatable", "in_workers",
    "asks_workers",
)  # fmt: skip


class Breach(Exception):  # noqa: N818  read as "a breach of the contract"
    """What a plug-in gives is not what its contract says."""


def require(condition: object, message: str) -> None:
    """Raise a Breach unless the condition holds."""
    if not condition:
        raise Breach(message)


# -- spaces --------------------------------------------------------------------------------------


def check_choices(space: Space) -> None:
    """Name, target and choices are of the types that everything else relies on."""
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
        known = type(option) in (int, float, str)
        told = f"{where}: option {option!r} is a {type(option).__name__}"
        require(known, f"{told}; write int, float or str, which JSON keeps")
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
    positions, given = space.slots[slot], dict(zip(space.context, context, strict=True))
    genomes = islice(space.partial_genomes(positions, given), most)
    values = [tuple(genes[i] for i in positions) for genes in genomes]
    missing = [str(value) for value in values if value not in table]
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    require(
        not missing,
        f"{told} has no {', '.join(missing[:3])}{more}; give the costs of all "
        "slot_values(slot, context)",
    )
    for value in values:
        if not _is_cost(table[value], lowest=0):  # words are made only then: tables are large
            check_cost(table[value], f"{told}[{value}]")


def check_cost(costs: Costs, told: str, lowest: float = 0) -> None:
    """A cost, as ``told``: whole numbers."""
    fine = _is_cost(costs, lowest)
    require(fine, f"{told} is {shown(costs)}; return int 'flops' and 'params', 0 or more")


def _is_cost(costs: object, lowest: float) -> bool:
    if not isinstance(costs, Mapping) or costs.keys() != {"flops", "params"}:
        return False
    return all(type(cost) is int and cost >= lowest for cost in costs.values())


def check_space(space: Space) -> None:
    """All of this, for the first and the last options of all choices, as quickly as can be."""
    check_choices(space)
    first = space.canonical((0,) * len(space.choices))
    last = space.canonical([len(choice.options) - 1 for choice in space.choices])
    contexts = dict.fromkeys(tuple(g[i] for i in space.context) for g in (first, last))
    for genome in (first, last):
        check_cost(space.costs(genome), f"costs({genome})")
    for context in contexts if space.slots else ():
        check_cost(space.fixed_costs(context), f"fixed_costs({context})", -math.inf)
        for slot in space.slots:
            check_slot(space, slot, context, _QUICK)


# -- evaluators ----------------------------------------------------------------------------------


def check_evaluator(evaluator: Evaluator) -> None:
    """What it says of itself."""
    told = f"`objectives` is {shown(evaluator.objectives)}"
    fine = isinstance(evaluator.objectives, Sequence) and len(evaluator.objectives) > 0
    fine = fine and all(isinstance(one, Objective) for one in evaluator.objectives)
    require(fine, f"{told}; make it a tuple of Objective(name), one at least")
    names = [one.name for one in evaluator.objectives]
    require(all(isinstance(name, str) for name in names), f"{told}; names are texts")
    require(len(set(names)) == len(names), f"two objectives have one name: {', '.join(names)}")
    for name in _FLAGS:
        value = getattr(evaluator, name)
        require(type(value) is bool, f"`{name}` is {value!r}; make it True or False")
    retrainer = evaluator.retrainer
    require(isinstance(retrainer, str), f"`retrainer` is {shown(retrainer)}; make it a spec")


# -- strategies ----------------------------------------------------------------------------------


def check_stages(stages: object, space: Space) -> None:
    """What ``plan`` returned."""
    fine = isinstance(stages, tuple) and len(stages) > 0
    fine = fine and all(isinstance(stage, StagePlan) for stage in stages)  # type: ignore[attr-defined]
    require(fine, f"plan() is {shown(stages)}; return a tuple of StagePlan(...), one at least")
    assert isinstance(stages, tuple)
    names = [stage.name for stage in stages]
    require(len(set(names)) == len(names), f"two stages have one name: {names}")
    for stage in stages:
        known = stage.level is None or stage.level in space.levels
        told = f"stage {stage.name}: level {stage.level!r} is no level of the space"
        require(known, f"{told} {space.levels}; take it from space.levels, or None")
        for name in ("candidates", "finalists", "epochs_factor"):
            number = getattr(stage, name)
            known = type(number) is int and number >= 1
            require(known, f"stage {stage.name}: {name} is {number!r}; it must be 1 or more")


def check_proposals(proposals: object, space: Space) -> None:
    """What ``ask`` returned, genomes by their types, length and genes."""
    fine = isinstance(proposals, Sequence) and all(isinstance(p, Proposal) for p in proposals)
    if not fine:
        more = "return a list of Proposal(genome, origin), an empty one at the end"
        raise Breach(f"ask() is {shown(proposals)}; {more}")
    assert isinstance(proposals, Sequence)
    for proposal in proposals:
        problem = _problem(proposal, space)
        if problem:
            raise Breach(f"the proposal {shown(proposal.genome)} {problem}")


def _problem(proposal: Proposal, space: Space) -> str | None:
    """What is wrong with a proposal; words are made only then, as searches make many."""
    genome, origin, parents = proposal.genome, proposal.origin, proposal.parents
    if not isinstance(genome, tuple):
        return f"is a {type(genome).__name__}; make it a tuple"
    try:
        space.check(genome)
    except EvoNasError as error:
        return f"is no genome: {error}; draw with sampler.fresh"
    if not isinstance(origin, str) or not origin:
        return "does not say its `origin`, in a word"
    if not isinstance(parents, tuple) or not all(isinstance(one, tuple) for one in parents):
        return f"has `parents` {shown(parents)}; make it a tuple of genomes"
    return None


# -- calling them --------------------------------------------------------------------------------


def plan(strategy: Strategy, space: Space, settings: Settings) -> tuple[StagePlan, ...]:
    """The stages, checked."""
    with blamed("strategy", _named(strategy), "plan"):
        stages = strategy.plan(space, settings)
        check_stages(stages, space)
    return stages


def begin(
    strategy: Strategy,
    stage: StagePlan,
    sampler: Sampler,
    settings: Settings,
    objectives: Sequence[Objective],
) -> None:
    """Begin a stage."""
    with blamed("strategy", _named(strategy), "begin"):
        strategy.begin(stage, sampler, settings, objectives)


def ask(strategy: Strategy, rng: np.random.Generator, space: Space) -> Sequence[Proposal]:
    """The next generation, checked."""
    with blamed("strategy", _named(strategy), "ask"):
        proposals = strategy.ask(rng)
        check_proposals(proposals, space)
    return proposals


def tell(strategy: Strategy, scored: Sequence[Scored]) -> None:
    """Tell it the scores."""
    with blamed("strategy", _named(strategy), "tell"):
        strategy.tell(scored)


def _named(strategy: Strategy) -> str:
    return str(getattr(strategy, "spec", type(strategy).__name__))


@contextmanager
def blamed(kind: str, spec: str, method: str) -> Iterator[None]:
    """Raise a SpecError that names the plug-in, for a breach or what its own code raises inside.

    What comes from evo-nas alone is a bug in it, and stays as it is.
    """
    then = f"evo-nas check {kind} '{spec}' says what else to mend"
    try:
        yield
    except EvoNasError:
        raise
    except Breach as error:
        raise SpecError(f"{kind} {spec!r}: {error}; {then}") from error
    except Exception as error:
        if not own_frames(error):
            raise
        told = f"{method}() raised {describe(error)}"
        raise SpecError(f"{kind} {spec!r}: {told}; {then}") from error
