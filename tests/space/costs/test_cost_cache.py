import multiprocessing
from functools import partial

import pytest
import torch
from torch import nn

from evo_nas.space.costs import cost_cache, flops

COSTS = {"flops": 105, "params": 40}
LINEAR = partial(nn.Linear, 7, 5)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "evo-nas" / "costs"


@pytest.fixture
def counted(monkeypatch):
    """What was counted and not found in the cache."""
    modules = []
    count = flops.count

    def listen(module, *inputs):
        modules.append(module)
        return count(module, *inputs)

    monkeypatch.setattr(cost_cache, "_sources", lambda thing: "source of " + thing.__name__)
    monkeypatch.setattr(flops, "count", listen)
    return modules


def test_a_part_is_counted_once(cache, counted):
    for _ in range(3):
        assert cost_cache.count_made(LINEAR, 1, 3, 7) == COSTS
    assert len(counted) == 1
    assert [path.suffix for path in cache.iterdir()] == [".json"]


@pytest.mark.usefixtures("cache")
def test_whatever_changes_the_costs_is_in_the_key(counted, monkeypatch):
    assert cost_cache.count_made(LINEAR, 1, 3, 7)["flops"] == 105
    assert cost_cache.count_made(LINEAR, 1, 4, 7)["flops"] == 140
    assert cost_cache.count_made(partial(nn.Linear, 7, 5, bias=False), 1, 3, 7)["params"] == 35
    stride = partial(nn.Conv1d, 7, 7, 1, stride=2)
    assert cost_cache.count_made(partial(nn.Conv1d, 7, 7, 1), 1, 7, 4)["flops"] == 7 * 7 * 4
    assert cost_cache.count_made(stride, 1, 7, 4)["flops"] == 7 * 7 * 2
    monkeypatch.setattr(cost_cache, "_sources", lambda thing: "edited source")
    assert cost_cache.count_made(LINEAR, 1, 3, 7)["flops"] == 105
    assert len(counted) == 6


class Scaled(nn.Module):
    """Somebody's module, of which nothing that anybody sees tells what it costs."""

    def __init__(self, times):
        super().__init__()
        self.linear = nn.Linear(7, 7)
        self.times = times

    def forward(self, tokens):
        for _ in range(self.times):
            tokens = self.linear(tokens)
        return tokens


def _replaced():
    module = nn.Linear(7, 5)
    module.forward = lambda tokens: tokens @ torch.zeros(7, 1)
    return module


def _hooked():
    module = nn.Linear(7, 5)
    module.register_forward_hook(lambda module, given, out: out @ torch.zeros(5, 1))
    return module


@pytest.mark.parametrize(
    "make",
    [partial(Scaled, 1), lambda: nn.Sequential(Scaled(2)), _replaced, _hooked],
)
def test_modules_of_others_are_never_taken_from_the_cache(cache, make):
    counted = flops.count(make(), torch.zeros(1, 3, 7))
    cost_cache.count_made(LINEAR, 1, 3, 7)
    assert cost_cache.count_made(make, 1, 3, 7) == counted
    assert len(list(cache.iterdir())) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"flops": -1, "params": 2}', b"\xff\xfe"])
def test_a_damaged_file_is_counted_again(cache, counted, content):
    cost_cache.count_made(LINEAR, 1, 3, 7)
    (path,) = cache.iterdir()
    path.write_bytes(content)
    assert cost_cache.count_made(LINEAR, 1, 3, 7) == COSTS
    assert cost_cache.count_made(LINEAR, 1, 3, 7) == COSTS
    assert len(counted) == 2


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert cost_cache.count_made(LINEAR, 1, 3, 7) == COSTS


def count_in_process(_):
    torch.set_num_threads(1)
    return cost_cache.count_made(LINEAR, 1, 3, 7)


def test_several_processes_at_once(cache):
    with multiprocessing.get_context("fork").Pool(4) as pool:
        assert pool.map(count_in_process, range(12)) == [COSTS] * 12
    assert [path.suffix for path in cache.iterdir()] == [".json"]
