"""What a result has cost, in images."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Ledger:
    """The cost of a result in images: ``trained`` forward and backward, ``measured`` forward.

    It counts what the result rests on, once: also what was done before a stop, and what shared
    weights or scores that were taken from an earlier run have cost there.
    """

    trained: int = 0
    measured: int = 0

    @property
    def passes(self) -> int:
        """The cost in forward passes of one image; a backward pass counts as two."""
        return 3 * self.trained + self.measured

    def __add__(self, other: Ledger) -> Ledger:
        return Ledger(self.trained + other.trained, self.measured + other.measured)

    def __sub__(self, other: Ledger) -> Ledger:
        return Ledger(self.trained - other.trained, self.measured - other.measured)

    def add(self, other: Ledger) -> None:
        """Add the counts of another ledger."""
        self.trained += other.trained
        self.measured += other.measured
