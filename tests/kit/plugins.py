"""Plug-ins for tests, loaded by path: a small GLiT-like space and evaluators without training."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from evo_nas.errors import SpaceError
from evo_nas.evaluation.evaluator import EvaluationContext, Evaluator, Failure, Objective, Outcome
from evo_nas.sampling.sampler import Sampler
from evo_nas.space import CountedSpace
from evo_nas.space.space import Choice, Costs, Genome, Geometry, Space
from evo_nas.strategies.base import Proposal, Scored, StagePlan, Strategy, flat_stage
from evo_nas.strategies.settings import Settings
from evo_nas.training.weights import save_weights

from .spaces import TinySpace


class Costing(nn.Module):
    """A network that costs what it is told, and answers with the brightness of its images."""

    def __init__(self, costs: Costs, classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(costs["params"]))
        self.classes = classes
        self.register_buffer("one", torch.ones(1, 1), persistent=False)
        self.register_buffer("many", torch.ones(1, costs["flops"]), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        nothing = self.weight.sum() + (self.one @ self.many).mean() - 1
        return images.mean((1, 2, 3)).unsqueeze(1).repeat(1, self.classes) + nothing


class Tiny(TinySpace):
    """The small test space with networks: a linear layer, but at the target what they cost."""

    def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
        if geometry == self.target:
            return Costing(self.costs(genome), geometry.classes)
        pixels = geometry.channels * geometry.image_size**2
        return nn.Sequential(nn.Flatten(), nn.Linear(pixels, geometry.classes))

    def proxy(self, image_size: int, channels: int, classes: int) -> Geometry:
        return Geometry(image_size, channels, classes)


class Layered(CountedSpace):
    """Linear layers, as wide as the geometry says, in multiples of 3."""

    name = "layered"
    choices = tuple(Choice(f"block{number}.layers", (0, 1, 2)) for number in range(3))
    target = Geometry(8, 1, 2, width=24)

    def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
        if geometry.width % 3:
            raise SpaceError(f"{geometry.width} is no multiple of 3")
        pixels = geometry.channels * geometry.image_size**2
        layers = [nn.Linear(geometry.width, geometry.width) for _ in range(sum(self.check(genome)))]
        ends = nn.Linear(pixels, geometry.width), nn.Linear(geometry.width, geometry.classes)
        return nn.Sequential(nn.Flatten(), ends[0], *layers, ends[1])

    def proxy(self, image_size: int, channels: int, classes: int) -> Geometry:
        return Geometry(image_size, channels, classes, width=12)


class Score(Evaluator):
    """A score straight from the genome; ``pause`` seconds each, ``fault`` "raises" breaks it."""

    def __init__(self, pause: float = 0.0, fault: str = "") -> None:
        self.pause, self.fault = pause, fault

    def open(self, space: Space, context: EvaluationContext) -> None:
        self.space, self.context = space, context

    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        if self.pause:  # even no pause lets other processes go first
            time.sleep(self.pause)
        full = self.space.lift(genome)
        score = sum((i + 1) * gene for i, gene in enumerate(full)) / 100
        if self.fault == "raises":
            raise RuntimeError("this evaluator is broken")
        return {"accuracy": score, "standard_error": 0.01}


class Keep(Score):
    """As Score, and keeps weights for each genome, as retraining does."""

    keeps_weights = True

    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        torch.manual_seed(sum(self.space.lift(genome)))
        network = self.space.build(genome, self.context.geometry)
        save_weights(self._path(genome), network.state_dict(), {})
        return super().evaluate(genome)

    def weights(self, genome: Genome) -> Path | None:
        return self._path(genome)

    def _path(self, genome: Genome) -> Path:
        name = "".join(map(str, self.space.lift(genome)))
        return self.context.folder / f"{name}.safetensors"


class Noisy(Score):
    """As Score, with normal noise of deviation ``noise``, anew for each stream."""

    def __init__(self, noise: float = 0.1) -> None:
        super().__init__()
        self.noise = noise

    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        stream = self.context.streams.generator("noise", *self.space.lift(genome))
        even, odd = super().evaluate(genome)["accuracy"] + stream.normal(0, self.noise, 2)
        return {"accuracy": (even + odd) / 2, "accuracy_even": even, "accuracy_odd": odd}


class Seconds(Score):
    """The opposite of Score, and less is better."""

    objectives = (Objective("seconds", maximise=False),)

    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        return {"seconds": 10 - super().evaluate(genome)["accuracy"]}


class Seen(Score):
    """As Score, and counts images: some to prepare for a search, and for each genome."""

    needs_data = False

    def __init__(self, trained: int = 0) -> None:
        super().__init__()
        self.trained = trained

    def open(self, space: Space, context: EvaluationContext) -> None:
        super().open(space, context)
        if not self.trained:
            context.ledger.trained += 1000

    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        self.context.ledger.trained += self.trained
        self.context.ledger.measured += 50 if self.trained else 10
        return super().evaluate(genome)


class Faulty(Score):
    """As Score, but of candidates whose digits add up to ``every`` times a number all fail."""

    needs_data = False
    retrainer = "tests.kit.plugins:Lookup"

    def __init__(self, fault: str = "raises", every: int = 5) -> None:
        super().__init__()
        self.kind, self.every = fault, every

    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        metrics: dict[str, float] = dict(super().evaluate(genome))
        if sum(self.space.lift(genome)) % self.every:
            return metrics
        if self.kind == "raises":
            raise RuntimeError("out of luck")
        if self.kind == "exits":
            raise SystemExit("out of patience")
        returned: dict[str, object] = {
            "nan": {"accuracy": float("nan")},
            "key": {"precision": 1.0},
            "word": {"accuracy": "good"},
            "type": [1.0],
            "failure": Failure("said so itself"),
        }
        return returned[self.kind]  # type: ignore[return-value]


class FaultyTogether(Faulty):
    """Evaluates all at once, and raises amid them."""

    def evaluate_many(self, genomes: Sequence[Genome]) -> Iterator[tuple[int, Outcome]]:
        for position in reversed(range(len(genomes))):
            yield position, self.evaluate(genomes[position])


class Lookup(Score):
    """As Score, and needs no images."""

    needs_data = False


class Cheapest(Strategy):
    """Somebody's own strategy: the cheapest of many draws, a few at a time."""

    def plan(self, space: Space, settings: Settings) -> tuple[StagePlan, ...]:
        return (flat_stage(space, settings),)

    def begin(
        self,
        stage: StagePlan,
        sampler: Sampler,
        settings: Settings,
        objectives: Sequence[Objective],
    ) -> None:
        self.sampler, self.left = sampler, stage.candidates
        self.cheapest: list[Scored] = []
        self.keep = stage.finalists

    def ask(self, rng: np.random.Generator) -> list[Proposal]:
        drawn = [self.sampler.fresh(rng)[0] for _ in range(min(4, self.left))]
        self.left -= len(drawn)
        return [Proposal(genome, "drawn") for genome in drawn]

    def tell(self, scored: Sequence[Scored]) -> None:
        known = [*self.cheapest, *(one for one in scored if one.metrics)]
        self.cheapest = sorted(known, key=lambda one: one.flops)[: self.keep]

    def finalists(self, best: Sequence[Scored], count: int) -> list[Scored]:
        return self.cheapest[:count]


class Clock(Evaluator):
    """Milliseconds that depend on the genome, and a little on how many were measured before.

    The number of measurements is kept in the evaluator's folder, as the time of day would be.
    """

    objectives = (Objective("latency", maximise=False),)
    needs_data = False

    def open(self, space: Space, context: EvaluationContext) -> None:
        self.space, self.count = space, context.folder / "count.txt"

    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        count = int(self.count.read_text()) if self.count.exists() else 0
        self.count.write_text(str(count + 1))
        return {"latency": 10.0 + sum(genome) + 0.1 * (count % 7), "spread": 0.5}
