import pytest

from tests.kit.training import make_batches


@pytest.fixture(scope="session")
def batches():
    return make_batches()
