"""What a search says of itself; what it finds is tested with the strategies and with runs."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from evo_nas import api
from evo_nas.core.console import PlainProgress
from tests.kit.runs import make_run


def test_a_search_that_is_only_replayed_says_of_how_many(tmp_path: Path) -> None:
    make_run(tmp_path / "run")
    (tmp_path / "run" / "best.json").unlink()  # as if it had been stopped at the very end
    shown = io.StringIO()
    api.resume(tmp_path / "run", PlainProgress(Console(file=shown, width=200)))
    assert " of 0 " not in shown.getvalue()
    assert "\nstage1 search: 6 candidates\n" in shown.getvalue()
    assert "\nstage1 search: 6 of 6 candidates, generation 2, best accuracy" in shown.getvalue()
