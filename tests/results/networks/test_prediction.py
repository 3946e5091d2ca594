"""Pictures classified by a run's network: as the final test did, and whatever else lies there."""

from __future__ import annotations

import io
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import evo_nas
from evo_nas.data.format import Format
from evo_nas.errors import DataError, SettingsError
from evo_nas.results.networks.prediction import predictions
from evo_nas.results.networks.trained import Trained
from evo_nas.results.result import Result
from tests.kit.command import command_line
from tests.kit.images import COLOURS, Image, write_pictures
from tests.kit.networks import trained
from tests.kit.runs import BUDGET, SMALL, SPACE


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A run on pictures, whose network is no good, but has weights."""
    folder = tmp_path_factory.mktemp("pictures")
    for split, count in (("train", 6), ("test", 5)):
        write_pictures(folder / "all" / split, count)
    options = {**SMALL, "data": str(folder / "all"), "samples": 4, "population": 2, "parents": 2}
    return evo_nas.run(SPACE, BUDGET, run_dir=folder / "run", **options)


def test_pictures_are_read_as_the_final_test_read_them(run: Result) -> None:
    assert run.best is not None
    test = Path(run.config.data) / "test"
    found = run.predict(test, top=1, batch_size=4)
    assert [each.picture for each in found] == sorted(map(str, test.glob("*/*")))
    right = [Path(each.picture).parent.name == each.classes[0][0] for each in found]
    assert sum(right) / len(right) == run.best["measured"]["test_accuracy"]


def test_one_that_cannot_be_read_is_named_and_the_rest_goes_on(run: Result, tmp_path: Path) -> None:
    write_pictures(tmp_path, 1, classes=["sky"])
    (tmp_path / "sky" / "broken.png").write_text("no picture")
    gone = str(tmp_path / "gone.jpg")
    good, broken, missing = evo_nas.predict(run.folder, [tmp_path / "sky", gone], top=9)
    assert not broken.classes
    assert "broken.png cannot be decoded" in (broken.failure or "")
    assert "gone.jpg cannot be read" in (missing.failure or "")
    assert good.failure is None
    assert {name for name, _ in good.classes} == set(COLOURS)
    assert sum(probability for _, probability in good.classes) == pytest.approx(1, abs=1e-6)


def test_the_command_tells_it_to_people_and_to_programs(
    run: Result, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pictures(tmp_path, 2, classes=["leaf"])
    assert command_line("predict", run.folder, f"{tmp_path}/*/00?.jpg", "--top", 1) == 0
    said = capsys.readouterr()
    (class_name, probability), *_ = run.predict(tmp_path / "leaf" / "001.jpg")[0].classes
    assert f"{class_name:>5}" in said.out
    assert f"{probability:.3f}" in said.out
    assert "then" not in said.out
    assert "classifying: 2 of 2 pictures" in said.err
    (tmp_path / "leaf" / "002.jpg").write_bytes(b"")
    lines = "".join(f"{path}\n" for path in sorted(tmp_path.glob("*/*"))).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines)))
    assert command_line("predict", run.folder, "-", "--json") == 3
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert [bool(each["failure"]) for each in told["pictures"]] == [False, False, True]
    assert told["pictures"][0]["classes"][0].keys() == {"class", "probability"}
    assert said.err == ""


def test_what_nobody_can_mean_is_refused(
    run: Result, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("none")
    assert command_line("predict", run.folder, tmp_path) == 2
    assert "there are no pictures in" in capsys.readouterr().err
    with pytest.raises(DataError, match=r"no file fits the pattern .*x\*\.png"):
        run.predict(str(tmp_path / "x*.png"))
    with pytest.raises(SettingsError, match="top is 0"):
        run.predict([], top=0)


@pytest.fixture
def network(tmp_path: Path) -> Trained:
    """Weights of ten classes, of which nobody knows the names."""
    plain = trained(tmp_path, "mobilenet")
    return replace(plain, about=replace(plain.about, classes=(), reading=Format(8, 1)))


@torch.no_grad()
def test_pictures_in_memory_and_classes_without_names(network: Trained) -> None:
    picture = Image.effect_noise((20, 30), 60)
    buffer = io.BytesIO()
    picture.save(buffer, "png")
    first, second = predictions(network, [picture, buffer.getvalue()], top=4)
    assert (first.picture, second.picture) == ("picture 1", "picture 2")
    assert first.classes == second.classes
    logits: Any = network.network(network.about.preprocessing.apply(picture))
    expected, order = logits.softmax(1)[0].topk(4)
    assert [name for name, _ in first.classes] == [str(number) for number in order.tolist()]
    assert [p for _, p in first.classes] == pytest.approx(expected.tolist())


def test_channels_that_no_picture_has_are_told_once(network: Trained) -> None:
    about = replace(network.about, geometry=replace(network.about.geometry, channels=4))
    with pytest.raises(DataError, match="the network reads 4 channels"):
        list(predictions(replace(network, about=about), [b""]))


def test_a_network_that_overflows_says_so(network: Trained) -> None:
    with torch.no_grad():
        next(network.network.parameters()).fill_(float("nan"))
    (told,) = predictions(network, [Image.new("L", (9, 9))])
    assert told.classes == ()
    assert "no finite number" in (told.failure or "")


def test_a_model_folder_is_asked_as_its_run_is(run: Result, tmp_path: Path) -> None:
    shutil.copytree(run.folder, tmp_path / "copy")
    picture = next(Path(run.config.data).glob("test/sky/*"))
    assert evo_nas.predict(tmp_path / "copy", picture) == run.predict(picture)
