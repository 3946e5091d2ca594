"""Whatever ends a search on digits, resumed it ends as one that nothing ended.

``python -m benchmarks.crash`` does more of the same.
"""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest

from evo_nas.files import TEMPORARY

from .killing import arguments, begin, differences, finish, kill_until_done, outcome, phase

pytestmark = pytest.mark.slow

PHASES = [
    f"{stage} {kind}"
    for stage in ("stage1", "stage2")
    for kind in ("training", "search", "finalists")
]
FAULTY = str(Path(__file__).with_name("faulty.py"))


def check_resumed(run: Path, expected: dict[str, object]) -> None:
    assert finish(begin(run.parent, *arguments(run))) == (0, "")
    assert not differences(outcome(run), expected)
    assert not list(run.rglob(TEMPORARY)), "temporary files are left"


def test_killed_ten_times_at_random_it_ends_as_if_never_killed(tmp_path, expected):
    run, rng = tmp_path / "run", random.Random(0)
    told = kill_until_done(run, rng, most=10)
    assert not told.wrong
    assert sum(told.kills.values()) >= 3, "the run was over before it could be killed"
    assert not differences(outcome(run), expected)


def test_killed_in_every_phase_it_ends_as_if_never_killed(tmp_path, expected):
    run, kills = tmp_path / "run", 0
    for moment in PHASES:
        process = begin(tmp_path, *arguments(run, jobs=1))
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
    killed = begin(tmp_path, *arguments(run, jobs=1), script=[FAULTY, fault, str(number)])
    code, _ = finish(killed)
    assert code == -signal.SIGKILL, "the fault did not strike"
    check_resumed(run, expected)


@pytest.mark.parametrize(("fault", "number"), [("disk_full", 6), ("store_full", 8)])
def test_on_a_full_disk_a_run_stops_with_one_line_and_goes_on_later(
    tmp_path, expected, fault, number
):
    run = tmp_path / "run"
    stopped = begin(tmp_path, *arguments(run, jobs=1), script=[FAULTY, fault, str(number)])
    code, errors = finish(stopped)
    assert code == 2
    assert errors.count("\n") == 1
    assert "disk is full" in errors
    check_resumed(run, expected)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("moment", ["stage1 training", "stage1 finalists"])
def test_a_stop_signal_says_how_to_go_on(tmp_path, expected, number, code, moment):
    run = tmp_path / "run"
    process = begin(tmp_path, *arguments(run, jobs=1))
    while process.poll() is None and phase(run) != moment:
        time.sleep(0.01)
    process.send_signal(number)
    ended, errors = finish(process)
    assert (ended, errors) == (code, "evo-nas: stopped; go on with: evo-nas resume run\n")
    check_resumed(run, expected)
