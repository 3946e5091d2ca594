"""The options of a run, each said once.

The command line's flags, the arguments of ``prepare``, ``run`` and ``compare``, comparison.toml,
the command on a run's page and the table in docs/options.md follow from :class:`RunOptions`. An
option that is kept as it is given is a field of :class:`evo_nas.search.config.Config`, too.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, fields
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from evo_nas.errors import SettingsError, nearest
from evo_nas.strategies.settings import Settings

from .given import values

P = ParamSpec("P")
R = TypeVar("R")

RUNS = Path("runs")  # where new runs are made
PLACES = ("space", "flops")  # what may be given without its name
SEARCH, SCORES, IMAGES, MACHINE = "Search", "Scores", "Images and training", "Run"
GROUPS = (SEARCH, SCORES, IMAGES, MACHINE)
LONGER = ("samples", "time", "patience", "until")  # of which a run may be given more
# What decides which networks there are and how they are trained: a pool of networks takes it, too.
OF_POOLS = ("space", "flops", "params", "latency", "limits", "target", "strategy", "data",
            "geometry", "recipe", "seed", "device", "threads")  # fmt: skip


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
    kind: values.Kind
    off: str = ""

    @property
    def told(self) -> str:
        """What it is for, with its default."""
        return with_default(self.help, self.default)

    @property
    def flag(self) -> str:
        """The name on the command line, where a list is given one by one."""
        return f"--{'limit' if self.name == 'limits' else self.name.replace('_', '-')}"


def with_default(told: str, default: Any) -> str:
    """What is told of an option, with its default in brackets, unless something stands there."""
    if default is None or default is False or default in ((), "") or "[" in told:
        return told
    usual = f"{default:g}" if isinstance(default, float) else default
    return f"{told.rstrip('.')} [{usual}]."


def _option(
    default: Any, told: str, group: str, metavar: str, kind: values.Kind, off: str = ""
) -> Any:
    about = {"help": told, "group": group, "metavar": metavar, "kind": kind, "off": off}
    return field(default=default, metadata=about)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a user gives to a run, as it is kept: plug-ins by spec, numbers of limits as texts."""

    # fmt: off
    space: str = _option(
        "glit_hl", "The search space.", SEARCH, "SPEC", values.plug_in("space"))
    flops: str | None = _option(
        None, "The budget: 1.4G, 1400M, 1.3..1.4G or 1.3G.. [1.4G, without other limits].", SEARCH,
        "BUDGET", values.amount("1.4e9 or '1.4G'"))
    _: KW_ONLY
    params: str | None = _option(
        None, "A limit on parameters: 6M or 4..6M.", SEARCH, "LIMIT", values.amount("6e6 or '6M'"))
    latency: str | None = _option(
        None, "A limit on the time here of one image at the target: 15ms.", SEARCH, "LIMIT",
        values.amount("15 or '15ms'", whole=False))
    limits: Sequence[str] = _option(
        (), "A limit on any metric, as 'accuracy>=0.9'; may be repeated.", SEARCH, "LIMIT",
        values.LIMITS)
    target: str | None = _option(
        None, "Where costs are counted: image_size=32,classes=4; or images [the space's own].",
        SEARCH, "TARGET", values.SIZES)
    strategy: str = _option(
        "hierarchical", "The search strategy.", SEARCH, "SPEC", values.plug_in("strategy"))
    samples: int = _option(1000, "Candidates a stage.", SEARCH, "N", values.whole())
    start: Sequence[str] = _option(
        (), "Networks to begin with: an architecture, a run, or a CSV; may be repeated.", SEARCH,
        "FILE", values.START)
    time: str | None = _option(
        None, "The search ends when the run has taken so long, as 90s, 2h, 1h30m or 1d [any time].",
        SEARCH, "TIME", values.TIME)
    patience: int | None = _option(
        None, "A stage's search ends after N generations without a better candidate [never].",
        SEARCH, "N", values.whole(1))
    until: str | None = _option(
        None, "A stage's search ends when its best meets this, as 'accuracy>=0.8' [never].",
        SEARCH, "LIMIT", values.words("a text such as 'accuracy>=0.8'"))
    population: int = _option(50, "Candidates a generation.", SEARCH, "N", values.whole())
    parents: int = _option(10, "The best so far that are bred from.", SEARCH, "N", values.whole())
    crossover: int | None = _option(
        None, "Children by crossover [half the population].", SEARCH, "N", values.whole())
    mutation: int | None = _option(
        None, "Children by mutation [the rest].", SEARCH, "N", values.whole())
    mutation_rate: float = _option(0.1, "Probability a gene.", SEARCH, "SHARE", values.NUMBER)
    finalists: int = _option(5, "Retrained at the end of a stage.", SEARCH, "N", values.whole())
    halving: int | None = _option(
        None, "Of finalists one in N goes on from each rung of its training; 1: all do [recipe].",
        SEARCH, "N", values.whole(1))
    evaluator: str = _option(
        "supernet", "What scores candidates.", SCORES, "SPEC", values.plug_in("evaluator"))
    supernet: str | None = _option(
        None, "An earlier run, whose shared weights are used again.", SCORES, "FOLDER",
        values.folder("the folder of a run"))
    retrainer: str | None = _option(
        None, "What scores finalists [train, or as the evaluator says].", SCORES, "SPEC",
        values.plug_in("evaluator"))
    inherit: bool | None = _option(
        None, "Whether finalists start from shared weights [recipe, where they can].", SCORES, "",
        values.SWITCH, off="--from-scratch")
    failures: float = _option(
        0.5, "The share of candidates that may fail before the run stops.", SCORES, "SHARE",
        values.NUMBER)
    time_limit: float = _option(
        0.0, "Seconds a candidate, if its evaluator works in processes [none].", SCORES, "SECONDS",
        values.NUMBER)
    finalist_time_limit: float = _option(
        0.0, "Seconds a retraining, if the retrainer works in processes [none].", SCORES,
        "SECONDS", values.NUMBER)
    data: str | None = _option(
        None,
        "digits, a folder, a CSV or hf:NAME (extra: data) [--supernet's, or digits?train=8000].",
        IMAGES, "SPEC", values.DATA)
    geometry: str = _option(
        "proxy", "proxy or target, with changes as proxy,width=96.", IMAGES, "GEOMETRY",
        values.words("a text such as 'proxy' or 'proxy,width=96'"))
    recipe: str = _option(
        "quick", "quick, paper (also named deit), or a TOML file.", IMAGES, "RECIPE",
        values.words("a name, or the path of a TOML file, as a text"))
    epochs: int | None = _option(None, "Of a supernet [recipe].", IMAGES, "N", values.whole(1))
    finalist_epochs: int | None = _option(
        None, "Of a retraining [recipe].", IMAGES, "N", values.whole(1))
    seed: int = _option(0, "Of everything random.", MACHINE, "N", values.whole(0))
    device: str = _option(
        "auto", "auto, cpu, cuda or cuda:N.", MACHINE, "DEVICE",
        values.words("a text such as 'cpu' or 'cuda'"))
    threads: int = _option(1, "CPU threads of supernet training.", MACHINE, "N", values.whole(1))
    jobs: int | None = _option(
        None, "Processes for shards, scores, finalists [all cores].", MACHINE, "N", values.whole(1))
    run_dir: str | None = _option(
        None, "A new folder [runs/SPACE-FLOPS-N].", MACHINE, "FOLDER",
        values.folder("a new folder"))
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


def given_options(*given: Any, **named: Any) -> dict[str, Any]:
    """The options of a run that a call's arguments give; space and flops have places."""
    placed = dict(zip(PLACES, given, strict=False))
    if len(given) > len(PLACES) or placed.keys() & named.keys():
        raise TypeError(
            f"{' and '.join(PLACES)} may be given by place, once; name all other options"
        )
    return plain(placed | named)


def make_options(*given: Any, **named: Any) -> RunOptions:
    """All options of a run from a call's arguments."""
    return RunOptions(**given_options(*given, **named))


def _type(option: Option) -> Any:
    """That of its argument, of which None may be the default."""
    return option.kind.given | None if option.default is None else option.kind.given


def takes_options(function: Callable[P, R]) -> Callable[P, R]:
    """The function, whose signature tells the options of a run that it takes."""
    own = inspect.signature(function)
    shared = [
        parameter.replace(annotation=_type(OPTIONS[name]))
        for name, parameter in inspect.signature(RunOptions).parameters.items()
    ]
    more = [p for p in own.parameters.values() if p.kind is p.KEYWORD_ONLY]
    function.__signature__ = own.replace(parameters=[*shared, *more])  # type: ignore[attr-defined]
    return function
