"""A run that has ended, for tests that look at it or change a copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from evo_nas.results.result import Result
from tests.kit.runs import run


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A finished run that is only looked at."""
    return run(tmp_path_factory.mktemp("whole") / "run", jobs=1)


@pytest.fixture
def finished(tmp_path: Path, whole: Result) -> Path:
    """The folder of a copy."""
    return Path(shutil.copytree(whole.folder, tmp_path / "run"))
