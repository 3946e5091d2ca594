"""Scores candidates by any program, in whatever language it is written."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Mapping
from typing import Annotated

from evo_nas.core.plugins.options import Program, above
from evo_nas.core.workers.start import start_program
from evo_nas.errors import EvaluatorError, SpecError
from evo_nas.evaluation.evaluator import EvaluationContext, Evaluator, Objective, check_metrics
from evo_nas.space.decoder import Decoder
from evo_nas.space.space import Genome, Space

_LINES = 5  # of standard error, in messages


class CommandEvaluator(Evaluator):
    """Runs a program for each candidate, as ``command?program=python score.py&timeout=60``.

    The program reads one JSON object from standard input::

        {"space": "glit_hl", "genome": [0, 3, ...], "choices": {"block0.heads": 3, ...},
         "costs": {"flops": 1305174272, "params": 6339176}, "seed": 2890812431}

    and writes one to standard output, metrics by name with the objective among them, such as
    ``{"accuracy": 0.71}``; what it writes to standard error is shown if it fails. The genome is the
    full one, costs are those at the target, and the seed (32 bits) is the genome's own: a program
    that draws random numbers from it gives the same scores whenever it is asked.

    A program that ends with another exit code than 0, takes longer than ``timeout``, or writes
    anything else, has failed. At the time limit and on Ctrl-C it is killed, together with all that
    it has started and that is still in its process group; on Linux also when the search is killed.

    Args:
        program: words as in a shell, with its quotes, but no shell runs: neither variables nor
            pipes (``program=sh -c '...'`` has them). Files named in it are found again when the
            run is resumed from another folder.
        timeout: seconds for one candidate.
        objective: the name of the metric that candidates are ranked by.
        minimise: whether less of it is better.
    """

    needs_data = False
    in_workers = True

    def __init__(
        self,
        *,
        program: Annotated[str, Program()],
        timeout: Annotated[float, above(0)] = 3600,
        objective: str = "accuracy",
        minimise: bool = False,
    ) -> None:
        self._program, self._timeout = program, timeout
        try:
            self._words = shlex.split(program)
        except ValueError as error:
            raise SpecError(f"program={program} is malformed: {error}") from error
        if not self._words or shutil.which(self._words[0]) is None:
            raise SpecError(f"program={program}: there is no such program that can be run")
        self.objectives = (Objective(objective, maximise=not minimise),)

    def open(self, space: Space, context: EvaluationContext) -> None:
        self._space, self._decoder, self._streams = space, Decoder(space), context.streams

    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        full = self._decoder.full(genome)
        question = {
            "space": self._space.root.name,
            "genome": list(full),
            "choices": self._decoder.options(genome),
            "costs": dict(self._space.root.costs(full)),
            "seed": self._streams.number("command", *full) % 2**32,
        }
        try:
            return self._answer(self._run(json.dumps(question)))
        except EvaluatorError as error:
            raise EvaluatorError(f"program {self._program!r}: {error}") from error

    def _run(self, question: str) -> str:
        """Standard output of the program, given standard input."""
        try:
            process = start_program(
                self._words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            raise EvaluatorError(f"it cannot be started: {error}") from error
        try:
            output, errors = process.communicate(question, timeout=self._timeout)
        except subprocess.TimeoutExpired as error:
            told = _kill(process)
            raise EvaluatorError(
                f"killed after the time limit of {self._timeout:g} seconds{_last(told)}"
            ) from error
        except BaseException:
            _kill(process)
            raise
        if process.returncode:
            raise EvaluatorError(f"exit code {process.returncode}{_last(errors)}")
        return output

    def _answer(self, output: str) -> dict[str, float]:
        try:
            metrics = json.loads(output)
        except ValueError:
            metrics = None
        if not isinstance(metrics, dict):
            shown = output if len(output) <= 200 else f"{output[:200]}..."
            raise EvaluatorError(f"it wrote {shown!r}, which is no JSON object of metrics")
        return check_metrics(metrics, self.objectives)


def _kill(process: subprocess.Popen[str]) -> str:
    """End a program that has not been waited for, with its group; what it wrote as errors."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    try:
        # Whoever left the group may hold the pipes open.
        return process.communicate(timeout=1)[1]
    except subprocess.TimeoutExpired:
        return ""


def _last(errors: str) -> str:
    """The last lines of standard error, to be added to a message."""
    lines = [line.rstrip() for line in errors.splitlines() if line.strip()][-_LINES:]
    return f"; it said: {' | '.join(lines)}" if lines else "; it said nothing"
