"""The contract of an evaluator: it scores genomes of a space."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Number
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from evo_nas import training
from evo_nas.core.plugins.blame import ANYHOW, describe, show_traceback
from evo_nas.core.progress import Progress, Silent
from evo_nas.core.streams import Streams
from evo_nas.core.validation import shown
from evo_nas.errors import ContractError, EvaluatorError, EvoNasError
from evo_nas.sampling.feasible import Feasible
from evo_nas.space.space import Genome, Geometry, Space
from evo_nas.training.ledger import Ledger
from evo_nas.training.recipe import Recipe

if TYPE_CHECKING:
    from torch import Tensor

    from evo_nas.data.images import ImageSet
    from evo_nas.data.source import SearchData
    from evo_nas.training.batches import Batches

    from .dispatch import AtWork

# From a genome to the weights that its stand-alone network starts from, by name.
InitialWeights: TypeAlias = "Callable[[Genome], Mapping[str, Tensor]]"
# Draws a canonical genome of the opened space.
Draw: TypeAlias = Callable[[np.random.Generator], Genome]


@dataclass(frozen=True, slots=True)
class Objective:
    """A metric that candidates are ranked by; earlier objectives decide first."""

    name: str
    maximise: bool = True

    @property
    def sign(self) -> int:
        """What its values are multiplied by so that more is better."""
        return 1 if self.maximise else -1


@dataclass(frozen=True, slots=True)
class Failure:
    """A candidate could not be scored: it is recorded with the reason, and the search goes on."""

    reason: str

    @classmethod
    def by(cls, error: BaseException) -> Failure:
        """That of the candidate whose evaluation raised this.

        An error that is not about a candidate, such as images that cannot be read, is raised again.
        """
        known = isinstance(error, EvoNasError)
        if known and not (
            isinstance(error, EvaluatorError) and not isinstance(error, ContractError)
        ):
            raise error
        show_traceback(error)
        return cls(str(error) if known else describe(error))


# What an evaluator says of a candidate.
Outcome: TypeAlias = Mapping[str, float] | Failure


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of one genome, with the images that it took and what was noted on the way."""

    outcome: Outcome
    images: Ledger
    notes: Sequence[str]


# Opens an evaluator that another one asks.
Engage: TypeAlias = "Callable[[Evaluator, Space, EvaluationContext], AtWork]"


