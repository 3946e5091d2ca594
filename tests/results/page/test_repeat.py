"""The command in a report, given to the command line, makes the same configuration."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from evo_nas.api import prepare
from evo_nas.cli.app import app
from evo_nas.core.plugins import registry
from evo_nas.results.page.repeat import command, next_commands, recipe_is_shipped
from evo_nas.search.config import Config
from evo_nas.training.recipe import load_recipe

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


@pytest.mark.parametrize("finished", [True, False])
def test_commands_that_go_on_exist_and_are_quoted(finished: bool) -> None:
    import typer.main

    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for line, about in next_commands(Path("my runs/a'b"), finished, on_images=True):
        words = shlex.split(line)
        assert words[0] == "evo-nas"
        assert words[1] in known
        assert words[2].startswith("my runs/a'b")
        assert about
