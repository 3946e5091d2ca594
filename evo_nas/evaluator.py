"""The contract of an evaluator: it scores genomes of a space."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from .data import SearchData
from .errors import EvaluatorError
from .measuring import Ledger
from .progress import Progress, Silent
from .recipe import Recipe
from .space import Genome, Geometry, Space
from .streams import Streams


@dataclass(frozen=True, slots=True)
class Objective:
    """A metric that candidates are ranked by; earlier objectives decide first."""

    name: str
    maximise: bool = True


@dataclass(frozen=True, slots=True)
class EvaluationContext:
    """What a run offers to an evaluator; fields may be added, none changes its meaning.

    ``folder`` is the evaluator's own, for checkpoints; ``epochs`` is how long to train (a supernet,
    or each network from scratch); ``streams`` are private to the stage. ``threads`` are the CPU
    threads of this process, ``jobs`` how many worker processes may be used on the CPU: the outcome
    must be the same for any number of them. Evaluators that see images count them in ``ledger``,
    those of a candidate before its metrics are yielded.
    """

    streams: Streams
    folder: Path
    geometry: Geometry
    data: SearchData
    recipe: Recipe
    epochs: int
    device: str = "cpu"
    threads: int = 1
    jobs: int = 1
    progress: Progress = field(default_factory=Silent)
    ledger: Ledger = field(default_factory=Ledger)


class Evaluator(ABC):
    """Scores genomes of the space that it was opened with.

    :meth:`evaluate` returns at least the metrics named in ``objectives``, as finite numbers. What
    it returns must depend on the genome and the context alone, never on what was evaluated before.

    ``retrainer`` is the spec of the evaluator that confirms the finalists unless a run names
    another. An evaluator that looks at no images says so with ``needs_data``: a run of such
    evaluators loads none, and its geometry is the target.
    """

    objectives: ClassVar[Sequence[Objective]] = (Objective("accuracy"),)
    retrainer: ClassVar[str] = "train"
    needs_data: ClassVar[bool] = True

    def check(self, space: Space) -> None:  # noqa: B027
        """Raise an EvoNasError if it cannot score this space; called before anything is begun."""

    def open(self, space: Space, context: EvaluationContext) -> None:  # noqa: B027
        """Prepare, for instance train the shared weights; called once before evaluations."""

    @abstractmethod
    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        """The metrics of one canonical genome of the opened space."""

    def evaluate_many(self, genomes: Sequence[Genome]) -> Iterator[tuple[int, Mapping[str, float]]]:
        """Positions in ``genomes`` with their metrics, in any order, as they are finished."""
        for position, genome in enumerate(genomes):
            yield position, self.evaluate(genome)

    def weights(self, genome: Genome) -> Path | None:
        """A safetensors file with the stand-alone weights of an evaluated genome, if kept."""
        return None

    def close(self) -> None:  # noqa: B027
        """Release what :meth:`open` took."""


def check_metrics(
    metrics: Mapping[str, float], objectives: Sequence[Objective]
) -> dict[str, float]:
    """The metrics as plain floats.

    Raises:
        EvaluatorError: an objective is missing, or a value is no finite number.
    """
    if not isinstance(metrics, Mapping):
        raise EvaluatorError(f"an evaluator returns a mapping of metrics, not {metrics!r}")
    missing = [o.name for o in objectives if o.name not in metrics]
    if missing:
        raise EvaluatorError(f"the evaluator returned {sorted(metrics)}, without {missing[0]!r}")
    checked = {}
    for name, value in metrics.items():
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = float("nan")
        if not -float("inf") < number < float("inf"):
            raise EvaluatorError(f"the evaluator returned {name} = {value!r}, no finite number")
        checked[name] = number
    return checked
