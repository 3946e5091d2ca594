"""Shards in processes: the same weights for any number of them, also when one is killed."""

import os
import signal
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from evo_nas.core.workers.pool import WorkerPool
from evo_nas.errors import TrainingError
from evo_nas.training.steps.helpers import process_count
from tests.kit.processes import gone
from tests.kit.training import SHARDED as PHASE
from tests.kit.training import Epochs, StopError, new_network, same, trained


@dataclass(frozen=True, slots=True)
class Branch:
    """Selects a branch, writes down its process, and ends a helper ``deaths`` times."""

    number: int
    folder: Path
    home: int
    deaths: int = 0

    def __call__(self, network):
        network.branch = self.number
        process = os.getpid()
        (self.folder / str(process)).touch()
        if process != self.home and len(list(self.folder.glob("died-*"))) < self.deaths:
            (self.folder / f"died-{process}").touch()
            os.kill(process, signal.SIGKILL)


@pytest.fixture
def patient(monkeypatch):
    """A training that waits until its helpers are ready, so that they have something to do."""
    look = WorkerPool.ready

    def wait(pool):
        while look(pool) < len(pool._workers):
            time.sleep(0.01)
        return len(pool._workers)

    monkeypatch.setattr(WorkerPool, "ready", wait)


def shared(batches, folder, processes, deaths=0, phase=PHASE, **options):
    """A network of one path a step, or two, or a shard, and the processes that have trained it."""
    folder.mkdir()

    def paths(step):
        numbers = (0, 1) if step % 3 == 2 else (step % 2,)
        if phase.own_paths:
            numbers = [(step + shard) % 2 for shard in range(phase.shards)]
        fatal = deaths if step == 1 else 0
        return [Branch(number, folder, os.getpid(), fatal) for number in numbers]

    network = new_network()
    try:
        trained(batches, phase, network, before_step=paths, processes=processes, **options)
    finally:
        seen = [int(path.name) for path in folder.iterdir() if path.name.isdecimal()]
        assert all(gone(process) for process in seen if process != os.getpid())
    return network, len(seen)


@pytest.mark.slow
@pytest.mark.parametrize(("processes", "own"), [(2, True), (4, False)])
def test_any_number_of_processes_trains_the_same_weights(
    batches, tmp_path, patient, processes, own
):
    phase = replace(PHASE, own_paths=own)
    alone, one = shared(batches, tmp_path / "alone", 1, phase=phase)
    together, several = shared(batches, tmp_path / "together", processes, phase=phase)
    assert (one, several) == (1, processes)
    assert same(alone, together)


@pytest.mark.slow
def test_a_helper_that_is_killed_is_replaced_and_changes_nothing(batches, tmp_path, patient):
    alone, _ = shared(batches, tmp_path / "alone", 1)
    killed, several = shared(batches, tmp_path / "killed", 2, deaths=1)
    assert several == 3
    assert same(alone, killed)


@pytest.mark.slow
def test_two_that_die_over_a_shard_end_the_training(batches, tmp_path, patient):
    with pytest.raises(TrainingError, match=r"a shard .* died \(SIGKILL\), and so did a second"):
        shared(batches, tmp_path / "killed", 2, deaths=2)


@pytest.mark.slow
def test_a_stopped_training_goes_on_in_another_number_of_processes(batches, tmp_path, patient):
    alone, _ = shared(batches, tmp_path / "alone", 1)
    checkpoint = tmp_path / "checkpoint"
    with pytest.raises(StopError):
        shared(batches, tmp_path / "two", 2, checkpoint=checkpoint, progress=Epochs(1))
    again, one = shared(batches, tmp_path / "one", 1, checkpoint=checkpoint)
    assert one == 1
    assert same(alone, again)


def test_helpers_that_are_not_ready_are_not_waited_for(batches, tmp_path, monkeypatch):
    monkeypatch.setattr(WorkerPool, "ready", lambda pool: 0)
    alone, _ = shared(batches, tmp_path / "alone", 1)
    others, one = shared(batches, tmp_path / "others", 2)
    assert one == 1
    assert same(alone, others)


def test_as_many_processes_as_shards_on_the_cpu():
    assert process_count(PHASE, "cpu", 2) == 2
    assert process_count(PHASE, "cpu", 8) == 4
    assert process_count(replace(PHASE, shards=1), "cpu", 8) == 1
    assert process_count(PHASE, "cuda", 8) == 1
