"""Recipe, images and geometry of a run, chosen by what users give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, fields, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from evo_nas.core.plugins import registry
from evo_nas.core.typed import typed
from evo_nas.core.validation import shown
from evo_nas.data.source import DataSource, SearchData
from evo_nas.errors import RecipeError, SettingsError, SpaceError
from evo_nas.space.costs.alike import found_of_alike
from evo_nas.space.costs.target import changed, parts
from evo_nas.space.logits import wrong_network
from evo_nas.space.space import Geometry, Space
from evo_nas.training.augmentation.augment import check_installed
from evo_nas.training.recipe import Phase, Recipe, load_recipe
from evo_nas.training.teachers.teacher import find_teacher

from .config import Config
from .given.values import whole_number
from .run_folder import CONFIG

DIGITS = "digits?train=8000"  # the images where none are named; twice as many as by itself


def choose_recipe(spec: str, changes: Sequence[str] = ()) -> Recipe:
    """The recipe that ``spec`` names, with ``changes``; what it needs is installed."""
    recipe = load_recipe(spec, changes)
    check_installed(recipe)
    return recipe


def with_epochs(
    recipe: Recipe, epochs: int | None, finalist_epochs: int | None, inherit: bool = False
) -> Recipe:
    """The recipe with other epochs of shared weights and of finalists, where they are given."""
    retraining = "finetune" if inherit and recipe.finetune is not None else "train"
    given = {"epochs": ("supernet", epochs), "finalist_epochs": (retraining, finalist_epochs)}
    for name, (phase, number) in given.items():
        if number is not None:
            changed = replace(getattr(recipe, phase), epochs=whole_number(name, number, 1))
            recipe = replace(recipe, **{phase: changed})
    return typed(Recipe, asdict(recipe), f"recipe {recipe.name}", RecipeError)


def find_teachers(
    recipe: Recipe, inherit: bool, data: SearchData, geometry: Geometry, device: str
) -> tuple[Recipe, dict[str, str]]:
    """The recipe with its teachers' whole names and digests; and, by section, what they are.

    Raises:
        RecipeError: one cannot teach this, or would have nobody to teach.
    """
    phases = {each.name: getattr(recipe, each.name) for each in fields(recipe)}
    taught = {name: p for name, p in phases.items() if isinstance(p, Phase) and p.teacher}
    if taught and not len(data.train):
        raise RecipeError(f"recipe {recipe.name} has a teacher, and no network is trained here")
    if "train" in taught and not recipe.retraining(inherit).teacher:
        raise RecipeError(
            f"recipe {recipe.name} has a teacher in its section train, and finalists start from "
            "shared weights, by finetune: name it there, too, or train them --from-scratch"
        )
    changed: dict[str, Any] = {}
    told: dict[str, str] = {}
    for section, phase in taught.items():
        changed[section], teacher = find_teacher(phase, data, geometry.image_size, device)
        assert teacher is not None, "the phase names one"
        told[section] = teacher.introduction(changed[section], device)
    return replace(recipe, **changed), told


class Sources:
    """Sources of images by spec: each is made once, and read once, with a run's seed."""

    def __init__(self, seed: int) -> None:
        self.source: Callable[[str], DataSource] = cache(partial(registry.load, "data"))
        self.images: Callable[[str], SearchData] = cache(lambda spec: self.source(spec).load(seed))


def choose_data(given: str | None, needing: Sequence[str], earlier: str | None = None) -> str:
    """The spec of the images, where ``needing`` are the evaluators that look at some.

    Those of an ``earlier`` run, the folder of one whose shared weights are used again, are the
    default then: weights of other images would not be.
    """
    if given is None:
        if not needing:
            return "none"
        had = "none" if earlier is None else Config.read(Path(earlier, CONFIG)).data
        return DIGITS if had == "none" else had
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
    base, *changes = parts(text)
    if "=" in base:
        base, changes = "proxy", [base, *changes]
    if base == "proxy":
        geometry = space.proxy(size, channels, len(classes))
    elif base == "target":
        geometry = replace(space.target, channels=channels, classes=len(classes))
    else:
        raise SpaceError(f"geometry {text!r}: begin with proxy or target, then width=96,heads=6")
    free = {f.name for f in fields(Geometry)} - {"channels", "classes"}
    geometry = changed(geometry, changes, free, f"geometry {shown(text)}")
    found = found_of_alike(space)
    if ("builds", geometry) not in found:
        _try(space, geometry)
        found["builds", geometry] = True
    return geometry


def _try(space: Space, geometry: Geometry) -> None:
    """Raise a SpaceError where a network of the space cannot be built, or gives no logits."""
    genome = space.canonical((0,) * len(space.choices))
    network = space.build(genome, geometry)  # says what does not fit together
    if wrong := wrong_network(network, geometry, training=True):
        spec = getattr(space, "spec", space.name)
        raise SpaceError(f"space {spec}: of the network of {genome}, {wrong}; mend its build()")
