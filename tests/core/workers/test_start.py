"""Signals to a whole process group, as terminals send them, while workers start and work."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="processes are found in /proc"),
]
ROOT = Path(__file__).resolve().parents[3]
SEARCH = """
import os, subprocess, time
from dataclasses import dataclass
from pathlib import Path
from evo_nas.cli.output import stoppable
from evo_nas.core.workers.pool import WorkerPool, run_unordered
from tests.core.workers.test_start import Slow, opened, program, wait

works = {
    "parallel": lambda shown: list(run_unordered(program, ["a", "b"], 2)),
    "one waits": lambda shown: list(run_unordered(wait, ["a", Slow()], 2)),
    "pool": lambda shown: list(WorkerPool([opened, opened]).run(["a", "b"])),
}
stoppable(works[%r], True, Path("."), "evo-nas resume run")
"""


def program(task: str) -> str:
    """Start a program that ends by Ctrl-C as any does, say in which process, and wait for it."""
    started = subprocess.Popen(["sleep", "120"])
    Path(f"{os.getpid()}.{task}").touch()
    return f"{task} {started.wait()}"


def opened() -> Callable[[str], str]:
    return program


class Slow:
    """A task that does not reach its worker for a minute."""

    def __reduce__(self) -> tuple[type[Slow], tuple[()]]:
        Path("slow").touch()
        time.sleep(60)
        return Slow, ()


def wait(task: str) -> None:
    Path(task).touch()
    time.sleep(120)


def begin(folder: Path, work: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SEARCH % work], cwd=folder, text=True, start_new_session=True,
        stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def in_session(session: int) -> dict[int, bytes]:
    """The processes of a session that still run, with their words."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, its_session = (place / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(its_session) == session and state != "Z":
                found[int(place.name)] = (place / "cmdline").read_bytes()
        except OSError:  # it has just ended
            continue
    return found


def waited_for(process: subprocess.Popen[str], reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not reached():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)


def all_gone(session: int) -> bool:
    return any(not in_session(session) or time.sleep(0.1) for _ in range(100))


def one_imports(session: int) -> bool:
    """Whether a worker is amid its imports, which take seconds."""
    found = [pid for pid, words in in_session(session).items() if b"LokyProcess" in words]
    return any("numpy" in Path(f"/proc/{pid}/maps").read_text() for pid in found)


@pytest.mark.parametrize(
    ("work", "moment"), [("parallel", "starting"), ("pool", "starting"), ("parallel", "working")]
)
def test_ctrl_c_is_for_the_process_that_started_them(
    tmp_path: Path, work: str, moment: str
) -> None:
    search = begin(tmp_path, work)
    reached = {
        "starting": lambda: one_imports(search.pid),
        "working": lambda: len(list(tmp_path.iterdir())) == 2,
    }
    waited_for(search, reached[moment])
    os.killpg(search.pid, signal.SIGINT)
    _, errors = search.communicate(timeout=60)
    told = "evo-nas: stopped; go on with: evo-nas resume run\n"
    assert (search.returncode, errors) == (130, told)
    assert all_gone(search.pid)


@pytest.mark.parametrize(
    ("work", "numbers", "codes"),
    [
        ("pool", [signal.SIGINT, signal.SIGTERM], {130, 143}),  # the second ends it at once
        ("parallel", [signal.SIGKILL], {-signal.SIGKILL}),
    ],
)
def test_an_end_at_once_says_nothing_and_leaves_nothing(
    tmp_path: Path, work: str, numbers: list[signal.Signals], codes: set[int]
) -> None:
    search = begin(tmp_path, work)
    waited_for(search, lambda: len(list(tmp_path.iterdir())) == 2)
    search.send_signal(signal.SIGSTOP)  # so that it finds all of them at once
    for number in (*numbers, signal.SIGCONT):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(search.pid, number)
    _, errors = search.communicate(timeout=60)
    assert search.returncode in codes
    assert errors == ""
    assert all_gone(search.pid)
    deadline = time.monotonic() + 20
    while [p for p in Path("/dev/shm").iterdir() if f"-{search.pid}-" in p.name]:  # semaphores
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_workers_end_with_a_process_that_is_killed_alone(tmp_path: Path) -> None:
    search = begin(tmp_path, "one waits")  # the other is at work
    waited_for(search, lambda: len(list(tmp_path.iterdir())) == 2)
    search.kill()
    search.communicate(timeout=60)
    assert all_gone(search.pid)
