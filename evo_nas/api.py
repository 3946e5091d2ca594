"""Runs from Python: :func:`run`, :func:`resume` and what prepares them."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from . import registry, runfolder
from .augmentation import check_installed
from .budget import parse_budget
from .config import Config
from .console import Listening, listening
from .data import DataSource, SearchData
from .device import device_name
from .errors import SettingsError, SpaceError, nearest
from .evaluator import Evaluator
from .loop import Loop
from .plan import Plan, make_plan
from .progress import Progress
from .recipe import Recipe, load_recipe
from .report.run_page import FILE as PAGE
from .report.run_page import write_report
from .result import Result, load_result
from .space import Geometry, Space
from .strategy import Settings, Strategy

RUNS = Path("runs")
_PACKAGES = ("evo-nas", "torch", "numpy", "deap", "fvcore", "scikit-learn")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run that is resolved and feasible, and has not begun."""

    config: Config
    plan: Plan
    data: SearchData
    folder: Path

    def start(self, progress: Listening = None) -> Result:
        """Make the run folder and run to the end."""
        facts: dict[str, object] = {
            "versions": environment(self.config.device),
            "space": self.plan.space.fingerprint,
            "data": self.data.fingerprint,
            "validation_rows": self.data.validation_rows,
        }
        runfolder.create(self.folder, self.config, self.plan.space, facts)
        return _go_on(self.folder, progress, self.data)


def prepare(
    space: str = "glit_hl",
    flops: str = "1.4G",
    *,
    strategy: str = "hierarchical",
    evaluator: str = "supernet",
    supernet: str | Path | None = None,
    retrainer: str | None = None,
    data: str | None = None,
    geometry: str = "proxy",
    recipe: str = "quick",
    epochs: int | None = None,
    finalist_epochs: int | None = None,
    inherit: bool = False,
    seed: int = 0,
    device: str = "auto",
    threads: int = 1,
    jobs: int | None = None,
    run_dir: str | Path | None = None,
    **settings: float | None,
) -> Prepared:
    """Resolve everything about a run and decide its feasibility; nothing is written.

    ``settings`` are those of :class:`evo_nas.strategy.Settings`; None means the default. ``epochs``
    are the supernet's, ``finalist_epochs`` those of each retraining; both override the recipe.
    ``threads`` train a supernet on the CPU, where small proxies gain little from more than one;
    ``jobs`` processes of one thread each score candidates and retrain finalists there, with the
    same outcome for any number. ``geometry`` is "proxy" or "target", with changes as in
    "proxy,width=96". ``supernet`` is the folder of an earlier run whose shared weights and scores
    are used where its subspace is searched. With ``inherit``, finalists start from the weights that
    they have in the supernet, not from scratch. Without a ``retrainer`` the evaluator says which;
    without ``data`` it is "digits", or "none" where neither of the two looks at images.

    Raises:
        EvoNasError: something given is wrong, or nothing meets the budget.
    """
    budget = parse_budget(flops)
    if supernet is not None:
        evaluator = registry.with_option(evaluator, "run", str(supernet))
    space = registry.absolute("space", space)
    strategy = registry.absolute("strategy", strategy)
    evaluator = registry.absolute("evaluator", evaluator)
    loaded: Space = registry.load("space", space)
    planner: Strategy = registry.load("strategy", strategy)
    scorer: Evaluator = registry.load("evaluator", evaluator)
    retrainer = registry.absolute("evaluator", retrainer or scorer.retrainer)
    confirmer: Evaluator = registry.load("evaluator", retrainer)
    for each in (scorer, confirmer):
        each.check(loaded)
    named = ((evaluator, scorer), (retrainer, confirmer))
    needing = [spec for spec, each in named if each.needs_data]
    if inherit and not (scorer.shares_weights and confirmer.inherits):
        raise SettingsError(
            f"finalists cannot inherit: evaluator {evaluator} must share weights (as supernet "
            f"does) and retrainer {retrainer} must train from them (as train does)"
        )
    data = registry.absolute("data", choose_data(data, needing))
    source: DataSource = registry.load("data", data)
    chosen = choose_recipe(recipe, epochs, finalist_epochs)
    resolved = make_settings(settings)
    folder = _folder(run_dir, space, flops)
    plan = make_plan(space, loaded, planner, resolved, budget)
    if inherit and not all(outlook.stage.scored for outlook in plan.stages):
        raise SettingsError(
            f"finalists cannot inherit: strategy {strategy} scores no candidates, so there are no "
            "shared weights"
        )
    images = source.load(seed)
    if not needing and geometry != "proxy":
        raise SettingsError(f"no network is built in this run: no geometry to choose ({geometry})")
    shape = resolve_geometry(geometry, loaded, images) if needing else loaded.target
    config = Config(
        space=space,
        flops=str(budget),
        strategy=strategy,
        evaluator=evaluator,
        retrainer=retrainer,
        data=data,
        seed=at_least("seed", seed, 0),
        device=resolve_device(device),
        threads=at_least("threads", threads, 1),
        jobs=at_least("jobs", available_cores() if jobs is None else jobs, 1),
        settings=resolved,
        geometry=shape,
        recipe=chosen,
        inherit=inherit,
    )
    return Prepared(config, plan, images, folder)


