"""The machine: which device is meant, and what is told of one that is not here."""

from __future__ import annotations

import pytest
import torch

from evo_nas.core import devices
from evo_nas.core.devices import environment, resolve_device
from evo_nas.errors import SettingsError


@pytest.mark.parametrize("device", ["mps", "xpu", "abacus", "cuda:99", "cpu:x"])
def test_a_device_that_is_not_here_is_told_in_a_line(device: str) -> None:
    with pytest.raises(SettingsError) as refused:
        resolve_device(device)
    said = str(refused.value)
    assert said.startswith(f"device {device!r} cannot be used here; give cpu")
    assert said.endswith("or auto")
    assert len(said) < 100


def test_without_a_driver_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
    monkeypatch.setattr(devices, "_DRIVER", "libnothing_of_this_name.so")
    assert resolve_device("auto") == "cpu"


def test_versions_are_those_that_are_imported() -> None:
    told = environment("cpu")
    assert torch.__version__.partition("+")[0] in told["torch"]
    assert told["device"].startswith("cpu (")
