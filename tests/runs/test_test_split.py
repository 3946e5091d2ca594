"""The test split: checked when a run is planned, and no loss if it cannot be read at the end."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import evo_nas
from evo_nas.api import prepare
from evo_nas.cli.views.plan import plan_document
from evo_nas.errors import DataError
from evo_nas.search.run_folder import STORE
from evo_nas.search.store.store import Store
from tests.kit.command import command_line
from tests.kit.images import write_pictures
from tests.kit.runs import BUDGET, SMALL, SPACE, Listener

OPTIONS = {key: value for key, value in SMALL.items() if key != "data"}


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for split, count in (("train", 12), ("test", 2)):
        write_pictures(tmp_path / "pictures" / split, count, sizes=[(16, 16)], ending="png")
    return tmp_path / "pictures"


def test_what_is_understood_is_in_the_plan_and_kept(pictures: Path, tmp_path: Path) -> None:
    shutil.rmtree(pictures / "test" / "sky")
    shutil.copy(pictures / "train" / "apple" / "000.png", pictures / "test" / "leaf" / "x.png")
    (pictures / "train" / "leaf" / "notes.heic").touch()
    planned = prepare(SPACE, BUDGET, **OPTIONS, data=str(pictures), run_dir=tmp_path / "run")
    told = plan_document(planned)["images"]
    assert told["classes"] == ("apple", "leaf", "sky")
    train, validation, test = told["splits"]
    assert [sum(split["counts"]) for split in (train, validation, test)] == [32, 4, 5]
    assert (test["source"], test["counts"]) == ("test", (2, 3, 0))
    assert told["left_out"] == {".heic": 1}
    assert "the test split has no image of class 'sky'" in told["notes"]
    assert any("stand in the training split too" in note for note in told["notes"])
    planned.start()
    store = Store(tmp_path / "run" / STORE)
    assert store.fact("inventory") == planned.inventory
    store.close()


def test_a_test_split_of_other_classes_ends_the_plan(pictures: Path) -> None:
    (pictures / "test" / "sky").rename(pictures / "test" / "sea")
    with pytest.raises(DataError, match="test has class 'sea', which the training split has not"):
        prepare(SPACE, BUDGET, **OPTIONS, data=str(pictures))


def test_without_a_test_split_at_the_end_all_else_is_delivered(
    pictures: Path, tmp_path: Path
) -> None:
    planned = prepare(SPACE, BUDGET, **OPTIONS, data=str(pictures), run_dir=tmp_path / "run")
    broken = pictures / "test" / "sky" / "001.png"
    content = broken.read_bytes()
    broken.write_bytes(b"no picture")
    listener = Listener()
    result = planned.start(listener)
    assert result.best is not None
    assert "001.png cannot be decoded" in result.best["measured"]["test_failure"]
    assert "test_accuracy" not in result.best["measured"]
    assert result.best["measured"]["validation_accuracy"] >= 0
    assert (tmp_path / "run" / "best.safetensors").is_file()
    assert any("the test split could not be measured" in line for line in listener.heard)
    assert "001.png cannot be decoded" in (tmp_path / "run" / "report.html").read_text()
    assert command_line("resume", tmp_path / "run", "--quiet") == 3
    before = (tmp_path / "run" / "best.safetensors").read_bytes()
    broken.write_bytes(content)
    again = evo_nas.resume(tmp_path / "run")
    assert again.best is not None
    assert 0 <= again.best["measured"]["test_accuracy"] <= 1
    assert "test_failure" not in again.best["measured"]
    assert (tmp_path / "run" / "best.safetensors").read_bytes() == before
