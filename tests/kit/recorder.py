"""Counting what an evaluator is asked, and stopping amid it."""

from __future__ import annotations


class Recorder:
    """Counts evaluations, and interrupts after ``limit`` of them."""

    count, limit = 0, -1

    def restart(self, limit: int = -1) -> None:
        self.count, self.limit = 0, limit
