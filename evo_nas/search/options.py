"""The options of a run, each said once.

The command line's flags, the arguments of ``prepare``, ``run`` and ``compare``, comparison.toml,
the command on a run's page and the table in docs/options.md follow from :class:`RunOptions`. An
option that is kept as it is given is a field of :class:`evo_nas.search.config.Config`, too.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, fields
from datetime import timedelta
from decimal import Decimal
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ParamSpec, TypeAlias, TypeVar

from evo_nas.core.paths import expanded
from evo_nas.core.plugins.specs import spec_of
from evo_nas.core.validation import shown
from evo_nas.errors import SettingsError, nearest
from evo_nas.sampling.limits import exact_amount
from evo_nas.strategies.settings import Settings

from .course.duration import read_duration

Amount: TypeAlias = str | float
P = ParamSpec("P")
R = TypeVar("R")
Named: TypeAlias = Any  # what evo_nas.core.plugins.specs.spec_of finds a spec for

PLACES = ("space", "flops")  # what may be given without its name
SEARCH, SCORES, IMAGES, MACHINE = "Search", "Scores", "Images and training", "Run"
GROUPS = (SEARCH, SCORES, IMAGES, MACHINE)
# What decides which networks there are and how they are trained: a pool of networks takes it, too.
OF_POOLS = ("space", "flops", "params", "latency", "limits", "strategy", "data", "geometry",
            "recipe", "seed", "device", "threads")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value: its type from Python, as a flag and in a file; ``read`` makes the latter."""

    given: Any
    flag: Any
    kept: Any
    read: Callable[[str, Any], Any]


@dataclass(frozen=True, slots=True)
class Option:
    """One option: what it is for, its group, unit or placeholder, and kind.

    A switch has a flag ``off``, too, for False.
    """

    name: str
    default: Any
    help: str
    group: str
    metavar: str
    kind: Kind
    off: str = ""

    def type_of(self, kind: Any) -> Any:
        """The type in one of these roles, of which None may be the default."""
        return kind | None if self.default is None else kind

    @property
    def flag(self) -> str:
        """The name on the command line, where a list is given one by one."""
        return f"--{'limit' if self.name == 'limits' else self.name.replace('_', '-')}"


def text(key: str, given: Any, expected: str) -> str:
    """The text that was given; raises a SettingsError that says what is ``expected`` otherwise."""
    if not isinstance(given, str):
        raise SettingsError(f"{key} is {shown(given)}; give {expected}")
    return given


def whole_number(key: str, given: Any, lowest: float = -math.inf) -> int:
    """The whole number that was given, by whatever library, as Python's."""
    if isinstance(given, bool) or not isinstance(given, Integral):
        raise SettingsError(f"{key} is {shown(given)}; it must be a whole number")
    if given < lowest:
        raise SettingsError(f"{key} is {given}; it must be at least {lowest}")
    return int(given)


def _number(key: str, given: Any) -> float:
    if isinstance(given, bool) or not isinstance(given, Real):
        raise SettingsError(f"{key} is {shown(given)}; it must be a number")
    return float(given)


def _switch(key: str, given: Any) -> bool:
    if not isinstance(given, bool):
        raise SettingsError(f"{key} is {shown(given)}; give True or False")
    return given


def _time(key: str, given: Any) -> str:
    """A number is one of seconds."""
    if isinstance(given, timedelta):
        given = given.total_seconds()
    known = isinstance(given, Real) and not isinstance(given, bool) and math.isfinite(given)
    told = f"{Decimal(repr(float(given))):f}s" if known else text(key, given, "as 90s, 2h or 1h30m")
    read_duration(key, told)
    return told


def _limits(key: str, given: Any) -> list[str]:
    """One limit alone may be given as it is."""
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, Sequence) or not all(isinstance(each, str) for each in texts):
        raise SettingsError(f"{key} is {shown(given)}; give texts, as ['params<=6M']")
    return list(texts)


def _plugin(kind: str) -> Kind:
    return Kind(Named, str, str, lambda key, given: spec_of(key, kind, given))


