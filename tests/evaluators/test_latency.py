import json
import time

import pytest
import torch
from torch import nn

from evo_nas.core.devices import device_name
from evo_nas.core.plugins import registry
from evo_nas.errors import EvaluatorError
from evo_nas.space.space import Geometry
from tests.kit.runs import Listener
from tests.kit.tinyspace import TinySpace, tiny_context

PAUSES = (0.002, 0.006, 0.02)


class Slow(nn.Module):
    """Takes so many seconds, the first time much longer."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds, self.seen = seconds, []

    def forward(self, images):
        assert not self.training
        assert not torch.is_grad_enabled()
        time.sleep(self.seconds if self.seen else 0.2)
        self.seen.append(tuple(images.shape))
        return images


class Sleepy(TinySpace):
    target = Geometry(image_size=6, channels=3, classes=3, width=8)

    def build(self, genome, geometry):
        self.built = Slow(PAUSES[genome[0]])
        return self.built


def opened(folder, spec="latency", space=None, **changes):
    evaluator = registry.load("evaluator", spec)
    evaluator.open(space or Sleepy(), tiny_context(folder, **changes))
    return evaluator


def test_the_median_in_milliseconds_without_the_warm_up(tmp_path):
    evaluator = opened(tmp_path, "latency?repeats=5&warmup=1")
    metrics = [evaluator.evaluate((i, 0)) for i in range(3)]
    times = [each["latency"] for each in metrics]
    assert times == sorted(times)
    # A pause is never shorter than it should be; 200 would be the first time.
    assert all(1000 * p <= t < 150 for p, t in zip(PAUSES, times, strict=True))
    assert all(each["latency_iqr"] >= 0 for each in metrics)
    (objective,) = evaluator.objectives
    assert (objective.name, objective.maximise) == ("latency", False)
    assert not evaluator.needs_data


def test_batch_and_geometry_may_be_chosen(tmp_path):
    space = Sleepy()
    opened(tmp_path / "a", "latency?repeats=3&warmup=2", space).evaluate((0, 0))
    assert space.built.seen == [(1, 3, 6, 6)] * 5, "the network that is delivered, no proxy"
    spec = "latency?batch=7&geometry=run&repeats=3&warmup=0"
    evaluator = opened(tmp_path / "b", spec, space)
    evaluator.evaluate((0, 0))
    assert space.built.seen == [(7, 1, 4, 4)] * 3
    assert evaluator.conditions == "at the geometry of the run, in batches of 7"


def test_a_slow_network_is_timed_three_times_at_least_and_not_for_long(tmp_path):
    space = Sleepy()
    evaluator = opened(tmp_path, "latency?repeats=1000&seconds=0.1", space)
    assert evaluator.evaluate((2, 0))["latency"] < 150, "the first one is no time"
    assert len(space.built.seen) == 4


def test_the_device_is_on_record_and_said(tmp_path):
    listener = Listener()
    opened(tmp_path, progress=listener)
    record = json.loads((tmp_path / "latency.json").read_text())
    assert record["device"] == f"cpu ({device_name('cpu')})"
    assert (record["threads"], record["batch"]) == (1, 1)
    assert listener.heard == [
        f"latency at the target geometry, in batches of 1, on {record['device']}"
    ]


def test_times_of_two_devices_are_not_mixed(tmp_path):
    opened(tmp_path).close()
    opened(tmp_path).close()  # the same one again
    path = tmp_path / "latency.json"
    path.write_text(path.read_text().replace(device_name("cpu"), "Another One"))
    with pytest.raises(EvaluatorError, match=r"with device 'cpu \(Another One\)', and cannot be"):
        opened(tmp_path)


def test_threads_are_the_runs_and_given_back(tmp_path):
    seen = []

    class Threads(Sleepy):
        def build(self, genome, geometry):
            network = super().build(genome, geometry)
            network.register_forward_hook(lambda *_: seen.append(torch.get_num_threads()))
            return network

    opened(tmp_path, "latency?repeats=3", Threads(), threads=2).evaluate((0, 0))
    assert set(seen) == {2}
    assert torch.get_num_threads() == 1
