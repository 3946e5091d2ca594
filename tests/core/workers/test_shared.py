from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from evo_nas.core.plugins import registry
from evo_nas.core.workers.pool import run_unordered
from evo_nas.core.workers.shared import SharedFile, pack, read_shared, unpack


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


def test_networks_of_installed_modules_are_packed_by_name():
    assert isinstance(unpack(pack(nn.Sequential(nn.Linear(2, 2)))), nn.Sequential)


NET = """
import threading
import helper
from torch import nn
LOCK = threading.Lock()  # which no pickle holds

class Net(nn.Linear):
    def forward(self, images):
        import late
        with LOCK:
            return helper.scaled(super().forward(images)) + late.VALUE
"""


def answer(packed):
    return unpack(packed)(torch.zeros(1, 2)).item()


@pytest.mark.slow
def test_networks_of_plugin_files_are_packed_with_what_the_files_held(tmp_path):
    file = tmp_path / "my-net.py"
    file.write_text(NET)
    (tmp_path / "late.py").write_text("VALUE = 2\n")
    helper = tmp_path / "helper.py"
    helper.write_text("def scaled(values):\n    return values * 3\n")
    network = registry.find("network", f"{file}:Net")(2, 1)
    nn.init.ones_(network.bias)
    packed = pack(network)
    helper.write_text("def scaled(values):\n    return values * 7\n")
    file.write_text("raise RuntimeError\n")
    answers = dict(run_unordered(answer, [packed, packed], 2))
    assert answers == {0: 5, 1: 5}
    assert answer(packed) == 5
