"""A run's configuration: everything resolved, enough to run it again, kept as config.toml."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any

import tomli_w

from evo_nas.core.plugins.trusted_code import check_known
from evo_nas.core.validation import is_number, read_toml, shown
from evo_nas.errors import BudgetError, EvoNasError, RunError, SettingsError, nearest, plain
from evo_nas.sampling.budget import parse_budget
from evo_nas.sampling.limits import parse_limit
from evo_nas.space.space import Geometry
from evo_nas.strategies.base import Settings
from evo_nas.training.recipe import Augmentation, Phase, Recipe, check_recipe

# Keys that may be changed in the file amid a run.
CHANGEABLE = ("data", "failures", "finalist_time_limit", "jobs", "time_limit")
# And those that may be mended before failed candidates are evaluated anew.
MENDABLE = ("evaluator", "retrainer")


@dataclass(frozen=True, slots=True)
class Config:
    """One run; ``geometry`` is what networks are trained at, the target where none is.

    ``threads`` are the CPU threads of supernet training: on the CPU results are bit-equal only for
    the same number, so it is part of the run. ``jobs`` changes no result. With ``inherit``,
    finalists start from the search's shared weights instead of from scratch. ``flops`` is a budget,
    or "unlimited"; ``limits`` are further ones, as :mod:`evo_nas.sampling.limits` reads them. Of
    the candidates of a phase the share ``failures`` may fail. ``time_limit`` is in seconds for each
    candidate that is evaluated in a worker process, 0 for none.
    """

    space: str
    flops: str
    strategy: str
    evaluator: str
    retrainer: str
    data: str
    seed: int
    device: str
    threads: int
    jobs: int
    settings: Settings
    geometry: Geometry
    recipe: Recipe
    inherit: bool = False
    limits: tuple[str, ...] = ()
    failures: float = 0.5
    time_limit: float = 0.0
    finalist_time_limit: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.failures <= 1:
            raise SettingsError(
                f"failures is {self.failures}; it is the share of candidates that may fail, 0 to 1"
            )
        for name in ("time_limit", "finalist_time_limit"):
            if not 0 <= (seconds := getattr(self, name)) < float("inf"):
                raise SettingsError(
                    f"{name} is {seconds}; it is in seconds a candidate, 0 for none"
                )
        numbers = {"seed": (self.seed, 0, 2**63 - 1), "threads": (self.threads, 1, 4096),
                   "jobs": (self.jobs, 1, 4096)}  # fmt: skip
        for size in fields(Geometry):
            numbers[f"geometry.{size.name}"] = (getattr(self.geometry, size.name), 0, 2**20)
        for key, (number, low, high) in numbers.items():
            if not low <= number <= high:
                raise SettingsError(f"{key} is {shown(number)}; it must be from {low} to {high}")

    def to_toml(self) -> str:
        """The file's text."""
        return tomli_w.dumps(asdict(self))

    @property
    def digest(self) -> str:
        """Of all that decides the result, without what may be changed amid a run.

        The spec of the images is among the latter: they have a fingerprint of their own.
        """
        return self._digest_without(CHANGEABLE)

    @property
    def digest_without_evaluators(self) -> str:
        """The same, whatever evaluates."""
        return self._digest_without((*CHANGEABLE, *MENDABLE))

    def _digest_without(self, keys: Sequence[str]) -> str:
        table = {key: value for key, value in asdict(self).items() if key not in keys}
        return sha256(repr(sorted(table.items())).encode()).hexdigest()

    @classmethod
    def read(cls, path: Path) -> Config:
        """Read config.toml.

        Raises:
            RunError: it is missing, no TOML, or has unknown or missing keys.
        """
        table = read_toml(path, RunError)
        recipe = dict(_section(table, "recipe", path))
        for name in ("supernet", "train"):
            recipe[name] = _phase(_section(recipe, name, path, "recipe."), path, f"recipe.{name}.")
        parts = {
            "settings": _make(Settings, _section(table, "settings", path), path, "settings."),
            "geometry": _make(Geometry, _section(table, "geometry", path), path, "geometry."),
            "recipe": _make(Recipe, recipe, path, "recipe."),
        }
        limits = tuple(_texts(table, "limits", path))
        config: Config = _make(cls, {**table, **parts, "limits": limits}, path)
        _check(config, path)
        return config

    @property
    def specs(self) -> tuple[str, ...]:
        """The plug-ins, with those that measure for limits."""
        measuring = (parse_limit(limit).metric for limit in self.limits)
        return self.space, self.strategy, self.evaluator, self.retrainer, self.data, *measuring


def _check(config: Config, path: Path) -> None:
    """What is neither told by types nor checked when a configuration is made."""
    check_recipe(config.recipe, str(path))
    _check_texts("flops", [config.flops], parse_budget, path)
    _check_texts("limits", config.limits, parse_limit, path)
    check_known(config.specs, path)


def _check_texts(
    key: str, texts: Iterable[str], parse: Callable[[str], object], path: Path
) -> None:
    try:
        for text in texts:
            parse(text)
    except BudgetError as error:
        raise RunError(f"{path}: {key}: {error}") from error


def _texts(table: dict[str, Any], name: str, path: Path) -> list[str]:
    """A list of texts, which earlier versions may not have written."""
    texts = table.get(name, [])
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise RunError(f"{path}: {name} = {shown(texts)} must be a list of texts")
    return texts


def _section(table: dict[str, Any], name: str, path: Path, prefix: str = "") -> dict[str, Any]:
    section = table.get(name)
    if not isinstance(section, dict):
        raise RunError(f"{path}: section [{prefix}{name}] is missing")
    return section


def _phase(table: dict[str, Any], path: Path, prefix: str) -> Phase:
    parts = dict(table)
    if "augmentation" in parts:
        changes = _section(parts, "augmentation", path, prefix)
        parts["augmentation"] = _make(Augmentation, changes, path, f"{prefix}augmentation.")
    phase: Phase = _make(Phase, parts, path, prefix)
    return phase


def _make(cls: type, table: dict[str, Any], path: Path, prefix: str = "") -> Any:
    known = {field.name: field for field in fields(cls)}
    for key, value in table.items():
        if key not in known:
            told = f"{prefix}{plain(key)}; {nearest(key, known)}"
            raise RunError(f"{path}: unknown key {told}")
        expected = str(known[key].type)
        actual = type(value).__name__
        # TOML writes 1.0 as a float and 1 as an integer; an integer will do for a float.
        if expected in ("int", "str", "float", "bool") and actual not in (
            expected,
            "int" if expected == "float" else expected,
        ):
            raise RunError(f"{path}: {prefix}{key} = {shown(value)} must be of type {expected}")
        if expected in ("int", "float") and not is_number(value):
            told = f"{prefix}{key} = {shown(value)}"
            raise RunError(f"{path}: {told} must be a finite number of 64 bits")
    for key, field in known.items():
        if key not in table and field.default is MISSING:
            raise RunError(f"{path}: {prefix}{key} is missing")
    try:
        return cls(**table)
    except EvoNasError as error:
        raise type(error)(f"{path}: {error}") from error
