import pytest

from evo_nas.core.devices import torch_threads


@pytest.fixture(autouse=True)
def _one_thread():
    """Tiny tensors gain nothing from threads, and lose much where other work runs beside them."""
    with torch_threads(1):
        yield
