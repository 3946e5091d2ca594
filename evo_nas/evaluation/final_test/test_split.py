"""The test split, read once, when all else is done and nothing may be lost any more."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from evo_nas.core.plugins.blame import describe, show_traceback
from evo_nas.data.source import DataSource, SearchData, check_test
from evo_nas.errors import EvoNasError
from evo_nas.training.batches import Batches, measure

from .confusion import Confusion


@dataclass(frozen=True, slots=True)
class Tested:
    """``measured`` are ``test_accuracy`` and its error, or ``test_failure``, the reason why not.

    ``confusion`` tells it class by class, where it was measured. ``notes`` are for people.
    """

    measured: dict[str, float | str]
    notes: tuple[str, ...] = ()
    confusion: Confusion | None = None

    @property
    def images(self) -> int:
        """The images that were measured."""
        return sum(self.confusion.images) if self.confusion else 0

    @property
    def warning(self) -> str | None:
        """What to say where nothing was measured."""
        if "test_failure" not in self.measured:
            return None
        return (
            "the test split could not be measured, all else is delivered: "
            f"{self.measured['test_failure']}"
        )


def measure_test(
    network: nn.Module, source: DataSource, data: SearchData, size: int, device: str
) -> Tested:
    """Measure a network that is on ``device`` and reads images of ``size`` on the test split.

    It was checked before anything was computed. What fails all the same, whatever it is, is told
    and not raised: the network is there, and its weights are worth keeping.
    """
    try:
        images = source.test()
        check_test(images, data)
        test = Batches(images, data, size, device)
        found = measure(network, test)
    except Exception as error:  # a source may be anybody's, and pictures may be gone
        show_traceback(error)
        told = str(error) if isinstance(error, EvoNasError) else describe(error)
        return Tested({"test_failure": " ".join(told.split())})
    metrics = found.metrics()
    measured: dict[str, float | str] = {
        "test_accuracy": metrics["accuracy"],
        "test_standard_error": metrics["standard_error"],
    }
    by_class = Confusion.of(data.classes, found.labels, found.taken)
    return Tested(measured, tuple(test.notes()), by_class)


def measure_validation(
    network: nn.Module, data: SearchData, size: int, device: str
) -> Confusion | None:
    """What the delivered network takes the validation images for; None if they are gone now."""
    try:
        found = measure(network, Batches(data.validation, data, size, device))
    except EvoNasError:  # their accuracy is known, and no reason to lose the network
        return None
    return Confusion.of(data.classes, found.labels, found.taken)
