"""Results for pages: of a hand-made space, so that every number is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from evo_nas.api import prepare
from evo_nas.evaluation.evaluator import Objective
from evo_nas.results.candidates import Stage, read_stage
from evo_nas.results.result import Result
from evo_nas.sampling.limits import parse_range
from evo_nas.search.store.store import Evaluation
from evo_nas.space.space import Cell, Costs, Genome
from evo_nas.training.ledger import Ledger

from .plugins import Tiny

ACCURACY = Objective("accuracy")
BUDGET = parse_range("1K")


class Drawn(Tiny):
    """The small space, with a picture whose words are given."""

    def __init__(self, words: str = "words") -> None:
        super().__init__(blocks=2)
        self.words, self.legend = words, words

    def picture(self, genome: Sequence[int]) -> tuple[Cell, ...]:
        return (Cell(self.words, (self.words,), genome[0] / 2),)


SPACE = Drawn()


def evaluation(
    genome: Genome,
    score: float | None,
    *,
    stage: str = "stage1",
    phase: str = "search",
    generation: int = 0,
    position: int = 0,
    origin: str = "random",
    parents: tuple[Genome, ...] = (),
    images: Ledger | None = None,
    metrics: Mapping[str, float] | None = None,
) -> Evaluation:
    costs: Costs = SPACE.costs(genome)
    return Evaluation(
        stage, phase, generation, position, genome, costs["flops"], costs["params"],
        metrics or ({} if score is None else {"accuracy": score}), origin, parents, 0.5,
        images or Ledger(),
    )  # fmt: skip


def genome(kind: int, size: int = 0) -> Genome:
    """Two blocks alike."""
    return SPACE.canonical((kind, size, 0) * 2)


def made(*evaluations: Evaluation, best: Genome | None = None, **changes: object) -> Result:
    """A result of these evaluations, finished if there is a ``best``."""
    prepared = prepare(
        "tests.kit.plugins:Tiny?blocks=2", "1K", evaluator="tests.kit.plugins:Lookup",
        retrainer="tests.kit.plugins:Lookup", strategy="random_search",
    )  # fmt: skip
    delivered = best and {
        "choices": SPACE.options(best),
        "target": dict(SPACE.costs(best)),
        "measured": {"by": "Lookup", "data": "none", "accuracy": 0.5},
    }
    fields = {
        "folder": Path("runs/made"),
        "config": prepared.config,
        "best": delivered,
        "evaluations": evaluations,
        "spent": {("stage1", "search"): 30.0, ("stage1", "finalists"): 90.0},
        "images": {},
        "facts": {"versions": {"evo-nas": "0.1.0"}, "data": "none"},
    }
    return Result(**{**fields, **changes})  # type: ignore[arg-type]


def stage_of(*evaluations: Evaluation) -> Stage:
    return read_stage(evaluations, "stage1", ACCURACY, ACCURACY)
