"""Settings of all tests."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Machines are noisy: how long an example takes says nothing about the code.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

# Tests write files that name plug-ins of theirs; those of evo_nas.core.plugins.trusted_code take
# this away.
os.environ["EVO_NAS_ALLOW_CODE"] = "1"

# pytest runs a worker on each core: threads of torch beside them would only wait for each other.
# Before torch is loaded, and for the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A worker process takes seconds to start: what is not about them has none. Who is says --jobs.
os.environ["LOKY_MAX_CPU_COUNT"] = "1"

# Runs wait for the disk after each evaluation; what tests leave need not survive this machine.
_MEMORY = Path("/dev/shm")
if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > 4 * 2**30:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))

_SLOW = ("crash", "hostile")  # folders of which everything is slow


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.relative_to(here).parts[0] in _SLOW:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def _ctrl_c_as_before() -> Iterator[None]:
    """The command line leaves Ctrl-C to the system when it ends, as its process does then."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True, scope="session")
def _few_whole_networks() -> Iterator[None]:
    """Tests prepare many runs of the same few spaces: what is counted before one is a handful."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_SHIPPED_SECONDS", "_SECONDS", "_THOROUGH_SECONDS"):
            patch.setattr(f"evo_nas.space.costs.verification.{name}", 0.03)
        patch.setattr("evo_nas.space.costs.verification._FEWEST", 1)
        yield
