"""Who is at work in a folder and how far: told while it lasts, and never of the dead."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from evo_nas.core.progress import Pace, Silent
from evo_nas.errors import RunError
from evo_nas.search import run_folder
from evo_nas.search.course import standing as module
from evo_nas.search.course.standing import recorded, standing
from evo_nas.search.store import lock
from evo_nas.search.store.file_system import FileSystem
from tests.kit.runs import Listener


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SECONDS_BETWEEN", 0.005)


def written(folder: Path, done: float) -> module.Standing:
    """How it stands, once so much is known to be done."""
    for _ in range(1000):
        now = standing(folder)
        if now and now.phase and now.phase.done == done:
            return now
        time.sleep(0.005)
    raise AssertionError(f"never written: {now}")


def test_who_works_and_how_far_is_told_while_it_lasts(tmp_path: Path) -> None:
    heard = Listener()
    assert standing(tmp_path) is None
    with run_folder.held(tmp_path), recorded(tmp_path, heard) as progress:
        first = standing(tmp_path)
        assert first
        assert (first.holder.pid, first.phase) == (os.getpid(), None)
        assert abs(first.holder.since - time.time()) < 60
        progress.start("stage1 search", 8, "candidates")
        progress.advance(2, "best 0.5")
        assert written(tmp_path, 2).phase
        progress.advance(4)
        progress.say("read this")
        phase = written(tmp_path, 4).phase
        assert phase
        assert (phase.what, phase.total, phase.note) == ("stage1 search", 8, "best 0.5")
        assert phase.told == "4 of 8 candidates"
        assert phase.left is not None
        assert phase.left < 60
        progress.start("stage1 finalists", 3, "candidates")
        now = written(tmp_path, 0)
        assert now.phase
        assert (now.phase.what, now.phase.note, now.phase.ends) == ("stage1 finalists", "", None)
    assert standing(tmp_path) is None
    assert heard.heard == ["read this"]
    assert [path.name for path in tmp_path.iterdir()] == [lock.LOCK]


def test_who_was_killed_is_at_work_no_more(tmp_path: Path) -> None:
    child = os.fork()
    if not child:  # nothing of the tests may go on here
        try:
            with run_folder.held(tmp_path), recorded(tmp_path, Silent()) as progress:
                progress.start("training", 9, "epochs")
                progress.advance(3)
                time.sleep(60)
        finally:
            os._exit(1)
    try:
        assert written(tmp_path, 3).holder.pid == child
        with pytest.raises(RunError, match=f"in use by process {child} on"):
            run_folder.held(tmp_path).__enter__()
        told = run_folder.unfinished(tmp_path)
        assert f"process {child} on" in told
        assert "evo-nas watch" in told
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert str(child) in (tmp_path / lock.LOCK).read_text()
    assert (tmp_path / lock.PROGRESS).is_file()
    assert standing(tmp_path) is None
    assert "evo-nas resume" in run_folder.unfinished(tmp_path)


def test_what_a_killed_process_left_is_not_taken_for_the_next_one_s(tmp_path: Path) -> None:
    stale = {"pid": os.getpid() + 1, "what": "training", "total": 9, "unit": "epochs", "done": 8}
    for text in (json.dumps(stale), "{", "[]", '{"pid": 1}', '{"pid": 1e999}'):
        (tmp_path / lock.PROGRESS).write_text(text)
        with run_folder.held(tmp_path):
            now = standing(tmp_path)
            assert now
            assert now.phase is None


def test_where_locks_are_of_one_machine_another_counts_while_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / lock.LOCK).write_text('{"host": "another", "pid": 7}')
    (tmp_path / lock.PROGRESS).write_text(
        '{"pid": 7, "what": "search", "total": 4, "unit": "candidates", "done": 1}'
    )
    assert standing(tmp_path) is None  # locks tell, and it has none
    one = FileSystem("nfs", frozenset({"local_lock=all"}))
    monkeypatch.setattr(lock, "file_system_of", lambda _path: one)
    now = standing(tmp_path)
    assert now
    assert str(now.holder) == "process 7 on another"
    assert now.phase
    assert now.phase.told == "1 of 4 candidates"
    long_ago = time.time() - 3600
    os.utime(tmp_path / lock.PROGRESS, (long_ago, long_ago))
    assert standing(tmp_path) is None


def test_a_look_keeps_nobody_out(tmp_path: Path) -> None:
    """Who comes just then waits a moment."""
    (tmp_path / lock.LOCK).write_text('{"host": "here", "pid": 7}')
    with (tmp_path / lock.LOCK).open() as file:
        lock.fcntl.flock(file, lock.fcntl.LOCK_SH)
        later = threading.Timer(0.01, lock.fcntl.flock, (file, lock.fcntl.LOCK_UN))
        later.start()
        with run_folder.held(tmp_path):
            later.join()


def test_a_full_disk_stops_no_run_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise RunError("full")

    monkeypatch.setattr(module, "written_aside", full)
    with recorded(tmp_path, Silent()) as progress:
        progress.start("training", 2, "epochs")
        time.sleep(0.02)
        progress.advance(1)


def test_a_pace_is_that_since_it_was_first_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    pace = Pace(10)
    assert pace.left(4) is None  # replayed in no time
    now += 6
    assert pace.left(4) is None
    assert pace.left(6) == 12
    now += 6
    assert pace.left(6) == 24
    assert pace.left(10) is None
