"""How worker processes start: undisturbed by signals, with Ctrl-C and their end left to the parent.

A terminal sends Ctrl-C to all processes, also to one that has just begun to import and has no
handler yet. The signal is therefore blocked where workers are started: they inherit that, and
release it when they have a handler. A handler and not SIG_IGN, which programs that a worker starts
would inherit.

joblib's resource tracker, which removes what killed processes have left (folders, semaphores,
shared arrays), is started in a session of its own: a kill of the process group leaves it alive.
"""

from __future__ import annotations

import multiprocessing.resource_tracker
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from types import FrameType

from joblib.externals.loky.backend import resource_tracker

from evo_nas.core.signals import undivided

from .lifeline import Lifeline, end_with


@contextmanager
def starting_workers() -> Iterator[None]:
    """Start worker processes whose initializer is :func:`begin_work`.

    Threads that are started meanwhile, which may start further workers, have Ctrl-C blocked, too.
    """
    track()
    with undivided():
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def begin_work(parent: Lifeline) -> None:
    """What every worker process does first."""
    signal.signal(signal.SIGINT, _leave_to_parent)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    end_with(parent)


def _leave_to_parent(number: int, frame: FrameType | None) -> None:
    """The parent ends its workers."""


_tracking = Lock()


def track() -> None:
    """Have the resource trackers run; they would release Ctrl-C, did they start later."""
    tracker = resource_tracker._resource_tracker
    with _tracking:
        if tracker._fd is None:
            tracker._fd, tracker._pid = _begin_tracking()
    multiprocessing.resource_tracker.ensure_running()


def _begin_tracking() -> tuple[int, int]:
    """joblib's tracker: where to write to it, and its process."""
    read, write = os.pipe()
    main = f"from {resource_tracker.__name__} import main; main({read})"
    # It would warn of all that it finds to remove, on the terminal of a command that has ended.
    words = [sys.executable, "-P", "-W", "ignore", "-c", main]
    process = subprocess.Popen(words, pass_fds=(read,), start_new_session=True)
    process.returncode = 0  # it ends after this process: nobody is to wait for it
    os.close(read)
    return write, process.pid
