"""What a run takes where nothing is said."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from evo_nas.api import prepare
from evo_nas.data.source import NoImages
from evo_nas.errors import RecipeError, SettingsError
from evo_nas.search.config import Config
from evo_nas.search.options import make_options
from evo_nas.search.plugins import choose_plugins
from evo_nas.search.settings import DIGITS, choose_data, find_teachers, with_epochs
from evo_nas.space.space import Geometry
from evo_nas.strategies.settings import Settings
from evo_nas.training.recipe import load_recipe
from tests.kit.teachers import write_teacher


def test_images_are_those_of_the_run_whose_weights_are_used_again(tmp_path: Path) -> None:
    config: Config = prepare(
        "tests.kit.plugins:Tiny", "1K", data="digits?train=100&validation=50&test=50",
        strategy="random", finalists=1, evaluator="train",
    ).config  # fmt: skip
    (tmp_path / "config.toml").write_text(config.to_toml())
    assert choose_data(None, ["supernet"], str(tmp_path)) == config.data
    assert choose_data("digits", ["supernet"], str(tmp_path)) == "digits"
    assert choose_data(None, ["supernet"]) == DIGITS
    assert choose_data(None, [], str(tmp_path)) == "none"


def inherits(asked: bool | None, usual: bool = True, **given: Any) -> bool:
    plugins = choose_plugins(make_options("glit_hl", **given), load_recipe("quick"))
    stages = plugins.strategy.loaded.plan(plugins.space.loaded, Settings())
    return plugins.inherit(asked, stages, usual)


def test_finalists_inherit_where_the_recipe_says_how_and_they_can() -> None:
    assert inherits(None)
    assert inherits(None, strategy="spos")
    assert not inherits(None, usual=False)
    assert inherits(True, usual=False)
    assert not inherits(False)
    assert not inherits(None, strategy="random")  # there are no shared weights
    assert not inherits(None, retrainer="tests.kit.plugins:Seen")
    with pytest.raises(SettingsError, match="scores no candidates"):
        inherits(True, strategy="random")


def test_epochs_of_finalists_are_those_of_the_phase_that_they_train_by() -> None:
    quick = load_recipe("quick")
    assert quick.finetune is not None
    tuned, alone = with_epochs(quick, 9, 7, inherit=True), with_epochs(quick, 9, 7)
    assert (tuned.retraining(True).epochs, tuned.train, tuned.supernet.epochs) == (
        7,
        quick.train,
        9,
    )
    assert (alone.retraining(False).epochs, alone.finetune) == (7, quick.finetune)
    plain = replace(quick, finetune=None)  # finalists that inherit all the same train by train
    assert with_epochs(plain, None, 7, inherit=True).train.epochs == 7


def test_a_plan_finds_the_teacher_tells_of_it_and_keeps_its_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_teacher(tmp_path / "teacher.safetensors", classes="0123456789")
    recipe = tmp_path / "mine.toml"
    quick = resources.files("evo_nas.training.recipes").joinpath("quick.toml").read_text()
    recipe.write_text(quick.replace("[train]", '[train]\nteacher = "teacher.safetensors"'))
    monkeypatch.chdir(tmp_path)
    found = prepare(
        "tests.kit.plugins:Tiny", "1K", data="digits?train=100&validation=50&test=50",
        strategy="random", finalists=1, evaluator="train", recipe="mine.toml",
    )  # fmt: skip
    train = found.config.recipe.train
    assert train.teacher == str(tmp_path / "teacher.safetensors")
    assert len(train.teacher_digest) == 64
    assert list(found.teachers) == ["train"]
    told = found.teachers["train"]
    assert "sees 4x4 pixels, resized from 8x8), right about" in told
    assert "of 50 validation images; distillation: hard, weight 0.5" in told
    assert Config.read(written(tmp_path, found.config)) == found.config
    with pytest.raises(RecipeError, match="by finetune: name it there, too, or train them --from"):
        prepare(
            "glit_hl", "1.4G", data="digits?train=100&validation=50&test=50",
            recipe=str(recipe), strategy="spos",
        )  # fmt: skip
    images = (Geometry(4, 1, 10), "cpu")
    with pytest.raises(RecipeError, match="has a teacher, and no network is trained here"):
        find_teachers(found.config.recipe, False, NoImages().load(0), *images)


def written(folder: Path, config: Config) -> Path:
    path = folder / "config.toml"
    path.write_text(config.to_toml())
    return path
