from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

_SCRIPT = """
import sys
from pathlib import Path
from evo_nas.search.course.audience import make_callbacks
from tests.kit.callbacks import play

folder = Path(sys.argv[1]) / "my-run"
play(make_callbacks("trackio?project=glit")[0], folder, status="stopped")
play(make_callbacks("trackio?project=glit")[0], folder, recorded=3)

from trackio.sqlite_storage import SQLiteStorage

assert SQLiteStorage.get_runs("glit") == ["my-run-012345"], SQLiteStorage.get_runs("glit")
rows = SQLiteStorage.get_logs("glit", "my-run-012345")
print([(r["evaluation"], r["stage1/search/failed"]) for r in rows if "stage1/search/failed" in r])
print([r["evaluation"] for r in rows if "stage1/finalists/accuracy" in r])
print([(r["epoch"], r[name]) for r in rows if (name := "stage1/search/training/loss") in r])
print([r["final/test_accuracy"] for r in rows if "final/test_accuracy" in r])
"""


@pytest.mark.slow
@pytest.mark.skipif(find_spec("trackio") is None, reason="Trackio is missing")
def test_a_local_project_has_a_run_that_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In a process of its own: where it logs to is decided once, when it is imported.
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    script = [sys.executable, "-c", _SCRIPT, str(tmp_path)]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("[")] == [
        "[(1, 0.0), (2, 1.0)]",
        "[3, 4]",
        "[(1, 2.0), (2, 1.0)]",
        "[0.75]",
    ]
