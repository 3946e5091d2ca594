"""A space and an evaluator that are named by the path of this file: candidates hang and kill."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from torch import nn

from evo_nas.errors import DataError
from evo_nas.evaluation.evaluator import EvaluationContext, Evaluator
from evo_nas.space.space import Genome, Geometry, Space
from tests.kit.plugins import Tiny

# By what the genes add up to, the first one once, the second one twice, and so on.
FAULTS = {
    1: "raise", 33: "raise", 4: "nan", 20: "nan", 27: "hang", 14: "exit", 29: "segfault",
}  # fmt: skip


class Mine(Tiny):
    """A class that no other process can import."""


class Dangerous(Evaluator):
    """Fails some candidates in each way that there is; all of them just ``plain``-ly on request.

    ``once`` names a file: until it is there, the first evaluation writes it and dies. ``stops``
    raises an error that is not about a candidate. ``log`` names a file that processes are added to,
    and until there is one named ``hurry``, each candidate takes half a second.
    """

    needs_data = False
    in_workers = True

    def __init__(
        self,
        plain: bool = False,
        once: str = "",
        stops: bool = False,
        log: str = "",
        hurry: str = "",
    ) -> None:
        self.plain, self.once, self.stops = plain, once, stops
        self.log, self.hurry = log, hurry
        self.retrainer = "tests.kit.plugins:Lookup"

    def open(self, space: Space, context: EvaluationContext) -> None:
        assert context.draw is None
        self.space, self.context = space, context
        context.ledger.trained += 7

    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        if self.log:
            with Path(self.log).open("a", encoding="utf-8") as file:
                file.write(f"{os.getpid()}\n")
        if self.hurry and not Path(self.hurry).exists():
            time.sleep(0.5)
        if self.once and not Path(self.once).exists():
            Path(self.once).touch()
            os._exit(9)
        full = self.space.lift(genome)
        number = sum((i + 1) * gene for i, gene in enumerate(full))
        fault = FAULTS.get(number)
        if fault is None:
            self.context.ledger.measured += number
            self.context.notes.append(f"noted {full}")
            self.context.progress.say("said")
            return {"accuracy": number / 100}
        if self.stops:
            raise DataError("the disk has gone")
        if self.plain or fault == "raise":
            raise RuntimeError("out of luck")
        if fault == "hang":
            time.sleep(60)
        elif fault == "exit":
            os._exit(3)
        elif fault == "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        return {"accuracy": float("nan")}


class Leaves(Dangerous):
    """Evaluates as a program that ends."""

    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        raise SystemExit(4)


class Shut(Dangerous):
    """Cannot be opened in another process than the first."""

    def open(self, space: Space, context: EvaluationContext) -> None:
        if os.getpid() != context.streams.seed:
            raise OSError("no licence for another process")


class Deadly(Mine):
    """Some of its networks hang when they are built, others kill; ``plain``-ly they just fail."""

    def __init__(self, blocks: int = 2, plain: bool = False) -> None:
        super().__init__(blocks)
        self.plain = plain

    def build(self, genome: Genome, geometry: Geometry) -> nn.Module:
        fault = {6: "hang", 18: "kill"}.get(sum((i + 1) * gene for i, gene in enumerate(genome)))
        if fault and self.plain:
            raise RuntimeError("out of luck")
        if fault == "hang":
            time.sleep(60)
        elif fault == "kill":
            os.kill(os.getpid(), signal.SIGSEGV)
        return super().build(genome, geometry)
