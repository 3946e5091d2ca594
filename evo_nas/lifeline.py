"""Worker processes that end when the process that started them does, however that ends.

A worker holds one end of a pipe whose other end is the parent's alone: on Linux the kernel kills
the worker when that is closed, even one that is in a long computation in C and would never look.
A process is meant, not the thread that started the worker (as with prctl's PR_SET_PDEATHSIG): a
worker may be used again by another thread. Everywhere else, and where another process has inherited
the parent's end, a thread of the worker looks once a second.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from functools import cache

Lifeline = tuple[int, int]


def lifeline() -> Lifeline:
    """What workers of this process are given for :func:`end_with`, always the same."""
    process = os.getpid()
    return process, _pipe(process)


@cache
def _pipe(_process: int) -> int:
    """The end that workers open, of a pipe that stays open; one that was forked off has its own."""
    end, _ = os.pipe()
    return end


def end_with(parent: Lifeline) -> None:
    """Let this worker process end with its parent, whose lifeline is given: nobody waits for it."""
    process, end = parent
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # it has ended, or /proc may not be read
            _be_killed_at_the_end_of(f"/proc/{process}/fd/{end}")
    threading.Thread(target=_watch, args=(process,), daemon=True).start()


def _be_killed_at_the_end_of(pipe: str) -> None:
    import fcntl  # not on Windows

    opened = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # and kept open
    fcntl.fcntl(opened, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(opened, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(opened, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