def _amount(example: str, whole: bool = True) -> Kind:
    def read(key: str, given: Any) -> str:
        """A number is written without rounding."""
        if isinstance(given, str):
            return given
        known = isinstance(given, Real | Decimal) and not isinstance(given, bool)
        if not known or not math.isfinite(given):
            raise SettingsError(f"{key} is {shown(given)}; give an amount such as {example}")
        if whole and given == int(given) and given >= 1:
            return exact_amount(int(given))
        return f"{Decimal(repr(float(given))):f}"

    return Kind(Amount, str, str, read)


def _text(expected: str) -> Kind:
    return Kind(str, str, str, lambda key, given: text(key, given, expected))


def _folder(expected: str) -> Kind:
    def read(key: str, given: Any) -> str:
        return str(expanded(text(key, str(given) if isinstance(given, Path) else given, expected)))

    return Kind(str | Path, Path, str, read)


def _whole(lowest: float = -math.inf) -> Kind:
    return Kind(int, int, int, lambda key, given: whole_number(key, given, lowest))


_NUMBER, _SWITCH = Kind(float, float, float, _number), Kind(bool, bool, bool, _switch)
_LIMITS = Kind(str | Sequence[str], list[str], list[str], _limits)


def _option(default: Any, told: str, group: str, metavar: str, kind: Kind, off: str = "") -> Any:
    about = {"help": told, "group": group, "metavar": metavar, "kind": kind, "off": off}
    return field(default=default, metadata=about)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a user gives to a run, as it is kept: plug-ins by spec, numbers of limits as texts."""

    # fmt: off
    space: str = _option(
        "glit_hl", "The search space.", SEARCH, "SPEC", _plugin("space"))
    flops: str | None = _option(
        None, "The budget: 1.4G, 1400M, 1.3..1.4G or 1.3G.. [1.4G, without other limits].", SEARCH,
        "BUDGET", _amount("1.4e9 or '1.4G'"))
    _: KW_ONLY
    params: str | None = _option(
        None, "A limit on parameters: 6M or 4..6M.", SEARCH, "LIMIT", _amount("6e6 or '6M'"))
    latency: str | None = _option(
        None, "A limit on the time here of one image at the target: 15ms.", SEARCH, "LIMIT",
        _amount("15 or '15ms'", whole=False))
    limits: Sequence[str] = _option(
        (), "A limit on any metric, as 'accuracy>=0.9'; may be repeated.", SEARCH, "LIMIT", _LIMITS)
    strategy: str = _option(
        "hierarchical", "The search strategy.", SEARCH, "SPEC", _plugin("strategy"))
    samples: int = _option(1000, "Candidates a stage.", SEARCH, "N", _whole())
    time: str | None = _option(
        None, "The search ends when the run has taken so long, as 90s, 2h, 1h30m or 1d [any time].",
        SEARCH, "TIME", Kind(str | float | timedelta, str, str, _time))
    patience: int | None = _option(
        None, "A stage's search ends after N generations without a better candidate [never].",
        SEARCH, "N", _whole(1))
    until: str | None = _option(
        None, "A stage's search ends when its best meets this, as 'accuracy>=0.8' [never].",
        SEARCH, "LIMIT", _text("a text such as 'accuracy>=0.8'"))
    population: int = _option(50, "Candidates a generation.", SEARCH, "N", _whole())
    parents: int = _option(10, "The best so far that are bred from.", SEARCH, "N", _whole())
    crossover: int | None = _option(
        None, "Children by crossover [half the population].", SEARCH, "N", _whole())
    mutation: int | None = _option(None, "Children by mutation [the rest].", SEARCH, "N", _whole())
    mutation_rate: float = _option(0.1, "Probability a gene.", SEARCH, "SHARE", _NUMBER)
    finalists: int = _option(5, "Retrained at the end of a stage.", SEARCH, "N", _whole())
    halving: int | None = _option(
        None, "Of finalists one in N goes on from each rung of its training; 1: all do [recipe].",
        SEARCH, "N", _whole(1))
    evaluator: str = _option(
        "supernet", "What scores candidates.", SCORES, "SPEC", _plugin("evaluator"))
    supernet: str | None = _option(
        None, "An earlier run, whose shared weights are used again.", SCORES, "FOLDER",
        _folder("the folder of a run"))
    retrainer: str | None = _option(
        None, "What scores finalists [train, or as the evaluator says].", SCORES, "SPEC",
        _plugin("evaluator"))
    inherit: bool | None = _option(
        None, "Whether finalists start from shared weights [recipe, where they can].", SCORES, "",
        _SWITCH, off="--from-scratch")
    failures: float = _option(
        0.5, "The share of candidates that may fail before the run stops.", SCORES, "SHARE",
        _NUMBER)
    time_limit: float = _option(
        0.0, "Seconds a candidate, if its evaluator works in processes [none].", SCORES, "SECONDS",
        _NUMBER)
    finalist_time_limit: float = _option(
        0.0, "Seconds a retraining, if the retrainer works in processes [none].", SCORES,
        "SECONDS", _NUMBER)
    data: str | None = _option(
        None, "digits, or a folder of images [--supernet's, or digits?train=8000].", IMAGES, "SPEC",
        _plugin("data"))
    geometry: str = _option(
        "proxy", "proxy or target, with changes as proxy,width=96.", IMAGES, "GEOMETRY",
        _text("a text such as 'proxy' or 'proxy,width=96'"))
    recipe: str = _option(
        "quick", "quick, paper (also named deit), or a TOML file.", IMAGES, "RECIPE",
        _text("a name, or the path of a TOML file, as a text"))
    epochs: int | None = _option(None, "Of a supernet [recipe].", IMAGES, "N", _whole(1))
    finalist_epochs: int | None = _option(
        None, "Of a retraining [recipe].", IMAGES, "N", _whole(1))
    seed: int = _option(0, "Of everything random.", MACHINE, "N", _whole(0))
    device: str = _option(
        "auto", "auto, cpu, cuda or cuda:N.", MACHINE, "DEVICE",
        _text("a text such as 'cpu' or 'cuda'"))
    threads: int = _option(1, "CPU threads of supernet training.", MACHINE, "N", _whole(1))
    jobs: int | None = _option(
        None, "Processes for scores and finalists [all cores].", MACHINE, "N", _whole(1))
    run_dir: str | None = _option(
        None, "[runs/SPACE-FLOPS-N].", MACHINE, "FOLDER", _folder("a new folder"))
    # fmt: on

    @property
    def settings(self) -> Settings:
        """How large the search is; breeding follows the population unless it is given too.

        What nobody gives of ``halving`` is the recipe's to say.
        """
        given = {name: getattr(self, name) for name in (f.name for f in fields(Settings))}
        given["halving"] = 1 if self.halving is None else self.halving
        if given["crossover"] is None:
            given["crossover"] = self.population // 2
        if given["mutation"] is None:
            given["mutation"] = max(self.population - given["crossover"], 0)
        return Settings(**given)


OPTIONS: Mapping[str, Option] = {
    f.name: Option(f.name, f.default, **f.metadata) for f in fields(RunOptions)
}


def plain(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given of a run's options, as it is kept in files."""
    for name in given:
        if name not in OPTIONS:
            raise SettingsError(f"there is no setting {name!r}; {nearest(name, OPTIONS)}")
    return {
        name: OPTIONS[name].kind.read(name, value)
        for name, value in given.items()
        if value is not None
    }


def make_options(*given: Any, **named: Any) -> RunOptions:
    """The options of a run from a call's arguments, of which space and flops have places."""
    placed = dict(zip(PLACES, given, strict=False))
    if len(given) > len(PLACES) or placed.keys() & named.keys():
        raise TypeError(
            f"{' and '.join(PLACES)} may be given by place, once; name all other options"
        )
    return RunOptions(**plain(placed | named))


def takes_options(function: Callable[P, R]) -> Callable[P, R]:
    """The function, whose signature tells the options of a run that it takes."""
    own = inspect.signature(function)
    shared = [
        parameter.replace(annotation=OPTIONS[name].type_of(OPTIONS[name].kind.given))
        for name, parameter in inspect.signature(RunOptions).parameters.items()
    ]
    more = [p for p in own.parameters.values() if p.kind is p.KEYWORD_ONLY]
    function.__signature__ = own.replace(parameters=[*shared, *more])  # type: ignore[attr-defined]
    return function
