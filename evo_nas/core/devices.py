"""The device that networks run on: chosen, named, and how many CPU cores there are beside it."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Iterator
from pathlib import Path

import joblib
import torch

from evo_nas.errors import SettingsError


def device_name(device: str) -> str:
    """The model of a GPU, or of the CPU where the system tells it; else the kind of machine."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    if device != "cpu":
        return device
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def resolve_device(device: str) -> str:
    """The device's name for torch; "auto" is the GPU where there is one."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=torch.device(device))
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise SettingsError(f"device {device!r} cannot be used here: {reason}") from error
    return device


def available_cores() -> int:
    """The CPU cores that this process may use: a container's share, its affinity.

    ``LOKY_MAX_CPU_COUNT`` in the environment makes them fewer, as for all that joblib starts.
    """
    count: int = joblib.cpu_count()
    return count


@contextlib.contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Compute with so many threads of the CPU for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
