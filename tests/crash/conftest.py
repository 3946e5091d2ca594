"""What runs that were interrupted are compared with."""

from __future__ import annotations

import pytest

from .killing import arguments, begin, finish, outcome


@pytest.fixture(scope="session")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """The outcome of a run that nothing ended."""
    run = tmp_path_factory.mktemp("whole") / "run"
    assert finish(begin(run.parent, *arguments(run, jobs=1))) == (0, "")
    return outcome(run)
