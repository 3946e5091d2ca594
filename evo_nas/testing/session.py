"""Scoring a few genomes as a run would, in a folder of its own that is gone afterwards.

A space in which one network cannot be built shows what becomes of the others.
"""

from __future__ import annotations

import copy
import random
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from evo_nas.core.plugins import registry
from evo_nas.core.streams import Streams
from evo_nas.data.source import DataSource
from evo_nas.evaluation.evaluator import EvaluationContext, Evaluator, Failure
from evo_nas.evaluation.outcomes import outcomes
from evo_nas.evaluation.workers import Workers
from evo_nas.sampling.distribution import prior
from evo_nas.space.space import Genome, Space
from evo_nas.space.supernet import Step, Supernet
from evo_nas.training.ledger import Ledger
from evo_nas.training.recipe import load_recipe

from .check import CheckFailed, Once, expect, listed, skip
from .subject import OnSpace

_DIGITS = "digits?train=128&validation=60&test=60"
Metrics: TypeAlias = Mapping[str, float]


class Session(OnSpace[Evaluator]):
    """An evaluator's scores of a few genomes, and more evaluators opened in the same way."""

    kind, base = "evaluator", Evaluator

    def __init__(
        self, evaluator: object, space: str | Space | None, data: str | None, samples: int
    ) -> None:
        super().__init__(evaluator, space)
        self._data, self._samples = data, samples
        self.ledger = Ledger()
        self.outcome = Once(self._score_all, "it scores nothing, see above")

    @cached_property
    def genomes(self) -> list[Genome]:
        """As many different ones as there are samples, or as the space has."""
        rng, drawn = np.random.default_rng(3), prior(self.space)
        tried = (drawn.draw(self.space, rng) for _ in range(50 * self._samples))
        return list(dict.fromkeys(tried))[: self._samples]

    def _score_all(self) -> dict[Genome, Metrics]:
        """All genomes together, by an evaluator with nothing else to do."""
        evaluator = self.it
        try:
            evaluator.check(self.space)
        except Exception:
            skip("it refuses the space")
        with self.opened() as evaluator:
            return score(evaluator, self.genomes)

    @property
    def scores(self) -> dict[Genome, Metrics]:
        """The metrics of all genomes; what needs them is skipped where there are none."""
        return self.outcome.get()

    @contextmanager
    def opened(
        self, folder: Path | None = None, space: Space | None = None, epochs: int = 1
    ) -> Iterator[Evaluator]:
        """Another evaluator, open for a run of seed 5, closed at the end."""
        evaluator = self.make()
        with tempfile.TemporaryDirectory() as temporary:
            context = replace(self._context(folder or Path(temporary)), epochs=epochs)
            evaluator.open(space or self.space, context)
            try:
                yield evaluator
            finally:
                evaluator.close()
                self.ledger = context.ledger

    @contextmanager
    def in_worker(self) -> Iterator[Workers]:
        """The evaluator in a process of its own, open for the same run, ended at the end."""
        with tempfile.TemporaryDirectory() as folder:
            workers = Workers(self.make(), self.space, self._context(Path(folder)))
            try:
                yield workers
            finally:
                workers.close()

    def _context(self, folder: Path) -> EvaluationContext:
        needed = self.it.needs_data
        source: DataSource = registry.load("data", (self._data or _DIGITS) if needed else "none")
        images = source.load(0)
        geometry = self.space.target  # as in a run where nothing looks at images
        if needed:
            channels, size = images.train.shape
            geometry = self.space.proxy(size, channels, len(images.classes))
        return EvaluationContext(
            streams=Streams(5),
            folder=folder,
            geometry=geometry,
            data=images,
            recipe=load_recipe("quick"),
            epochs=1,
        )


def score(evaluator: Evaluator, genomes: Sequence[Genome]) -> dict[Genome, Metrics]:
    """The metrics of each genome, asked together; CheckFailed if one has none."""
    found: dict[Genome, Metrics] = {}
    for position, outcome in outcomes(evaluator, genomes):
        genome = genomes[position]
        if isinstance(outcome, Failure):
            evaluator.evaluate(genome)  # if this raises again, the line to blame is known
            raise CheckFailed(f"genome {genome} fails: {outcome.reason}")
        found[genome] = outcome
    return found


def expect_equal(
    expected: Mapping[Genome, Metrics], found: Mapping[Genome, Metrics], who: str, fix: str
) -> None:
    """Fail, naming who differs in what, unless all metrics are equal."""
    for genome, metrics in expected.items():
        for name, value in metrics.items():
            other = found[genome].get(name)
            told = f"{who} give {genome} {name} {value} and {other}"
            expect(other == value, f"{told}; {fix}")


@contextmanager
def unmoved(fix: str) -> Iterator[None]:
    """Fail if what a plug-in must leave as it is changes inside; all is put back."""
    kept = random.getstate(), np.random.get_state(), torch.get_rng_state()
    random.seed(77)  # no likely seed of theirs
    np.random.seed(77)
    torch.manual_seed(77)
    before = _global_settings()
    try:
        yield
        moved = [name for name, value in _global_settings().items() if before[name] != value]
        expect(not moved, f"{listed(moved)} changed; {fix}")
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])
        torch.set_rng_state(kept[2])


def _global_settings() -> dict[str, object]:
    name, keys, position, *_ = np.random.get_state()
    return {
        "Python's random state": random.getstate(),
        "numpy's global random state": (name, bytes(keys), position),  # type: ignore[arg-type]
        "torch's random state": bytes(torch.get_rng_state().tolist()),
        "torch's number of threads": torch.get_num_threads(),
        "torch's default dtype": torch.get_default_dtype(),
        "whether torch keeps gradients": torch.is_grad_enabled(),
        "whether torch is deterministic": torch.are_deterministic_algorithms_enabled(),
    }


_REASON = "this network was made to fail, to see whether the others are scored"


def failing(space: Space, bad: Genome) -> Space:
    """A copy of the space that raises when the network or the results of ``bad`` are wanted.

    Its supernet raises when ``bad`` is evaluated, not while it is trained.
    """

    def refusing(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(genome: Sequence[int], *others: Any, **named: Any) -> Any:
            if space.canonical(genome) == bad:
                raise RuntimeError(_REASON)
            return method(genome, *others, **named)

        return call

    def supernet(*given: Any, **named: Any) -> Supernet:
        return _failing_supernet(space.supernet(*given, **named), bad)

    broken: Any = copy.copy(space)
    broken.build, broken.metrics = refusing(space.build), refusing(space.metrics)
    # Costs are known, even where they are counted on networks.
    broken.slot_costs, broken.fixed_costs = space.slot_costs, space.fixed_costs
    broken.supernet = supernet
    return broken  # type: ignore[no-any-return]


def _failing_supernet(supernet: Supernet, bad: Genome) -> Supernet:
    cls: Any = type(supernet)

    def refuse(hidden: Tensor) -> Tensor:
        if not torch.is_grad_enabled():
            raise RuntimeError(_REASON)
        return hidden

    class FailingSupernet(cls):  # type: ignore[misc]
        def steps(self, genome: Genome) -> Sequence[Step]:
            found: list[Step] = [*super().steps(genome)]
            return [*found, Step("fails", refuse)] if genome == bad else found

    supernet.__class__ = FailingSupernet
    return supernet
