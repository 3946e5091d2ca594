"""evo-nas in processes that are forked from one that has loaded PyTorch, which takes seconds."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from . import faulty

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    # PyTorch's optimizers load the first, digits the second.
    ["torch._dynamo", "sklearn.datasets", "evo_nas.api", "evo_nas.cli.commands.run", __name__]
)


class Forked:
    """A process as :class:`subprocess.Popen` has it, as far as it is needed here.

    It is killed, stopped and waited for as any other. That it does not load Python and PyTorch
    itself is all that differs: until it has, there is nothing that a kill could damage.
    """

    def __init__(self, folder: Path, *arguments: str, fault: Sequence[str] = ()) -> None:
        self._errors = folder / f".errors-{os.urandom(4).hex()}"
        self._process = _CONTEXT.Process(
            target=_run, args=(str(folder), str(self._errors), list(arguments), list(fault))
        )
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, or minus the number of the signal that killed it."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The exit code; None while it works."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once it has ended.

        Raises:
            subprocess.TimeoutExpired: it has not, after ``timeout`` seconds.
        """
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("evo-nas", timeout or 0)
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it has written to its streams, of which only standard error is kept."""
        self.wait(timeout)
        errors = self._errors.read_text()
        self._errors.unlink()
        return "", errors

    def kill(self) -> None:
        """Kill it."""
        self._process.kill()


def _run(folder: str, errors: str, arguments: list[str], fault: list[str]) -> None:
    """The command line in this process, which leads a group of its own."""
    os.setsid()
    os.chdir(folder)
    for stream, path in ((0, os.devnull), (1, os.devnull), (2, errors)):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), stream)
    sys.argv = ["evo-nas", *arguments]
    faulty.main(fault)
