"""The command in a report, given to the command line, makes the same configuration."""

from __future__ import annotations

import shlex
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from evo_nas.api import prepare
from evo_nas.cli.app import app
from evo_nas.core.plugins import registry
from evo_nas.results.page.commands import next_commands
from evo_nas.results.page.repeat import command, recipe_is_shipped
from evo_nas.search.config import Config
from evo_nas.space.space import Geometry
from evo_nas.training.recipe import load_recipe
from tests.kit.finished import SPACE, evaluation, genome, made

DIGITS = {"data": "digits?train=100&validation=50&test=50"}


@pytest.mark.parametrize(
    "given",
    [
        {"space": "glit_hl", "flops": "1.3G..1.4G", **DIGITS},
        {"space": "glit_hl", "geometry": "proxy,width=24,patch_size=4", "epochs": 2,
         "inherit": True, **DIGITS},
        pytest.param(
            {"space": "glit_hl", "geometry": "target", "recipe": "paper", "threads": 2, **DIGITS},
            marks=pytest.mark.slow,
        ),
        {"space": "tests.kit.plugins:Tiny?blocks=4", "flops": "400",
         "evaluator": "tests.kit.plugins:Seen",
         "retrainer": "tests.kit.plugins:Lookup", "strategy": "regularized?population=20&sample=5",
         "samples": 30, "mutation_rate": 0.25, "seed": 7},
    ],
)  # fmt: skip
def test_the_command_makes_the_same_run(
    given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = prepare(**given).config
    asked: list[Config] = []

    def remember(*arguments: Any, **options: Any) -> Any:
        asked.append(prepare(*arguments, **options).config)
        raise SystemExit(0)

    monkeypatch.setattr("evo_nas.api.prepare", remember)
    line = command(config, registry.load("space", config.space)).replace("\\\n", " ")
    CliRunner().invoke(app, shlex.split(line)[1:])
    assert [replace(made, jobs=config.jobs) for made in asked] == [config]


def test_a_recipe_of_ones_own_is_not_taken_for_a_shipped_one() -> None:
    recipe = load_recipe("quick")
    assert recipe_is_shipped(recipe)
    assert recipe_is_shipped(replace(recipe, train=replace(recipe.train, epochs=77)))
    assert not recipe_is_shipped(replace(recipe, train=replace(recipe.train, learning_rate=0.5)))
    assert not recipe_is_shipped(replace(recipe, name="mine"))


def commands_after(**changes: Any) -> list[list[str]]:
    import typer.main

    result = made(evaluation(genome(0), 0.5), folder=Path("my runs/a'b"), **changes)
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    found = []
    for line, about in next_commands(result, SPACE.target):
        words = shlex.split(line)
        assert (words[0], words[2]) == ("evo-nas", "my runs/a'b")
        assert words[1] in known
        assert about
        found.append(words[1:2] + words[3:])
    return found


def test_commands_that_go_on_exist_and_are_quoted() -> None:
    assert commands_after() == [["resume"], ["show"]]
    assert commands_after(best=genome(0)) == [["show"], ["trust"], ["report"]]


def test_who_has_weights_asks_them_first() -> None:
    found = made(evaluation(genome(0), 0.5), best=genome(0))
    assert found.best is not None
    best = {**found.best, "measured": {**found.best["measured"], "test_accuracy": 0.5}}
    small = Geometry(9, 1, 10)
    pictures = replace(found.config, data="/some/pictures?image_size=8", geometry=small)
    train = ["train", "--geometry", "target"]
    after = partial(next_commands, replace(found, best=best, config=pictures), SPACE.target)
    assert [shlex.split(line)[1] for line, _ in after()][:3] == ["predict", "export", "train"]
    digits = replace(pictures, data="digits?train=100")
    lines = [
        line for line, _ in next_commands(replace(found, best=best, config=digits), SPACE.target)
    ]
    assert [shlex.split(line)[1] for line in lines[:2]] == ["export", "train"]
    assert shlex.split(lines[1])[3:] == train[1:]
    whole = replace(digits, geometry=replace(SPACE.target, classes=7))
    lines = [
        line for line, _ in next_commands(replace(found, best=best, config=whole), SPACE.target)
    ]
    assert [shlex.split(line)[1] for line in lines] == ["export", "show", "trust", "report"]
