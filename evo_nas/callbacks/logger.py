"""What loggers share: from what happens in a run to figures, each with its place on an axis."""

from __future__ import annotations

import hashlib
import importlib.util
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from evo_nas.errors import SettingsError

from .callback import Callback, EpochDone, RunBegun, RunEnded, StageEnded

if TYPE_CHECKING:
    from evo_nas.search.store.rows import Evaluation

Axis: TypeAlias = Literal["evaluation", "epoch"]
SHARED = "training shared weights"


class Logger(Callback):
    """Logs figures to a program that shows them, whose Python package is ``library``.

    Figures are called by their place, as ``stage1/search/accuracy``. Evaluations are counted over
    the whole run, epochs in each training: of shared weights ``stage1/search/training/loss``, of a
    finalist ``stage1/finalists/training-1a2b3c/loss``, with a digest of its genome.
    """

    library: str

    def __init__(self) -> None:
        if importlib.util.find_spec(self.library) is None:
            raise SettingsError(
                f"callback {self.library} needs a package: pip install 'evo-nas[{self.library}]', "
                "or leave it out"
            )

    @abstractmethod
    def open(self, run: RunBegun, options: Mapping[str, Any]) -> None:
        """Begin to log, or go on, with a run's ``options`` (by names as ``settings.samples``)."""

    @abstractmethod
    def log(self, figures: Mapping[str, float], axis: Axis, number: int) -> None:
        """Log figures at a place on an axis."""

    @abstractmethod
    def close(self, run: RunEnded, figures: Mapping[str, float]) -> None:
        """End, with the ``figures`` that were measured of the network that was found."""

    def run_begun(self, run: RunBegun) -> None:
        self._number = run.recorded
        self.open(run, dict(_flat(run.options)))

    def evaluation_done(self, evaluation: Evaluation) -> None:
        self._number += 1
        spent = {
            "flops": evaluation.flops,
            "params": evaluation.params,
            "seconds": evaluation.seconds,
            "images_trained": evaluation.images.trained,
            "images_measured": evaluation.images.measured,
            "failed": float(evaluation.failure is not None),
        }
        place = f"{evaluation.stage}/{evaluation.phase}"
        self.log(_placed(place, spent | {**evaluation.metrics}), "evaluation", self._number)

    def epoch_done(self, epoch: EpochDone) -> None:
        which = "training"
        if epoch.training != SHARED:
            which += f"-{hashlib.sha256(epoch.training.encode()).hexdigest()[:6]}"
        figures = {
            "loss": epoch.loss,
            "learning_rate": epoch.learning_rate,
            "images_per_second": epoch.images_per_second,
        }
        place = "/".join(filter(None, (epoch.stage, epoch.phase, which)))
        self.log(_placed(place, figures), "epoch", epoch.number)

    def stage_ended(self, stage: StageEnded) -> None:
        best = stage.finalists[0]
        place = f"{stage.stage.name}/best"
        figures = _placed(place, {"flops": best.flops, **best.metrics})
        self.log(figures, "evaluation", self._number)

    def run_ended(self, run: RunEnded) -> None:
        measured = _flat(run.measured)
        self.close(run, {name: float(value) for name, value in measured if _is_number(value)})


def _placed(place: str, figures: Mapping[str, float]) -> dict[str, float]:
    return {f"{place}/{name}": float(value) for name, value in figures.items()}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _flat(options: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Options of sections by names with dots."""
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value