@dataclass(frozen=True, slots=True)
class EvaluationContext:
    """What a run offers to an evaluator; fields may be added, none changes its meaning.

    ``folder`` is the evaluator's own, for checkpoints; ``epochs`` is how long to train (a supernet,
    or each network from scratch); ``streams`` are private to the stage. ``threads`` are the CPU
    threads of this process, ``jobs`` how many worker processes may be used on the CPU: the outcome
    must be the same for any number of them. Evaluators that see images add them to ``ledger``,
    those of a candidate before its metrics are yielded; the run takes them from there. With
    ``initial_weights`` networks are not trained from scratch but from the weights that it gives for
    a genome. ``legal`` is what the run's budget admits, and ``draw`` draws from its prior, for
    evaluators that compare with typical candidates; None where nothing limits the space, and for
    evaluators that are ``in_workers``. ``engage`` opens an evaluator that this one asks, in worker
    processes if it says ``in_workers``; None in such a process, where evaluators work that this one
    opens. What happened on the way that bears on the scores, such as a training that had to go on
    at a lower rate, is added to ``notes``: the run keeps it.
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
    initial_weights: InitialWeights | None = None
    draw: Draw | None = None
    legal: Feasible | None = None
    engage: Engage | None = None
    notes: list[str] = field(default_factory=list)

    def take(self) -> tuple[Ledger, list[str]]:
        """Empty ``ledger`` and ``notes``; what was in them becomes part of an answer."""
        images, notes = replace(self.ledger), [*self.notes]
        self.ledger.trained = self.ledger.measured = 0
        self.notes.clear()
        return images, notes

    def batches(self, images: ImageSet) -> Batches:
        """Images of the run, at its geometry on its device."""
        return training.Batches(images, self.data, self.geometry.image_size, self.device)

    def add(self, images: Ledger, notes: Sequence[str]) -> None:
        """Count and note what was taken from the context of another evaluator."""
        self.ledger.add(images)
        self.notes.extend(notes)


class Evaluator(ABC):
    """Scores genomes of the space that it was opened with.

    :meth:`evaluate` returns at least the metrics named in ``objectives``, as finite numbers; others
    that are none are left out. What it returns must depend on the genome and the context alone,
    never on what was evaluated before. What it raises, or metrics that are missing or no finite
    numbers, fail that candidate alone. Errors of evo-nas other than EvaluatorError stop the run,
    and so does what :meth:`open` raises.

    ``retrainer`` is the spec of the evaluator that confirms the finalists unless a run names
    another. An evaluator that looks at no images says so with ``needs_data``: a run of such
    evaluators loads none, and its geometry is the target. ``shares_weights`` says that it has
    :meth:`initial_weights`, ``inherits`` that it trains from those of its context, ``repeatable``
    that a genome always has the same metrics, which times, for instance, never are, and
    ``keeps_weights`` that :meth:`weights` has a file for each evaluated genome: should it be lost,
    the genome is evaluated once more. Where these depend on options, the constructor sets them.

    ``conditions`` says in words under what it measures a network, where metrics depend on that;
    plans and results repeat it beside the device.

    ``in_workers`` says that :meth:`open` is cheap and may be called in several processes with one
    folder, and that :meth:`evaluate` needs no more than that. Then the engine may load the
    evaluator in worker processes of one thread, ``jobs`` of them or one for each GPU, and send them
    genomes, also weights that the context offers. A worker that hangs (if there is a time limit) or
    dies fails its candidate alone. The context of such an evaluator has ``threads`` and ``jobs`` 1
    in a worker, and no ``draw``; metrics, the ledger, notes and what is said come back.

    ``asks_workers`` says that it works in the process of the search itself, as it compares
    candidates with a reference sample for instance, but leaves what takes long to evaluators that
    are ``in_workers`` and that it has from the context's ``engage``: a time limit holds there, each
    time that one of them is asked.

    ``pauses`` says that it trains each network alone, for the epochs of its context, and has
    :meth:`evaluate_part`.
    """

    objectives: Sequence[Objective] = (Objective("accuracy"),)
    retrainer: str = "train"
    needs_data: bool = True
    shares_weights: bool = False
    inherits: bool = False
    keeps_weights: bool = False
    repeatable: bool = True
    in_workers: bool = False
    asks_workers: bool = False
    pauses: bool = False
    conditions: str = ""

    def check(self, space: Space) -> None:  # noqa: B027
        """Raise an EvoNasError if it cannot score this space; called before anything is begun."""

    def demand(self, space: Space, geometry: Geometry, recipe: Recipe) -> str:
        """What it takes to score networks of a space, for the plan of a run; "" if not worth it."""
        return ""

    def open(self, space: Space, context: EvaluationContext) -> None:  # noqa: B027
        """Prepare, for instance train the shared weights; called once before evaluations."""

    @abstractmethod
    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        """The metrics of one canonical genome of the opened space."""

    def evaluate_part(self, genome: Genome, begin: int, end: int) -> Mapping[str, float]:
        """The metrics of a genome after epoch ``end`` of its training, that goes on from ``begin``.

        Epochs are those of the whole training, 0 is its start. Parts only decide when it stops: up
        to the last epoch, they leave what :meth:`evaluate` does, metrics and weights. The ledger
        counts this part alone; a part that was trained before may be asked for again.
        """
        raise NotImplementedError(f"{type(self).__name__} cannot pause a training")

    def evaluate_many(self, genomes: Sequence[Genome]) -> Iterator[tuple[int, Outcome]]:
        """Positions in ``genomes`` with their metrics, in any order, as they are finished.

        A :class:`Failure` stands for the metrics of a genome that cannot be scored. Where this
        raises, those that are missing are asked again, one at a time.
        """
        for position, genome in enumerate(genomes):
            try:
                outcome: Outcome = self.evaluate(genome)
            except ANYHOW as error:  # a plug-in may fail in any way
                outcome = Failure.by(error)
            yield position, outcome

    def accepts(self, metrics: Mapping[str, float]) -> bool:
        """Whether a candidate with these metrics, which it returned, may be retrained, delivered.

        Where it says no, they only guide the search, as those of what a cascade's first level
        stopped.
        """
        return True

    def weights(self, genome: Genome) -> Path | None:
        """A safetensors file with the stand-alone weights of an evaluated genome, if kept."""
        return None

    def initial_weights(self, genome: Genome) -> Mapping[str, Tensor]:
        """Copies of the shared weights that a genome's stand-alone network can start from."""
        raise NotImplementedError(f"{type(self).__name__} shares no weights")

    def close(self) -> None:  # noqa: B027
        """Release what :meth:`open` took."""


def check_metrics(
    metrics: Mapping[str, float], objectives: Sequence[Objective], notes: list[str] | None = None
) -> dict[str, float]:
    """The metrics as plain floats.

    Numbers are those of Python, and of NumPy and PyTorch where they hold one value. Texts and truth
    values are none, whatever they look like. What is no finite number and no objective is left out,
    which is added to ``notes``.

    Raises:
        EvaluatorError: an objective is missing or no finite number.
    """
    if not isinstance(metrics, Mapping):
        raise EvaluatorError(f"an evaluator returns a mapping of metrics, not {shown(metrics)}")
    names = [objective.name for objective in objectives]
    missing = [name for name in names if name not in metrics]
    if missing:
        raise EvaluatorError(f"the evaluator returned {list(metrics)}, without {missing[0]!r}")
    found = {}
    for name, value in metrics.items():
        number = _number(value)
        if isinstance(name, str) and math.isfinite(number):
            found[name] = number
        elif name in names:
            told = "" if isinstance(value, float) else f" but of type {type(value).__name__}"
            raise EvaluatorError(
                f"the evaluator returned {name} = {shown(value)}, no finite number{told}"
            )
        elif notes is not None:
            notes.append(f"metric {shown(name)} is left out where it is no finite number")
    return found


def _number(value: object) -> float:
    """A value as a float, nan if it is none."""
    try:
        if callable(item := getattr(value, "item", None)):  # NumPy's and PyTorch's have it
            value = item()
        is_number = isinstance(value, Number) and not isinstance(value, bool)
        return float(value) if is_number else math.nan  # type: ignore[arg-type]
    except (OverflowError, RuntimeError, TypeError, ValueError):  # too large, several, complex
        return math.nan
