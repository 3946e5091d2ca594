"""Scores candidates by any program, in whatever language it is written."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from typing import IO, Annotated, Any

from evo_nas.core.files import explained
from evo_nas.core.plugins.options import Program, above
from evo_nas.core.plugins.places import program_words
from evo_nas.core.workers.start import start_program
from evo_nas.errors import EvaluatorError, SpecError, in_short
from evo_nas.evaluation.evaluator import EvaluationContext, Evaluator, Objective, check_metrics
from evo_nas.space.decoder import Decoder
from evo_nas.space.space import Genome, Space

_LINES = 5  # of what a program said last, in messages
_SHOWN = 200  # characters of an output, likewise
_TAIL = 2**20  # bytes of what it wrote that are looked at, from the end


class CommandEvaluator(Evaluator):
    """Runs a program for each candidate, as ``command?program=python score.py&timeout=60``.

    The program reads one JSON object from standard input::

        {"space": "glit_hl", "genome": [0, 3, ...], "choices": {"block0.heads": 3, ...},
         "costs": {"flops": 1305174272, "params": 6339176}, "seed": 2890812431}

    and writes one to standard output, metrics by name with the objective among them, such as
    ``{"accuracy": 0.71}``. It is the last that the program writes there, in one line or several;
    what comes before is not looked at. What it said last is shown if it fails. The genome is the
    full one, costs are those at the target, and the seed (32 bits) is the genome's own: a program
    that draws random numbers from it gives the same scores whenever it is asked.

    A program that ends with another exit code than 0, takes longer than ``timeout``, or whose
    output ends otherwise, has failed. When it has ended, at the time limit and on Ctrl-C, what it
    has started is killed, if that is in its process group still; on Linux also when the search is
    killed.

    Args:
        program: words as in a shell, with its quotes and ``~``, but no shell runs: neither
            variables nor pipes (``program=sh -c '...'`` has them). Files named in it, also as
            ``--option=file``, and folders that are written with a slash are found again when the
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
            self._words = program_words(program)
        except ValueError as error:
            raise SpecError(f"program={program} is malformed: {error}") from error
        if not self._words or shutil.which(self._words[0]) is None:
            raise SpecError(f"program={program}: {_why_not(self._words)}")
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
            metrics = _answer(self._run(json.dumps(question)))
            check_metrics(metrics, self.objectives)
        except EvaluatorError as error:
            raise EvaluatorError(f"program {self._program!r}: {error}") from error
        return metrics

    def _run(self, question: str) -> str:
        """Standard output of the program, given standard input.

        Both are files: whoever the program has started and left behind may hold a pipe open, and
        the program need not read.
        """
        with contextlib.ExitStack() as opened:
            with explained(Path(gettempdir()), "written to"):
                asked, output, errors = [opened.enter_context(TemporaryFile()) for _ in range(3)]
                asked.write(question.encode())
                asked.seek(0)
            try:
                process = start_program(self._words, stdin=asked, stdout=output, stderr=errors)
            except OSError as error:
                raise EvaluatorError(f"it cannot be started: {error}") from error
            try:
                process.wait(self._timeout)
            except subprocess.TimeoutExpired as error:
                _kill(process)
                raise EvaluatorError(
                    f"killed after the time limit of {self._timeout:g} seconds"
                    f"{_said(errors, output)}"
                ) from error
            finally:
                _kill(process)
            if process.returncode:
                raise EvaluatorError(f"exit code {process.returncode}{_said(errors, output)}")
            return _end_of(output)


def _why_not(words: list[str]) -> str:
    """Why the first of a program's words cannot be run."""
    name = words[0] if words else ""
    if "/" not in name and os.path.isfile(name):
        return f"no {name} is on the PATH; a file in this folder is run as ./{name}"
    if os.path.isfile(name):
        return f"{name} is not executable; chmod +x {name}, or name first what runs it"
    return "there is no such program that can be run"


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a program, if it has not ended, and what it has left in its group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):  # the kernel may take its time
        process.wait(1)


def _answer(output: str) -> dict[str, Any]:
    """The JSON object that an output ends with."""
    text = output.rstrip()
    start = text.rfind("{")
    while start >= 0:
        with contextlib.suppress(ValueError, RecursionError):
            metrics, end = json.JSONDecoder().raw_decode(text, start)
            if end == len(text):
                return metrics  # type: ignore[no-any-return]  # it begins as an object does
        start = text.rfind("{", 0, start)
    shown = text if len(text) <= _SHOWN else f"...{text[-_SHOWN:]}"
    raise EvaluatorError(f"it wrote {shown!r} at the end, which is no JSON object of metrics")


def _end_of(file: IO[bytes]) -> str:
    """What a program has written to a file, without a byte-order mark."""
    file.seek(max(file.seek(0, os.SEEK_END) - _TAIL, 0))
    return file.read().decode(errors="replace").removeprefix("\ufeff")


def _said(errors: IO[bytes], output: IO[bytes]) -> str:
    """What the program said last, to be added to a message."""
    return _lines(_end_of(errors)) or _lines(_end_of(output)) or "; it said nothing"


def _lines(text: str) -> str:
    """The last lines of a text, to be added to a message."""
    lines = [in_short(line) for line in text.splitlines() if line.strip()][-_LINES:]
    return f"; it said: {' | '.join(lines)}" if lines else ""
