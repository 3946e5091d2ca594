"""Training one architecture on its own: what is saved, what is refused, what goes on."""

import json

import pytest
import torch

from evo_nas import registry
from evo_nas.errors import RunError
from evo_nas.files import load_weights
from evo_nas.measuring import Batches, measure
from evo_nas.progress import Silent
from evo_nas.standalone import train_architecture

DATA = "digits?train=200&validation=100&test=50"


@pytest.fixture
def architecture(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"space": "tests.plugins:Tiny", "genome": [0] * 9}))
    return path


def train(architecture, out, progress=None, **options):
    chosen = {"recipe": "quick", "epochs": 3, "seed": 0, "device": "cpu", "threads": 1, **options}
    return train_architecture(
        str(architecture), data=DATA, geometry="proxy", out=out, progress=progress or Silent(),
        **chosen,
    )  # fmt: skip


class Stop(Silent):
    """Stops the training once an epoch is done, as Ctrl-C does."""

    def advance(self, done, note=""):
        raise KeyboardInterrupt


def test_the_saved_weights_are_the_network_that_was_measured(architecture, tmp_path):
    told = train(architecture, tmp_path / "out.safetensors")
    space = registry.load("space", "tests.plugins:Tiny")
    data = registry.load("data", DATA).load(0)
    network = space.build((0,) * 9, space.proxy(8, 1, 10))
    network.load_state_dict(load_weights(tmp_path / "out.safetensors"))
    assert told["parameters"] == 64 * 10 + 10
    result = measure(network, Batches(data.validation, data, 8)).metrics()
    assert result["accuracy"] == told["validation_accuracy"]


def test_a_stopped_training_goes_on_and_ends_the_same(architecture, tmp_path):
    whole, stopped = tmp_path / "whole.safetensors", tmp_path / "stopped.safetensors"
    train(architecture, whole)
    with pytest.raises(KeyboardInterrupt):
        train(architecture, stopped, Stop())
    assert not stopped.exists()
    train(architecture, stopped)
    expected = load_weights(whole)
    assert all(torch.equal(t, expected[name]) for name, t in load_weights(stopped).items())
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "mine.json", "stopped.safetensors", "whole.safetensors",
    ]  # fmt: skip


def test_where_nothing_can_be_saved_nothing_is_trained(architecture, tmp_path):
    with pytest.raises(RunError, match=r"no folder .*missing"):
        train(architecture, tmp_path / "missing" / "out.safetensors", Stop())
    (tmp_path / "there.safetensors").write_text("")
    with pytest.raises(RunError, match=r"there.safetensors exists"):
        train(architecture, tmp_path / "there.safetensors", Stop())
