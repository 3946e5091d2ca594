import os
import pickle
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from evo_nas.core.plugins import registry
from evo_nas.core.workers.pool import run_unordered
from evo_nas.core.workers.shared import SharedFile, pack, read_shared


def threads_and_square(task):
    return torch.get_num_threads(), task**2


def test_one_worker_is_this_process_with_one_thread():
    before = torch.get_num_threads()
    assert list(run_unordered(threads_and_square, [2, 3], 1)) == [(0, (1, 4)), (1, (1, 9))]
    assert torch.get_num_threads() == before


@pytest.mark.slow
def test_workers_have_one_thread_each():
    results = dict(run_unordered(threads_and_square, [2, 3, 4], 2))
    assert results == {0: (1, 4), 1: (1, 9), 2: (1, 16)}


@dataclass(frozen=True, slots=True)
class Task:
    pixels: np.ndarray


def kind_and_sum(path):
    task = read_shared(path)
    return type(task.pixels).__name__, int(torch.from_numpy(task.pixels).sum())


@pytest.mark.slow
def test_workers_share_large_arrays():
    file = SharedFile(Task(np.ones(2_000_000, dtype=np.uint8)))
    results = dict(run_unordered(kind_and_sum, [file.path, file.path], 2))
    assert results == {0: ("memmap", 2_000_000), 1: ("memmap", 2_000_000)}
    file.close()
    assert not file.path.parent.exists()


def write_number_and_wait(path):
    path.write_text(str(os.getpid()))
    time.sleep(120)


def is_running(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def children(process):
    """The processes that a process has started."""
    try:
        found = Path(f"/proc/{process}/task/{process}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in found.split()]


class Slow:
    """A task that does not reach its worker for a minute."""

    def __reduce__(self):
        time.sleep(60)
        return (Slow, ())


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="processes are found in /proc")
def test_workers_that_were_not_given_a_task_yet_end_too():
    call = "list(run_unordered(threads_and_square, [Slow(), Slow()], 2))"
    code = f"from tests.core.workers.test_parallel import *; {call}"
    root = Path(__file__).resolve().parents[3]
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=root)
    deadline = time.monotonic() + 50
    workers = []
    while not any(thread_count(worker) > 1 for worker in workers):  # it watches its parent
        assert parent.poll() is None
        assert time.monotonic() < deadline
        workers = [child for child in children(parent.pid) if is_worker(child)]
        time.sleep(0.1)
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 50
    while any(map(is_running, workers)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def is_worker(process):
    try:
        return b"LokyProcess" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


def thread_count(process):
    try:
        return len(list(Path(f"/proc/{process}/task").iterdir()))
    except OSError:
        return 0


@pytest.mark.slow
def test_workers_end_soon_after_a_killed_parent(tmp_path):
    paths = [tmp_path / "a", tmp_path / "b"]
    code = (
        "from pathlib import Path; from tests.core.workers.test_parallel import *; "
        f"list(run_unordered(write_number_and_wait, [Path(p) for p in {list(map(str, paths))}], 2))"
    )
    root = Path(__file__).resolve().parents[3]
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=root)
    deadline = time.monotonic() + 120
    while not all(path.exists() and path.read_text() for path in paths):
        assert parent.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    parent.kill()
    parent.wait()
    workers = [int(path.read_text()) for path in paths]
    while any(map(is_running, workers)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_networks_of_installed_modules_are_packed_by_name():
    network = nn.Sequential(nn.Linear(2, 2))
    assert isinstance(pickle.loads(pack(network)), nn.Sequential)


def test_networks_of_plugin_files_are_packed_with_their_classes(tmp_path, monkeypatch):
    file = tmp_path / "plugin.py"
    file.write_text("from torch import nn\n\nclass Net(nn.Linear):\n    pass\n")
    make = registry.find("network", f"{file}:Net")
    packed = pack(make(2, 3))
    monkeypatch.delitem(sys.modules, make.__module__)
    assert pickle.loads(packed).out_features == 3
