"""Checks of a space's choices, of its genomes, and of their costs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from functools import cached_property

import numpy as np

from evo_nas.core.plugins import places
from evo_nas.sampling.distribution import prior
from evo_nas.sampling.feasible import feasible
from evo_nas.sampling.limits import Limit
from evo_nas.sampling.slots import Completions
from evo_nas.space.checks import check_choices, check_slot
from evo_nas.space.space import Genome, Space

from .check import expect, listed, skip
from .subject import Subject, named

_GENOMES = 30


class GenomeChecks(Subject[Space]):
    """The checks of what a space says without building a network."""

    kind, base = "space", Space

    def __init__(self, space: object, samples: int) -> None:
        super().__init__(space)
        self.samples = samples

    @cached_property
    def raw(self) -> list[Genome]:
        """Any indices of options, so that inactive choices hold anything."""
        space, rng = self.it, np.random.default_rng(0)
        return [
            tuple(int(rng.integers(len(choice.options))) for choice in space.choices)
            for _ in range(_GENOMES)
        ]

    @cached_property
    def genomes(self) -> list[Genome]:
        """Different canonical genomes; fewer of a small space."""
        space = self.it
        try:
            assert space.conditions is not None
        except Exception:
            skip("its choices are not well-formed")
        rng, drawn = np.random.default_rng(1), prior(space)
        return list(dict.fromkeys(drawn.draw(space, rng) for _ in range(_GENOMES)))

    @named("choices are well-formed")
    def _choices(self) -> None:
        check_choices(self.it)

    @named("options survive JSON")
    def _json(self) -> None:
        space = self.it
        for genome in self.genomes:
            options = space.options(genome)
            told = json.loads(json.dumps(options))
            expect(told == options, f"options {options} come back from JSON as {told}")
            back = space.encode(told)
            expect(back == genome, f"genome {genome} comes back from JSON as {back}")

    @named("genomes and options say the same")
    def _options(self) -> None:
        space = self.it
        for genome in self.genomes:
            back = space.encode(space.options(genome))
            told = f"encode(options({genome})) is {back}"
            expect(back == genome, f"{told}; it must be the genome again")
            checked = space.check(genome)
            expect(checked == genome, f"check({genome}) is {checked}, another genome")

    @named("canonical genomes stay, and cost the same")
    def _canonical(self) -> None:
        space = self.it
        assert self.genomes
        for genome in self.raw:
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

    @named("costs are whole numbers")
    def _costs(self) -> None:
        space = self.it
        for genome in self.genomes:
            space.costs(genome)  # raises where they are not

    @named("slot costs add up")
    def _slot_costs(self) -> None:
        space = self.it
        genomes = self.genomes
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

    @named("stages cost what their networks cost")
    def _stages(self) -> None:
        space = self.it
        decided = None
        for level in space.levels if self.genomes else ():
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

    @named("a budget in the middle can be met")
    def _budget(self) -> None:
        space = self.it
        costs = sorted(space.costs(genome)["flops"] for genome in self.genomes)
        budget = Limit("flops", costs[0], costs[len(costs) // 2])
        legal, rng = feasible(space, budget), np.random.default_rng(2)
        legal.require()
        for _ in range(5):
            genome = legal.draw(legal.prior, rng)
            flops = space.costs(genome)["flops"]
            expect(flops in budget, f"{genome}, drawn within {budget.range} FLOPs, costs {flops}")

    @named("it is the same space whenever it is loaded")
    def _fingerprint(self) -> None:
        space = self.it
        assert self.genomes
        self.needs_another()
        again = self.make()
        for ours, theirs in zip(space.choices, again.choices, strict=False):
            expect(ours == theirs, f"the second time {ours} is {theirs}; leave nothing to chance")
        same = space.fingerprint == again.fingerprint
        expect(same, "made twice, it has other costs or another target; leave nothing to chance")

    @named("another process loads the same space")
    def _process(self) -> None:
        assert self.genomes
        if self.spec is None:
            skip("no spec was given, by which another process could load it")
        spec = places.absolute("space", self.spec)
        code = f"from evo_nas.core.plugins import load\nprint(load('space', {spec!r}).fingerprint)"
        ended = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
        last = (ended.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        expect(ended.returncode == 0, f"another process cannot load it: {last}")
        told = ended.stdout.split()[-1:]
        expect(
            told == [self.it.fingerprint],
            "in another process it has other choices or costs; let nothing depend on the order of "
            "sets, on hash() or on chance",
        )
