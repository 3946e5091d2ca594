"""What users give to a run, resolved and checked: settings, recipe, images and geometry."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from evo_nas.core.plugins.specs import spec_of
from evo_nas.core.validation import shown
from evo_nas.data.source import SearchData
from evo_nas.errors import SettingsError, SpaceError, nearest
from evo_nas.space.space import Geometry, Space
from evo_nas.strategies.base import Settings
from evo_nas.training.augment import check_installed
from evo_nas.training.recipe import Recipe, check_recipe, load_recipe

from .arguments import number, whole_number

_SIZE = re.compile("[1-9][0-9]{0,5}")


def make_settings(given: dict[str, float | None]) -> Settings:
    """Settings from what was given; breeding follows the population unless it is given too."""
    known = {field.name for field in fields(Settings)}
    for name in given:
        if name not in known:
            raise SettingsError(f"there is no setting {name!r}; {nearest(name, known)}")
    values: dict[str, Any] = {
        name: number(name, value) if name == "mutation_rate" else whole_number(name, value)
        for name, value in given.items()
        if value is not None
    }
    population = values.get("population", Settings().population)
    crossover = values.setdefault("crossover", min(population // 2, population))
    values.setdefault("mutation", max(population - crossover, 0))
    return Settings(**values)


def choose_recipe(
    spec: str, epochs: int | None, finalist_epochs: int | None, changes: Sequence[str] = ()
) -> Recipe:
    """The recipe that ``spec`` names, with other epochs and ``changes`` where they are given."""
    recipe = load_recipe(spec, changes)
    if epochs is not None:
        supernet = replace(recipe.supernet, epochs=at_least("epochs", epochs, 1))
        recipe = replace(recipe, supernet=supernet)
    if finalist_epochs is not None:
        train = replace(recipe.train, epochs=at_least("finalist_epochs", finalist_epochs, 1))
        recipe = replace(recipe, train=train)
    check_recipe(recipe, spec)
    check_installed(recipe)
    return recipe


def choose_data(images: object, needing: Sequence[str]) -> str:
    """The spec of the images, where ``needing`` are the evaluators that look at some."""
    if images is None:
        return "digits" if needing else "none"
    given = spec_of("data", "data", images)
    if needing and given == "none":
        raise SettingsError(f"data is 'none', but evaluator {needing[0]} needs images; name some")
    if not needing and given != "none":
        raise SettingsError(f"no evaluator of this run needs images; leave data {given!r} out")
    return given


def resolve_geometry(text: str, space: Space, data: SearchData) -> Geometry:
    """The geometry to train at: ``proxy`` or ``target``, then changes as ``width=96,heads=6``.

    Channels and classes are always the data's.
    """
    (channels, size), classes = data.train.shape, data.classes
    base, *changes = [part.strip() for part in text.split(",")]
    if "=" in base:
        base, changes = "proxy", [base, *changes]
    if base == "proxy":
        geometry = space.proxy(size, channels, len(classes))
    elif base == "target":
        geometry = replace(space.target, channels=channels, classes=len(classes))
    else:
        raise SpaceError(f"geometry {text!r}: begin with proxy or target, then width=96,heads=6")
    free = {f.name for f in fields(Geometry)} - {"channels", "classes"}
    for change in changes:
        name, _, value = change.partition("=")
        if name not in free or not _SIZE.fullmatch(value):
            raise SpaceError(
                f"geometry {shown(text)}: {shown(change)} is no name=number of at most six digits; "
                f"names: {', '.join(sorted(free))}"
            )
        geometry = replace(geometry, **{name: int(value)})
    space.build((0,) * len(space.choices), geometry)  # says what does not fit together
    return geometry


def at_least(name: str, value: int, lowest: int) -> int:
    """The whole number, if it is no lower; else a SettingsError that names it."""
    found = whole_number(name, value)
    if found < lowest:
        raise SettingsError(f"{name} is {found}; it must be at least {lowest}")
    return found
