"""What it takes to repeat a run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import asdict, fields

from evo_nas.errors import EvoNasError
from evo_nas.search.config import Config
from evo_nas.search.options import IMAGES, OPTIONS
from evo_nas.search.settings import with_epochs
from evo_nas.space.space import Geometry, Space
from evo_nas.training.recipe import Recipe, load_recipe
from evo_nas.training.recipes import shipped_recipes

_NOT_CHOSEN = ("channels", "classes")  # of a geometry: the data's


def command(config: Config, space: Space) -> str:
    """The command that makes the run again, every setting written out."""
    values: dict[str, object] = {f.name: getattr(config, f.name) for f in fields(config)}
    values |= asdict(config.settings) | {
        "geometry": _geometry(config.geometry, space),
        "recipe": config.recipe.name,
        "epochs": config.recipe.supernet.epochs,
        "finalist_epochs": config.recipe.retraining(config.inherit).epochs,
    }
    del values["jobs"]  # which changes no result
    on_images = config.data != "none"
    given = {
        name: values[name]
        for name, option in OPTIONS.items()
        if name in values and (on_images or option.group != IMAGES)
        # 0 seconds are no limit, None is none of what is not always there.
        if values[name] is not None and (values[name] or option.metavar != "SECONDS")
    }
    return command_line("evo-nas run", given)


def command_line(command: str, given: Mapping[str, object]) -> str:
    """A command with its flags, each on a line of its own.

    The values of a list are given one by one.
    """
    flags = []
    for name, value in given.items():
        flag = OPTIONS[name].flag if name in OPTIONS else f"--{name}"
        if isinstance(value, tuple | list):
            flags += [f"{flag} {shlex.quote(str(each))}" for each in value]
        elif not isinstance(value, bool):
            flags.append(f"{flag} {shlex.quote(str(value))}")
        else:
            flags.append(flag if value else OPTIONS[name].off)
    return " \\\n    ".join([command, *flags])


def recipe_is_shipped(recipe: Recipe) -> bool:
    """Whether the recipe's name and epochs say all of it."""
    if recipe.name not in shipped_recipes():
        return False
    shipped, given = load_recipe(recipe.name), recipe.supernet.epochs
    return any(
        recipe == with_epochs(shipped, given, recipe.retraining(inherit).epochs, inherit)
        for inherit in (False, True)
    )


def _geometry(geometry: Geometry, space: Space) -> str:
    """The flag's value: ``target``, or every number that can be chosen."""
    if geometry.same_size(space.target):
        return "target"
    try:
        space.proxy(geometry.image_size, geometry.channels, geometry.classes)
        base = "proxy"
    except EvoNasError:
        base = "target"
    names = [f.name for f in fields(Geometry) if f.name not in _NOT_CHOSEN]
    return ",".join([base, *(f"{name}={getattr(geometry, name)}" for name in names)])
