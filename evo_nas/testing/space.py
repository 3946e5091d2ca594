"""Checks of a space: its choices, its genomes, its costs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from evo_nas.core.plugins import places
from evo_nas.sampling.distribution import prior
from evo_nas.sampling.feasible import feasible
from evo_nas.sampling.limits import Limit
from evo_nas.sampling.slots import Completions
from evo_nas.space.checks import check_choices, check_cost, check_slot
from evo_nas.space.space import Genome, Space

from .check import Check, expect, listed, require, skip
from .networks import NetworkChecks
from .subject import Subject, as_checks
from .supernets import SupernetChecks

_GENOMES = 30


def check_space(space: str | Space | Callable[[], Space], samples: int = 2) -> None:
    """Check a space; see :func:`space_checks`.

    Raises:
        ConformanceError: listing every failed check with what to do.
    """
    require(f"space {_named(space)}", space_checks(space, samples))


def space_checks(space: str | Space | Callable[[], Space], samples: int = 2) -> list[Check]:
    """The checks of a space, to be called one by one; nothing is loaded before the first call.

    Args:
        space: a spec as on the command line, a class or function that makes the space, or the
            space itself (then what needs a second one is skipped).
        samples: genomes whose networks are built; costs and choices are checked on 30.
    """
    subject = Subject("space", Space, space)  # type: ignore[type-abstract]
    genomes = _Genomes(subject)
    parts = (
        _SpaceChecks(subject, genomes),
        NetworkChecks(subject, genomes.some, samples),
        SupernetChecks(subject, genomes.some, samples),
    )
    return as_checks(subject, [named for part in parts for named in part.named()])


def _named(space: object) -> str:
    return space if isinstance(space, str) else getattr(space, "name", repr(space))


class _Genomes:
    """Genomes of a space, from its prior."""

    def __init__(self, subject: Subject[Space]) -> None:
        self._subject = subject

    @cached_property
    def raw(self) -> list[Genome]:
        """Any indices of options, so that inactive choices hold anything."""
        space, rng = self._subject.it, np.random.default_rng(0)
        return [
            tuple(int(rng.integers(len(choice.options))) for choice in space.choices)
            for _ in range(_GENOMES)
        ]

    def some(self) -> list[Genome]:
        """Different canonical genomes; fewer of a small space."""
        space = self._subject.it
        try:
            assert space.conditions is not None
        except Exception:
            skip("its choices are not well-formed")
        rng, drawn = np.random.default_rng(1), prior(space)
        return list(dict.fromkeys(drawn.draw(space, rng) for _ in range(_GENOMES)))


class _SpaceChecks:
    def __init__(self, subject: Subject[Space], genomes: _Genomes) -> None:
        self._subject, self._genomes = subject, genomes

    def named(self) -> Sequence[tuple[str, Callable[[], None]]]:
        """The checks, each with its name."""
        return (
            ("choices are well-formed", self.choices),
            ("options survive JSON", self.json),
            ("genomes and options say the same", self.options),
            ("canonical genomes stay, and cost the same", self.canonical),
            ("costs are whole numbers", self.costs),
            ("slot costs add up", self.slot_costs),
            ("stages cost what their networks cost", self.stages),
            ("a budget in the middle can be met", self.budget),
            ("it is the same space whenever it is loaded", self.fingerprint),
            ("another process loads the same space", self.process),
        )

    def choices(self) -> None:
        check_choices(self._subject.it)

    def json(self) -> None:
        space = self._subject.it
        for genome in self._genomes.some():
            options = space.options(genome)
            told = json.loads(json.dumps(options))
            expect(told == options, f"options {options} come back from JSON as {told}")
            back = space.encode(told)
            expect(back == genome, f"genome {genome} comes back from JSON as {back}")

    def options(self) -> None:
        space = self._subject.it
        for genome in self._genomes.some():
            back = space.encode(space.options(genome))
            told = f"encode(options({genome})) is {back}"
            expect(back == genome, f"{told}; it must be the genome again")
            checked = space.check(genome)
            expect(checked == genome, f"check({genome}) is {checked}, another genome")

    def canonical(self) -> None:
        space = self._subject.it
        self._genomes.some()
        for genome in self._genomes.raw:
            once = space.canonical(genome)
            fine = isinstance(once, tuple) and all(type(gene) is int for gene in once)
            expect(fine, f"canonical({genome}) is {once!r}; return a tuple of int")
            twice = space.canonical(once)
            told = f"canonical({genome}) is {once}, and canonical of that is {twice}"
            expect(twice == once, f"{told}; a canonical genome must stay as it is")
            off = [
                choice.name
                for choice, gene, on in zip(space.choices, once, space.active(once), strict=True)
                if gene and not on
            ]
            expect(not off, f"{listed(off)} is inactive in canonical {once}; let it hold option 0")
            before, after = dict(space.costs(genome)), dict(space.costs(once))
            told = f"{genome} costs {before}, its canonical genome {once} costs {after}"
            expect(before == after, f"{told}; canonical may only join genomes of equal networks")

    def costs(self) -> None:
        space = self._subject.it
        for genome in self._genomes.some():
            check_cost(space.costs(genome), f"costs({genome})")

    def slot_costs(self) -> None:
        space = self._subject.it
        genomes = self._genomes.some()
        if not space.slots:
            skip("it has no slots, so nothing is added up")
        looked_at = set()
        for genome in genomes:
            context = tuple(genome[i] for i in space.context)
            total = Counter(space.fixed_costs(context))
            for slot, positions in space.slots.items():
                table = space.slot_costs(slot, context)
                if table is None:
                    skip("its costs are not additive: slot_costs is None")
                if (slot, context) not in looked_at:
                    looked_at.add((slot, context))
                    check_slot(space, slot, context)
                total.update(table[tuple(genome[i] for i in positions)])
            added, costs = dict(total), dict(space.costs(genome))
            told = f"slots and fixed costs of {genome} add up to {added}, costs() says {costs}"
            same = all(added.get(name, 0) == costs[name] for name in costs)
            expect(same, f"{told}; where costs do not add up, let slot_costs return None")

    def stages(self) -> None:
        space = self._subject.it
        decided = None
        for level in space.levels if self._genomes.some() else ():
            stage = space.stage(level, decided)
            rng, drawn = np.random.default_rng(level), prior(stage)
            genomes = [drawn.draw(stage, rng) for _ in range(5)]
            for genome in genomes:
                full = stage.lift(genome)
                told = f"genome {genome} of level {level} stands for {full}"
                expect(space.check(full) == full, f"{told}, which is not canonical")
                own, whole = dict(stage.costs(genome)), dict(space.costs(full))
                expect(own == whole, f"{told}; it costs {own} in the stage, {whole} in the space")
            for slot in stage.slots if level != space.levels[-1] else ():
                if space.slot_costs(slot, tuple(full[i] for i in space.context)) is not None:
                    found = Completions(space, level).costs(slot, full)
                    expect(found, f"{slot} of {full} cannot be completed after level {level}")
            decided = full

    def budget(self) -> None:
        space = self._subject.it
        costs = sorted(space.costs(genome)["flops"] for genome in self._genomes.some())
        budget = Limit("flops", costs[0], costs[len(costs) // 2])
        legal, rng = feasible(space, budget), np.random.default_rng(2)
        legal.require()
        for _ in range(5):
            genome = legal.draw(legal.prior, rng)
            flops = space.costs(genome)["flops"]
            expect(flops in budget, f"{genome}, drawn within {budget.range} FLOPs, costs {flops}")

    def fingerprint(self) -> None:
        space = self._subject.it
        self._genomes.some()
        if not self._subject.can_be_made_again:
            skip("an object was given; give a spec or the class to have it made twice")
        again = self._subject.make()
        for ours, theirs in zip(space.choices, again.choices, strict=False):
            expect(ours == theirs, f"the second time {ours} is {theirs}; leave nothing to chance")
        same = space.fingerprint == again.fingerprint
        expect(same, "made twice, it has other costs or another target; leave nothing to chance")

    def process(self) -> None:
        self._genomes.some()
        if self._subject.spec is None:
            skip("no spec was given, by which another process could load it")
        spec = places.absolute("space", self._subject.spec)
        code = f"from evo_nas.core.plugins import load\nprint(load('space', {spec!r}).fingerprint)"
        ended = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
        last = (ended.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        expect(ended.returncode == 0, f"another process cannot load it: {last}")
        told = ended.stdout.split()[-1:]
        expect(
            told == [self._subject.it.fingerprint],
            "in another process it has other choices or costs; let nothing depend on the order of "
            "sets, on hash() or on chance",
        )
