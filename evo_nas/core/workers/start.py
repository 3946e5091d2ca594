"""How worker processes start and end: undisturbed by signals, and with their parent.

A terminal sends Ctrl-C to all processes, also to one that has just begun to import and has no
handler yet. The signal is therefore blocked where workers are started: they inherit that, and
release it when they have a handler. A handler and not SIG_IGN, which programs that a worker starts
would inherit.

joblib's resource tracker, which removes what killed processes have left (folders, semaphores,
shared arrays), is started in a session of its own: a kill of the process group leaves it alive.

Workers end when the process that started them does, however that ends: they hold one end of a pipe
whose other end is the parent's alone. On Linux the kernel kills them when that is closed, even one
that is in a long computation in C and would never look. A process is meant, not the thread that
started them (as with prctl's PR_SET_PDEATHSIG): a worker may be used again by another thread.
Everywhere else, and where another process has inherited the parent's end, a thread of a worker
looks once a second; programs, which have no such thread, run on there.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.resource_tracker
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import torch
from joblib.externals.loky.backend import resource_tracker

from evo_nas.core.devices import available_cores
from evo_nas.core.signals import undivided
from evo_nas.errors import SettingsError

Lifeline = tuple[int, int]


def check_may_start() -> None:
    """Raise a SettingsError in a process that may have no others, as those of a Pool may not."""
    if multiprocessing.current_process().daemon:
        raise SettingsError(
            "this is a process of a multiprocessing.Pool, or another daemonic one, which may start "
            "no workers: give jobs=1 and no time limits, or use concurrent.futures"
        )


@contextlib.contextmanager
def starting_workers() -> Iterator[None]:
    """Start worker processes whose initializer is :func:`begin_work`.

    Threads that are started meanwhile, which may start further workers, have Ctrl-C blocked, too.
    """
    track()
    with interrupts_blocked():
        yield


@contextlib.contextmanager
def interrupts_blocked() -> Iterator[None]:
    """Keep Ctrl-C waiting, and for good in processes that are started meanwhile."""
    with undivided():
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def begin_work(parent: Lifeline) -> None:
    """What every worker process does first."""
    signal.signal(signal.SIGINT, lambda *_: None)  # the parent ends its workers
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    end_with(parent)
    torch.set_num_threads(1)


_tracking = threading.Lock()


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
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # it has ended, or /proc may not be read
            _kill_at_the_end(_open(parent), os.getpid())  # which stays open
    threading.Thread(target=_watch, args=parent[:1], daemon=True).start()


def start_program(words: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a program with a process group of its own, all of which ends with this process.

    Whatever closes the files that it inherits stays out of that. ``options`` are those of Popen.
    """
    kept: list[int] = []
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            kept.append(_open(lifeline()))
    try:
        process: subprocess.Popen[bytes] = subprocess.Popen(
            words, start_new_session=True, pass_fds=kept, **options
        )
        for opened in kept:  # the program has it, too, and what is set here holds for both
            with contextlib.suppress(OSError):
                _kill_at_the_end(opened, -process.pid)
    finally:
        for opened in kept:
            os.close(opened)
    return process


def _open(parent: Lifeline) -> int:
    process, end = parent
    return os.open(f"/proc/{process}/fd/{end}", os.O_RDONLY | os.O_NONBLOCK)


def _kill_at_the_end(opened: int, target: int) -> None:
    """Have the kernel kill a process, or a group by its number below 0, when the parent ends."""
    import fcntl  # not on Windows

    fcntl.fcntl(opened, fcntl.F_SETOWN, target)
    fcntl.fcntl(opened, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(opened, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def worker_processes(given: int | None) -> int:
    """How many worker processes there may be; one, this, where no others may be started."""
    if given is None and multiprocessing.current_process().daemon:
        return 1
    if given is not None and given > 1:
        check_may_start()
    return given or available_cores()
