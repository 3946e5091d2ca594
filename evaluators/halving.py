"""Scores candidates by successive halving of another evaluator's trainings: few go to the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from evo_nas.core.plugins.options import Spec, at_least
from evo_nas.errors import SettingsError, SpecError, counted
from evo_nas.evaluation.rungs import ladder
from evo_nas.space.space import Space

from .levels import Level, Levels


class HalvingEvaluator(Levels):
    """Goes on training what does well so far, and stops the others, as ``halving?base=train``.

    Source: Jamieson & Talwalkar 2016, "Non-stochastic Best Arm Identification and Hyperparameter
    Optimization", AISTATS.

    In the spec of ``base``, ``&``, ``%`` and ``+`` are written ``%26``, ``%25`` and ``%2B``.

    What goes on must not depend on who else is in a generation. So each rung but the last has a
    threshold: when the evaluator is opened, a reference sample, drawn from the prior of what the
    budget admits, is trained by successive halving: all of it to the end of the first rung, the
    best of every ``keep`` to that of the second, and so on. Candidates go on that are at least as
    good as the last of those that did. As a search finds better candidates than chance does, more
    of them go on.

    The last rung ends after all epochs, the one before after one ``keep``-th of them, and so on,
    as far as epochs and sample have room. Each candidate follows the schedule of the whole training
    and is merely stopped early, so those that go to the end have the metrics that ``base`` gives.

    The objective ``halving`` is the number of rungs that a candidate has ``passed``, plus what
    ``base`` says after the last (which must be no less than 0; 1 / (1 + it) where less is better),
    or, of those that stopped, the place from 0 to 1 in the reference sample of that rung.
    So who went further ranks higher. Metrics of rungs before the last are kept as ``rung1_...``,
    each with its epochs.

    Args:
        base: the spec of an evaluator that can pause its trainings, as train can.
        keep: one in so many goes on from each rung.
        reference: the size of the reference sample, ``keep`` or more.
    """

    def __init__(
        self,
        *,
        base: Annotated[str, Spec("evaluator")] = "train",
        keep: Annotated[int, at_least(2)] = 2,
        reference: Annotated[int, at_least(2)] = 16,
    ) -> None:
        super().__init__({"": base}, "", "halving", reference)
        if not self._lead.pauses:
            raise SpecError(
                f"base={base} cannot pause a training; give an evaluator that can, as train does"
            )
        if reference < keep:
            raise SettingsError(f"reference={reference} must be keep={keep} or more")
        self._keep = keep

    def prepare(self, space: Space) -> None:
        """Draw up the rungs, and have the reference sample climb them."""
        keep, epochs = self._keep, self._context.epochs
        count = keep
        while count * keep <= self._reference:  # each threshold is one among several
            count *= keep
        rungs = ladder(count, keep, epochs)
        self._levels = [
            Level(f"rung{number}", "", 1 / keep, rung) for number, rung in enumerate(rungs, start=1)
        ]
        if len(rungs) == 1:
            of = counted(epochs, "epoch")
            line = f"halving: of {of} none can be spared at keep={keep}; all train alike"
            self._context.notes.append(line)
            self._context.progress.say(line)
        super().prepare(space)

    def accepts(self, metrics: Mapping[str, float]) -> bool:
        """All that was trained, at least a little: finalists are trained to the end."""
        return True

    def called(self, level: Level) -> str:
        """By its epochs."""
        assert level.rung is not None
        return f"epoch {level.rung.end}"
