import multiprocessing

import pytest
import torch
from torch import nn

from evo_nas.space.costs import cost_cache, flops

COSTS = {"flops": 105, "params": 40}
INPUT = torch.zeros(1, 3, 7)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "evo-nas" / "costs"


@pytest.fixture
def counted(monkeypatch):
    """What was counted and not found in the cache."""
    modules = []
    count = flops.count

    def listen(module, *inputs, handles):
        modules.append(module)
        return count(module, *inputs, handles=handles)

    listen.__module__ = count.__module__
    monkeypatch.setattr(cost_cache, "_source_digest", lambda thing: "source of " + thing.__name__)
    monkeypatch.setattr(flops, "count", listen)
    return modules


def test_a_part_is_counted_once(cache, counted):
    for _ in range(3):
        assert cost_cache.count(nn.Linear(7, 5), INPUT) == COSTS
    assert len(counted) == 1
    assert [path.suffix for path in cache.iterdir()] == [".json"]


class Scaled(nn.Module):
    def __init__(self, times):
        super().__init__()
        self.linear = nn.Linear(7, 7)
        self.times = times

    def extra_repr(self):
        return f"times={self.times}"

    def forward(self, tokens):
        for _ in range(self.times):
            tokens = self.linear(tokens)
        return tokens


@pytest.mark.usefixtures("cache")
def test_whatever_changes_the_costs_is_in_the_key(counted, monkeypatch):
    assert cost_cache.count(Scaled(1), INPUT)["flops"] == 147
    assert cost_cache.count(Scaled(2), INPUT)["flops"] == 294
    assert cost_cache.count(Scaled(1), torch.zeros(1, 4, 7))["flops"] == 196
    monkeypatch.setattr(cost_cache, "_source_digest", lambda thing: "edited source")
    assert cost_cache.count(Scaled(1), INPUT)["flops"] == 147
    assert len(counted) == 4


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"flops": -1, "params": 2}', b"\xff\xfe"])
def test_a_damaged_file_is_counted_again(cache, counted, content):
    cost_cache.count(nn.Linear(7, 5), INPUT)
    (path,) = cache.iterdir()
    path.write_bytes(content)
    assert cost_cache.count(nn.Linear(7, 5), INPUT) == COSTS
    assert cost_cache.count(nn.Linear(7, 5), INPUT) == COSTS
    assert len(counted) == 2


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert cost_cache.count(nn.Linear(7, 5), INPUT) == COSTS


def test_a_class_without_source_is_counted_each_time(cache):
    names = {"nn": nn}
    exec("class Sourceless(nn.Linear): pass", names)
    assert cost_cache.count(names["Sourceless"](7, 5), INPUT) == COSTS
    assert not cache.exists()


def count_in_process(_):
    torch.set_num_threads(1)
    return cost_cache.count(nn.Linear(7, 5), INPUT)


def test_several_processes_at_once(cache):
    with multiprocessing.get_context("fork").Pool(4) as pool:
        assert pool.map(count_in_process, range(12)) == [COSTS] * 12
    assert [path.suffix for path in cache.iterdir()] == [".json"]
