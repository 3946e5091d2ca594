"""Whatever ends a search on digits, resumed it ends as one that nothing ended.

``python -m benchmarks.crash`` does more of the same.
"""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from .forking import Forked
from .killing import (
    arguments,
    at_work,
    begin,
    differences,
    finish,
    kill_again_and_again,
    left_over,
    outcome,
    phase,
)

PHASES = [
    f"{stage} {kind}"
    for stage in ("stage1", "stage2")
    for kind in ("training", "search", "finalists")
]


def check_resumed(run: Path, expected: dict[str, object]) -> None:
    assert finish(Forked(run.parent, *arguments(run))) == (0, "")
    assert not differences(outcome(run), expected)
    assert not left_over(run)


def test_killed_ten_times_at_random_it_ends_as_if_never_killed(tmp_path, expected):
    told = list(kill_again_and_again(tmp_path, random.Random(0), 10, expected, Forked))
    assert not [fault for run in told for fault in run.wrong]
    assert sum(run.kills.total() for run in told) == 10


def test_killed_in_every_phase_it_ends_as_if_never_killed(tmp_path, expected):
    run, kills = tmp_path / "run", 0
    for moment in PHASES:
        process = Forked(tmp_path, *arguments(run, jobs=1))
        while process.poll() is None and phase(run) != moment:
            time.sleep(0.005)
        kills += process.poll() is None
        process.kill()
        process.communicate()
    assert kills >= 5, "the moments to kill were missed"
    check_resumed(run, expected)


@pytest.mark.parametrize(
    ("fault", "number"),
    [
        ("half_written", 1),  # config.toml, before there is a run
        ("half_written", 3),  # a checkpoint of the first supernet
        ("not_renamed", 3),
        ("set_aside", 2),
        ("in_transaction", 3),
        ("after_commit", 9),
        ("before_record", 13),  # the first finalist
        ("before_record", 20),
    ],
)
def test_killed_in_the_middle_of_a_write_nothing_is_lost(tmp_path, expected, fault, number):
    run = tmp_path / "run"
    killed = Forked(tmp_path, *arguments(run, jobs=1), fault=[fault, str(number)])
    code, _ = finish(killed)
    assert code == -signal.SIGKILL, "the fault did not strike"
    check_resumed(run, expected)


@pytest.mark.parametrize(
    ("number", "code", "moment"),
    [(signal.SIGINT, 130, "stage1 training"), (signal.SIGTERM, 143, "stage1 finalists")],
)
def test_a_stop_signal_says_how_to_go_on_and_a_second_one_nothing(
    tmp_path, expected, number, code, moment
):
    run = tmp_path / "run"
    process = begun_until(run, moment)
    process.send_signal(number)
    said = "evo-nas: stopped; go on with: evo-nas resume run\n"
    assert finish(process) == (code, said)
    process = begun_until(run, "stage1 finalists")
    process.send_signal(signal.SIGSTOP)  # so that it finds two signals at once, with its workers
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGCONT):
        os.killpg(process.pid, each)
    ended, errors = finish(process)
    assert ended in (130, 143)
    assert errors in ("", said)  # it may have stopped by the first before it sees the second
    check_resumed(run, expected)


def begun_until(run, moment):
    """The run in two workers, begun or resumed, at that moment."""
    process = begin(run.parent, *arguments(run))
    while process.poll() is None and not (at_work(run, process) and phase(run) == moment):
        time.sleep(0.01)
    return process
