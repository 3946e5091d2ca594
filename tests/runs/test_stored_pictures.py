"""Runs and trainings on pictures that stay on disk, as a user meets them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import torch

import evo_nas
from evo_nas.api import prepare
from evo_nas.errors import DataError, RunError
from evo_nas.search.run_folder import STORE
from evo_nas.search.store.store import Store
from evo_nas.training.weights import load_weights
from tests.kit.images import write_pictures
from tests.kit.runs import BUDGET, SMALL, SPACE, Stop, edit

ROOT = Path(__file__).resolve().parents[2]


def test_a_run_goes_on_with_the_same_pictures_alone(tmp_path: Path) -> None:
    """The split is kept in it; of pictures that cannot be decoded another share may be borne."""
    folder = write_pictures(tmp_path / "pictures")
    for name in ("leaf/003.jpg", "sky/004.jpg", "apple/001.jpg", "apple/007.jpg"):
        (folder / name).write_bytes((folder / name).read_bytes()[:300])
    data = f"{folder}?validation=6&stored=true&workers=0&skip=0.2"
    planned = prepare(SPACE, BUDGET, **{**SMALL, "data": data, "run_dir": tmp_path / "run"})
    assert planned.data.train.kept.startswith("on disk, 0.0 MiB if decoded, read by the training")
    with pytest.raises(KeyboardInterrupt):
        planned.start(Stop())
    store = Store(tmp_path / "run" / STORE)
    assert tuple(store.fact("validation_rows")) == planned.data.validation_rows
    store.close()
    moved, broken = folder / "apple" / "000.jpg", folder / "leaf" / "003.jpg"
    content, others = broken.read_bytes(), r"the images of .* are not those that .* began with"
    moved.rename(folder / "sky" / "apple.jpg")
    with pytest.raises(RunError, match=others):
        evo_nas.resume(tmp_path / "run")
    (folder / "sky" / "apple.jpg").rename(moved)
    broken.write_bytes((folder / "leaf" / "002.jpg").read_bytes())
    with pytest.raises(RunError, match=others):
        evo_nas.resume(tmp_path / "run")
    broken.write_bytes(content)
    edit(tmp_path / "run", "skip=0.2", "skip=0")
    with pytest.raises(DataError, match="cannot be decoded"):
        evo_nas.resume(tmp_path / "run")
    edit(tmp_path / "run", "skip=0", "skip=0.5")
    result = evo_nas.resume(tmp_path / "run")
    assert any("and others of their class" in line for line in result.notes["images"])
    assert result.best is not None
    assert result.best["measured"]["fingerprint"] == planned.data.fingerprint


# -- the command line, with worker processes ------------------------------------------------------


def training(folder: Path, pictures: Path, out: str) -> subprocess.Popen[str]:
    architecture = folder / "mine.json"
    architecture.write_text(json.dumps({"space": "tests.kit.plugins:Tiny", "genome": [0] * 9}))
    data = f"{pictures}?image_size=48&stored=true&workers=2&validation=60"
    arguments = ["train", str(architecture), "--data", data, "--geometry", "proxy"]
    return subprocess.Popen(
        [sys.executable, "-m", "evo_nas", *arguments, "--epochs", "3", "--out", out, "--quiet",
         "--threads", "1"],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  the tests have no threads
    )  # fmt: skip


def children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(number) for number in text.split()]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="asks Linux for child processes")
def test_ctrl_c_while_workers_decode_leaves_nothing_behind(tmp_path: Path) -> None:
    pictures = write_pictures(tmp_path / "pictures", 300)
    whole = training(tmp_path, pictures, "whole.safetensors")
    assert whole.wait(240) == 0, whole.communicate()[1]
    stopped = training(tmp_path, pictures, "stopped.safetensors")
    checkpoint = tmp_path / ".stopped.safetensors.checkpoint"
    while stopped.poll() is None and not (checkpoint.exists() and len(children(stopped.pid)) == 2):
        time.sleep(0.001)
    workers = children(stopped.pid)
    os.killpg(stopped.pid, signal.SIGINT)  # as the terminal does: workers get it too
    _, said = stopped.communicate(timeout=60)
    assert stopped.returncode == 130
    assert said.count("\n") <= 1
    assert not any(word in said for word in ("Traceback", "Exception", "rror"))
    assert workers, "the moment was missed"
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
    resumed = training(tmp_path, pictures, "stopped.safetensors")
    assert resumed.wait(240) == 0, resumed.communicate()[1]
    expected = load_weights(tmp_path / "whole.safetensors")
    found = load_weights(tmp_path / "stopped.safetensors")
    assert expected is not None
    assert found is not None
    assert all(torch.equal(tensor, expected[name]) for name, tensor in found.items())
