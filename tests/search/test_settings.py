"""What a run takes where nothing is said."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from evo_nas.api import prepare
from evo_nas.data.source import NoImages
from evo_nas.errors import RecipeError, SettingsError
from evo_nas.search.config import Config
from evo_nas.search.settings import DIGITS, choose_data, find_teachers
from evo_nas.space.space import Geometry
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


FINETUNE = """[finetune]
optimizer = "adamw"
epochs = 2
batch_size = 32
learning_rate = 1e-3
weight_decay = 0.05
"""


def prepared(recipe: str, **given: Any) -> Config:
    options = {"strategy": "spos", "data": "digits?train=100&validation=50&test=50", **given}
    config: Config = prepare("glit_hl", "1.4G", recipe=recipe, **options).config
    return config


def test_finalists_inherit_where_the_recipe_says_how_and_they_can(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    plain = (resources.files("evo_nas.training.recipes") / "paper.toml").read_text()
    plain = plain.replace("randaugment_operations = 2", "randaugment_operations = 0")
    mine.write_text(plain)
    assert not prepared(str(mine)).inherit
    mine.write_text(plain + FINETUNE)
    config = prepared(str(mine), finalist_epochs=7)
    assert config.inherit
    assert config.recipe.retraining(config.inherit).epochs == 7
    assert config.recipe.train.epochs == 300  # which no finalist of this run trains by
    assert Config.read(written(tmp_path, config)) == config
    alone = prepared(str(mine), inherit=False, finalist_epochs=7)
    assert not alone.inherit
    assert (alone.recipe.train.epochs, alone.recipe.retraining(alone.inherit).epochs) == (7, 7)
    assert not prepared(str(mine), strategy="random").inherit  # there are no shared weights
    assert not prepared(str(mine), retrainer="tests.kit.plugins:Seen").inherit
    with pytest.raises(SettingsError, match="scores no candidates"):
        prepared(str(mine), strategy="random", inherit=True)


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
        prepared(str(recipe))
    images = (Geometry(4, 1, 10), "cpu")
    with pytest.raises(RecipeError, match="has a teacher, and no network is trained here"):
        find_teachers(found.config.recipe, False, NoImages().load(0), *images)


def written(folder: Path, config: Config) -> Path:
    path = folder / "config.toml"
    path.write_text(config.to_toml())
    return path
