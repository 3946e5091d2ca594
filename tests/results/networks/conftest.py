"""The run whose networks are taken away."""

from __future__ import annotations

import pytest

import evo_nas
from evo_nas.results.result import Result
from tests.kit.networks import DATA


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A run with two finalists, of next to no training; its folder's name has a space."""
    return evo_nas.run(
        "glit_hl", "1.4G", strategy="random", finalists=2, data=DATA, geometry="proxy,width=12",
        finalist_epochs=1, jobs=1, run_dir=tmp_path_factory.mktemp("runs") / "my run",
    )  # fmt: skip