def run(
    space: str = "glit_hl",
    flops: str = "1.4G",
    *,
    progress: Listening = None,
    **options: Any,
) -> Result:
    """Search ``space`` within ``flops``, retrain, and deliver a network; see :func:`prepare`.

    With ``progress=True`` it is shown: a bar in a terminal, lines elsewhere.
    """
    return prepare(space, flops, **options).start(progress)


def resume(folder: str | Path, progress: Listening = None) -> Result:
    """Go on with a stopped run; a finished one is just read.

    Raises:
        RunError: the folder holds no run, is in use, or something in it is damaged.
    """
    return _go_on(Path(folder), progress, None)


def _go_on(folder: Path, listener: Listening, data: SearchData | None) -> Result:
    with listening(listener) as progress, runfolder.locked(folder):
        result = load_result(folder)
        ended_before = result.best is not None
        if not ended_before:
            Loop(folder, result.config, progress, data).run()
            result = load_result(folder)
        if not ended_before or not (folder / PAGE).is_file():
            make_page(result, progress)
    return result


def make_page(result: Result, progress: Progress) -> None:
    """Write report.html, or say why not: what a run has found stands without it."""
    try:
        write_report(result)
    except Exception as error:  # a plug-in's picture, a full disk: nothing may spoil the run
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        progress.say(f"report.html could not be written, all else is there: {reason}")


# -- resolving -----------------------------------------------------------------------------------


def make_settings(given: dict[str, float | None]) -> Settings:
    """Settings from what was given; breeding follows the population unless it is given too."""
    known = {field.name for field in fields(Settings)}
    for name in given:
        if name not in known:
            raise SettingsError(f"there is no setting {name!r}; {nearest(name, known)}")
    values: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
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
    check_installed(recipe)
    return recipe


def choose_data(given: str | None, needing: Sequence[str]) -> str:
    """The spec of the images, where ``needing`` are the evaluators that look at some."""
    if given is None:
        return "digits" if needing else "none"
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
        if name not in free or not value.isdecimal() or int(value) < 1:
            raise SpaceError(
                f"geometry {text!r}: {change!r} is no name=number; names: {', '.join(sorted(free))}"
            )
        geometry = replace(geometry, **{name: int(value)})
    space.build((0,) * len(space.choices), geometry)  # says what does not fit together
    return geometry


def resolve_device(device: str) -> str:
    """The device's name for torch; "auto" is the GPU where there is one."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=torch.device(device))
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise SettingsError(f"device {device!r} cannot be used here: {reason}") from error
    return device


def available_cores() -> int:
    """The CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def environment(device: str) -> dict[str, str]:
    """Versions and hardware, to be kept with a run."""
    versions = {name: version(name) for name in _PACKAGES}
    name = f"{device} ({device_name(device)})"
    return {**versions, "python": platform.python_version(), "device": name}


def _folder(run_dir: str | Path | None, space: str, flops: str) -> Path:
    if run_dir is None:
        return new_folder("", space, flops)
    folder = Path(run_dir)
    runfolder.check_free(folder)
    return folder


def new_folder(prefix: str, space: str, flops: str) -> Path:
    """The first free folder among the runs that is called after a space and a budget."""
    short = registry.short(space).replace("?file=", "-")
    name = "".join(c if c.isalnum() or c in "._-" else "-" for c in f"{prefix}{short}-{flops}")
    return runfolder.free_folder(RUNS, name[:80])


def at_least(name: str, value: int, lowest: int) -> int:
    """The value, if it is no lower; else a SettingsError that names it."""
    if value < lowest:
        raise SettingsError(f"{name} is {value}; it must be at least {lowest}")
    return value
