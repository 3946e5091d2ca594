"""A worker ends with its parent, also one that never looks up from a computation in C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from evo_nas.core.workers.start import lifeline
from tests.kit.processes import alive

pytestmark = pytest.mark.skipif(
    not Path("/proc/self").exists(), reason="processes are found in /proc"
)
# No other thread of the worker runs meanwhile, and no signal is handled.
DEAF = "all(__import__('itertools').repeat(True, 10**12))"
WORKER = """
import os, sys, time
from evo_nas.core.workers.start import end_with
end_with(eval(sys.argv[1]))
print(os.getpid(), flush=True)
eval(sys.argv[2])
time.sleep(3600)
"""
PARENT = """
import subprocess, sys
from evo_nas.core.workers.start import lifeline
worker, busy = sys.argv[1:]
subprocess.run([sys.executable, "-c", worker, str(lifeline()), busy])
"""


def start(source: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", source, *arguments], text=True, stdout=subprocess.PIPE
    )


def first_number(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


@pytest.mark.slow
def test_a_worker_ends_with_a_parent_that_is_killed() -> None:
    parent = start(PARENT, WORKER, DEAF)
    worker = first_number(parent)
    time.sleep(0.1)  # it is at work
    assert alive(worker)
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 20
    try:
        while alive(worker):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        if alive(worker):
            os.kill(worker, signal.SIGKILL)
        parent.communicate()


@pytest.mark.slow
def test_a_worker_outlives_the_thread_that_started_it() -> None:
    started: list[subprocess.Popen[str]] = []
    arguments = (WORKER, str(lifeline()), "None")
    thread = threading.Thread(target=lambda: started.append(start(*arguments)))
    thread.start()
    thread.join()
    (worker,) = started
    try:
        assert first_number(worker) == worker.pid
        time.sleep(0.5)
        assert worker.poll() is None
    finally:
        worker.kill()
        worker.communicate()
