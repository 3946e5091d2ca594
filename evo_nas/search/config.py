"""A run's configuration: everything resolved, enough to run it again, kept as config.toml."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from evo_nas.core.plugins.trusted_code import check_known
from evo_nas.core.typed import toml_text, typed
from evo_nas.core.validation import read_toml, shown
from evo_nas.errors import BudgetError, EvoNasError, RunError, SettingsError
from evo_nas.sampling.limits import Limit, parse_limit, parse_range
from evo_nas.space.space import Geometry
from evo_nas.strategies.settings import Settings
from evo_nas.training.recipe import Recipe

from .course.rules import Rules

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
    candidate that is evaluated in a worker process, 0 for none. ``time``,
    ``patience`` and ``until`` may end a search early, see :mod:`evo_nas.search.course.ending`;
    ``history`` tells what the run was given more of, see :mod:`evo_nas.search.course.extension`.
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
    start: tuple[str, ...] = ()
    time: str | None = None
    patience: int | None = None
    until: str | None = None
    history: tuple[str, ...] = ()

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
        for key, (number, low, high) in numbers.items():
            if not low <= number <= high:
                raise SettingsError(f"{key} is {shown(number)}; it must be from {low} to {high}")
        _ = self.rules  # are well formed

    def to_toml(self, without: Sequence[str] = ()) -> str:
        """The file's text; it is read as a run's only with all keys."""
        return toml_text({key: v for key, v in asdict(self).items() if key not in without})

    def began_with(self, fact: Callable[[str], object], free: Sequence[str] = CHANGEABLE) -> bool:
        """Whether a run, of which ``fact`` tells, began with this but for the keys in ``free``.

        A value that the run did not keep came with a later version: its default is what was before.
        """
        now = asdict(self)
        kept = fact("config")
        if isinstance(kept, str):  # version 0.1.0 kept a digest
            if free != CHANGEABLE:
                kept = fact("config_without_evaluators")
            now_of_then = _known_to_0_1_0(now)
            if kept != _digest(now_of_then, free):
                return False
            kept = now_of_then
        if not isinstance(kept, dict):
            return kept is None
        try:
            return typed(Config, {**kept, **{key: now[key] for key in free}}, "", RunError) == self
        except EvoNasError:  # no version has written this
            return False

    @classmethod
    def read(cls, path: Path) -> Config:
        """Read config.toml.

        Raises:
            RunError: it is missing, no TOML, or has unknown or missing keys.
        """
        config = typed(cls, read_toml(path, RunError), path, RunError)
        for key, texts, parse in (
            ("flops", (config.flops,), parse_range),
            ("limits", config.limits, parse_limit),
        ):
            try:
                for text in texts:
                    parse(text, kept=True)
            except BudgetError as error:
                raise RunError(f"{path}: {key}: {error}") from error
        check_known(config.specs, path)
        return config

    @property
    def every_limit(self) -> tuple[Limit, ...]:
        """That on FLOPs, then the others."""
        others = (parse_limit(text, kept=True) for text in self.limits)
        return parse_range(self.flops, kept=True), *others

    @property
    def rules(self) -> Rules:
        """What may end the search of a stage early."""
        return Rules.read(self.time, self.patience, self.until)

    @property
    def specs(self) -> tuple[str, ...]:
        """The plug-ins, with those that measure for limits."""
        measuring = (limit.metric for limit in self.every_limit[1:])
        return self.space, self.strategy, self.evaluator, self.retrainer, self.data, *measuring


_FIRST = """space flops strategy evaluator retrainer data seed device threads jobs settings geometry
    recipe inherit limits failures time_limit finalist_time_limit samples population parents
    crossover mutation mutation_rate finalists image_size channels classes patch_size width heads
    name supernet train calibration_images validation_images optimizer epochs batch_size
    learning_rate weight_decay momentum warmup label_smoothing warmup_start learning_rate_floor
    gradient_clip stochastic_depth weight_average repeated_augmentation augmentation crop_scale
    horizontal_flip randaugment_operations randaugment_magnitude randaugment_deviation
    random_erasing mixup cutmix"""
_KNOWN_TO_0_1_0 = frozenset(_FIRST.split())


def _known_to_0_1_0(table: Mapping[str, Any]) -> dict[str, Any]:
    """The values, in sections too, that version 0.1.0 had."""
    return {
        key: _known_to_0_1_0(value) if isinstance(value, dict) else value
        for key, value in table.items()
        if key in _KNOWN_TO_0_1_0
    }


def _digest(table: Mapping[str, Any], free: Sequence[str]) -> str:
    kept = sorted((key, value) for key, value in table.items() if key not in free)
    return sha256(repr(kept).encode()).hexdigest()
