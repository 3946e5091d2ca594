"""The machine: the device that networks run on, CPU cores, versions of what is installed.

Torch takes seconds to import, so that it is asked here where nothing else knows.
"""

from __future__ import annotations

import contextlib
import ctypes
import platform
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

from evo_nas.errors import SettingsError

from .plugins.digests import own_sources

_PACKAGES = ("evo-nas", "torch", "numpy", "deap", "fvcore", "scikit-learn")
_DRIVER = "libcuda.so.1"


def device_name(device: str) -> str:
    """The model of a GPU, or of the CPU where the system tells it; else the kind of machine."""
    if device.startswith("cuda"):
        import torch

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
    """The device's name for torch; "auto" is the GPU where there is one.

    Raises:
        SettingsError: there is no such device, or it cannot be used here.
    """
    if device == "auto" and not _may_have_gpu():
        return "cpu"
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=torch.device(device))
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        here = ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
        raise SettingsError(
            f"device {device!r} cannot be used here; give {' or '.join(here)}, or auto"
        ) from error
    return device


def _may_have_gpu() -> bool:
    """Whether torch could find a GPU: it is built for some, and their driver is there."""
    spec = find_spec("torch")
    told = spec and spec.origin and Path(spec.origin).with_name("version.py")
    about = told and spec_from_file_location("_torch_version", told)
    if not about or not about.loader:
        return True
    built = module_from_spec(about)
    about.loader.exec_module(built)
    if getattr(built, "hip", None) or platform.system() != "Linux":
        return True
    try:
        return bool(getattr(built, "cuda", True) and ctypes.CDLL(_DRIVER))
    except OSError:
        return False


def available_cores() -> int:
    """The CPU cores that this process may use: a container's share, its affinity.

    ``LOKY_MAX_CPU_COUNT`` in the environment makes them fewer, as for all that joblib starts.
    """
    import joblib

    count: int = joblib.cpu_count()
    return count


@contextlib.contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Compute with so many threads of the CPU for a while."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def environment(device: str) -> dict[str, str]:
    """Versions and hardware, to be kept with a run."""
    name = f"{device} ({device_name(device)})"
    return {**_versions(), "python": platform.python_version(), "device": name}


@cache  # a comparison asks for each of its runs
def _versions() -> dict[str, str]:
    versions = {name: version(name) for name in _PACKAGES}
    if sources := own_sources():
        versions["evo-nas"] += f" with the sources {sources}"
    return versions
