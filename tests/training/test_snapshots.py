import torch
from torch import nn

from evo_nas.training.trainer import copied, not_finite


def test_copies_do_not_follow_what_they_are_of():
    tensor = torch.zeros(2)
    state = {"a": [tensor, {"b": tensor}], "c": (1, "text")}
    copy = copied(state)
    tensor += 1
    assert copy["c"] == (1, "text")
    assert copy["a"][0].tolist() == copy["a"][1]["b"].tolist() == [0, 0]


def test_what_is_not_finite_is_named():
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    assert not_finite({"network": network.state_dict(), "step": 3, "many": torch.tensor(7)}) == []
    network[0].bias.data[1] = float("nan")
    network[1].running_var[0] = float("inf")
    names = ["network.0.bias", "network.1.running_var"]
    assert not_finite({"network": network.state_dict()}) == names
    assert not_finite({}) == []
