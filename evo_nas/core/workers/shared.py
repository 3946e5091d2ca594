"""Values that worker processes read: from a file that all of them map, or packed as bytes."""

from __future__ import annotations

import pickle
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
from joblib.externals.loky.backend import resource_tracker
from torch import nn

from evo_nas.core.plugins import folders

from .start import track


class PrivateFolder:
    """A folder that nobody else may look into, within another or where temporary files are.

    The tracker, which outlives a kill of the whole process group, removes it should this process be
    killed.
    """

    def __init__(self, within: Path | None = None) -> None:
        track()
        self.path = Path(tempfile.mkdtemp(prefix="evo-nas-", dir=within))
        resource_tracker.register(str(self.path), "folder")

    def close(self) -> None:
        """Remove it."""
        shutil.rmtree(self.path, ignore_errors=True)
        resource_tracker.unregister(str(self.path), "folder")


class SharedFile:
    """A value in a file, whose arrays are in memory once for all processes that read it.

    It lies in a private folder, as what is in it is unpickled.
    """

    def __init__(self, value: object) -> None:
        self._folder = PrivateFolder()
        self.path = self._folder.path / "job"
        joblib.dump(value, self.path)

    def close(self) -> None:
        """Remove it."""
        self._folder.close()


def read_shared(path: Path) -> Any:
    """The value of a shared file; torch wants arrays that it could write to: copied on write."""
    return joblib.load(path, mmap_mode="c")


def pack(network: nn.Module) -> bytes:
    """A pickle of a network for another process, which :func:`unpack` reads.

    Classes of plug-ins' files are read there from what the files held here. Those that no process
    could import, as of a notebook, travel inside the pickle.
    """
    names = sorted({type(module).__module__.partition(".")[0] for module in network.modules()})
    foreign = [sys.modules[name] for name in names if not _importable(name)]
    own = [module for module in foreign if isinstance(module, folders.Folder)]
    local = [module for module in foreign if module not in own]
    for module in local:
        cloudpickle.register_pickle_by_value(module)
    try:
        packed = cloudpickle.dumps(network)
    finally:
        for module in local:
            cloudpickle.unregister_pickle_by_value(module)
    return pickle.dumps(([folder.told() for folder in own], packed))


def unpack(packed: bytes) -> Any:
    """The network that another process has packed, which is trusted: that is its parent."""
    told, network = pickle.loads(packed)
    for each in told:
        folders.as_told(each)
    return pickle.loads(network)


def _importable(outermost: str) -> bool:
    """Whether some finder knows a module or package; being loaded is not enough."""
    if outermost in sys.builtin_module_names or outermost == "__main__":
        return True  # cloudpickle takes care of the latter
    return any(finder.find_spec(outermost, None) is not None for finder in sys.meta_path)
